use crate::Rule;

/// What is known before a connection is made: about one recipient domain and one of its MX hosts.
///
/// A fact that could not be found out has a form of its own. Never put "nothing there" in its
/// place: that is the downgrade which an attacker wants.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts<'a> {
    /// The recipient domain, or the host that a relay was configured by (RFC 8461 §3.4), as A-labels.
    pub domain: &'a str,
    /// The MX host that would be connected to, as A-labels.
    pub mx: &'a str,
    /// How the MX host was found.
    pub mx_set: MxFact,
    /// What DANE says about the MX host.
    pub dane: DaneFact,
    /// What MTA-STS says about the domain, and about the MX host in it.
    pub sts: StsFact,
    /// What [`Memory`](crate::Memory) knows of the domain.
    pub memory: MemoryFact,
    /// What the sender asked for. None is [`Wish::Default`].
    pub wish: Wish,
    /// The operator's own rule for the domain, if there is one.
    pub rule: Option<Rule>,
}

/// How the list of MX hosts was found.
#[allow(clippy::exhaustive_enums)] // complete by RFC 7672 §2.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MxFact {
    /// Validated by DNSSEC, aliases included; so is a validated answer that there is no MX record,
    /// and a next hop that the operator configured by its name.
    Secure,
    /// Not signed, or nobody validated it.
    Insecure,
    /// The look-up failed: SERVFAIL, bogus, or no answer in time.
    Failed,
}

/// What became of DANE for one MX host. [`Insecure`](Self::Insecure) is also what to say where no
/// validating resolver is in use.
#[allow(clippy::exhaustive_enums)] // complete by RFC 7672 §2.1 and §2.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DaneFact {
    /// Secure TLSA records, one of them usable.
    Usable,
    /// Secure TLSA records, none of them usable (RFC 7672 §2.2).
    Unusable,
    /// Proved by DNSSEC: there is no TLSA record.
    SecureDenial,
    /// The host or its TLSA records lie in an unsigned zone, or nobody validates.
    Insecure,
    /// A look-up of addresses or TLSA records failed: SERVFAIL, bogus, or no answer in time.
    Failed,
}

/// What became of MTA-STS for one domain and one MX host.
#[allow(clippy::exhaustive_enums)] // complete by RFC 8461 §3.3 and §5
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StsFact {
    /// The domain has no (single, well-formed) `_mta-sts` record, and nothing is cached.
    None,
    /// A policy in mode `enforce`, live or cached, that names this MX host.
    Enforce,
    /// A policy in mode `enforce`, live or cached, that does not name this MX host.
    EnforceMismatch,
    /// A policy in mode `testing`.
    Testing,
    /// A policy in mode `none`.
    Withdrawn,
    /// Record or policy could not be had, or the policy is invalid; and nothing is cached.
    Failed,
    /// Our own cache could not be read.
    Unreadable,
}

/// What is remembered of a domain.
#[allow(clippy::exhaustive_enums)] // the two levels, and two ways to have none
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryFact {
    /// Nothing.
    Nothing,
    /// Encryption, and no more, has been demanded by the signed zone, for long enough.
    Encrypted,
    /// DANE or MTA-STS have authenticated the domain's hosts, for long enough.
    Verified,
    /// Our own memory could not be read.
    Unreadable,
}

/// What the sender of the message asked for (RFC 8689).
#[allow(clippy::exhaustive_enums)] // complete by RFC 8689 §2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Nothing in particular.
    #[default]
    Default,
    /// The message came with REQUIRETLS (RFC 8689 §2).
    RequireTls,
    /// The message has the header field `TLS-Required: No` (RFC 8689 §3).
    TlsRequiredNo,
}

impl Wish {
    /// What two wishes come to. RFC 8689 §4.1: the header field is ignored with REQUIRETLS.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::RequireTls, _) | (_, Self::RequireTls) => Self::RequireTls,
            (Self::TlsRequiredNo, _) | (_, Self::TlsRequiredNo) => Self::TlsRequiredNo,
            (Self::Default, Self::Default) => Self::Default,
        }
    }
}

/// The least that the sender's own address stands for, whatever the recipient's domain wants.
#[allow(clippy::exhaustive_enums)] // three levels, each above the one before
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Floor {
    /// TLS if it can be had.
    #[default]
    Opportunistic,
    /// TLS always, with whomever.
    Encrypted,
    /// TLS always, with a peer that is proved to be the right one: an `@secure` address.
    Verified,
}

impl<'a> Facts<'a> {
    /// The facts about one MX host of a domain; no wish, no local rule.
    ///
    /// ```
    /// use tls_policy::{DaneFact, Facts, MemoryFact, MxFact, StsFact};
    /// let facts = Facts::new("example.org", "mx.example.org", MxFact::Secure)
    ///     .dane(DaneFact::Usable)
    ///     .sts(StsFact::None)
    ///     .memory(MemoryFact::Nothing);
    /// ```
    ///
    /// Until they are given, the other facts have their failed forms, so that what was forgotten
    /// delays mail and never exposes it.
    pub fn new(domain: &'a str, mx: &'a str, mx_set: MxFact) -> Self {
        Self {
            domain,
            mx,
            mx_set,
            dane: DaneFact::Failed,
            sts: StsFact::Unreadable,
            memory: MemoryFact::Unreadable,
            wish: Wish::Default,
            rule: None,
        }
    }

    /// With what DANE says.
    #[must_use]
    pub fn dane(self, dane: DaneFact) -> Self {
        Self { dane, ..self }
    }

    /// With what MTA-STS says.
    #[must_use]
    pub fn sts(self, sts: StsFact) -> Self {
        Self { sts, ..self }
    }

    /// With what is remembered.
    #[must_use]
    pub fn memory(self, memory: MemoryFact) -> Self {
        Self { memory, ..self }
    }

    /// With what the sender asked for.
    #[must_use]
    pub fn wish(self, wish: Wish) -> Self {
        Self { wish, ..self }
    }

    /// With the operator's rule for the domain.
    #[must_use]
    pub fn rule(self, rule: Option<Rule>) -> Self {
        Self { rule, ..self }
    }

    /// Whether the MX host is the domain or lies below it. Case and a final dot do not count.
    pub(crate) fn mx_is_within_domain(&self) -> bool {
        let (mx, domain) = (
            without_dot(self.mx).as_bytes(),
            without_dot(self.domain).as_bytes(),
        );
        let Some(split) = mx.len().checked_sub(domain.len()) else {
            return false;
        };
        let (front, end) = mx.split_at(split);
        !domain.is_empty()
            && end.eq_ignore_ascii_case(domain)
            && (front.is_empty() || front.ends_with(b"."))
    }
}

fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_counts_whole_labels() {
        let within = |mx, domain| Facts::new(domain, mx, MxFact::Insecure).mx_is_within_domain();
        assert!(within("MX.example.org.", "example.ORG"));
        assert!(within("example.org", "example.org."));
        assert!(!within("mxexample.org", "example.org"));
        assert!(!within("org", "example.org"));
        assert!(!within("mx.example.org", "") && !within("mx.example.org", "."));
    }

    #[test]
    fn requiretls_goes_before_the_header_field() {
        assert_eq!(Wish::TlsRequiredNo.and(Wish::RequireTls), Wish::RequireTls);
        assert_eq!(Wish::Default.and(Wish::TlsRequiredNo), Wish::TlsRequiredNo);
    }
}
