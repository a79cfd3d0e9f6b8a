//! mail-auth with everything in its caches, parsed, as it keeps it.

use mail_auth::{
    AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, RecordSet,
    ResolverCache, SpfResult, Txt,
    common::{parse::TxtRecordParser, verify::DomainKey},
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
    spf::{Spf, verify::SpfParameters},
};
use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

pub(crate) struct Peer {
    authenticator: MessageAuthenticator,
    txt: Known<Box<str>, Txt>,
    mx: Known<Box<str>, RecordSet<MX>>,
    ipv4: Known<Box<str>, RecordSet<Ipv4Addr>>,
    ipv6: Known<Box<str>, RecordSet<Ipv6Addr>>,
    ptr: Known<IpAddr, RecordSet<Box<str>>>,
}

/// A cache that is full already, as plain as one that is shared between threads and lets its entries
/// expire can be: mail-auth brings none, and gives it no time.
struct Known<K, V>(Mutex<HashMap<K, (V, Instant)>>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone> ResolverCache<K, V> for Known<K, V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let known = self.0.lock().unwrap();
        let (value, expires) = known.get(name)?;
        (Instant::now() < *expires).then(|| value.clone())
    }

    fn remove<Q>(&self, _: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: K, _: V, _: Instant) {
        panic!("the DNS was asked");
    }
}

impl Peer {
    pub(crate) fn new() -> Self {
        let config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        Self {
            authenticator: MessageAuthenticator::new(config, ResolverOpts::default()).unwrap(),
            txt: Known::default(),
            mx: Known::default(),
            ipv4: Known::default(),
            ipv6: Known::default(),
            ptr: Known::default(),
        }
    }

    pub(crate) fn knows_key(self, name: &str, record: &str) -> Self {
        let key = Txt::DomainKey(Arc::new(DomainKey::parse(record.as_bytes()).unwrap()));
        self.knows(name, key)
    }

    pub(crate) fn knows_spf(self, name: &str, record: &str) -> Self {
        let spf = Txt::Spf(Arc::new(Spf::parse(record.as_bytes()).unwrap()));
        self.knows(name, spf)
    }

    #[allow(clippy::disallowed_methods)] // the clock is mail-auth's affair
    fn knows(self, name: &str, text: Txt) -> Self {
        let expires = Instant::now() + Duration::from_secs(3600);
        self.txt
            .0
            .lock()
            .unwrap()
            .insert(name.into(), (text, expires));
        self
    }

    /// Reads the message, too, as our verification does.
    pub(crate) fn passes_signature(&self, message: &[u8]) -> bool {
        let message = AuthenticatedMessage::parse(message).unwrap();
        let outputs = pollster::block_on(self.authenticator.verify_dkim(self.with(&message)));
        outputs.first().unwrap().result() == &DkimResult::Pass
    }

    pub(crate) fn passes_spf(&self, client: IpAddr, helo: &str, sender: &str) -> bool {
        let parameters = SpfParameters::verify_mail_from(client, helo, "mx.example.net", sender);
        let output = pollster::block_on(self.authenticator.verify_spf(self.with(parameters)));
        output.result() == SpfResult::Pass
    }

    #[allow(clippy::type_complexity)] // mail-auth's
    fn with<'x, P>(
        &'x self,
        params: P,
    ) -> Parameters<
        'x,
        P,
        Known<Box<str>, Txt>,
        Known<Box<str>, RecordSet<MX>>,
        Known<Box<str>, RecordSet<Ipv4Addr>>,
        Known<Box<str>, RecordSet<Ipv6Addr>>,
        Known<IpAddr, RecordSet<Box<str>>>,
    > {
        Parameters {
            params,
            cache_txt: Some(&self.txt),
            cache_mx: Some(&self.mx),
            cache_ptr: Some(&self.ptr),
            cache_ipv4: Some(&self.ipv4),
            cache_ipv6: Some(&self.ipv6),
        }
    }
}
