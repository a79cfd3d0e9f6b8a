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
    sync::Arc,
    time::Instant,
};

pub(crate) struct Peer {
    authenticator: MessageAuthenticator,
    txt: Known<Box<str>, Txt>,
    mx: Known<Box<str>, RecordSet<MX>>,
    ipv4: Known<Box<str>, RecordSet<Ipv4Addr>>,
    ipv6: Known<Box<str>, RecordSet<Ipv6Addr>>,
    ptr: Known<IpAddr, RecordSet<Box<str>>>,
}

/// A cache that is full already.
struct Known<K, V>(HashMap<K, V>);

impl<K: Hash + Eq, V: Clone> ResolverCache<K, V> for Known<K, V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
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
            txt: Known(HashMap::new()),
            mx: Known(HashMap::new()),
            ipv4: Known(HashMap::new()),
            ipv6: Known(HashMap::new()),
            ptr: Known(HashMap::new()),
        }
    }

    pub(crate) fn knows_key(mut self, name: &str, record: &str) -> Self {
        let key = Txt::DomainKey(Arc::new(DomainKey::parse(record.as_bytes()).unwrap()));
        self.txt.0.insert(name.into(), key);
        self
    }

    pub(crate) fn knows_spf(mut self, name: &str, record: &str) -> Self {
        let spf = Txt::Spf(Arc::new(Spf::parse(record.as_bytes()).unwrap()));
        self.txt.0.insert(name.into(), spf);
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
