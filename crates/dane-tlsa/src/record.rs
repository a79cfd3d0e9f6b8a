use std::{fmt, str::FromStr, sync::Arc};

/// One TLSA record (RFC 6698 §2): what the certificate of a server must be, or be issued by.
///
/// Any octets of three or more are a record; whether it can be used is another question, which
/// [`usability`](Self::usability) answers. What is read prints as what it was.
///
/// ```
/// use dane_tlsa::{CertificateUsage, Tlsa};
/// let record: Tlsa = "3 1 1 0f0e0d0c0b0a09080706050403020100 0f0e0d0c0b0a09080706050403020100".parse()?;
/// assert_eq!(record.usage(), CertificateUsage::DaneEe);
/// assert_eq!(record.data().len(), 32);
/// assert_eq!(Tlsa::from_rdata(&record.to_rdata()), Ok(record));
/// # Ok::<(), dane_tlsa::RecordError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tlsa {
    usage: CertificateUsage,
    selector: Selector,
    matching: MatchingType,
    data: Arc<[u8]>,
}

/// Makes an enum of the assigned numbers of a field, which keeps those that are not assigned.
macro_rules! field {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal $acronym:literal,)+ }) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A number without a meaning known here: a record that has one cannot be used.
            #[non_exhaustive]
            Unassigned(u8),
        }

        impl From<u8> for $name {
            fn from(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    other => Self::Unassigned(other),
                }
            }
        }

        impl From<$name> for u8 {
            fn from(field: $name) -> Self {
                match field {
                    $($name::$variant => $number,)+
                    $name::Unassigned(number) => number,
                }
            }
        }

        /// The number, as in a zone file.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                u8::from(*self).fmt(f)
            }
        }

        /// Reads a number, or the acronym of RFC 7218 §2 without case.
        impl FromStr for $name {
            type Err = RecordError;

            fn from_str(text: &str) -> Result<Self, RecordError> {
                $(if text.eq_ignore_ascii_case($acronym) {
                    return Ok(Self::$variant);
                })+
                // `u8` alone would read a sign too.
                let digits = text.bytes().all(|o| o.is_ascii_digit());
                let number: Option<u8> = text.parse().ok().filter(|_| digits);
                number.map(Self::from).ok_or(RecordError::Field)
            }
        }
    };
}

field! {
    /// What a record says about a certificate chain (RFC 6698 §2.1.1, names of RFC 7218 §2.1).
    CertificateUsage {
        /// 0: the chain that the roots vouch for contains this authority.
        PkixTa = 0 "PKIX-TA",
        /// 1: the server has this certificate or key, and the roots vouch for it.
        PkixEe = 1 "PKIX-EE",
        /// 2: this authority has issued the chain.
        DaneTa = 2 "DANE-TA",
        /// 3: the server has this certificate or key.
        DaneEe = 3 "DANE-EE",
    }
}

field! {
    /// Which part of a certificate is compared (RFC 6698 §2.1.2, names of RFC 7218 §2.2).
    Selector {
        /// 0: the whole certificate.
        Cert = 0 "Cert",
        /// 1: its SubjectPublicKeyInfo.
        Spki = 1 "SPKI",
    }
}

field! {
    /// How the part is compared (RFC 6698 §2.1.3, names of RFC 7218 §2.3).
    MatchingType {
        /// 0: octet by octet.
        Full = 0 "Full",
        /// 1: by its SHA-256 digest.
        Sha256 = 1 "SHA2-256",
        /// 2: by its SHA-512 digest.
        Sha512 = 2 "SHA2-512",
    }
}

/// Why some octets or some text are no TLSA record.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Fewer than three octets (RFC 6698 §2.1).
    #[error("TLSA record of fewer than three octets")]
    TooShort,
    /// More octets than RDATA can have (RFC 1035 §3.2.1).
    #[error("TLSA record of more than 65,535 octets")]
    TooLong,
    /// A usage, selector or matching type that is neither a number up to 255 nor an acronym.
    #[error("field of a TLSA record that is no number up to 255")]
    Field,
    /// Text that ends before the data.
    #[error("TLSA record without data")]
    NoData,
    /// Data that is not hexadecimal, or ends within an octet.
    #[error("data of a TLSA record that is not hexadecimal")]
    Hex,
    /// The generic form of RFC 3597 §5 with another length than it announces.
    #[error("generic record whose length is not the announced one")]
    Length,
}

impl Tlsa {
    /// Octets of data that one record can hold: RDATA (RFC 1035 §3.2.1) less the three fields.
    pub const MAX_DATA: usize = 65_535 - 3;

    /// From the fields.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] for more than [`MAX_DATA`](Self::MAX_DATA) octets.
    pub fn new(
        usage: CertificateUsage,
        selector: Selector,
        matching: MatchingType,
        data: impl Into<Arc<[u8]>>,
    ) -> Result<Self, RecordError> {
        let data = data.into();
        if data.len() > Self::MAX_DATA {
            return Err(RecordError::TooLong);
        }
        Ok(Self {
            usage,
            selector,
            matching,
            data,
        })
    }

    /// Reads the wire form (RFC 6698 §2.1).
    ///
    /// # Errors
    /// [`RecordError::TooShort`] and [`RecordError::TooLong`].
    pub fn from_rdata(rdata: &[u8]) -> Result<Self, RecordError> {
        let (&[usage, selector, matching], data) =
            rdata.split_first_chunk().ok_or(RecordError::TooShort)?;
        Self::new(usage.into(), selector.into(), matching.into(), data)
    }

    /// The wire form (RFC 6698 §2.1).
    pub fn to_rdata(&self) -> Vec<u8> {
        let fields = [
            self.usage.into(),
            self.selector.into(),
            self.matching.into(),
        ];
        [&fields[..], &self.data].concat()
    }

    /// What it says.
    pub fn usage(&self) -> CertificateUsage {
        self.usage
    }

    /// Which part of a certificate it is about.
    pub fn selector(&self) -> Selector {
        self.selector
    }

    /// How that part is compared.
    pub fn matching(&self) -> MatchingType {
        self.matching
    }

    /// What it is compared with: the "certificate association data".
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Reads what follows `\#` in the generic form.
    fn from_generic<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Self, RecordError> {
        let announced: Option<usize> = words.next().and_then(|word| word.parse().ok());
        let rdata = hex(words)?;
        if announced != Some(rdata.len()) {
            return Err(RecordError::Length);
        }
        Self::from_rdata(&rdata)
    }
}

/// The presentation form (RFC 6698 §2.2), with digits in lower case. A record without data has
/// none, and prints in the generic form of RFC 3597 §5.
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = (
            u8::from(self.usage),
            u8::from(self.selector),
            u8::from(self.matching),
        );
        let (usage, selector, matching) = fields;
        if self.data.is_empty() {
            return write!(f, "\\# 3 {usage:02x}{selector:02x}{matching:02x}");
        }
        write!(f, "{usage} {selector} {matching} ")?;
        self.data
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tlsa({self})")
    }
}

/// Reads the presentation form (RFC 6698 §2.2): numbers or the acronyms of RFC 7218, and digits in
/// any case with white space in between; or the generic form of RFC 3597 §5.
impl FromStr for Tlsa {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let mut words = text.split_ascii_whitespace();
        let mut word = || words.next().ok_or(RecordError::NoData);
        let first = word()?;
        if first == "\\#" {
            return Self::from_generic(words);
        }
        let (usage, selector, matching) = (first.parse()?, word()?.parse()?, word()?.parse()?);
        let data = hex(words)?;
        if data.is_empty() {
            return Err(RecordError::NoData);
        }
        Self::new(usage, selector, matching, data)
    }
}

/// Reads hexadecimal digits; white space may stand between any two (RFC 6698 §2.2).
fn hex<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, RecordError> {
    let mut octets = Vec::new();
    let mut half = None;
    for digit in words.flat_map(str::chars) {
        let digit = digit.to_digit(16).ok_or(RecordError::Hex)? as u8;
        match half.take() {
            None => half = Some(digit << 4),
            Some(_) if octets.len() == usize::from(u16::MAX) => return Err(RecordError::TooLong),
            Some(high) => octets.push(high | digit),
        }
    }
    match half {
        None => Ok(octets),
        Some(_) => Err(RecordError::Hex),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tlsa, RecordError> {
        text.parse()
    }

    #[test]
    fn forms_of_one_record() {
        let record = parse("3 1 1 abcdef").unwrap();
        for same in [
            " 3\t1 1 AB CD\nEF ",
            "3 1 1 a b c d e f",
            "DANE-EE spki sha2-256 ABCDEF",
            "003 01 1 abcdef",
            "\\# 6 03 01 01 abcdef",
        ] {
            assert_eq!(parse(same).as_ref(), Ok(&record), "{same:?}");
        }
        assert_eq!(record.to_string(), "3 1 1 abcdef");
        assert_eq!(record.to_rdata(), [3, 1, 1, 0xab, 0xcd, 0xef]);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for (text, error) in [
            ("", RecordError::NoData),
            ("3", RecordError::NoData),
            ("3 1 1", RecordError::NoData),
            ("3 1 1 abc", RecordError::Hex),
            ("3 1 1 xyzt", RecordError::Hex),
            ("3 1 1 0xab", RecordError::Hex),
            ("256 1 1 ab", RecordError::Field),
            ("+3 1 1 ab", RecordError::Field),
            ("-1 1 1 ab", RecordError::Field),
            ("DANE 1 1 ab", RecordError::Field),
            ("\\# 2 0301", RecordError::TooShort),
            ("\\# 4 030101", RecordError::Length),
            ("\\# x 030101", RecordError::Length),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Tlsa::from_rdata(&[3, 1]), Err(RecordError::TooShort));
    }

    #[test]
    fn sizes_are_those_of_rdata() {
        assert!(Tlsa::from_rdata(&[0; 65_535]).is_ok());
        assert_eq!(Tlsa::from_rdata(&[0; 65_536]), Err(RecordError::TooLong));
        let text = |octets: usize| format!("3 0 0 {}", "00".repeat(octets));
        assert!(parse(&text(Tlsa::MAX_DATA)).is_ok());
        for octets in [Tlsa::MAX_DATA + 1, 70_000] {
            assert_eq!(parse(&text(octets)), Err(RecordError::TooLong));
        }
    }

    #[test]
    fn unassigned_numbers_and_empty_data_are_kept() {
        let record = Tlsa::from_rdata(&[255, 7, 3]).unwrap();
        assert_eq!(record.usage(), 255.into());
        assert_eq!(record.to_string(), "\\# 3 ff0703");
        assert_eq!(parse(&record.to_string()), Ok(record));
    }
}
