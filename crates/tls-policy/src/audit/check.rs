//! What a rule looks at, and how a look becomes findings. A rule is data; this is what it can say.

mod case;
mod certificates;
mod domain;
mod grades;
mod host;
mod lists;
mod own;
mod services;

pub(super) use case::Case;
pub(super) use certificates::Decoded;

use super::{
    Finding, OwnFacts, Protocol, RuleSet, Seen, TlsFacts, Topic,
    facts::{ClientFacts, Roa},
};

/// The services that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// Port 25 of the MX hosts.
    Mx,
    /// What users connect to, webmail included.
    Users,
    /// All that is examined, and port 25 of the MX hosts in any case.
    All,
}

/// A version of TLS that a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Tls12,
    Tls13,
    Any,
}

/// A list of what a server, or our client, agrees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Suites12,
    Suites13,
    Groups12,
    Groups13,
    Signatures12,
    Signatures13,
}

/// Numbers that may be used, to the end of a year if one is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) codes: &'static [u16],
    pub(crate) until: Option<u16>,
}

pub(crate) type List = &'static [Part];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Any,
    All,
}

/// Something of a server's TLS that is on or off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    pub(crate) of: fn(&TlsFacts) -> &Seen<bool>,
    pub(crate) wanted: bool,
    pub(crate) version: Version,
}

/// Something of our own that is so or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnFlag {
    pub(crate) of: fn(&OwnFacts) -> &Seen<bool>,
    pub(crate) wanted: bool,
}

/// How a certificate's signature, or its key, may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chains {
    /// ECDSA with SHA-2, RSA-PSS; PKCS#1 v1.5 to the end of that year.
    Signatures { pkcs1_until: u16 },
    /// RSA with so many bits, ECDSA with a NIST or brainpool curve of 256 bits.
    Keys { rsa: u32 },
    /// No `*` in any name.
    NoWildcard,
    /// Each names a CRL or an OCSP responder.
    Revocation,
    /// Days, of the server's own and of the authorities below the root.
    Lifetimes { own: i64, authority: i64 },
    /// Days, of the root, if it is shown.
    RootLifetime(i64),
    /// Every authority has one.
    PathLength,
    /// Every certificate has one, and it is critical.
    KeyUsage,
    /// It leads to a public authority.
    Trusted,
    /// The name is that of the host.
    Named,
    /// internet.nl's classes of keys.
    GradedKeys,
    /// internet.nl's classes of hashes.
    GradedHashes,
}

/// Zones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Zone {
    Domain,
    MxSet,
    MxHosts,
}

/// What a DMARC record has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dmarc {
    Exists,
    /// `p` and `sp`, one step weaker with `t=y`, are quarantine or reject.
    Protects,
    Rejects,
    Strict,
    Reports,
    NoFailureReports,
    ExternalAgrees,
}

/// What an SPF record has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spf {
    Exists,
    Closed,
    NothingAfterAll,
    FewLookups,
}

/// What DKIM keys have to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dkim {
    /// `_domainkey` answers NOERROR.
    Node,
    /// RSA and Ed25519.
    Both,
    /// Bits of RSA.
    RsaBits { least: u32, most: u32 },
    /// Days.
    Age(i64),
}

/// What TLSA records have to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tlsas {
    Usable,
    Matching,
    Usages,
    Rollover,
    EndEntityAndAuthority,
    Ttl { least: u32, most: u32 },
}

/// What a TLSRPT record has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TlsRpt {
    Exists,
    Mailto,
    NoHttps,
    MailboxNotForced,
}

/// internet.nl's classes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Graded {
    Suites,
    SuiteOrder,
    KeyExchange,
    KeyExchangeHash,
}

/// Who, of what the domain names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hosts {
    NameServers,
    Mx,
}

/// What IPv6, or the RPKI, has to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    HasIpv6,
    AnswersIpv6,
    RoaExists,
    RoaValid,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    // Services.
    /// STARTTLS is offered.
    Starttls(On),
    /// These services are there, each somewhere.
    Exist(&'static [Protocol]),
    /// Of these, each somewhere, with STARTTLS.
    ExistWithStarttls(&'static [Protocol]),
    /// Nothing below TLS 1.2, and that to the end of a year, if one is said.
    Versions(On, Option<u16>),
    /// TLS 1.2 or 1.3.
    Modern(On),
    Flag(On, Flag),
    /// Nothing but what is listed.
    Listed(On, &'static [(What, List)]),
    /// These are offered.
    Offered(On, What, &'static [u16], Amount),
    /// These come after all of those, if both are offered.
    After(On, What, &'static [u16], &'static [u16]),
    /// What is announced is offered, or is not yet.
    Announced(On, &'static [u16]),
    /// CBC only with encrypt-then-MAC.
    CbcWithEtm(On),
    /// Suites with forward secrecy before those without.
    ForwardSecrecyFirst(On),
    /// Bits of DHE.
    DheBits(On, u16),
    /// On port 25, what is not listed comes last.
    UnlistedLast(&'static [(What, List)]),
    Graded(Graded),
    Chains(On, Chains),
    // Names.
    Dnssec(Zone),
    Tlsa(Tlsas),
    Caa,
    Reach(Hosts, Reach),
    Sts,
    TlsRpt(TlsRpt),
    Spf(Spf),
    Dkim(Dkim),
    Dmarc(Dmarc),
    /// A domain without mail says so.
    Unused,
    /// SRV, autoconfig or Autodiscover lead users to TLS.
    Encouraged,
    // Our own.
    Own(OwnFlag),
    /// What it does, or somebody's word.
    OwnOrAttested(OwnFlag, Topic),
    Attested(Topic),
    /// Days.
    DkimRotation(u32),
    Client(fn(&ClientFacts) -> &Seen<bool>, bool),
    ClientListed(What, List),
    ClientForwardSecrecyFirst,
    // Others.
    /// Every rule of these sets that is a must, on these services.
    Sets(&'static [&'static RuleSet], On),
}

impl Check {
    pub(super) fn run(&self, case: &Case<'_>) -> Vec<Finding> {
        match *self {
            Self::Starttls(on) => services::starttls(case, on),
            Self::Exist(protocols) => services::exist(case, protocols),
            Self::ExistWithStarttls(protocols) => services::exist_with_starttls(case, protocols),
            Self::Versions(on, until) => services::versions(case, on, until),
            Self::Modern(on) => services::modern(case, on),
            Self::Flag(on, flag) => services::flag(case, on, flag),
            Self::Listed(on, lists) => lists::listed(case, on, lists),
            Self::Offered(on, what, codes, amount) => lists::offered(case, on, what, codes, amount),
            Self::After(on, what, later, earlier) => lists::after(case, on, what, later, earlier),
            Self::Announced(on, codes) => lists::announced(case, on, codes),
            Self::CbcWithEtm(on) => lists::cbc_with_etm(case, on),
            Self::ForwardSecrecyFirst(on) => lists::forward_secrecy_first(case, on),
            Self::DheBits(on, least) => lists::dhe_bits(case, on, least),
            Self::UnlistedLast(parts) => lists::listed(&case.tolerant(), On::Mx, parts),
            Self::Graded(graded) => grades::graded(case, graded),
            Self::Chains(on, chains) => certificates::chains(case, on, chains),
            Self::Dnssec(zone) => host::dnssec(case, zone),
            Self::Tlsa(tlsa) => host::tlsa(case, tlsa),
            Self::Caa => host::caa(case),
            Self::Reach(hosts, reach) => host::reach(case, hosts, reach),
            Self::Sts => domain::sts(case),
            Self::TlsRpt(wanted) => domain::tlsrpt(case, wanted),
            Self::Spf(wanted) => domain::spf(case, wanted),
            Self::Dkim(wanted) => domain::dkim(case, wanted),
            Self::Dmarc(wanted) => domain::dmarc(case, wanted),
            Self::Unused => domain::unused(case),
            Self::Encouraged => domain::encouraged(case),
            Self::Own(flag) => own::flag(case, flag),
            Self::OwnOrAttested(flag, topic) => own::flag_or_attested(case, flag, topic),
            Self::Attested(topic) => own::attested(case, topic),
            Self::DkimRotation(days) => own::dkim_rotation(case, days),
            Self::Client(of, wanted) => own::client(case, of, wanted),
            Self::ClientListed(what, list) => own::client_listed(case, what, list),
            Self::ClientForwardSecrecyFirst => own::client_forward_secrecy_first(case),
            Self::Sets(sets, on) => case.sets(sets, on),
        }
    }
}

impl Reach {
    fn judge_roa(self, roa: Roa) -> bool {
        match self {
            Self::RoaExists => roa != Roa::NotFound,
            _ => roa != Roa::Invalid,
        }
    }
}
