use crate::Name;
use std::{fmt, str::FromStr};

/// The record types that mail protocols ask for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// An IPv4 address (RFC 1035 §3.4.1).
    A,
    /// An IPv6 address (RFC 3596 §2.1).
    Aaaa,
    /// A mail exchange (RFC 1035 §3.3.9).
    Mx,
    /// Text (RFC 1035 §3.3.14).
    Txt,
    /// The name of an address (RFC 1035 §3.3.12).
    Ptr,
    /// An alias itself; questions of other types follow it (RFC 1035 §3.6.2).
    Cname,
    /// Which certificates or keys a TLS server has (RFC 6698 §2).
    Tlsa,
}

impl RecordType {
    /// Every record type that this crate knows.
    pub const ALL: [Self; 7] = [
        Self::A,
        Self::Aaaa,
        Self::Mx,
        Self::Txt,
        Self::Ptr,
        Self::Cname,
        Self::Tlsa,
    ];
}

/// The type's mnemonic, as in a zone file.
impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Ptr => "PTR",
            Self::Cname => "CNAME",
            Self::Tlsa => "TLSA",
        })
    }
}

/// Some text is not the mnemonic of a [`RecordType`] that this crate knows.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown record type")]
pub struct UnknownType;

/// Reads the mnemonic, without case.
impl FromStr for RecordType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        let same = |t: &Self| t.to_string().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(same).ok_or(UnknownType)
    }
}

/// One question to the DNS, class IN.
#[allow(clippy::exhaustive_structs)] // a question is a name and a type, and nothing else
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Query {
    /// Of which name.
    pub name: Name,
    /// Which records.
    pub record_type: RecordType,
}

impl Query {
    /// Asks for the records of this type at this name.
    pub fn new(name: Name, record_type: RecordType) -> Self {
        Self { name, record_type }
    }
}

/// `example.org MX`.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.record_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_are_read_back() {
        for known in RecordType::ALL {
            assert_eq!(known.to_string().to_lowercase().parse(), Ok(known));
        }
        for unknown in ["", "AA", "TYPE1", "MX "] {
            assert_eq!(unknown.parse::<RecordType>(), Err(UnknownType));
        }
    }
}
