//! Mail that comes in: what its OpenPGP signature is worth to the account that it is for, and encryption before it is stored.
//!
//! A message is verified with the certificates that the account has, and with one that the message brings along, if that is
//! the signer's and names the sender. Such a one is kept and pinned at its first use, but only for a message that SPF, DKIM
//! and DMARC do not speak against: else anybody could be first in somebody else's name. Whoever signs for the address with
//! another certificate from then on raises the alarm. Nothing here refuses mail, and what cannot be found out in time is told
//! as that.

use super::{Error, OpenPgp, keyring::Keyring};
use crate::{
    accounts::Owner,
    clock,
    log::Causes,
    notice::{Alarm, paragraph},
};
use memchr::memmem;
use msg_validate::Grade;
use pgp_keystore::{
    Certificate, Fingerprint, Form, Handle, KeyId, Limits, Plan, Reason, Recipient, Trust, Use,
    mime::{self, HeaderPolicy, Kind, MimeError, Sender, Verdict, Verified},
    plan_send,
    store::{Offload, Whose},
};
use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::timeout;
use tracing::warn;

/// What the notice of an alarm may be about; it has words for each.
#[cfg(test)]
pub(crate) const ALARMS: [&str; 5] = [
    "pgp.altered",
    "pgp.changed",
    "pgp.stranger",
    "pgp.compromised",
    "pgp.revoked",
];

/// Certificates that a message may bring along.
const MOST_BROUGHT: usize = 4;

/// What a signature says to one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The value of the header field.
    pub(crate) field: String,
    pub(crate) alarm: Option<Alarm>,
}

/// A message with a signature, as far as all accounts see the same of it.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    message: Arc<Vec<u8>>,
    /// Whom it says that it is from.
    from: Option<String>,
    /// Whose its signatures say that they are.
    claimed: Vec<Handle>,
    /// What it brought along, of whoever has validly signed it.
    brought: Vec<Certificate>,
    /// Whether the sender's domain stands behind it, or at least nothing speaks against that.
    grade: Grade,
}

impl OpenPgp {
    /// What each account is told of the message's signature, if it has one. `time` is for all of it.
    pub(crate) async fn signatures(
        &self,
        message: &Arc<Vec<u8>>,
        accounts: &[Arc<str>],
        grade: Grade,
        time: Duration,
        now: SystemTime,
    ) -> Vec<Option<Told>> {
        if !may_be_signed(message) {
            return vec![None; accounts.len()];
        }
        let check = async {
            let signed = self.read(message, grade, now).await?;
            let mut told = Vec::new();
            for account in accounts {
                told.push(match &signed {
                    Some(signed) => Some(self.told(signed, account, now).await?),
                    None => None,
                });
            }
            Ok::<_, Error>(told)
        };
        let why = match timeout(time, check).await {
            Ok(Ok(told)) => return told,
            Ok(Err(error)) => {
                warn!(error = %Causes(&error), "a signature was not checked");
                "pgp.not-checked"
            }
            Err(_) => "pgp.timeout",
        };
        let told = Told {
            field: format!("unknown; reason={why}"),
            alarm: None,
        };
        vec![Some(told); accounts.len()]
    }

    /// None if nothing in it is signed.
    async fn read(
        &self,
        message: &Arc<Vec<u8>>,
        grade: Grade,
        now: SystemTime,
    ) -> Result<Option<Signed>, Error> {
        let octets = Arc::clone(message);
        let read = self.pool.run(move || {
            let limits = Limits::default();
            let first = mime::verify(&octets, &[], now, &limits)?;
            if first.parts.is_empty() {
                return Ok(None);
            }
            let claimed = claimed(&first);
            let mut brought = brought(&octets, &limits);
            brought.retain(|certificate| claimed.iter().any(|id| certificate.has_key(*id)));
            if !brought.is_empty() {
                let by: Vec<&Certificate> = brought.iter().collect();
                let sender = mime::verify(&octets, &by, now, &limits)?.sender;
                brought.retain(|c| sender == Sender::Named(c.fingerprint()));
            }
            let from = mime::author(&octets, &limits)?;
            Ok::<_, MimeError>(Some(Signed {
                message: octets,
                from,
                claimed: claimed.into_iter().map(Handle::KeyId).collect(),
                brought,
                grade,
            }))
        });
        Ok(read.await.ok_or(Error::GivenUp)??)
    }

    async fn told(
        &self,
        signed: &Signed,
        account: &Arc<str>,
        now: SystemTime,
    ) -> Result<Told, Error> {
        let owner = self.accounts.know_owner(account, now).await?;
        let keyring = self.keyring_of(account, &owner)?;
        let known = keyring.account();
        if signed.grade > Grade::Suspicious {
            for certificate in &signed.brought {
                known.import(certificate.export(Form::Binary)?, now).await?;
            }
        }
        let by = known.signers(&signed.claimed, now).await?;
        let message = Arc::clone(&signed.message);
        let verified = self.pool.run(move || {
            let by: Vec<&Certificate> = by.iter().collect();
            mime::verify(&message, &by, now, &Limits::default())
        });
        let verified = verified.await.ok_or(Error::GivenUp)??;
        keyring.judged(signed, &verified, now).await
    }

    /// The message as it is to be stored for an account that wants its mail encrypted: by its default key, unless it is
    /// encrypted already.
    ///
    /// # Errors
    /// [`Error`]: then it must not be stored.
    pub(crate) async fn sealed(
        &self,
        account: &Arc<str>,
        owner: &Owner,
        filed: Vec<u8>,
        now: SystemTime,
    ) -> Result<Vec<u8>, Error> {
        let keyring = self.keyring_of(account, owner)?;
        let key = keyring.default_key(Use::Encrypt).await?;
        let certificate = keyring.account().certificate(key, now).await?;
        let certificate = certificate.ok_or(Error::Raced)?;
        let address = account.to_string();
        let sealed = self.pool.run(move || {
            if is_encrypted(&filed)? {
                return Ok(filed);
            }
            let filed = zeroize::Zeroizing::new(filed);
            let plan = plan_send(&[Recipient::new(address, [&certificate])], now);
            match encrypted(&filed, &plan, now) {
                // It can be read in more than one way: inside of a message that cannot, it stays as it is.
                Err(MimeError::Malformed(_)) => {
                    let wrapped = zeroize::Zeroizing::new(wrapped(&filed, now)?);
                    Ok(encrypted(&wrapped, &plan, now)?)
                }
                done => Ok(done?),
            }
        });
        sealed.await.ok_or(Error::GivenUp)?
    }
}

impl Keyring<'_> {
    /// What the signature comes down to for this account; whoever is met for the first time is pinned, and an alarm put on
    /// record.
    async fn judged(
        &self,
        signed: &Signed,
        verified: &Verified,
        now: SystemTime,
    ) -> Result<Told, Error> {
        let verdict = verified.verdict();
        let signer = match (verdict, verified.sender) {
            (Verdict::NotValid(reason), _) => return Ok(not_valid(reason, verified)),
            (_, Sender::Named(signer) | Sender::Other(signer)) => signer,
            _ => {
                let field = format!("unknown; reason={}", verdict.code());
                return Ok(Told { field, alarm: None });
            }
        };
        let Some(from) = &signed.from else {
            let told = Fields::new("unknown", verdict.code(), Some(signer));
            return Ok(told.without_alarm());
        };
        let mut whose = self.account().who(signer, from, now).await?.whose;
        let plausible = signed.grade > Grade::Suspicious;
        if plausible
            && verdict != Verdict::Partly
            && matches!(whose, Whose::Claimed | Whose::Changed { .. })
        {
            self.account().meet(from, signer, now).await?;
            whose = self.account().who(signer, from, now).await?.whose;
        }
        let mut told = Fields::new(state(verdict, whose), verdict.code(), Some(signer));
        told.whose(whose);
        let alarm = match (whose, verified.sender) {
            (Whose::Changed { pinned, .. }, _) => Some(Alarm {
                code: "pgp.changed",
                details: format!("signed by {signer}, but known is {pinned}"),
            }),
            (Whose::Pinned { .. }, _) => None,
            (_, Sender::Other(_)) => Some(Alarm {
                code: "pgp.stranger",
                details: format!("signed by {signer}, which does not name the sender"),
            }),
            _ => None,
        };
        Ok(told.with(alarm))
    }
}

/// The word at the beginning. It is "valid" for nothing but a message that is signed as it is shown, by whom it says.
fn state(verdict: Verdict, whose: Whose) -> &'static str {
    match (verdict, whose) {
        (Verdict::Partly | Verdict::HeadersDiffer, _) => "partly",
        (_, Whose::Changed { .. }) => "changed",
        (_, Whose::Pinned { .. }) => "valid",
        (Verdict::Signed, Whose::Claimed) => "valid",
        _ => "stranger",
    }
}

fn not_valid(reason: Reason, verified: &Verified) -> Told {
    let all = verified
        .parts
        .iter()
        .flat_map(|p| &p.verification.signatures);
    let check = all.clone().find(|check| check.reason == reason);
    let told = Fields::new(
        &reason.state().to_string(),
        reason.code(),
        check.and_then(|c| c.signer),
    );
    let code = match reason {
        Reason::Altered | Reason::Compromised | Reason::RevokedWithoutReason => reason.code(),
        _ => return told.without_alarm(),
    };
    let by = check.and_then(|check| check.signer);
    let by = by.map_or_else(|| "an unknown key".to_owned(), |by| by.to_string());
    let details = format!("signed by {by}: {reason}");
    told.with(Some(Alarm { code, details }))
}

/// The value of the field in the making.
struct Fields(String);

impl Fields {
    fn new(state: &str, code: &str, by: Option<Fingerprint>) -> Self {
        let mut text = format!("{state}; reason={code}");
        if let Some(by) = by {
            let _ = write!(text, ";\r\n\tby={by}");
        }
        Self(text)
    }

    fn whose(&mut self, whose: Whose) {
        let trust = match whose.trust() {
            Trust::None => "none",
            Trust::FirstUse => "first-use",
            Trust::Verified => "verified",
        };
        let _ = write!(self.0, ";\r\n\twhose={}; trust={trust}", whose.code());
        if let Some(since) = whose.since() {
            let _ = write!(self.0, ";\r\n\tknown-since=\"{}\"", clock::rfc5322(since));
        }
    }

    fn with(self, alarm: Option<Alarm>) -> Told {
        Told {
            field: self.0,
            alarm,
        }
    }

    fn without_alarm(self) -> Told {
        self.with(None)
    }
}

/// Whether it is worth a closer look: most mail is not.
fn may_be_signed(message: &[u8]) -> bool {
    let has = |text: &[u8]| memmem::find(message, text).is_some();
    has(b"pgp-signature") || has(b"PGP-SIGNATURE") || has(b"-----BEGIN PGP SIGN")
}

fn claimed(verified: &Verified) -> Vec<KeyId> {
    let parts = verified.parts.iter().map(|part| &part.verification);
    let mut all: Vec<KeyId> = parts
        .flat_map(|verification| &verification.signatures)
        .filter_map(|check| check.claimed)
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The certificate in its Autocrypt header, and those that are attached in armor.
fn brought(message: &[u8], limits: &Limits) -> Vec<Certificate> {
    const BEGIN: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
    const END: &[u8] = b"-----END PGP PUBLIC KEY BLOCK-----";
    let header = mime::read_autocrypt(message, limits).ok().flatten();
    let header = header.and_then(|header| header.certificate(limits).ok());
    let mut found: Vec<Certificate> = header.into_iter().collect();
    let mut rest = message;
    while found.len() < MOST_BROUGHT
        && let Some(begin) = memmem::find(rest, BEGIN)
    {
        let from = rest.get(begin..).unwrap_or_default();
        let Some(end) = memmem::find(from, END) else {
            break;
        };
        let (block, after) = from.split_at(end + END.len());
        rest = after;
        if block.len() <= 2 * limits.max_certificate {
            let plain = Certificate::parse_with(block, limits);
            let read = plain.or_else(|_| Certificate::parse_with(&unquoted(block), limits));
            found.extend(read.ok());
        }
    }
    found
}

/// Armor out of quoted-printable text (RFC 2045 §6.7), where nothing of it but equals signs and ends of lines is encoded.
fn unquoted(block: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(block.len());
    let mut rest = block;
    while let Some((&octet, after)) = rest.split_first() {
        let skip = match rest {
            [b'=', b'3', b'D' | b'd', ..] => {
                out.push(b'=');
                3
            }
            [b'=', b'\r', b'\n', ..] => 3,
            _ => {
                out.push(octet);
                1
            }
        };
        rest = rest.get(skip..).unwrap_or(after);
    }
    out
}

/// What is encrypted already, is left as it is.
fn is_encrypted(message: &[u8]) -> Result<bool, MimeError> {
    match mime::inspect(message, &Limits::default())?.kind {
        Kind::Encrypted | Kind::Smime => Ok(true),
        _ => Ok(false),
    }
}

fn encrypted(message: &[u8], plan: &Plan, now: SystemTime) -> Result<Vec<u8>, MimeError> {
    mime::encrypt(message, plan, None, HeaderPolicy::Baseline, now)
}

/// A message around one that is not read the same by all: attached as octets.
fn wrapped(message: &[u8], now: SystemTime) -> Result<Vec<u8>, Error> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::Random)?;
    let boundary = random.iter().fold("letterlock-".to_owned(), |text, octet| {
        text + &format!("{octet:02x}")
    });
    let mut out = format!(
        "From: undisclosed-sender:;\r\nSubject: (attached as it came)\r\nDate: {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        clock::rfc5322(now)
    )
    .into_bytes();
    paragraph(
        "",
        "This message can be read in more than one way. It is attached, octet by octet as it came.",
        &mut out,
    );
    let head = format!(
        "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=\"original.eml\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
    for line in message.chunks(57) {
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests;
