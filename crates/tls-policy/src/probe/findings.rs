use super::knowledge::{Answer, Control, Habit, Knowledge, Listing, No, Whose};
use super::{Extension, Flight, KeyExchange, Suite, Version};
use crate::audit::{Cause, Offers, Order, Seen, TlsFacts};

/// What a [`Plan`](super::Plan) found out about a server.
#[derive(Clone, Debug)]
pub struct Findings {
    facts: TlsFacts,
    /// The oldest first.
    versions: [(Seen<bool>, Seen<Offers>); 5],
    chains: Vec<Vec<Vec<u8>>>,
    fallback: Seen<bool>,
    connections: usize,
}

/// Which refusals count, and why the rest is open.
pub(super) struct Proof {
    /// The numbers of the first and the last connection with an answer.
    pub(super) answered: Option<(usize, usize)>,
    /// What a refusal of this server looks like.
    pub(super) control: Control,
    pub(super) otherwise: Option<(Cause, String)>,
}

/// Why a list is not at its end, or what proves that it is.
type End = Result<String, (Cause, String)>;

impl Proof {
    fn of(&self, no: Option<&No>) -> End {
        match no {
            None => Err(self.open()),
            Some(No::Exhausted) => Ok(String::new()),
            Some(No::Instead(version)) => Ok(format!("answered with {version} instead")),
            Some(No::Unknown(cause, why)) => Err((*cause, why.clone())),
            Some(No::Refused { at, alert }) => self.between(*at, &alert.to_string()),
            Some(No::Closed { at }) => {
                let closed = "the connection was closed without a word";
                match self.control {
                    Control::Closes => {
                        self.between(*at, &format!("{closed}, as for no offer at all"))
                    }
                    _ => Err((Cause::Disconnected, closed.into())),
                }
            }
        }
    }

    /// A refusal is one between two answers.
    fn between(&self, at: usize, refusal: &str) -> End {
        match self.answered {
            Some((first, last)) if (first..last).contains(&at) => Ok(refusal.into()),
            _ => {
                let alone = "and no other ClientHello was answered before and after";
                let (cause, why) = self
                    .otherwise
                    .clone()
                    .unwrap_or_else(|| (Cause::Disconnected, alone.into()));
                Err((cause, format!("{refusal}; {why}")))
            }
        }
    }

    fn open(&self) -> (Cause, String) {
        let nobody = || (Cause::NotExamined, String::new());
        self.otherwise.clone().unwrap_or_else(nobody)
    }
}

impl Findings {
    pub(super) fn new(known: Knowledge, proof: &Proof, connections: usize) -> Self {
        let versions = Version::ALL.map(|version| {
            let has = has(&known, version, proof);
            let suites = listed(known.suites(version), &has, proof);
            (has, suites)
        });
        let old = |(has, suites): &(Seen<bool>, Seen<Offers>)| (has.clone(), suites.clone());
        let before: Vec<_> = versions.iter().rev().skip(1).map(old).collect();
        let suites12 = union(before.iter().map(|(_, suites)| suites));
        let seen = |version: Version| {
            let at = Version::ALL.iter().position(|v| *v == version);
            let found = at.and_then(|at| versions.get(at));
            found.map(old).unwrap_or_default()
        };
        let ((tls12, of_tls12), suites13) = (seen(Version::Tls12), seen(Version::Tls13).1);
        let context = Context {
            known: &known,
            proof,
            suites12: &suites12,
            nothing_old: before.iter().all(|(has, _)| has.get() == Some(&false)),
        };
        let mut facts = TlsFacts::default();
        facts.ssl2 = match &known.ssl2 {
            Some(Ok(answer)) => Seen::known(*answer == Answer::Yes),
            Some(Err(no)) => match proof.of(Some(no)) {
                Ok(evidence) => Seen::known(false).noting(evidence),
                Err(open) => unknown(Some(open)),
            },
            None => unknown(Some(proof.open())),
        };
        facts.ssl3 = seen(Version::Ssl30).0;
        facts.tls10 = seen(Version::Tls10).0;
        facts.tls11 = seen(Version::Tls11).0;
        facts.tls13 = seen(Version::Tls13).0;
        facts.groups12 = context.groups12();
        facts.groups13 = listed(&known.groups13, &facts.tls13, proof);
        facts.signatures12 = context.signatures12(&tls12, &of_tls12);
        facts.dhe_bits = context.dhe_bits();
        facts.order = context.order();
        facts.group_order = context.group_order();
        facts.compression = context.extra(|flight| flight.compressed, "TLS 1.3 alone");
        let extension = |extension: Extension| {
            move |flight: &Flight| flight.extensions.contains(&extension.code())
        };
        let short = extension(Extension::TruncatedHmac);
        facts.truncated_hmac = context.extra(short, "TLS 1.3 alone");
        facts.heartbeat = match context.nothing_old {
            // RFC 8446 §4.2: there it is in what is encrypted.
            true => Seen::unknown(Cause::NotVisible).noting("TLS 1.3 alone"),
            false => context.extra(extension(Extension::Heartbeat), ""),
        };
        facts.ocsp_stapled = match context.nothing_old {
            true => Seen::unknown(Cause::NotVisible).noting("TLS 1.3 alone"),
            false => context.extra(|flight| flight.stapled, ""),
        };
        facts.extended_master_secret = context.habit(known.master_secret, Some(true));
        facts.secure_renegotiation = context.habit(known.renegotiation, Some(true));
        facts.encrypt_then_mac = context.habit(known.encrypt_then_mac, None);
        facts.tls12 = tls12;
        let fallback = match &known.fallback {
            Some(Ok(answer)) => Seen::known(*answer == Answer::Yes),
            Some(Err(no)) => unknown(proof.of(Some(no)).err()),
            None => unknown(Some(proof.open())),
        };
        facts.suites12 = suites12;
        facts.suites13 = suites13;
        Self {
            facts,
            versions,
            chains: known.chains,
            fallback,
            connections,
        }
    }

    /// As the rules judge them. What is encrypted in TLS 1.3, renegotiation and tickets are not
    /// examined.
    pub fn facts(&self) -> &TlsFacts {
        &self.facts
    }

    /// Whether the server has this version.
    pub fn version(&self, version: Version) -> &Seen<bool> {
        &self.entry(version).0
    }

    /// The suites of this version, in the order of the answers.
    pub fn suites(&self, version: Version) -> &Seen<Offers> {
        &self.entry(version).1
    }

    fn entry(&self, version: Version) -> &(Seen<bool>, Seen<Offers>) {
        let [ssl30, tls10, tls11, tls12, tls13] = &self.versions;
        match version {
            Version::Ssl30 => ssl30,
            Version::Tls10 => tls10,
            Version::Tls11 => tls11,
            Version::Tls12 => tls12,
            Version::Tls13 => tls13,
        }
    }

    /// The different chains of versions before TLS 1.3, in DER, the server's own certificate first. At
    /// most four.
    pub fn chains(&self) -> &[Vec<Vec<u8>>] {
        &self.chains
    }

    /// Whether it refuses a connection that says it is a second, worse try (RFC 7507); not examined if
    /// it has only one version.
    pub fn refuses_fallback(&self) -> &Seen<bool> {
        &self.fallback
    }

    /// Connections that it took.
    pub fn connections(&self) -> usize {
        self.connections
    }
}

struct Context<'a> {
    known: &'a Knowledge,
    proof: &'a Proof,
    suites12: &'a Seen<Offers>,
    /// It is known that there is nothing but TLS 1.3.
    nothing_old: bool,
}

impl Context<'_> {
    /// Of a kind of suites before TLS 1.3.
    fn suites(&self, kind: impl Fn(Suite) -> bool) -> Result<bool, (Cause, String)> {
        any(self.suites12, kind)
    }

    fn groups12(&self) -> Seen<Offers> {
        let listing = &self.known.groups12;
        match self.suites(|s| s.key_exchange() == Some(KeyExchange::Ecdhe)) {
            Ok(false) => return Seen::known(Offers::all([])).noting("no ECDHE"),
            Err(open) if listing.found.is_empty() => return unknown(Some(open)),
            _ => {}
        }
        let mut end = self.proof.of(listing.end.as_ref());
        if end.is_ok() && self.known.is_bound_to_a_curve() {
            end = self.beside(end);
        }
        offers(&listing.found, end)
    }

    /// RFC 8422 §5.1: what was refused alone may have been refused for the certificate's curve. It is
    /// refused for itself if the server, which goes by the client's order, does not take it from the
    /// first place either.
    fn beside(&self, end: End) -> End {
        let refused = self.known.groups_beside == Some(No::Exhausted);
        match (&self.known.group_order, refused) {
            (Some(Ok(Whose::Client)), true) => end,
            _ => Err((
                Cause::NotVisible,
                "whether others are refused for themselves, or for the certificate's curve".into(),
            )),
        }
    }

    fn signatures12(&self, tls12: &Seen<bool>, suites: &Seen<Offers>) -> Seen<Offers> {
        match any(suites, Suite::is_signed) {
            Ok(false) => Seen::known(Offers::all([])).noting("nothing that is signed"),
            Err(open) if self.known.schemes.found.is_empty() => unknown(Some(open)),
            _ => listed(&self.known.schemes, tls12, self.proof),
        }
    }

    fn dhe_bits(&self) -> Seen<Vec<u16>> {
        if !self.known.primes.is_empty() {
            return Seen::known(self.known.primes.clone());
        }
        match self.suites(|suite| suite.key_exchange() == Some(KeyExchange::Dhe)) {
            Ok(false) => Seen::known(Vec::new()).noting("no DHE"),
            Ok(true) => unknown(Some(self.proof.open())),
            Err(open) => unknown(Some(open)),
        }
    }

    fn order(&self) -> Seen<Order> {
        let all_known = || {
            self.suites12
                .get()
                .is_some_and(|offers| offers.open.is_none())
        };
        self.decides(self.known.order.as_ref(), all_known)
    }

    fn group_order(&self) -> Seen<Order> {
        let all_known = || self.known.groups12.end.is_some();
        self.decides(self.known.group_order.as_ref(), all_known)
    }

    fn decides(
        &self,
        whose: Option<&Result<Whose, No>>,
        all_known: impl Fn() -> bool,
    ) -> Seen<Order> {
        match whose {
            Some(Ok(Whose::Server)) => Seen::known(Order::Server),
            Some(Ok(Whose::Client)) => Seen::known(Order::Client),
            Some(Ok(Whose::Mixed)) => Seen::unknown(Cause::NotVisible)
                .noting("neither the server's order nor the client's explains what is chosen"),
            Some(Err(no)) => unknown(self.proof.of(Some(no)).err()),
            None if all_known() => {
                Seen::unknown(Cause::NotVisible).noting("there is no more than one")
            }
            None => unknown(Some(self.proof.open())),
        }
    }

    /// Of the answer to everything that can be offered besides.
    fn extra(&self, yes: impl Fn(&Flight) -> bool, new: &str) -> Seen<bool> {
        match &self.known.extras {
            Some(Ok(flight)) => {
                Seen::known(yes(flight)).noting(format!("{}, {}", flight.version, flight.suite))
            }
            Some(Err(no)) => unknown(self.proof.of(Some(no)).err()),
            None if self.nothing_old => Seen::known(false).noting(new),
            None => unknown(Some(self.proof.open())),
        }
    }

    /// TLS 1.3 has its own for all of these.
    fn habit(&self, habit: Habit, new: Option<bool>) -> Seen<bool> {
        match (habit.get(), new) {
            (Some((version, yes)), _) => Seen::known(yes).noting(version.to_string()),
            (None, Some(new)) if self.nothing_old => Seen::known(new).noting("TLS 1.3 alone"),
            (None, None) if self.suites(Suite::is_cbc) == Ok(false) => {
                Seen::unknown(Cause::NotVisible).noting("no suite with CBC")
            }
            (None, _) => unknown(Some(self.proof.open())),
        }
    }
}

/// Of a kind of suites: some, known that none, or why that is open.
fn any(suites: &Seen<Offers>, kind: impl Fn(Suite) -> bool) -> Result<bool, (Cause, String)> {
    let Some(offers) = suites.get() else {
        return Err((suites.cause().unwrap_or_default(), suites.note().into()));
    };
    let mut codes = offers.accepted.iter().map(|code| Suite::new(*code));
    match (codes.any(kind), offers.open) {
        (true, _) => Ok(true),
        (false, None) => Ok(false),
        (false, Some(cause)) => Err((cause, "some suites are not known".into())),
    }
}

fn has(known: &Knowledge, version: Version, proof: &Proof) -> Seen<bool> {
    let listing = known.version(version);
    if !listing.found.is_empty() {
        return Seen::known(true).noting(format!("ServerHello of {version}"));
    }
    match proof.of(listing.end.as_ref()) {
        Ok(evidence) => Seen::known(false).noting(evidence),
        Err(open) => unknown(Some(open)),
    }
}

/// Of something that goes with a version.
fn listed(listing: &Listing, version: &Seen<bool>, proof: &Proof) -> Seen<Offers> {
    match version.get() {
        Some(true) => offers(&listing.found, proof.of(listing.end.as_ref())),
        Some(false) => Seen::known(Offers::all([])).noting(version.note()),
        None => Seen::unknown(version.cause().unwrap_or_default()).noting(version.note()),
    }
}

fn offers(found: &[u16], end: End) -> Seen<Offers> {
    match end {
        Ok(evidence) => Seen::known(Offers::all(found)).noting(evidence),
        Err(open) if found.is_empty() => unknown(Some(open)),
        Err((cause, why)) => Seen::known(Offers::partly(found, cause)).noting(why),
    }
}

/// Of several versions: what one has they have together; what is open of one is open of all.
fn union<'a>(lists: impl Iterator<Item = &'a Seen<Offers>>) -> Seen<Offers> {
    let (mut accepted, mut open) = (Vec::new(), None);
    for list in lists {
        match list {
            Seen::Known { value, evidence } => {
                for code in &value.accepted {
                    if !accepted.contains(code) {
                        accepted.push(*code);
                    }
                }
                open = open.or_else(|| value.open.map(|cause| (cause, evidence.clone())));
            }
            Seen::Unknown { cause, detail } => {
                open = open.or_else(|| Some((*cause, detail.clone())));
            }
        }
    }
    offers(&accepted, open.map_or(Ok(String::new()), Err))
}

/// Where there is no reason, nobody looked.
fn unknown<T>(open: Option<(Cause, String)>) -> Seen<T> {
    let (cause, why) = open.unwrap_or_default();
    Seen::unknown(cause).noting(why)
}
