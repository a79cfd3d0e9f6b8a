//! What the DNS says, as facts for the decision.

use dane_tlsa::{Lookup, Walked};
use mail_dns::Security;
use tls_policy::{DaneFact, MxFact};

/// What DANE says of a host.
pub fn dane_fact(lookup: &Lookup) -> DaneFact {
    match lookup {
        Lookup::Secure(records) => match records.usable_for_smtp() {
            Some(_) => DaneFact::Usable,
            None => DaneFact::Unusable,
        },
        Lookup::SecureDenial => DaneFact::SecureDenial,
        Lookup::Insecure => DaneFact::Insecure,
        Lookup::Failed(_) => DaneFact::Failed,
    }
}

/// How the hosts of a domain were found. That the look-up failed is told by the route.
pub(super) fn mx_fact(walked: &Walked) -> MxFact {
    match walked.mx_security {
        Security::Secure => MxFact::Secure,
        Security::Insecure => MxFact::Insecure,
        // Nobody has validated it: the walk calls that a failure, and so does this.
        Security::Unknown => MxFact::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dane_tlsa::{LookupFailure, RrSet, Tlsa};
    use mail_dns::Failure;

    #[test]
    fn every_outcome_has_its_fact() {
        let records = |text: &str| {
            let record: Tlsa = text.parse().unwrap();
            Lookup::Secure(RrSet::new([record]).assume_secure())
        };
        let usable = format!("3 1 1 {}", "aa".repeat(32));
        // RFC 7672 §3.1.3: usages 0 and 1 are not for SMTP.
        let unusable = format!("1 1 1 {}", "aa".repeat(32));
        let none = RrSet::new(Vec::<Tlsa>::new()).assume_secure();
        for (lookup, fact) in [
            (records(&usable), DaneFact::Usable),
            (records(&unusable), DaneFact::Unusable),
            (Lookup::Secure(none), DaneFact::Unusable),
            (Lookup::SecureDenial, DaneFact::SecureDenial),
            (Lookup::Insecure, DaneFact::Insecure),
        ] {
            assert_eq!(dane_fact(&lookup), fact, "{lookup:?}");
        }
        for why in [
            LookupFailure::Dns(Failure::Timeout),
            LookupFailure::Dns(Failure::ServerFailure),
            LookupFailure::NotValidated,
            LookupFailure::TooManyAliases,
            LookupFailure::NoAddress,
            LookupFailure::TooManyHosts,
        ] {
            assert_eq!(dane_fact(&Lookup::Failed(why)), DaneFact::Failed);
        }
    }
}
