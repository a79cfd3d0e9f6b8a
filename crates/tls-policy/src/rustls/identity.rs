use super::{Profile, certificates::Source, x509::View};
use ::rustls::{
    Error,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use std::{sync::Arc, time::SystemTime};

/// Most octets of a chain, and of a key, in PEM.
pub const MAX_PEM: usize = 64 * 1024;

/// Most certificates of a chain.
pub const MAX_CHAIN: usize = 10;

/// Why a chain with its key is not used. Of several reasons it is the first in this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// More than [`MAX_PEM`] octets or [`MAX_CHAIN`] certificates.
    #[error("the chain or the key is too long")]
    TooLong,
    /// No PEM, or a block that is cut off.
    #[error("the chain is no PEM")]
    ChainNotPem,
    /// No certificate.
    #[error("no certificate")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("certificate {at} cannot be read")]
    Unreadable {
        /// Counted from 0, the server's own.
        at: usize,
    },
    /// A certificate is not issued by the next one of the chain; the names say so, signatures are
    /// not looked at.
    #[error("certificate {at} is not issued by the next one")]
    Broken {
        /// Counted from 0, the server's own.
        at: usize,
    },
    /// A certificate is not valid yet.
    #[error("certificate {at} is not valid yet")]
    NotYetValid {
        /// Counted from 0, the server's own.
        at: usize,
        /// When it will be.
        from: SystemTime,
    },
    /// A certificate has expired.
    #[error("certificate {at} has expired")]
    Expired {
        /// Counted from 0, the server's own.
        at: usize,
        /// Its last moment.
        until: SystemTime,
    },
    /// The certificate has no DNS name.
    #[error("the certificate has no DNS name")]
    NoName,
    /// The certificate lacks a name that it has to have.
    #[error("the certificate is not for {0}")]
    NotFor(String),
    /// The profile allows no wildcards.
    #[error("the profile allows no wildcard: {0}")]
    Wildcard(String),
    /// The profile wants a key for ECDSA with P-256 or P-384.
    #[error("the key is not one for ECDSA with P-256 or P-384")]
    NotEcdsa,
    /// No private key in PEM, or none that the provider can use.
    #[error("the private key cannot be read")]
    Key,
    /// The private key is not that of the certificate, or the provider cannot tell.
    #[error("the private key is not that of the certificate")]
    WrongKey,
}

/// A chain and a key that fit, with what of the certificates is needed.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    /// In lower case; at least one.
    pub(super) names: Vec<String>,
    /// When every certificate of the chain is valid.
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
}

impl Identity {
    pub(super) fn new(
        source: &Source<'_>,
        profile: Profile,
        provider: &CryptoProvider,
        now: SystemTime,
    ) -> Result<Self, IdentityError> {
        let chain = chain(source.chain)?;
        let (from, until) = dates(&chain, now)?;
        let names = names(&chain, profile, source.names)?;
        if source.key.len() > MAX_PEM {
            return Err(IdentityError::TooLong);
        }
        let key = PrivateKeyDer::from_pem_slice(source.key).map_err(|_| IdentityError::Key)?;
        let key = provider.key_provider.load_private_key(key);
        let certified = CertifiedKey::new(chain, key.map_err(|_| IdentityError::Key)?);
        match certified.keys_match() {
            Ok(()) => {}
            Err(Error::InvalidCertificate(_)) => return Err(IdentityError::Unreadable { at: 0 }),
            Err(_) => return Err(IdentityError::WrongKey),
        }
        Ok(Self {
            certified: Arc::new(certified),
            names,
            from,
            until,
        })
    }
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    if pem.len() > MAX_PEM {
        return Err(IdentityError::TooLong);
    }
    let mut chain = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem) {
        if chain.len() == MAX_CHAIN {
            return Err(IdentityError::TooLong);
        }
        chain.push(der.map_err(|_| IdentityError::ChainNotPem)?);
    }
    match chain.is_empty() {
        true => Err(IdentityError::NoCertificate),
        false => Ok(chain),
    }
}

/// When all of them are valid, which `now` is within.
fn dates(
    chain: &[CertificateDer<'_>],
    now: SystemTime,
) -> Result<(SystemTime, SystemTime), IdentityError> {
    let mut valid: Option<(SystemTime, SystemTime)> = None;
    let mut before: Option<View<'_>> = None;
    for (at, der) in chain.iter().enumerate() {
        let unreadable = IdentityError::Unreadable { at };
        let view = View::read(der).ok_or_else(|| unreadable.clone())?;
        if let Some(before) = before
            && !before.issued_by(&view)
        {
            return Err(IdentityError::Broken { at: at - 1 });
        }
        let (from, until) = view.validity().ok_or(unreadable)?;
        if now < from {
            return Err(IdentityError::NotYetValid { at, from });
        }
        if now > until {
            return Err(IdentityError::Expired { at, until });
        }
        valid = Some(match valid {
            Some((first, last)) => (from.max(first), until.min(last)),
            None => (from, until),
        });
        before = Some(view);
    }
    valid.ok_or(IdentityError::NoCertificate)
}

fn names(
    chain: &[CertificateDer<'_>],
    profile: Profile,
    wanted: &[&str],
) -> Result<Vec<String>, IdentityError> {
    let own = chain.first().ok_or(IdentityError::NoCertificate)?;
    let unreadable = IdentityError::Unreadable { at: 0 };
    let own = View::read(own).ok_or_else(|| unreadable.clone())?;
    let names = own.names().ok_or(unreadable)?;
    if names.is_empty() {
        return Err(IdentityError::NoName);
    }
    let missing = wanted.iter().find(|wanted| !covered(&names, wanted));
    if let Some(missing) = missing {
        return Err(IdentityError::NotFor((*missing).to_owned()));
    }
    if profile == Profile::Bsi {
        if let Some(wildcard) = names.iter().find(|name| name.contains('*')) {
            return Err(IdentityError::Wildcard(wildcard.clone()));
        }
        if !own.is_nist_ecdsa() {
            return Err(IdentityError::NotEcdsa);
        }
    }
    Ok(names)
}

/// A wildcard is a whole label and stands for one (RFC 9525 §6.3).
fn covered(names: &[String], wanted: &str) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    let parent = wanted.split_once('.').map(|(_, parent)| parent);
    names.iter().any(|name| match name.strip_prefix("*.") {
        Some(rest) => *name == wanted || Some(rest) == parent,
        None => *name == wanted,
    })
}
