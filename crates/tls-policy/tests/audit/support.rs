//! A mail service that does everything right, as facts; and how to change one of them.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, IsCa, KeyPair,
    KeyUsagePurpose, RsaKeySize, date_time_ymd,
};
use serde_json::{Value, json};
use std::sync::LazyLock;
use tls_policy::audit::{
    self, Attestation, Caa, Chain, Date, Der, DkimKey, DkimKind, DmarcFacts, DmarcPolicy, Dnssec,
    Facts, HostFacts, Mx, MxName, NameServer, Offers, Order, PolicyBody, Protocol, Published,
    RULE_SETS, Report, Roa, Seen, ServiceFacts, SpfAll, SpfFacts, Srv, Subject, TlsFacts, Tlsa,
    Topic,
};

pub(crate) const TODAY: &str = "2026-11-27";

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn run(facts: &Facts, today: &str) -> Report {
    audit::audit(facts, &RULE_SETS, date(today))
}

pub(crate) const TOPICS: [Topic; 7] = [
    Topic::SecurityConcept,
    Topic::DataProtection,
    Topic::IncidentNotice,
    Topic::Transparency,
    Topic::OnPremises,
    Topic::UserDocumentation,
    Topic::CertificateAuthority,
];

/// Everything is known, and as every rule of every set would have it, so far as they agree.
pub(crate) fn good() -> Facts {
    let mut facts = Facts::of_domain(Subject::Own, "example.org");
    let domain = facts.domain.as_mut().unwrap();
    domain.dnssec = Seen::known(Dnssec::Secure).noting("validated");
    let mx = |(at, host)| MxName::new(at, host);
    let both = [(10, "mx1.example.org"), (20, "mx2.example.org")];
    domain.mx = Seen::known(Mx::Hosts(both.map(mx).into()));
    domain.mx_dnssec = Seen::known(Dnssec::Secure);
    domain.sends = Seen::known(true);
    let server = |name: &str| {
        let mut server = NameServer::new(name);
        server.addresses = Seen::known(vec!["2001:db8::53".parse().unwrap()]);
        server.answers_ipv6 = Seen::known(true);
        server.roa = Seen::known(Roa::Valid);
        server
    };
    let servers = vec![server("ns1.example.org"), server("ns2.example.org")];
    domain.name_servers = Seen::known(servers);
    domain.sts_record = Seen::known(vec!["v=STSv1; id=1;".into()]);
    let policy =
        "version: STSv1\nmode: enforce\nmx: mx1.example.org\nmx: mx2.example.org\nmax_age: 86400\n";
    domain.sts_policy = Seen::known(PolicyBody::Text(policy.into()));
    domain.sts_wildcard = Seen::known(false);
    domain.tlsrpt_record = Seen::known(vec!["v=TLSRPTv1; rua=mailto:tls@reports.example".into()]);
    domain.tlsrpt_mailbox_forced = Seen::known(false);
    domain.spf = Seen::known(Published::Valid(SpfFacts::new(SpfAll::Fail, 1)));
    domain.dkim_node = Seen::known(true);
    let key = |selector: &str, kind| {
        let mut key = DkimKey::new(selector, kind);
        key.since = Seen::known(date("2026-09-01"));
        key
    };
    let keys = vec![key("r1", DkimKind::Rsa(2048)), key("e1", DkimKind::Ed25519)];
    domain.dkim_keys = Seen::known(keys);
    let mut dmarc = DmarcFacts::new(DmarcPolicy::Reject);
    (dmarc.strict_spf, dmarc.strict_dkim) = (true, true);
    dmarc.rua = vec!["mailto:dmarc@example.org".into()];
    dmarc.external_agrees = Seen::known(true);
    domain.dmarc = Seen::known(Published::Valid(dmarc));
    domain.srv = Seen::known(vec![Srv::new("_imaps", "mail.example.org", 993)]);
    domain.autoconfig = Seen::known(false);
    domain.autodiscover = Seen::known(false);

    for (_, name) in both {
        facts.hosts.push(host(name));
        facts.services.push(service(name, Protocol::Smtp));
    }
    for protocol in Protocol::ALL {
        if protocol != Protocol::Smtp {
            facts.services.push(service("mail.example.org", protocol));
        }
    }
    own(&mut facts);
    let given = date("2026-01-15");
    let attest = |topic| Attestation::new(topic, "A. Person", given);
    facts.attestations = TOPICS.map(attest).into();
    facts
}

fn host(name: &str) -> HostFacts {
    let mut host = HostFacts::new(name);
    host.dnssec = Seen::known(Dnssec::Secure);
    host.addresses = Seen::known(vec![
        "192.0.2.25".parse().unwrap(),
        "2001:db8::25".parse().unwrap(),
    ]);
    host.answers_ipv6 = Seen::known(true);
    host.tlsa = Seen::known(vec![Tlsa::new(3, 1, 1, true), Tlsa::new(2, 1, 1, true)]);
    host.tlsa_dnssec = Seen::known(Dnssec::Secure);
    host.tlsa_matches = Seen::known(true);
    host.tlsa_ttl = Seen::known(600);
    let issue = Caa::new("issue", "ca.example");
    host.caa = Seen::known(Published::Valid(vec![issue]));
    host.roa = Seen::known(Roa::Valid);
    host
}

fn service(host: &str, protocol: Protocol) -> ServiceFacts {
    let mut service = ServiceFacts::new(host, protocol);
    service.reachable = Seen::known(true);
    if protocol.begins_in_the_clear() {
        service.starttls = Seen::known(true);
    }
    service.tls = tls();
    service.chains = Seen::known(vec![chain(&GOOD_CHAIN)]);
    service
}

fn tls() -> TlsFacts {
    let mut tls = TlsFacts::default();
    let offers = |codes: &[u16]| Seen::known(Offers::all(codes));
    for old in [&mut tls.ssl2, &mut tls.ssl3, &mut tls.tls10, &mut tls.tls11] {
        *old = Seen::known(false);
    }
    (tls.tls12, tls.tls13) = (Seen::known(true), Seen::known(true));
    tls.suites12 = offers(&[0xC02C, 0xC02B]);
    tls.suites13 = offers(&[0x1302, 0x1301]);
    tls.order = Seen::known(Order::Server);
    tls.group_order = Seen::known(Order::Server);
    tls.groups12 = offers(&[23, 26]);
    tls.groups13 = offers(&[23, 24, 31]);
    tls.dhe_bits = Seen::known(vec![]);
    tls.signatures12 = offers(&[0x0403]);
    tls.signatures13 = offers(&[0x0403]);
    tls.compression = Seen::known(false);
    tls.secure_renegotiation = Seen::known(true);
    tls.client_renegotiation = Seen::known(false);
    tls.extended_master_secret = Seen::known(true);
    tls.encrypt_then_mac = Seen::known(false);
    tls.truncated_hmac = Seen::known(false);
    tls.heartbeat = Seen::known(false);
    tls.early_data = Seen::known(false);
    tls.ocsp_stapled = Seen::known(true);
    tls
}

fn own(facts: &mut Facts) {
    let own = &mut facts.own;
    for so in [
        &mut own.validating_resolver,
        &mut own.sends_starttls,
        &mut own.sends_dane,
        &mut own.sends_sts,
        &mut own.sends_tlsrpt,
        &mut own.signs_tlsrpt,
        &mut own.tlsrpt_despite_failures,
        &mut own.webmail_https_only,
        &mut own.bounces_explain,
        &mut own.shows_secure_peers,
        &mut own.checks_spf,
        &mut own.checks_dkim,
        &mut own.refuses_rsa_sha1,
        &mut own.checks_dmarc,
        &mut own.obeys_dmarc,
        &mut own.authentication_results,
        &mut own.signs_all,
        &mut own.signs_ed25519,
        &mut own.signs_rsa,
        &mut own.oversigns,
        &mut own.sends_dmarc_reports,
        &mut own.reads_reports,
        &mut own.client.tls12,
        &mut own.client.tls13,
        &mut own.client.signature_algorithms_cert,
        &mut own.client.extended_master_secret,
        &mut own.client.checks_revocation,
    ] {
        *so = Seen::known(true);
    }
    for not_so in [
        &mut own.sts_takes_wildcards,
        &mut own.session_limit_48h,
        &mut own.signs_trace,
        &mut own.sends_ruf,
        &mut own.client.old_versions,
        &mut own.client.early_data,
    ] {
        *not_so = Seen::known(false);
    }
    own.dkim_rotation_days = Seen::known(90);
    let offers = |codes: &[u16]| Seen::known(Offers::all(codes));
    own.client.suites12 = offers(&[0xC02C, 0xC02B]);
    own.client.suites13 = offers(&[0x1302, 0x1301]);
    own.client.groups = offers(&[4587, 23, 24]);
    own.client.signatures = offers(&[0x0403, 0x0804]);
}

// Certificates.

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

fn params(name: &str, years: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026 + years, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let uris = vec!["http://ca.example/crl".into()];
    params.crl_distribution_points = vec![CrlDistributionPoint { uris }];
    params
}

fn authority(name: &str, years: i32, constraints: BasicConstraints) -> CertificateParams {
    let mut params = params(name, years);
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// Server, authority and root; each as it was changed.
fn issue(
    server: impl FnOnce(&mut CertificateParams),
    between: impl FnOnce(&mut CertificateParams),
    root: impl FnOnce(&mut CertificateParams),
    keys: [KeyPair; 3],
) -> Vec<Vec<u8>> {
    let [server_key, between_key, root_key] = keys;
    let mut params_of_root = authority("root", 6, BasicConstraints::Constrained(1));
    root(&mut params_of_root);
    let top = CertifiedIssuer::self_signed(params_of_root, root_key).unwrap();
    let mut params_between = authority("between", 5, BasicConstraints::Constrained(0));
    between(&mut params_between);
    let middle = CertifiedIssuer::signed_by(params_between, between_key, &top).unwrap();
    let mut params = params("mx.example.org", 1);
    server(&mut params);
    let end = params.signed_by(&server_key, &middle).unwrap();
    let of = |der: &[u8]| der.to_vec();
    vec![of(end.der()), of(middle.der()), of(top.der())]
}

fn none(_: &mut CertificateParams) {}

fn keys() -> [KeyPair; 3] {
    [key(), key(), key()]
}

static GOOD_CHAIN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| issue(none, none, none, keys()));

fn rsa(size: RsaKeySize) -> KeyPair {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap()
}

/// A chain by the name that the expectations give it.
fn chain_of(name: &str) -> Vec<Vec<u8>> {
    match name {
        "wildcard" => issue(
            |p| {
                p.subject_alt_names
                    .push(rcgen::SanType::DnsName("*.example.org".try_into().unwrap()))
            },
            none,
            none,
            keys(),
        ),
        "rsa-2048" => issue(none, none, none, [rsa(RsaKeySize::_2048), key(), key()]),
        "pkcs1" => issue(none, none, none, [key(), rsa(RsaKeySize::_3072), key()]),
        "ed25519" => {
            let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
            issue(none, none, none, [ed25519, key(), key()])
        }
        "no-crl" => issue(|p| p.crl_distribution_points.clear(), none, none, keys()),
        "long" => issue(
            |p| p.not_after = date_time_ymd(2030, 1, 1),
            none,
            none,
            keys(),
        ),
        "long-root" => issue(
            none,
            none,
            |p| p.not_after = date_time_ymd(2046, 1, 1),
            keys(),
        ),
        "no-path" => {
            let unconstrained = IsCa::Ca(BasicConstraints::Unconstrained);
            issue(none, |p| p.is_ca = unconstrained, none, keys())
        }
        "no-usage" => issue(|p| p.key_usages.clear(), none, none, keys()),
        "self-signed" => {
            let made = params("mx.example.org", 1).self_signed(&key()).unwrap();
            vec![made.der().to_vec()]
        }
        // RSA with 1024 bits, signed with SHA-1, by OpenSSL: rcgen makes no such thing.
        "old" => {
            let text = include_str!("../data/rsa-1024-sha1.der.base64").trim();
            let old: Der = serde_json::from_value(json!(text)).unwrap();
            vec![old.as_ref().to_vec()]
        }
        "broken" => vec![vec![0x30, 0x03, 0x02, 0x01, 0x01]],
        other => panic!("no chain {other}"),
    }
}

fn chain(ders: &[Vec<u8>]) -> Chain {
    let mut chain = Chain::new(ders.iter().cloned().map(Der::from).collect());
    chain.trusted = Seen::known(true);
    chain.name_matches = Seen::known(true);
    chain
}

// Changes.

/// The facts as JSON, in which every fact has a path.
pub(crate) fn to_json(facts: &Facts) -> Value {
    serde_json::to_value(facts).unwrap()
}

pub(crate) fn from_json(value: Value) -> Facts {
    serde_json::from_value(value).unwrap()
}

/// The fact at that path is now so. `*` stands for each of a list. "@chain:NAME" is a chain.
pub(crate) fn set(facts: &mut Value, path: &str, to: Value) {
    let to = match to.as_str().and_then(|text| text.strip_prefix("@chain:")) {
        Some(name) => serde_json::to_value(vec![chain(&chain_of(name))]).unwrap(),
        None => to,
    };
    each(facts, path, &mut |fact| {
        *fact = json!({ "known": { "value": to.clone() } })
    });
}

/// It is not known, for that cause.
pub(crate) fn forget(facts: &mut Value, path: &str, cause: &str) {
    each(facts, path, &mut |fact| {
        *fact = json!({ "unknown": { "cause": cause } })
    });
}

/// What is at that path, which is no fact, is now this.
pub(crate) fn put(facts: &mut Value, path: &str, to: Value) {
    each(facts, path, &mut |place| *place = to.clone());
}

fn each(value: &mut Value, path: &str, change: &mut dyn FnMut(&mut Value)) {
    let Some(path) = path.strip_prefix('/') else {
        assert!(path.is_empty());
        return change(value);
    };
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let rest = match rest {
        "" => String::new(),
        rest => format!("/{rest}"),
    };
    match value {
        Value::Array(all) if first == "*" => {
            assert!(!all.is_empty());
            all.iter_mut().for_each(|value| each(value, &rest, change));
        }
        Value::Array(all) => each(&mut all[first.parse::<usize>().unwrap()], &rest, change),
        Value::Object(map) => {
            let inner = map.get_mut(first).unwrap_or_else(|| panic!("no {first}"));
            each(inner, &rest, change);
        }
        other => panic!("{first} of {other}"),
    }
}

/// The paths of all facts that are known.
pub(crate) fn known(value: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if map.len() == 1 && map.contains_key("known") {
                    all.push(path.to_owned());
                }
                for (name, value) in map {
                    walk(value, &format!("{path}/{name}"), all);
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    walk(value, &format!("{path}/{at}"), all);
                }
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    walk(value, "", &mut all);
    all
}
