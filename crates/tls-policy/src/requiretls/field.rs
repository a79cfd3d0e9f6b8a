use crate::Wish;

/// The header field of RFC 8689 §3, to be written into a message: `TLS-Required: No` and a line end.
pub const FIELD: &str = "TLS-Required: No\r\n";

/// Most octets of a header section that is read.
pub const MAX_HEADER: usize = 1024 * 1024;

const NAME: &[u8] = b"TLS-Required";

/// Why `TLS-Required` is ignored, so that what the recipient's domain asks for counts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The header section has more than [`MAX_HEADER`] octets.
    #[error("header of more than 1048576 octets")]
    TooLong,
    /// The value is not `No`; comments are none (RFC 8689 §3).
    #[error("TLS-Required is not No")]
    Value,
    /// The value is folded as no field may be (RFC 5322 §3.2.2).
    #[error("TLS-Required is folded wrongly")]
    Folding,
    /// The field is there more than once (RFC 8689 §3).
    #[error("TLS-Required is repeated")]
    Repeated,
}

/// Reads the value of one field, after the colon, folded or not, with or without its line end:
/// blanks, then `No` in any case (RFC 5234 §2.3), then nothing. Line ends may be CRLF or LF.
///
/// # Errors
/// [`FieldError::Value`], [`FieldError::Folding`].
pub fn field(value: &[u8]) -> Result<Wish, FieldError> {
    let value = line_end(value).unwrap_or(value);
    let mut rest = value;
    loop {
        rest = without_blanks(rest);
        let Some(next) = folded(rest) else { break };
        // RFC 5322 §3.2.2: a line end is folding only with a blank after it.
        if without_blanks(next).len() == next.len() {
            return Err(FieldError::Folding);
        }
        rest = next;
    }
    match rest.eq_ignore_ascii_case(b"No") {
        true => Ok(Wish::TlsRequiredNo),
        false => Err(FieldError::Value),
    }
}

/// What a header section asks for: [`Wish::TlsRequiredNo`] or [`Wish::Default`]. What follows an
/// empty line is not looked at. It takes time in proportion to the octets, and allocates nothing.
///
/// # Errors
/// [`FieldError`]: the field is there, and is to be ignored; the wish is [`Wish::Default`].
pub fn header_wish(header: &[u8]) -> Result<Wish, FieldError> {
    let mut wish = None;
    let mut rest = header.get(..MAX_HEADER).unwrap_or(header);
    let whole = rest.len() == header.len();
    while !rest.is_empty() {
        let (field_octets, next) = next_field(rest);
        if matches!(field_octets, b"\r\n" | b"\n") {
            return Ok(wish.unwrap_or_default());
        }
        rest = next;
        let Some(value) = value_of(field_octets) else {
            continue;
        };
        if wish.is_some() {
            return Err(FieldError::Repeated);
        }
        wish = Some(field(value)?);
    }
    match whole {
        true => Ok(wish.unwrap_or_default()),
        false => Err(FieldError::TooLong),
    }
}

/// The value, if it is our field: its name in any case, directly before the colon.
fn value_of(field: &[u8]) -> Option<&[u8]> {
    let (name, rest) = field.split_at_checked(NAME.len())?;
    let ours = name.eq_ignore_ascii_case(NAME);
    rest.strip_prefix(b":").filter(|_| ours)
}

/// The first field with its folded lines, and the rest.
fn next_field(octets: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    loop {
        let from = octets.get(end..).unwrap_or_default();
        let Some(line) = from.iter().position(|&o| o == b'\n') else {
            return (octets, &[]);
        };
        end += line + 1;
        let empty = matches!(octets.get(..end), Some(b"\n" | b"\r\n"));
        if empty || !matches!(octets.get(end), Some(b' ' | b'\t')) {
            return octets.split_at_checked(end).unwrap_or((octets, &[]));
        }
    }
}

fn without_blanks(octets: &[u8]) -> &[u8] {
    let blank = |o: &u8| matches!(o, b' ' | b'\t');
    let start = octets.iter().position(|o| !blank(o));
    octets
        .get(start.unwrap_or(octets.len())..)
        .unwrap_or_default()
}

/// What follows a line end.
fn folded(octets: &[u8]) -> Option<&[u8]> {
    octets
        .strip_prefix(b"\r\n")
        .or_else(|| octets.strip_prefix(b"\n"))
}

/// What comes before the final line end.
fn line_end(octets: &[u8]) -> Option<&[u8]> {
    octets
        .strip_suffix(b"\r\n")
        .or_else(|| octets.strip_suffix(b"\n"))
}
