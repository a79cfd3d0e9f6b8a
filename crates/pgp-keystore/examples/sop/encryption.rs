//! encrypt, decrypt.

use std::io::{Read, Write};
use std::time::SystemTime;

use pgp_keystore::{
    Certificate, Error as CoreError, Form, Key, Limits, Reason, Recipient, Unlocked, decrypt,
    plan_send,
};
use sop::errors::Error;
use sop::ops::{Decrypt, Encrypt, EncryptAs, Ready, Verification};
use sop::{Password, SessionKey};

use crate::Sop;
use crate::desk::Desk;
use crate::material::{Certs, Keys, read};
use crate::signatures::{Period, of_signer};

type Source<'a> = &'a mut (dyn Read + Send + Sync);

/// What was done, before any of it is written: nothing half done goes out.
struct Done<T> {
    octets: zeroize::Zeroizing<Vec<u8>>,
    told: T,
}

impl<T> Ready<T> for Done<T> {
    fn to_writer(self: Box<Self>, sink: &mut (dyn Write + Send + Sync)) -> sop::Result<T> {
        sink.write_all(&self.octets)?;
        Ok(self.told)
    }
}

pub(crate) struct Encrypting<'s> {
    sop: &'s Sop,
    form: Form,
    mode: EncryptAs,
    signers: Vec<Key>,
    passwords: Vec<Password>,
    certificates: Vec<Certificate>,
}

impl<'s> Encrypting<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        Self {
            sop,
            form: Form::Armored,
            mode: EncryptAs::Binary,
            signers: Vec::new(),
            passwords: Vec::new(),
            certificates: Vec::new(),
        }
    }

    fn encrypt(self, from: Source<'_>) -> sop::Result<Vec<u8>> {
        // The message has one signer, the account that sends it, and octets in it.
        if self.mode != EncryptAs::Binary || self.signers.len() > 1 {
            return Err(Error::UnsupportedOption);
        }
        if self.certificates.is_empty() {
            return Err(Error::MissingArg);
        }
        let desk = Desk::open(self.sop.now)?;
        let signer = desk.take_keys(&self.signers, &self.passwords)?;
        let known = desk.take_certificates(&self.certificates)?;
        let to = known
            .iter()
            .map(|one| Recipient::new(one.fingerprint().to_string(), [one]));
        let plan = plan_send(&to.collect::<Vec<_>>(), desk.now);
        for entry in plan.entries() {
            eprintln!("{entry}");
        }
        if let Some(refused) = plan.refused().next() {
            let is_unsupported = |c: &pgp_keystore::Candidate| c.reason == Reason::Unsupported;
            return Err(match refused.passed_over.iter().any(is_unsupported) {
                true => Error::UnsupportedAsymmetricAlgo,
                false => Error::CertCannotEncrypt,
            });
        }
        let content = read(from, Limits::default().max_plaintext)?;
        let (now, form) = (desk.now, self.form);
        let encrypt = move |keys: &[&Unlocked]| {
            let content = zeroize::Zeroizing::new(content);
            plan.encrypt(&content, keys.first().copied(), now, form)
        };
        desk.with_keys(&signer, encrypt)?.map_err(of_signer)
    }
}

impl<'s> Encrypt<'s, Sop, Certs<'s>, Keys<'s>> for Encrypting<'s> {
    fn no_armor(mut self: Box<Self>) -> Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's> {
        self.form = Form::Binary;
        self
    }

    fn list_profiles(&self) -> Vec<(String, String)> {
        let words = "the best container that all recipients read";
        vec![("default".into(), words.into())]
    }

    fn profile(
        self: Box<Self>,
        profile: &str,
    ) -> sop::Result<Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        match profile {
            "default" => Ok(self),
            _ => Err(Error::UnsupportedProfile),
        }
    }

    fn mode(
        mut self: Box<Self>,
        mode: EncryptAs,
    ) -> Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's> {
        self.mode = mode;
        self
    }

    fn sign_with_keys(
        mut self: Box<Self>,
        keys: &Keys<'s>,
    ) -> sop::Result<Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.signers.extend(keys.keys.iter().cloned());
        Ok(self)
    }

    fn with_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.passwords.push(password);
        Ok(self)
    }

    fn with_password(
        self: Box<Self>,
        _: Password,
    ) -> sop::Result<Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        Err(Error::UnsupportedOption)
    }

    fn with_certs(
        mut self: Box<Self>,
        certs: &Certs<'s>,
    ) -> sop::Result<Box<dyn Encrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.certificates.extend(certs.certificates.iter().cloned());
        Ok(self)
    }

    /// Session keys are given to nobody.
    fn plaintext<'d>(
        self: Box<Self>,
        plaintext: &'d mut (dyn Read + Send + Sync),
    ) -> sop::Result<Box<dyn Ready<Option<SessionKey>> + 'd>>
    where
        's: 'd,
    {
        let octets = zeroize::Zeroizing::new(self.encrypt(plaintext)?);
        Ok(Box::new(Done { octets, told: None }))
    }
}

pub(crate) struct Decrypting<'s> {
    sop: &'s Sop,
    period: Period,
    keys: Vec<Key>,
    passwords: Vec<Password>,
    certificates: Vec<Certificate>,
}

impl<'s> Decrypting<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        Self {
            sop,
            period: Period::default(),
            keys: Vec::new(),
            passwords: Vec::new(),
            certificates: Vec::new(),
        }
    }
}

impl<'s> Decrypt<'s, Sop, Certs<'s>, Keys<'s>> for Decrypting<'s> {
    fn verify_not_before(
        mut self: Box<Self>,
        time: SystemTime,
    ) -> Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's> {
        self.period.not_before = Some(time);
        self
    }

    fn verify_not_after(
        mut self: Box<Self>,
        time: SystemTime,
    ) -> Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's> {
        self.period.not_after = Some(time);
        self
    }

    fn verify_with_certs(
        mut self: Box<Self>,
        certs: &Certs<'s>,
    ) -> sop::Result<Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.certificates.extend(certs.certificates.iter().cloned());
        Ok(self)
    }

    fn with_session_key(
        self: Box<Self>,
        _: SessionKey,
    ) -> sop::Result<Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        Err(Error::UnsupportedOption)
    }

    fn with_password(
        self: Box<Self>,
        _: Password,
    ) -> sop::Result<Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        Err(Error::UnsupportedOption)
    }

    fn with_keys(
        mut self: Box<Self>,
        keys: &Keys<'s>,
    ) -> sop::Result<Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.keys.extend(keys.keys.iter().cloned());
        Ok(self)
    }

    fn with_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn Decrypt<'s, Sop, Certs<'s>, Keys<'s>> + 's>> {
        self.passwords.push(password);
        Ok(self)
    }

    fn ciphertext<'d>(
        self: Box<Self>,
        ciphertext: &'d mut (dyn Read + Send + Sync),
    ) -> sop::Result<Box<dyn Ready<(Option<SessionKey>, Vec<Verification>)> + 'd>>
    where
        's: 'd,
    {
        if self.keys.is_empty() {
            return Err(Error::MissingArg);
        }
        let limits = Limits::default();
        let desk = Desk::open(self.sop.now)?;
        let of = desk.take_keys(&self.keys, &self.passwords)?;
        let known = desk.take_certificates(&self.certificates)?;
        let message = read(ciphertext, limits.max_message)?;
        let now = desk.now;
        let open = move |keys: &[&Unlocked]| {
            let known: Vec<&Certificate> = known.iter().collect();
            decrypt(&message, keys, &known, now, &limits)
        };
        let opened = desk.with_keys(&of, open)?.map_err(of_message)?;
        let verified = self.period.told(&opened.verification)?;
        Ok(Box::new(Done {
            octets: opened.content,
            told: (None, verified),
        }))
    }
}

/// What is wrong with a message that shall be decrypted.
fn of_message(error: CoreError) -> Error {
    match error {
        CoreError::Malformed { .. } | CoreError::Limit { .. } | CoreError::NotEncrypted => {
            Error::BadData
        }
        error => {
            eprintln!("{error}");
            Error::CannotDecrypt
        }
    }
}
