use super::identity::Identity;
use std::time::{Duration, SystemTime};

/// How near the end of a certificate is. Parts of its lifetime, so that those of 6 days, 47 and a
/// year are warned of in time: who renews by ACME does so when a third is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Less than a quarter of the lifetime is left: it should have been renewed.
    Notice,
    /// Less than an eighth.
    Warning,
    /// Less than a sixteenth.
    Critical,
    /// It has ended.
    Expired,
}

/// A certificate in use that nears its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expiring {
    /// The names of the server's certificate.
    pub names: Vec<String>,
    /// The end of what ends first of the chain.
    pub until: SystemTime,
    /// How bad it is.
    pub severity: Severity,
}

impl Expiring {
    pub(super) fn of(identity: &Identity, now: SystemTime) -> Option<Self> {
        let severity = severity(identity.from, identity.until, now)?;
        Some(Self {
            names: identity.names.clone(),
            until: identity.until,
            severity,
        })
    }
}

fn severity(from: SystemTime, until: SystemTime, now: SystemTime) -> Option<Severity> {
    let life = until.duration_since(from).unwrap_or(Duration::ZERO);
    let Ok(left) = until.duration_since(now) else {
        return Some(Severity::Expired);
    };
    match left {
        left if left < life / 16 => Some(Severity::Critical),
        left if left < life / 8 => Some(Severity::Warning),
        left if left < life / 4 => Some(Severity::Notice),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn severity_grows_towards_the_end() {
        let day = |days: u64| UNIX_EPOCH + Duration::from_secs(days * 24 * 3600);
        let at = |now| severity(day(0), day(160), day(now));
        let (notice, warning) = (Some(Severity::Notice), Some(Severity::Warning));
        assert_eq!([at(0), at(120)], [None, None]);
        assert_eq!([at(121), at(140)], [notice, notice]);
        assert_eq!([at(141), at(150)], [warning, warning]);
        assert_eq!([at(151), at(160)], [Some(Severity::Critical); 2]);
        assert_eq!(at(161), Some(Severity::Expired));
        assert!(Severity::Notice < Severity::Expired);
    }
}
