//! What an account sends: signed, and encrypted by a plan that says who could read it. One call each, as submission makes it.

use super::{Error, keyring::Keyring, keyring::Opener};
use pgp_keystore::{
    Certificate, Fingerprint, Limits, Plan, Recipient, Unlocked, Use,
    custody::Custody,
    mime::{self, HeaderPolicy, MimeError, PreferEncrypt},
    plan_send,
    store::{Addressee, Offload, SendPlan},
};

/// Whether what is encrypted is signed, too, inside.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Signing<'a> {
    /// By the account's key, opened in this way.
    With(&'a Opener),
    /// Not.
    No,
}

/// Who could read a message, and what is known of them.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Planned {
    /// For each recipient, in the order given, which key and why; then for the account itself, if it has one.
    pub plan: Plan,
    /// What the account knows of each recipient, in the same order.
    pub known: Vec<Addressee>,
}

impl Keyring<'_> {
    /// Signs a message: PGP/MIME (RFC 3156 §5), its header protected, with the account's certificate in an Autocrypt header
    /// where it fits. Lines end with CR LF, or all with LF.
    ///
    /// # Errors
    /// [`Error::NotYours`] if `From` is not the account's address; [`Error::NoKey`] if nothing that is opened in this way signs;
    /// [`Error::Mime`], and those of [`open`](Self::open).
    pub async fn sign(&self, message: Vec<u8>, opener: &Opener) -> Result<Vec<u8>, Error> {
        self.is_from(&message)?;
        let (key, message) = self.with_autocrypt(message, opener).await?;
        let now = self.pgp.clock.now();
        let session = self.open(opener).await?;
        let sign = move |keys: &[&Unlocked]| match keys {
            [key] => mime::sign(&message, key, now),
            _ => Err(pgp_keystore::Error::NoSecret {
                operation: "signing",
            }
            .into()),
        };
        let signed = self.account.with_keys(&session, &[key], sign, now).await?;
        Ok(signed?)
    }

    /// Which certificate and key of each recipient are used, and why, and who else could read it: the account itself, by its
    /// default key, so that what was sent can be read again.
    ///
    /// # Errors
    /// [`Error::Store`]: also for what is no address.
    pub async fn plan(&self, to: &[&str]) -> Result<Planned, Error> {
        let now = self.pgp.clock.now();
        let SendPlan { plan, known, .. } = self.account.plan_send(to, now).await?;
        let own = self
            .account
            .default_key(Use::Encrypt, Some(&self.address), now);
        let own = match own.await? {
            Some(own) => self.account.certificate(own, now).await?,
            None => None,
        };
        // What leaves somebody out is not to be used, but shown.
        let (Some(own), true) = (own, plan.refused().count() == 0) else {
            return Ok(Planned { plan, known });
        };
        let mut readers = Vec::new();
        for entry in plan.entries() {
            let chosen = entry.chosen.as_ref().map(|chosen| chosen.certificate);
            let chosen = chosen.ok_or(Error::Raced)?;
            let certificate = self.account.certificate(chosen, now).await?;
            readers.push((entry.address.clone(), certificate.ok_or(Error::Raced)?));
        }
        readers.push((self.address.to_string(), own));
        let plan = self.pgp.pool.run(move || {
            let to = readers.iter();
            let to = to.map(|(address, certificate)| Recipient::new(address, [certificate]));
            plan_send(&to.collect::<Vec<_>>(), now)
        });
        let plan = plan.await.ok_or(Error::GivenUp)?;
        Ok(Planned { plan, known })
    }

    /// Encrypts a message by a plan: PGP/MIME (RFC 3156 §4), its subject inside only.
    ///
    /// # Errors
    /// [`Error::NotYours`] if `From` is not the account's address; [`Error::Mime`] if the plan leaves somebody out, and else;
    /// those of [`sign`](Self::sign).
    pub async fn encrypt(
        &self,
        message: Vec<u8>,
        plan: Plan,
        signing: Signing<'_>,
    ) -> Result<Vec<u8>, Error> {
        self.is_from(&message)?;
        let now = self.pgp.clock.now();
        let write = move |message: &[u8], signer: Option<&Unlocked>| {
            mime::encrypt(message, &plan, signer, HeaderPolicy::Baseline, now)
        };
        let Signing::With(opener) = signing else {
            let message = zeroize::Zeroizing::new(message);
            let written = self.pgp.pool.run(move || write(&message, None));
            return Ok(written.await.ok_or(Error::GivenUp)??);
        };
        let (key, message) = self.with_autocrypt(message, opener).await?;
        let message = zeroize::Zeroizing::new(message);
        let session = self.open(opener).await?;
        let write = move |keys: &[&Unlocked]| write(&message, keys.first().copied());
        let written = self.account.with_keys(&session, &[key], write, now).await?;
        Ok(written?)
    }

    /// What others are shown as its sender must be the account.
    fn is_from(&self, message: &[u8]) -> Result<(), Error> {
        let from = mime::author(message, &Limits::default())?;
        let from = from.and_then(|from| crate::accounts::parse(&from).ok());
        match from == Some(self.address.clone()) {
            true => Ok(()),
            false => Err(Error::NotYours(self.address.to_string())),
        }
    }

    /// The key that signs, and the message with its certificate in the header.
    async fn with_autocrypt(
        &self,
        message: Vec<u8>,
        opener: &Opener,
    ) -> Result<(Fingerprint, Vec<u8>), Error> {
        let (now, address) = (self.pgp.clock.now(), Some(&*self.address));
        let key = match opener {
            Opener::Server => {
                let custody = Custody::Server;
                let key = self
                    .account
                    .default_key_in(custody, Use::Sign, address, now)
                    .await?;
                key.ok_or_else(|| Error::NoKey {
                    account: self.address.to_string(),
                    does: "signs and is in the custody of the server",
                })?
            }
            Opener::Passphrase(_) => self.default_key(Use::Sign).await?,
        };
        let certificate = self.account.certificate(key, now).await?;
        let certificate: Certificate = certificate.ok_or(Error::Raced)?;
        let address = self.address.to_string();
        let work = move || {
            let field = mime::autocrypt(&certificate, &address, PreferEncrypt::Mutual, now);
            match field {
                Ok(field) => Ok([in_lines_of(&message, field).as_bytes(), &message].concat()),
                // A post-quantum certificate has no place there, and an odd address has none.
                Err(MimeError::AutocryptTooLarge { .. } | MimeError::Address) => Ok(message),
                // Nor one that does not name the address.
                Err(MimeError::OpenPgp(_)) => Ok(message),
                Err(error) => Err(error),
            }
        };
        let message = self.pgp.pool.run(work).await.ok_or(Error::GivenUp)??;
        Ok((key, message))
    }
}

/// A field whose lines end as those of the message do.
fn in_lines_of(message: &[u8], field: String) -> String {
    let first = message.iter().position(|&octet| octet == b'\n');
    let crlf = first.is_none_or(|at| at > 0 && message.get(at - 1) == Some(&b'\r'));
    match crlf {
        true => field,
        false => field.replace("\r\n", "\n"),
    }
}
