//! sign, verify.

use std::io::Read;
use std::time::SystemTime;

use pgp_keystore::{
    Certificate, Error as CoreError, Form, Key, Limits, SignatureCheck, Signed, Unlocked,
    Verification, sign_detached, verify_detached,
};
use sop::Password;
use sop::errors::Error;
use sop::ops::{self, Micalg, Sign, SignAs, SignatureMode, Verify, VerifySignatures};

use crate::Sop;
use crate::desk::{Desk, of_core};
use crate::material::{Certs, Keys, Sigs, read};

pub(crate) struct Signing<'s> {
    sop: &'s Sop,
    mode: SignAs,
    keys: Vec<Key>,
    passwords: Vec<Password>,
}

impl<'s> Signing<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        Self {
            sop,
            mode: SignAs::Binary,
            keys: Vec::new(),
            passwords: Vec::new(),
        }
    }
}

impl<'s> Sign<'s, Sop, Keys<'s>, Sigs<'s>> for Signing<'s> {
    fn mode(mut self: Box<Self>, mode: SignAs) -> Box<dyn Sign<'s, Sop, Keys<'s>, Sigs<'s>> + 's> {
        self.mode = mode;
        self
    }

    fn keys(
        mut self: Box<Self>,
        keys: &Keys<'s>,
    ) -> sop::Result<Box<dyn Sign<'s, Sop, Keys<'s>, Sigs<'s>> + 's>> {
        self.keys.extend(keys.keys.iter().cloned());
        Ok(self)
    }

    fn with_key_password(
        mut self: Box<Self>,
        password: Password,
    ) -> sop::Result<Box<dyn Sign<'s, Sop, Keys<'s>, Sigs<'s>> + 's>> {
        self.passwords.push(password);
        Ok(self)
    }

    /// A signature of each key.
    fn data(
        self: Box<Self>,
        data: &mut (dyn Read + Send + Sync),
    ) -> sop::Result<(Micalg, Sigs<'s>)> {
        // Octets are what is signed here: a text is sent as it was signed.
        if self.mode != SignAs::Binary {
            return Err(Error::UnsupportedOption);
        }
        if self.keys.is_empty() {
            return Err(Error::MissingArg);
        }
        let desk = Desk::open(self.sop.now)?;
        let of = desk.take_keys(&self.keys, &self.passwords)?;
        let content = read(data, Limits::default().max_plaintext)?;
        let now = desk.now;
        let sign = move |keys: &[&Unlocked]| {
            let signatures = keys
                .iter()
                .map(|key| sign_detached(key, &content, now, Form::Binary));
            signatures.collect::<Result<Vec<_>, _>>()
        };
        let signatures = desk.with_keys(&of, sign)?.map_err(of_signer)?;
        // `sign_detached` hashes with nothing else.
        Ok((Micalg::SHA512, Sigs::new(self.sop, signatures.concat())))
    }
}

/// What is wrong with a key that shall sign.
pub(crate) fn of_signer(error: CoreError) -> Error {
    match error {
        CoreError::NoSecret { .. } | CoreError::Unusable { .. } => Error::KeyCannotSign,
        error => of_core(error),
    }
}

/// When signatures may be made; without bounds, at all times.
#[derive(Clone, Copy, Default)]
pub(crate) struct Period {
    pub(crate) not_before: Option<SystemTime>,
    pub(crate) not_after: Option<SystemTime>,
}

impl Period {
    fn holds(self, created: SystemTime) -> bool {
        self.not_before.is_none_or(|first| first <= created)
            && self.not_after.is_none_or(|last| created <= last)
    }

    /// The valid signatures of that time, as `sop` tells them.
    pub(crate) fn told(self, verification: &Verification) -> sop::Result<Vec<ops::Verification>> {
        for check in &verification.signatures {
            eprintln!("{}", check.reason);
        }
        let told = verification.valid().filter_map(|check| self.one(check));
        told.collect()
    }

    fn one(self, check: &SignatureCheck) -> Option<sop::Result<ops::Verification>> {
        let created = check.created.filter(|created| self.holds(*created))?;
        let mode = match check.signed? {
            Signed::Text => SignatureMode::Text,
            Signed::Octets => SignatureMode::Binary,
        };
        let (key, signer) = (check.key?, check.signer?);
        Some(ops::Verification::new(created, key, signer, mode, None))
    }
}

pub(crate) struct Verifying<'s> {
    sop: &'s Sop,
    period: Period,
    certificates: Vec<Certificate>,
}

impl<'s> Verifying<'s> {
    pub(crate) fn new(sop: &'s Sop) -> Self {
        Self {
            sop,
            period: Period::default(),
            certificates: Vec::new(),
        }
    }
}

impl<'s> Verify<'s, Sop, Certs<'s>, Sigs<'s>> for Verifying<'s> {
    fn not_before(
        mut self: Box<Self>,
        time: SystemTime,
    ) -> Box<dyn Verify<'s, Sop, Certs<'s>, Sigs<'s>> + 's> {
        self.period.not_before = Some(time);
        self
    }

    fn not_after(
        mut self: Box<Self>,
        time: SystemTime,
    ) -> Box<dyn Verify<'s, Sop, Certs<'s>, Sigs<'s>> + 's> {
        self.period.not_after = Some(time);
        self
    }

    fn certs(
        mut self: Box<Self>,
        certs: &Certs<'s>,
    ) -> sop::Result<Box<dyn Verify<'s, Sop, Certs<'s>, Sigs<'s>> + 's>> {
        self.certificates.extend(certs.certificates.iter().cloned());
        Ok(self)
    }

    fn signatures<'sigs>(
        self: Box<Self>,
        signatures: &'sigs Sigs<'s>,
    ) -> sop::Result<Box<dyn VerifySignatures<'sigs> + 'sigs>>
    where
        's: 'sigs,
    {
        if self.certificates.is_empty() {
            return Err(Error::MissingArg);
        }
        Ok(Box::new(Over {
            verifying: *self,
            signatures: &signatures.octets,
        }))
    }
}

struct Over<'s, 'sigs> {
    verifying: Verifying<'s>,
    signatures: &'sigs [u8],
}

impl<'sigs> VerifySignatures<'sigs> for Over<'_, 'sigs> {
    fn data(
        self: Box<Self>,
        data: &mut (dyn Read + Send + Sync),
    ) -> sop::Result<Vec<ops::Verification>> {
        let limits = Limits::default();
        let desk = Desk::open(self.verifying.sop.now)?;
        let known = desk.take_certificates(&self.verifying.certificates)?;
        let known: Vec<&Certificate> = known.iter().collect();
        let content = read(data, limits.max_message)?;
        let result = verify_detached(&content, self.signatures, &known, desk.now, &limits);
        let told = self.verifying.period.told(&result.map_err(of_core)?)?;
        match told.is_empty() {
            true => Err(Error::NoSignature),
            false => Ok(told),
        }
    }
}
