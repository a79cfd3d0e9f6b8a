use crate::{
    Action, DaneFact, Decision, Facts, Floor, MemoryFact, MxFact, Names, Proof, Reason, Refusal,
    Rule, Status, StsFact, Wish,
};

/// Which transport security a connection to this MX host must have, at least, for this message.
///
/// Pure: the same facts give the same decision. It takes some ten comparisons and allocates nothing.
/// In this order:
///
/// 1. A failed look-up of MX records defers, one of addresses or TLSA records skips the host
///    (RFC 7672 §2.1), whatever else is known.
/// 2. A local rule that is no weaker than the floor holds. `none`, `may`, `encrypt` and `verify`
///    take the place of what the domain asks for, as in Postfix's policy table; `dane`, `dane-only`
///    and `sts` say which of its wishes count.
/// 3. DANE over a secure MX set, then MTA-STS, then what is remembered, then the floor. A failure of
///    one is never made good by the next.
///
/// `TLS-Required: No` lifts DANE, MTA-STS and memory, but no local rule and no floor.
#[must_use]
pub fn decide<'a>(facts: &Facts<'a>, floor: Floor) -> Decision<'a> {
    let least = match facts.wish {
        Wish::RequireTls => Floor::Verified,
        Wish::Default | Wish::TlsRequiredNo => floor,
    };
    let (action, reason) = action(facts, least);
    Decision::new(action, reason, proof(facts, reason), facts)
}

/// Only the domain's signed zone or its policy host can prove something for later.
fn proof(facts: &Facts<'_>, reason: Reason) -> Option<Proof> {
    let secure_mx = facts.mx_set == MxFact::Secure;
    match reason {
        Reason::DaneUsable if secure_mx => Some(Proof::Dane),
        // It is the policy that vouches for the host here.
        Reason::DaneUsable | Reason::StsEnforce => Some(Proof::Sts),
        Reason::DaneUnusable | Reason::FloorVerified | Reason::RequireTlsVerified => {
            let unusable = secure_mx && facts.dane == DaneFact::Unusable;
            unusable.then_some(Proof::UnusableTlsa)
        }
        _ => None,
    }
}

fn action<'a>(facts: &Facts<'a>, least: Floor) -> (Action<'a>, Reason) {
    // RFC 7672 §2.1.1: what is bogus or cannot be looked up is no "insecure".
    if facts.mx_set == MxFact::Failed {
        return defer(Status::DNS_FAILED, Reason::MxFailed);
    }
    // RFC 7672 §2.1.2: such a host must not be used; others of the set may be.
    if facts.dane == DaneFact::Failed {
        let last = Refusal::Defer(Status::NOT_VERIFIED);
        return (Action::NextMx { last }, Reason::DaneFailed);
    }
    match facts.rule.filter(|rule| holds(*rule, facts.wish, least)) {
        None => asked(&lifted(facts), least),
        Some(Rule::None) => match least {
            Floor::Opportunistic => (Action::Clear, Reason::RuleNone),
            _ => bounce(Reason::RuleNoneBelowFloor),
        },
        Some(Rule::May) => (Action::Opportunistic, Reason::RuleMay),
        Some(Rule::Encrypt) => (Action::Encrypt, Reason::RuleEncrypt),
        Some(Rule::Verify) => {
            let trusted = least < Floor::Verified || facts.mx_set == MxFact::Secure;
            let names = if trusted {
                Names::one(facts.mx)
            } else {
                own_names(facts)
            };
            (Action::WebPki { names }, Reason::RuleVerify)
        }
        Some(Rule::Dane) => {
            let mut only_dane = lifted(facts);
            only_dane.dane = facts.dane;
            only_dane.sts = StsFact::None;
            asked(&only_dane, least)
        }
        Some(Rule::DaneOnly) => match (facts.mx_set, facts.dane) {
            (MxFact::Secure, DaneFact::Usable) => (Action::Dane, Reason::DaneUsable),
            _ => defer(Status::NOT_VERIFIED, Reason::RuleDaneOnly),
        },
        Some(Rule::Sts) => sts_demanded(facts),
    }
}

/// A rule that is weaker than what the sender stands for does not count; but where the operator
/// forbids TLS, nothing can be sent.
fn holds(rule: Rule, wish: Wish, least: Floor) -> bool {
    match rule {
        Rule::None | Rule::DaneOnly | Rule::Sts => true,
        Rule::May => least == Floor::Opportunistic,
        Rule::Encrypt => least <= Floor::Encrypted,
        Rule::Verify | Rule::Dane => wish != Wish::RequireTls,
    }
}

/// RFC 8689 §4.2.2: with `TLS-Required: No` what the recipient's domain asks for is ignored.
fn lifted<'a>(facts: &Facts<'a>) -> Facts<'a> {
    let mut facts = *facts;
    if facts.wish == Wish::TlsRequiredNo {
        facts.dane = DaneFact::Insecure;
        facts.sts = StsFact::None;
        facts.memory = MemoryFact::Nothing;
    }
    facts
}

/// What the domain asks for, and the floor.
fn asked<'a>(facts: &Facts<'a>, least: Floor) -> (Action<'a>, Reason) {
    let secure_mx = facts.mx_set == MxFact::Secure;
    let usable = facts.dane == DaneFact::Usable;
    if secure_mx && usable {
        return (Action::Dane, Reason::DaneUsable);
    }
    let remembered = facts.memory != MemoryFact::Nothing;
    match facts.sts {
        // RFC 8461 §2: a policy never overrides a failing DANE validation, so DANE it is; the
        // policy has proved that the host is one of the domain's.
        StsFact::Enforce if usable => return (Action::Dane, Reason::DaneUsable),
        StsFact::Enforce => return by_mx_host(facts, Reason::StsEnforce),
        StsFact::EnforceMismatch => {
            let last = Refusal::Defer(Status::NOT_VERIFIED);
            return (Action::NextMx { last }, Reason::StsMxMismatch);
        }
        StsFact::Unreadable => return defer(Status::STORE_FAILED, Reason::StsUnreadable),
        // RFC 8461 §3.3 delivers as if there were no policy. That is for those who know no better.
        StsFact::Failed if remembered || least > Floor::Opportunistic => {
            return defer(Status::NOT_VERIFIED, Reason::StsFailed);
        }
        StsFact::Failed | StsFact::None | StsFact::Testing | StsFact::Withdrawn => {}
    }
    match facts.memory {
        MemoryFact::Unreadable => return defer(Status::STORE_FAILED, Reason::MemoryUnreadable),
        MemoryFact::Verified => return defer(Status::NOT_VERIFIED, Reason::MemoryDrop),
        MemoryFact::Nothing | MemoryFact::Encrypted => {}
    }
    if least == Floor::Verified {
        return verified(facts, secure_mx);
    }
    // RFC 7672 §2.2: where the MX set is insecure the host may be the attacker's, but a record that
    // is there is kept to.
    if usable {
        return (Action::Dane, Reason::DaneInsecureMx);
    }
    if facts.dane == DaneFact::Unusable {
        return (Action::Encrypt, Reason::DaneUnusable);
    }
    if facts.memory == MemoryFact::Encrypted {
        return (Action::Encrypt, Reason::MemoryEncrypted);
    }
    if least == Floor::Encrypted {
        return (Action::Encrypt, Reason::FloorEncrypted);
    }
    let reason = match (facts.wish, facts.sts) {
        (Wish::TlsRequiredNo, _) => Reason::TlsRequiredNo,
        (_, StsFact::Failed) => Reason::StsFailedOpen,
        (_, StsFact::Testing) => Reason::StsTesting,
        (_, StsFact::Withdrawn) => Reason::StsWithdrawn,
        _ => Reason::NothingAsked,
    };
    (Action::Opportunistic, reason)
}

/// The sender wants a verified peer, and the domain offers neither DANE nor MTA-STS: a certificate
/// for a name that no attacker chose.
fn verified<'a>(facts: &Facts<'a>, secure_mx: bool) -> (Action<'a>, Reason) {
    match facts.wish {
        Wish::RequireTls if secure_mx => by_mx_host(facts, Reason::RequireTlsVerified),
        // RFC 8689 §4.2.1: without DNSSEC the host must be one that MTA-STS names.
        Wish::RequireTls => bounce(Reason::RequireTlsInsecureMx),
        _ if secure_mx => by_mx_host(facts, Reason::FloorVerified),
        _ => {
            let names = own_names(facts);
            (Action::WebPki { names }, Reason::FloorVerifiedDomain)
        }
    }
}

fn sts_demanded<'a>(facts: &Facts<'a>) -> (Action<'a>, Reason) {
    match facts.sts {
        StsFact::Enforce if facts.dane == DaneFact::Usable => (Action::Dane, Reason::DaneUsable),
        StsFact::Enforce => by_mx_host(facts, Reason::StsEnforce),
        StsFact::EnforceMismatch => {
            let last = Refusal::Defer(Status::NOT_VERIFIED);
            (Action::NextMx { last }, Reason::StsMxMismatch)
        }
        StsFact::Unreadable => defer(Status::STORE_FAILED, Reason::StsUnreadable),
        StsFact::None | StsFact::Testing | StsFact::Withdrawn | StsFact::Failed => {
            defer(Status::NOT_VERIFIED, Reason::RuleSts)
        }
    }
}

fn by_mx_host<'a>(facts: &Facts<'a>, reason: Reason) -> (Action<'a>, Reason) {
    let names = Names::one(facts.mx);
    (Action::WebPki { names }, reason)
}

/// Names that are the recipient domain's own: the domain, and the MX host if it lies below it.
fn own_names<'a>(facts: &Facts<'a>) -> Names<'a> {
    match facts.mx_is_within_domain() {
        true => Names::two(facts.mx, facts.domain),
        false => Names::one(facts.domain),
    }
}

fn defer<'a>(status: Status, reason: Reason) -> (Action<'a>, Reason) {
    (Action::Refuse(Refusal::Defer(status)), reason)
}

fn bounce<'a>(reason: Reason) -> (Action<'a>, Reason) {
    (
        Action::Refuse(Refusal::Bounce(Status::ENCRYPTION_NEEDED)),
        reason,
    )
}
