//! generate-key, change-key-password, revoke-key, extract-cert.

use pgp_keystore::{
    Capability, Certificate, Generate, Key, Passphrase, Profile, Protection, supports,
};
use sop::Password;
use sop::errors::Error;
use sop::ops::{ChangeKeyPassword, ExtractCert, GenerateKey, RevokeKey};
use sop::plumbing::PasswordsAreHumanReadable;

use crate::Sop;
use crate::desk::Desk;
use crate::material::{Certs, Keys};

/// A profile by its name, under which others may know it, and what it is. The first is the default.
const PROFILES: [(Profile, &str, &[&str], &str); 3] = [
    (
        Profile::Compat,
        "compat",
        &["default", "compatibility", "rfc4880"],
        "version 4, Ed25519 and Curve25519, read by GnuPG 2.2 and everybody else",
    ),
    (
        Profile::Modern,
        "modern",
        &["rfc9580", "performance"],
        "version 6 (RFC 9580), Ed25519 and X25519",
    ),
    (
        Profile::PostQuantum,
        "post-quantum",
        &["rfc9980", "security"],
        "version 6, ML-DSA-65+Ed25519 and ML-KEM-768+X25519 (RFC 9980)",
    ),
];

fn has(profile: Profile) -> bool {
    supports(Capability::Generate(profile)).is_ok()
}

pub(crate) struct Generating<'s> {
    sop: &'s Sop,
    profile: Profile,
    signing_only: bool,
    password: Option<Password>,
    user_ids: Vec<String>,
}

impl<'s> Generating<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        Self {
            sop,
            profile: PROFILES[0].0,
            signing_only: false,
            password: None,
            user_ids: Vec::new(),
        }
    }
}

impl<'s> GenerateKey<'s, Sop, Keys<'s>> for Generating<'s> {
    /// Those that this build has.
    fn list_profiles(&self) -> Vec<(String, String)> {
        let here = PROFILES.iter().filter(|(profile, ..)| has(*profile));
        here.map(|(_, name, aliases, words)| {
            let words = format!("{words} (aliases: {})", aliases.join(", "));
            ((*name).into(), words)
        })
        .collect()
    }

    fn profile(
        mut self: Box<Self>,
        wanted: &str,
    ) -> sop::Result<Box<dyn GenerateKey<'s, Sop, Keys<'s>> + 's>> {
        let named = |(_, name, aliases, _): &&(Profile, &str, &[&str], &str)| {
            *name == wanted || aliases.contains(&wanted)
        };
        let found = PROFILES.iter().find(named).map(|(profile, ..)| *profile);
        self.profile = found
            .filter(|profile| has(*profile))
            .ok_or(Error::UnsupportedProfile)?;
        Ok(self)
    }

    fn signing_only(mut self: Box<Self>) -> Box<dyn GenerateKey<'s, Sop, Keys<'s>> + 's> {
        self.signing_only = true;
        self
    }

    fn with_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn GenerateKey<'s, Sop, Keys<'s>> + 's>> {
        self.password = Some(password);
        Ok(self)
    }

    fn userid(mut self: Box<Self>, text: &str) -> Box<dyn GenerateKey<'s, Sop, Keys<'s>> + 's> {
        self.user_ids.push(text.into());
        self
    }

    fn generate(self: Box<Self>) -> sop::Result<Keys<'s>> {
        if self.signing_only {
            return Err(Error::UnsupportedOption);
        }
        let desk = Desk::open(self.sop.now)?;
        let new = Generate::new(self.profile, desk.now);
        let user_ids = self.user_ids.into_iter();
        let of = desk.generate(user_ids.fold(new, Generate::user_id))?;
        let protection = protection(self.password.as_ref(), self.profile == Profile::Compat);
        let key = desk.export_key(of, protection)?;
        Ok(Keys::new(self.sop, vec![key]))
    }
}

/// As those read it who read the key.
fn protection(password: Option<&Password>, old: bool) -> Protection {
    let passphrase = password.map(|password| Passphrase::new(password.normalized()));
    match (passphrase, old) {
        (None, _) => Protection::None,
        (Some(passphrase), true) => Protection::GnuPg(passphrase),
        (Some(passphrase), false) => Protection::Argon2(passphrase),
    }
}

pub(crate) struct Changing<'s> {
    sop: &'s Sop,
    new: Option<Password>,
    old: Vec<Password>,
}

impl<'s> Changing<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        Self {
            sop,
            new: None,
            old: Vec::new(),
        }
    }
}

impl<'s> ChangeKeyPassword<'s, Sop, Keys<'s>> for Changing<'s> {
    fn new_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn ChangeKeyPassword<'s, Sop, Keys<'s>> + 's>> {
        match self.new.replace(password) {
            Some(_) => Err(Error::UnsupportedOption),
            None => Ok(self),
        }
    }

    fn old_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn ChangeKeyPassword<'s, Sop, Keys<'s>> + 's>> {
        self.old.push(password);
        Ok(self)
    }

    fn keys(self: Box<Self>, keys: &Keys<'s>) -> sop::Result<Keys<'s>> {
        let desk = Desk::open(self.sop.now)?;
        let changed = keys.keys.iter().map(|key| {
            let of = desk.take_key(key, &self.old)?;
            // RFC 9580 §5.5.4: a fingerprint of 20 octets is one of version 4.
            let old = of.as_bytes().len() == 20;
            desk.export_key(of, protection(self.new.as_ref(), old))
        });
        let changed = changed.collect::<sop::Result<Vec<Key>>>()?;
        Ok(Keys::new(self.sop, changed))
    }
}

pub(crate) struct Revoking<'s> {
    sop: &'s Sop,
    passwords: Vec<Password>,
}

impl<'s> Revoking<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        let passwords = Vec::new();
        Self { sop, passwords }
    }
}

impl<'s> RevokeKey<'s, Sop, Certs<'s>, Keys<'s>> for Revoking<'s> {
    fn with_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn RevokeKey<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.passwords.push(password);
        Ok(self)
    }

    /// The certificates, revoked.
    fn keys(self: Box<Self>, keys: &Keys<'s>) -> sop::Result<Certs<'s>> {
        let desk = Desk::open(self.sop.now)?;
        let revoked = keys.keys.iter().map(|key| {
            let of = desk.take_key(key, &self.passwords)?;
            desk.revoke(of)?;
            desk.certificate(of)
        });
        let revoked = revoked.collect::<sop::Result<Vec<Certificate>>>()?;
        Ok(Certs::new(self.sop, revoked))
    }
}

pub(crate) struct Extracting<'s>(pub(crate) &'s Sop);

impl<'s> ExtractCert<'s, Sop, Certs<'s>, Keys<'s>> for Extracting<'s> {
    /// No secret is opened for it.
    fn keys(self: Box<Self>, keys: &Keys<'s>) -> sop::Result<Certs<'s>> {
        let desk = Desk::open(self.0.now)?;
        let public: Vec<Certificate> = keys.keys.iter().map(Key::certificate).collect();
        Ok(Certs::new(self.0, desk.take_certificates(&public)?))
    }
}
