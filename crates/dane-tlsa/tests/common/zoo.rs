//! Certificates, each with one thing that is right or wrong: made once for a test program.
//!
//! What begins with `root` has one name and one key, and so has what begins with `int`, so that any
//! of them can stand for another in a chain; `leaf…` is issued by `int` where the name does not say
//! otherwise. All but `…-expired` and `…-future` are valid from 2020 to 2040.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SigningKey,
    date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

pub(crate) struct Zoo {
    animals: BTreeMap<&'static str, Animal>,
}

struct Animal {
    der: CertificateDer<'static>,
    key: Arc<KeyPair>,
}

/// The one of this program.
pub(crate) fn zoo() -> &'static Zoo {
    static ZOO: OnceLock<Zoo> = OnceLock::new();
    ZOO.get_or_init(Zoo::new)
}

/// Who signs: a name and a key.
struct Signer {
    params: CertificateParams,
    key: Arc<KeyPair>,
}

impl Zoo {
    pub(crate) fn get(&self, name: &str) -> Option<&CertificateDer<'static>> {
        self.animals.get(name).map(|animal| &animal.der)
    }

    pub(crate) fn key(&self, name: &str) -> &KeyPair {
        &self.animals[name].key
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.animals.keys().copied()
    }

    /// Those named, the server's first.
    pub(crate) fn chain<N: AsRef<str>>(&self, names: &[N]) -> Vec<CertificateDer<'static>> {
        let get = |name: &N| match self.get(name.as_ref()) {
            Some(der) => der.clone(),
            None => panic!("no such certificate: {}", name.as_ref()),
        };
        names.iter().map(get).collect()
    }

    pub(crate) fn pem<N: AsRef<str>>(&self, names: &[N]) -> String {
        let chain = self.chain(names);
        let block = |der: &CertificateDer<'_>| pem_block("CERTIFICATE", der);
        chain.iter().map(block).collect()
    }

    fn new() -> Self {
        let root = Signer::new("Zoo Root");
        let other_root = Signer::new("Other Root");
        let int = Signer::new("Zoo Intermediate");
        let sub = Signer::new("Zoo Sub-Intermediate");
        let mut zoo = Self {
            animals: BTreeMap::new(),
        };

        zoo.authority("root", &root, &root, |_| {});
        zoo.authority("root-expired", &root, &root, expired);
        zoo.authority("root-no-ca", &root, &root, |p| p.is_ca = IsCa::ExplicitNoCa);
        zoo.authority("root-no-sign", &root, &root, no_sign);
        zoo.authority("root-path0", &root, &root, path0);
        zoo.authority("root-client", &root, &root, client);
        zoo.authority("root-critical", &root, &root, critical);
        zoo.authority("root-constrained", &root, &root, |p| {
            constrained(p, "other.example")
        });
        zoo.authority("root-cross", &root, &other_root, |_| {});
        zoo.authority("other-root", &other_root, &other_root, |_| {});
        zoo.without_extensions("root-v1", "root", &root, V1);
        zoo.without_extensions("root-v3-bare", "root", &root, V3);

        zoo.authority("int", &int, &root, |_| {});
        zoo.authority("int-expired", &int, &root, expired);
        zoo.authority("int-future", &int, &root, future);
        zoo.authority("int-no-ca", &int, &root, |p| p.is_ca = IsCa::ExplicitNoCa);
        zoo.authority("int-no-sign", &int, &root, no_sign);
        zoo.authority("int-path0", &int, &root, path0);
        zoo.authority("int-client", &int, &root, client);
        zoo.authority("int-critical", &int, &root, critical);
        zoo.authority("int-constrained", &int, &root, |p| {
            constrained(p, "other.example")
        });
        zoo.authority("int-permitted", &int, &root, |p| {
            constrained(p, "example.org")
        });
        zoo.authority("int-cross", &int, &other_root, |_| {});
        zoo.forged("int-forged", "int");
        zoo.authority("sub", &sub, &int, |_| {});

        zoo.server("leaf", &["mx.example.org"], &int, |_| {});
        zoo.server("leaf-of-root", &["mx.example.org"], &root, |_| {});
        zoo.server("leaf-of-sub", &["mx.example.org"], &sub, |_| {});
        zoo.server("leaf-other", &["other.example"], &int, |_| {});
        zoo.server(
            "leaf-domain",
            &["www.example.org", "example.org"],
            &int,
            |_| {},
        );
        zoo.server("leaf-expired", &["mx.example.org"], &int, expired);
        zoo.server("leaf-future", &["mx.example.org"], &int, future);
        zoo.server("leaf-other-expired", &["other.example"], &int, expired);
        zoo.server("leaf-wildcard", &["*.example.org"], &int, |_| {});
        zoo.server("leaf-partial", &["m*.example.org"], &int, |_| {});
        zoo.server("leaf-cn", &[], &int, |_| {});
        zoo.server("leaf-ca", &["mx.example.org"], &int, |p| {
            p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        });
        zoo.server("leaf-client", &["mx.example.org"], &int, client);
        zoo.server("leaf-sign-only", &["mx.example.org"], &int, |p| {
            p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        });
        zoo.server("leaf-critical", &["mx.example.org"], &int, critical);
        zoo.forged("leaf-forged", "leaf");
        zoo.without_extensions("leaf-v1", "leaf", &int, V1);

        let own = Signer::new("mx.example.org");
        zoo.authority("self", &own, &own, |p| {
            sans(p, &["mx.example.org"]);
            p.is_ca = IsCa::ExplicitNoCa;
            p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        });
        zoo.authority("self-ca", &own, &own, |p| {
            sans(p, &["mx.example.org"]);
            p.key_usages.push(KeyUsagePurpose::DigitalSignature);
        });
        zoo
    }

    fn insert(&mut self, name: &'static str, der: CertificateDer<'static>, key: &Arc<KeyPair>) {
        let key = Arc::clone(key);
        let old = self.animals.insert(name, Animal { der, key });
        assert!(old.is_none(), "{name} twice");
    }

    fn authority(
        &mut self,
        name: &'static str,
        subject: &Signer,
        issuer: &Signer,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = subject.params.clone();
        change(&mut params);
        let der = issuer.sign(&params, &subject.key);
        self.insert(name, der, &subject.key);
    }

    fn server(
        &mut self,
        name: &'static str,
        names: &[&str],
        issuer: &Signer,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = base("mx.example.org");
        sans(&mut params, names);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = Arc::new(KeyPair::generate().unwrap());
        let der = issuer.sign(&params, &key);
        self.insert(name, der, &key);
    }

    /// The same with a signature that is wrong in its last bit.
    fn forged(&mut self, name: &'static str, of: &str) {
        let mut der = self.animals[of].der.to_vec();
        *der.last_mut().unwrap() ^= 1;
        let key = Arc::clone(&self.animals[of].key);
        self.insert(name, der.into(), &key);
    }

    /// The same without extensions, with another field for the version.
    fn without_extensions(
        &mut self,
        name: &'static str,
        of: &str,
        issuer: &Signer,
        version: &[u8],
    ) {
        let animal = &self.animals[of];
        let (_, parsed) = x509_parser::parse_x509_certificate(&animal.der).unwrap();
        let tbs = &parsed.tbs_certificate;
        let whole = tbs.as_ref();
        // The key ends where the extensions begin.
        let start = whole.windows(5).position(|w| w == V3).unwrap() + 5;
        let key = tbs.subject_pki.raw;
        let end = whole.windows(key.len()).position(|w| w == key).unwrap() + key.len();
        let tbs = element(0x30, &[version, &whole[start..end]].concat());
        // ecdsa-with-SHA256.
        let algorithm = element(0x30, &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
        let signature = [&[0], &*issuer.key.sign(&tbs).unwrap()].concat();
        let signature = element(3, &signature);
        let der = element(0x30, &[tbs, algorithm, signature].concat());
        let key = Arc::clone(&animal.key);
        self.insert(name, der.into(), &key);
    }
}

/// The field for the version, which is absent for 1 (RFC 5280 §4.1.2.1).
const V1: &[u8] = &[];
const V3: &[u8] = &[0xa0, 3, 2, 1, 2];

impl Signer {
    fn new(name: &str) -> Self {
        let mut params = base(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = Arc::new(KeyPair::generate().unwrap());
        Self { params, key }
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        let issuer = Issuer::from_params(&self.params, &*self.key);
        params.signed_by(key, &issuer).unwrap().der().clone()
    }
}

fn base(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

fn sans(params: &mut CertificateParams, names: &[&str]) {
    let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
    params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
}

fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2021, 1, 1);
}

fn future(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2039, 1, 1);
}

fn no_sign(params: &mut CertificateParams) {
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
}

fn path0(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
}

fn client(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
}

fn critical(params: &mut CertificateParams) {
    // 1.3.6.1.4.1.55555.1, of nobody.
    let mut extension =
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55_555, 1], vec![5, 0]);
    extension.set_criticality(true);
    params.custom_extensions = vec![extension];
}

fn constrained(params: &mut CertificateParams, domain: &str) {
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.into())],
        excluded_subtrees: vec![],
    });
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match (content.len(), length) {
        (0..0x80, [_, low]) => vec![tag, low],
        (0x80..0x100, [_, low]) => vec![tag, 0x81, low],
        (_, [high, low]) => vec![tag, 0x82, high, low],
    };
    [header, content.to_vec()].concat()
}

pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64(der).as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).unwrap());
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |sum, &o| sum << 8 | u32::from(o)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}
