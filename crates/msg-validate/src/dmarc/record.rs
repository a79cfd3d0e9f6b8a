use std::fmt;

/// What a domain's owner asks to be done with mail that fails (RFC 9989 §4.7).
#[allow(clippy::exhaustive_enums)] // complete by RFC 9989 §4.8
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Policy {
    /// Nothing.
    None,
    /// Treat it as suspicious.
    Quarantine,
    /// Do not take it.
    Reject,
}

/// A DMARC Policy Record, as far as a verdict needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) p: Policy,
    pub(super) sp: Option<Policy>,
    pub(super) np: Option<Policy>,
    pub(super) dkim: Mode,
    pub(super) spf: Mode,
    pub(super) psd: Psd,
    pub(super) testing: Testing,
    /// A policy tag cannot be read and nobody is there to be told: DMARC is not applied.
    pub(super) unusable: bool,
}

/// Which identifiers align with the Author Domain (RFC 9989 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Those of the same Organizational Domain.
    Relaxed,
    /// The same domain only.
    Strict,
}

/// What the record says of the domain that it is published at (RFC 9989 §4.7, `psd`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Psd {
    /// A Public Suffix Domain.
    Yes,
    /// The Organizational Domain.
    No,
    /// Either, to be found out.
    Unknown,
}

/// Whether the policy is only being tried (RFC 9989 §4.7, `t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Testing {
    Yes,
    No,
}

impl Record {
    /// Reads the text of one TXT record; `None` when it is not a DMARC record at all.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut tags = text.split(|&o| o == b';').map(tag);
        // RFC 9989 §4.7: "The value of this tag MUST match precisely; if it does not or it is
        // absent, the entire record MUST be ignored. It MUST be the first tag in the list."
        // RFC 9989 §4.8 reads its name without case: `"v" equals %s"DMARC1"`.
        let (name, version) = tags.next()??;
        if !name.eq_ignore_ascii_case(b"v") || version != b"DMARC1" {
            return None;
        }
        let mut record = Self {
            p: Policy::None,
            sp: None,
            np: None,
            dkim: Mode::Relaxed,
            spf: Mode::Relaxed,
            psd: Psd::Unknown,
            testing: Testing::No,
            unusable: false,
        };
        let (mut p, mut invalid, mut reports) = (None, false, false);
        let mut seen: Vec<&[u8]> = Vec::new();
        // RFC 9989 §4.8: "Syntax errors in the remainder of the record MUST be discarded in favor
        // of default values (if any) or ignored outright."
        for (name, value) in tags.flatten() {
            // RFC 6376 §3.2, whose tag lists these are: "Tags with duplicate names MUST NOT occur
            // within a single tag-list". The first one stands.
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            match name {
                b"p" => p = Policy::parse(value),
                b"sp" => {
                    record.sp = Policy::parse(value);
                    invalid |= record.sp.is_none();
                }
                b"np" => {
                    record.np = Policy::parse(value);
                    invalid |= record.np.is_none();
                }
                b"adkim" => record.dkim = Mode::parse(value),
                b"aspf" => record.spf = Mode::parse(value),
                b"psd" => record.psd = Psd::parse(value),
                b"t" if value.eq_ignore_ascii_case(b"y") => record.testing = Testing::Yes,
                b"rua" => reports = value.split(|&o| o == b',').any(is_uri),
                _ => {}
            }
        }
        // RFC 9989 §4.7: without any p at all, "the record is treated as if it included "p=none"".
        let p = p.or_else(|| (!seen.contains(&&b"p"[..])).then_some(Policy::None));
        match p {
            Some(p) if !invalid => record.p = p,
            // RFC 9989 §4.10.1: "does not contain a valid "p" tag, or contains an "sp" or "np" tag
            // that is not valid": p=none if somebody takes reports, otherwise no DMARC at all.
            _ => {
                (record.p, record.sp, record.np) = (Policy::None, None, None);
                record.unusable = !reports;
            }
        }
        Some(record)
    }
}

/// Name and value of one tag; `None` where there is no `name=value`.
fn tag(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = text.iter().position(|&o| o == b'=')?;
    let (name, value) = text.split_at_checked(equals)?;
    let name = name.trim_ascii();
    let value = value.get(1..)?.trim_ascii();
    let printing = value.iter().all(|o| matches!(o, 0x20..=0x7e));
    (!name.is_empty() && name.iter().all(u8::is_ascii_alphabetic) && printing)
        .then_some((name, value))
}

/// Whether this looks like an absolute URI (RFC 3986 §3): a scheme, a colon and something.
fn is_uri(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let Some(colon) = text.iter().position(|&o| o == b':') else {
        return false;
    };
    let (scheme, rest) = text.split_at(colon);
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|o| o.is_ascii_alphanumeric() || b"+-.".contains(o))
        && rest.len() > 1
        && !rest.contains(&b' ')
}

impl Policy {
    /// Values are compared without case, as ABNF's strings are (RFC 5234 §2.3).
    fn parse(value: &[u8]) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|policy| value.eq_ignore_ascii_case(policy.as_str().as_bytes()))
    }

    /// RFC 9989 §4.7: in test mode "the policy applied to any failing messages will be one level
    /// below the specified policy".
    pub(super) fn when(self, testing: Testing) -> Self {
        match (testing, self) {
            (Testing::No, policy) => policy,
            (Testing::Yes, Self::Reject) => Self::Quarantine,
            (Testing::Yes, _) => Self::None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

/// `none`, `quarantine` or `reject`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Mode {
    fn parse(value: &[u8]) -> Self {
        if value.eq_ignore_ascii_case(b"s") {
            Self::Strict
        } else {
            Self::Relaxed
        }
    }
}

impl Psd {
    fn parse(value: &[u8]) -> Self {
        match value {
            b"y" | b"Y" => Self::Yes,
            b"n" | b"N" => Self::No,
            _ => Self::Unknown,
        }
    }
}
