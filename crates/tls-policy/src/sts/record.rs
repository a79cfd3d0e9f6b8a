use std::fmt;
use std::str::FromStr;

/// The TXT record at `_mta-sts.<domain>` (RFC 8461 §3.1): that there is a policy, and which one.
///
/// ```
/// use tls_policy::sts::Record;
/// let record: Record = "v=STSv1; id=20160831085700Z;".parse()?;
/// assert_eq!(record.id(), "20160831085700Z");
/// assert_eq!(Record::new("20270101")?.to_string(), "v=STSv1; id=20270101;");
/// # Ok::<(), tls_policy::sts::RecordError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    id: Box<str>,
}

/// Why some text is not an MTA-STS record. RFC 8461 §3.1: then the domain has no policy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not begin with `v=STSv1;`, so it is another record.
    #[error("not an MTA-STS record")]
    OtherRecord,
    /// There is no `id`, or the first one is not 1 to 32 letters and digits.
    #[error("no id of 1 to 32 letters and digits")]
    Id,
    /// Something between two semicolons is not a name and a value.
    #[error("field {field} is not a name and a value")]
    Field {
        /// Counted from 1.
        field: usize,
    },
}

impl Record {
    /// For publication.
    ///
    /// # Errors
    /// [`RecordError::Id`].
    pub fn new(id: &str) -> Result<Self, RecordError> {
        let legal = (1..=32).contains(&id.len()) && id.bytes().all(|o| o.is_ascii_alphanumeric());
        legal.then(|| Self { id: id.into() }).ok_or(RecordError::Id)
    }

    /// With 32 digits as id.
    pub(super) fn of_number(number: u128) -> Self {
        let id = format!("{number:032x}").into();
        Self { id }
    }

    /// Reads the strings of one TXT record, put together without spaces (RFC 8461 §3.1).
    ///
    /// # Errors
    /// As [`RecordError`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, RecordError> {
        // RFC 8461 §3.1: "records that do not begin with "v=STSv1;" are discarded."
        let rest = octets
            .strip_prefix(b"v=STSv1;")
            .ok_or(RecordError::OtherRecord)?;
        let rest = trim(rest);
        let rest = rest.strip_suffix(b";").unwrap_or(rest);
        let mut id = None;
        for (at, field) in rest.split(|&o| o == b';').enumerate() {
            let field = trim(field);
            let malformed = RecordError::Field { field: at + 2 };
            let (name, value) = name_and_value(field).ok_or(malformed)?;
            // RFC 8461 §3.1: of a field that is repeated, the first counts.
            if name == "id" && id.is_none() {
                id = Some(Self::new(value)?);
            }
        }
        id.ok_or(RecordError::Id)
    }

    /// Which policy it is: another one means that the policy may have changed.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        Self::from_octets(text.as_bytes())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=STSv1; id={};", self.id)
    }
}

/// Without the spaces and tabs around it.
fn trim(field: &[u8]) -> &[u8] {
    let blank = |o: &u8| matches!(o, b' ' | b'\t');
    let start = field.iter().position(|o| !blank(o)).unwrap_or(field.len());
    let end = field
        .iter()
        .rposition(|o| !blank(o))
        .map_or(start, |at| at + 1);
    field.get(start..end).unwrap_or_default()
}

/// `sts-ext-name "=" sts-ext-value`; an `id` has the same form.
fn name_and_value(field: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = str::from_utf8(field).ok()?.split_once('=')?;
    let printable = |o: u8| matches!(o, 0x21..=0x3A | 0x3C | 0x3E..=0x7E);
    let legal = is_field_name(name) && !value.is_empty() && value.bytes().all(printable);
    legal.then_some((name, value))
}

/// RFC 8461 §3.1 and §3.2: a letter or digit, then at most 31 of these, `_`, `-` and `.`.
pub(super) fn is_field_name(name: &str) -> bool {
    let mut octets = name.bytes();
    name.len() <= 32
        && octets.next().is_some_and(|o| o.is_ascii_alphanumeric())
        && octets.all(|o| o.is_ascii_alphanumeric() || matches!(o, b'_' | b'-' | b'.'))
}
