//! The Stateless OpenPGP command line (`sop`, draft-dkg-openpgp-stateless-cli) on a key store, so that the public
//! interoperability suite can test it:
//! `cargo run -p pgp-keystore --features crypto-openssl,store --example sop -- help`.
//!
//! Stateless is the command line, not what is behind it: each call sets up an account in a store in memory, imports what it
//! was given, and does its work there with the functions that a mail service calls. Nothing is left of it.
//!
//! There are `generate-key`, `extract-cert`, `change-key-password`, `revoke-key`, `sign`, `verify`, `encrypt` and `decrypt`.
//! Messages to passwords, given session keys, text signatures and keys that only sign are unsupported options.

mod desk;
mod encryption;
mod keys;
mod material;
mod signatures;

use std::time::SystemTime;

use sop::errors::Error;
use sop::ops;

use material::{Certs, Keys, Sigs};

/// What the operations have in common.
#[derive(Debug)]
pub(crate) struct Sop {
    now: SystemTime,
}

// A program may look at the clock; the library does not.
#[allow(clippy::disallowed_methods)]
fn main() {
    let now = SystemTime::now();
    sop::cli::main(&mut Sop { now }, sop::cli::Variant::Full)
}

struct Version;

impl ops::Version<'_> for Version {
    fn frontend(&self) -> sop::Result<ops::VersionInfo> {
        Ok(ops::VersionInfo {
            name: "pgp-keystore-sop".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }

    fn backend(&self) -> sop::Result<ops::VersionInfo> {
        let backend = pgp_keystore::backend();
        let (name, version) = backend.split_once(' ').unwrap_or((&backend, "unknown"));
        Ok(ops::VersionInfo {
            name: name.into(),
            version: version.into(),
        })
    }

    fn extended(&self) -> sop::Result<String> {
        Ok(pgp_keystore::backend())
    }
}

impl<'s> sop::SOP<'s> for Sop {
    type Keys = Keys<'s>;
    type Certs = Certs<'s>;
    type Sigs = Sigs<'s>;

    fn version(&self) -> sop::Result<Box<dyn ops::Version<'_>>> {
        Ok(Box::new(Version))
    }

    fn generate_key(&'s self) -> sop::Result<Box<dyn ops::GenerateKey<'s, Self, Keys<'s>> + 's>> {
        Ok(Box::new(keys::Generating::new(self)))
    }

    fn change_key_password(
        &'s self,
    ) -> sop::Result<Box<dyn ops::ChangeKeyPassword<'s, Self, Keys<'s>> + 's>> {
        Ok(Box::new(keys::Changing::new(self)))
    }

    fn revoke_key(
        &'s self,
    ) -> sop::Result<Box<dyn ops::RevokeKey<'s, Self, Certs<'s>, Keys<'s>> + 's>> {
        Ok(Box::new(keys::Revoking::new(self)))
    }

    fn extract_cert(
        &'s self,
    ) -> sop::Result<Box<dyn ops::ExtractCert<'s, Self, Certs<'s>, Keys<'s>> + 's>> {
        Ok(Box::new(keys::Extracting(self)))
    }

    fn sign(&'s self) -> sop::Result<Box<dyn ops::Sign<'s, Self, Keys<'s>, Sigs<'s>> + 's>> {
        Ok(Box::new(signatures::Signing::new(self)))
    }

    fn verify(&'s self) -> sop::Result<Box<dyn ops::Verify<'s, Self, Certs<'s>, Sigs<'s>> + 's>> {
        Ok(Box::new(signatures::Verifying::new(self)))
    }

    fn encrypt(&'s self) -> sop::Result<Box<dyn ops::Encrypt<'s, Self, Certs<'s>, Keys<'s>> + 's>> {
        Ok(Box::new(encryption::Encrypting::new(self)))
    }

    fn decrypt(&'s self) -> sop::Result<Box<dyn ops::Decrypt<'s, Self, Certs<'s>, Keys<'s>> + 's>> {
        Ok(Box::new(encryption::Decrypting::new(self)))
    }

    // What a key store has no need of.

    fn update_key(
        &'s self,
    ) -> sop::Result<Box<dyn ops::UpdateKey<'s, Self, Certs<'s>, Keys<'s>> + 's>> {
        Err(Error::NotImplemented)
    }

    fn merge_certs(&'s self) -> sop::Result<Box<dyn ops::MergeCerts<'s, Self, Certs<'s>> + 's>> {
        Err(Error::NotImplemented)
    }

    fn certify_userid(
        &'s self,
    ) -> sop::Result<Box<dyn ops::CertifyUserID<'s, Self, Certs<'s>, Keys<'s>> + 's>> {
        Err(Error::NotImplemented)
    }

    fn validate_userid(
        &'s self,
    ) -> sop::Result<Box<dyn ops::ValidateUserID<'s, Self, Certs<'s>> + 's>> {
        Err(Error::NotImplemented)
    }

    fn armor(&'s self) -> sop::Result<Box<dyn ops::Armor<'s> + 's>> {
        Err(Error::NotImplemented)
    }

    fn dearmor(&'s self) -> sop::Result<Box<dyn ops::Dearmor<'s> + 's>> {
        Err(Error::NotImplemented)
    }

    fn inline_detach(&'s self) -> sop::Result<Box<dyn ops::InlineDetach<'s, Sigs<'s>> + 's>> {
        Err(Error::NotImplemented)
    }

    fn inline_verify(
        &'s self,
    ) -> sop::Result<Box<dyn ops::InlineVerify<'s, Self, Certs<'s>> + 's>> {
        Err(Error::NotImplemented)
    }

    fn inline_sign(&'s self) -> sop::Result<Box<dyn ops::InlineSign<'s, Self, Keys<'s>> + 's>> {
        Err(Error::NotImplemented)
    }
}
