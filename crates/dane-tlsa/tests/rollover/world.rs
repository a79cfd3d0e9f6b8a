//! A world of one name: authoritative servers of which the last is late, caches that asked any of them at any second,
//! and servers of the name of which the last is late too. All seconds are small numbers, and nobody waits for them.

use dane_tlsa::{Crypto, Identity, Matcher, Parameters, References, RrSet, Tlsa};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const HOST: &str = "mx.example.org";

/// Where each identity is.
pub(crate) struct Pool {
    /// Certificates of their own issue: two keys, and the first key with another certificate.
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) a_renewed: usize,
    /// Two certificates of one authority, and one of another.
    pub(crate) c1: usize,
    pub(crate) d1: usize,
    pub(crate) e2: usize,
    pub(crate) len: usize,
}

pub(crate) const POOL: Pool = Pool {
    a: 0,
    b: 1,
    a_renewed: 2,
    c1: 3,
    d1: 4,
    e2: 5,
    len: 6,
};

/// What a server can present; made once.
pub(crate) fn identities() -> &'static [Identity] {
    static MADE: OnceLock<Vec<Identity>> = OnceLock::new();
    MADE.get_or_init(|| {
        let key = || KeyPair::generate().unwrap();
        let leaf = || CertificateParams::new([HOST.to_owned()]).unwrap();
        let (a, b) = (key(), key());
        let alone = |key: &KeyPair| {
            let certificate = leaf().self_signed(key).unwrap();
            Identity::from_chain([certificate.der().clone()]).unwrap()
        };
        let authority = |name: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            CertifiedIssuer::self_signed(params, key()).unwrap()
        };
        let issued = |by: &CertifiedIssuer<'_, KeyPair>| {
            let certificate = leaf().signed_by(&key(), by).unwrap();
            Identity::from_chain([certificate.der().clone(), by.der().clone()]).unwrap()
        };
        let (one, two) = (authority("One"), authority("Two"));
        // Each certificate has a random serial number.
        let all = [
            alone(&a),
            alone(&b),
            alone(&a),
            issued(&one),
            issued(&one),
            issued(&two),
        ];
        all.into()
    })
}

/// The records of an identity, sorted.
pub(crate) fn records(of: usize, parameters: &[Parameters]) -> Vec<Tlsa> {
    let identity = &identities()[of];
    let record = |p: &Parameters| identity.record(*p, &Crypto::aws_lc_rs()).unwrap();
    let mut records: Vec<_> = parameters.iter().map(record).collect();
    records.sort();
    records
}

/// The key of an identity.
pub(crate) fn spki(of: usize) -> Vec<u8> {
    let whole: Parameters = "3 1 0".parse().unwrap();
    records(of, &[whole])[0].data().to_vec()
}

/// A second of the world, as a time within the validity of every certificate.
pub(crate) fn moment(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + second)
}

/// The second of a time.
pub(crate) fn second(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).unwrap().as_secs() - 1_700_000_000
}

#[derive(Debug)]
pub(crate) struct World {
    now: u64,
    /// When the step before was done.
    step: u64,
    /// The zone since a second.
    zones: Vec<(u64, Vec<Tlsa>)>,
    /// What is presented since a second.
    presented: Vec<(u64, usize)>,
    ttl: u64,
    propagation: u64,
    deployment: u64,
}

impl World {
    pub(crate) fn new(
        zone: Vec<Tlsa>,
        presented: usize,
        ttl: u64,
        propagation: u64,
        deployment: u64,
    ) -> Self {
        Self {
            now: 20,
            step: 20,
            zones: vec![(0, zone)],
            presented: vec![(0, presented)],
            ttl,
            propagation,
            deployment,
        }
    }

    pub(crate) fn zone(&self) -> &[Tlsa] {
        &self.zones.last().unwrap().1
    }

    pub(crate) fn presented(&self) -> usize {
        self.presented.last().unwrap().1
    }

    pub(crate) fn last_change(&self) -> Option<u64> {
        (self.zones.len() > 1).then(|| self.zones.last().unwrap().0)
    }

    pub(crate) fn last_switch(&self) -> Option<u64> {
        (self.presented.len() > 1).then(|| self.presented.last().unwrap().0)
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += seconds;
    }

    pub(crate) fn publish(&mut self, zone: Vec<Tlsa>) {
        self.zones.push((self.now, zone));
        self.step = self.now;
    }

    pub(crate) fn switch(&mut self, to: usize) {
        self.presented.push((self.now, to));
        self.step = self.now;
    }

    /// Since the step before, if no second is said.
    pub(crate) fn wait(&mut self, seconds: u64, since: Option<u64>) {
        let over = since.unwrap_or(self.step) + seconds;
        self.now = self.now.max(over);
        self.step = self.now;
    }

    /// Every cache asks one of the authoritative servers, the first or the last, at any second; until
    /// its TTL has passed it has the answer; at each of these seconds somebody connects to the first or the
    /// last of the servers.
    pub(crate) fn is_safe(&self) -> Result<(), String> {
        let mut known = HashMap::new();
        let end = self.now + 2 * (self.ttl + self.propagation + self.deployment) + 1;
        for asked in 0..end {
            for late in [0, self.propagation] {
                let zone = at(&self.zones, asked, late);
                for connected in asked..=asked + self.ttl {
                    for slow in [0, self.deployment] {
                        let identity = *at(&self.presented, connected, slow);
                        let pair = (zone.clone(), identity);
                        let fits = *known.entry(pair).or_insert_with(|| fits(zone, identity));
                        if !fits {
                            return Err(format!(
                                "asked at {asked}, connected at {connected}: {identity} with {zone:?}"
                            ));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// What somebody has at a second, who hears of each change so late.
fn at<T>(changes: &[(u64, T)], second: u64, late: u64) -> &T {
    let heard = |(since, _): &&(u64, T)| *since == 0 || since + late <= second;
    &changes.iter().rfind(heard).unwrap().1
}

/// Whether clients authenticate this server by these records: all of them together, and, because a
/// client may understand nothing else, each combination of parameters by itself (RFC 7671 §8).
fn fits(zone: &[Tlsa], identity: usize) -> bool {
    let matches = |records: Vec<Tlsa>| {
        let usable = RrSet::new(records).assume_secure().usable_for_smtp();
        let names = References::new([HOST]).unwrap();
        let (own, others) = identities()[identity].chain().split_first().unwrap();
        usable.is_some_and(|usable| {
            let matcher = Matcher::new(usable, names, Crypto::aws_lc_rs());
            matcher.check(own, others, moment(0)).is_match()
        })
    };
    let combinations: BTreeSet<_> = zone.iter().map(Parameters::from).collect();
    zone.is_empty()
        || matches(zone.to_vec())
            && combinations.into_iter().all(|combination| {
                let of = zone.iter().filter(|r| Parameters::from(*r) == combination);
                matches(of.cloned().collect())
            })
}
