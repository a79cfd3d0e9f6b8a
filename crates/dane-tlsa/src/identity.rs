//! What a server authenticates itself with, seen from its operator's side.

use crate::{
    Crypto, Parameters, PublishError, Tlsa,
    cert::{self, PublicKey},
};
use rustls_pki_types::CertificateDer;

/// What a server presents: its certificate and those that it sends with it, or a key alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The server's own certificate first; empty for a key alone.
    chain: Vec<CertificateDer<'static>>,
    /// The SubjectPublicKeyInfo of the server itself.
    spki: Vec<u8>,
}

impl Identity {
    /// A chain as the server sends it: its own certificate first. The last one is taken for the
    /// authority of usages 0 and 2.
    ///
    /// # Errors
    /// [`PublishError::NotACertificate`] if there is none, or one has not the form of a certificate.
    pub fn from_chain<'a>(
        chain: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Self, PublishError> {
        let chain = chain.into_iter().map(CertificateDer::into_owned);
        let chain: Vec<CertificateDer<'static>> = chain.collect();
        let spki = chain.iter().map(|certificate| cert::spki(certificate));
        let spki: Option<Vec<&[u8]>> = spki.collect();
        let spki = spki.as_deref().and_then(<[_]>::first);
        let spki = spki.ok_or(PublishError::NotACertificate)?.to_vec();
        Ok(Self { chain, spki })
    }

    /// A key, as the DER of its SubjectPublicKeyInfo: of a certificate that is still to be issued.
    ///
    /// # Errors
    /// [`PublishError::NotAKey`].
    pub fn from_key(spki: &[u8]) -> Result<Self, PublishError> {
        PublicKey::parse(spki).ok_or(PublishError::NotAKey)?;
        Ok(Self {
            chain: Vec::new(),
            spki: spki.to_vec(),
        })
    }

    /// The certificates, the server's own one first; none where there is only a key.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Its record with these parameters: of the server itself for usages 1 and 3, of the last
    /// certificate that it sends for 0 and 2.
    ///
    /// # Errors
    /// [`PublishError::UsageWantsAuthority`], and those of [`Tlsa::for_certificate`] and
    /// [`Tlsa::for_key`].
    pub fn record(&self, parameters: Parameters, crypto: &Crypto) -> Result<Tlsa, PublishError> {
        let of = |certificate| Tlsa::for_certificate(parameters, certificate, crypto);
        match (parameters.is_end_entity(), &*self.chain) {
            (true, []) => Tlsa::for_key(parameters, &self.spki, crypto),
            (true, [own, ..]) => of(own),
            (false, [_, .., top]) => of(top),
            (false, _) => Err(PublishError::UsageWantsAuthority),
        }
    }

    /// Whether a record is about this: about the server itself for usages 1 and 3, about any other
    /// certificate that it sends for 0 and 2. A record of an authority that the server does not send
    /// is about nothing here; nor are names, dates and signatures looked at: that is the verifier's.
    pub fn is_named_by(&self, record: &Tlsa, crypto: &Crypto) -> bool {
        let parameters = Parameters::from(record);
        let is = |made: Result<Tlsa, PublishError>| made.is_ok_and(|made| made == *record);
        if !parameters.is_end_entity() {
            let above = self.chain.iter().skip(1);
            return above
                .map(|certificate| Tlsa::for_certificate(parameters, certificate, crypto))
                .any(is);
        }
        match self.chain.first() {
            Some(own) => is(Tlsa::for_certificate(parameters, own, crypto)),
            None => is(Tlsa::for_key(parameters, &self.spki, crypto)),
        }
    }
}
