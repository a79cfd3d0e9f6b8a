//! Our side: the library.

use std::time::SystemTime;

use pgp_keystore::{
    Certificate, Form, Generate, Key, Limits, Profile, Protection, Reason, Recipient, State,
    Unlocked, decrypt, plan_send, sign_detached, verify_detached,
};

use crate::{Did, Peer};

pub(crate) const CONTENT: &[u8] = b"Content-Type: text/plain\r\n\r\nDear peer,\r\n\0\xff\r\n";
const OTHER: &[u8] = b"Content-Type: text/plain\r\n\r\nDear peer,\r\n\0\xfe\r\n";
const ADDRESS: &str = "ann@example.org";

/// The peers have no other clock.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A key of ours, as the peer gets it and as we have it.
pub(crate) struct Ours {
    pub(crate) profile: Profile,
    /// Armored, its secrets unprotected.
    pub(crate) key: Vec<u8>,
    /// Armored.
    pub(crate) certificate: Vec<u8>,
    /// Of its primary key, in capital letters.
    pub(crate) fingerprint: String,
    unlocked: Unlocked,
}

impl Ours {
    pub(crate) fn new(profile: Profile) -> Self {
        let new = Generate::new(profile, now()).user_id(format!("Ann <{ADDRESS}>"));
        let unlocked = new.create().unwrap().key;
        let key = unlocked.lock(&Protection::None).unwrap();
        Self {
            profile,
            key: key.export(Form::Armored).unwrap(),
            certificate: unlocked.certificate().export(Form::Armored).unwrap(),
            fingerprint: unlocked.fingerprint().to_string(),
            unlocked,
        }
    }

    pub(crate) fn is_imported(&self, peer: &mut dyn Peer) -> Did<()> {
        let told = peer.import(self)?;
        let theirs = Certificate::parse(&told).map_err(|error| error.to_string())?;
        let ours = self.unlocked.certificate();
        let all = |certificate: &Certificate| {
            let mut all: Vec<_> = certificate.fingerprints().collect();
            all.sort_unstable();
            let view = certificate.at(now());
            let names: Vec<_> = view.user_ids.iter().map(|one| one.text.clone()).collect();
            (all, names, view.reason)
        };
        match all(&theirs) == all(&ours) && theirs.at(now()).reason == Reason::Valid {
            true => Ok(()),
            false => Err("gives another certificate".into()),
        }
    }

    pub(crate) fn opens(&self, peer: &mut dyn Peer) -> Did<()> {
        let message = peer.encrypt(self, CONTENT)?;
        let from = self.unlocked.certificate();
        let open = |message: &[u8]| {
            decrypt(
                message,
                &[&self.unlocked],
                &[&from],
                now(),
                &Limits::default(),
            )
        };
        let opened = open(&message).map_err(|error| format!("ours: {error}"))?;
        if opened.content.as_slice() != CONTENT {
            return Err("ours: other content".into());
        }
        if opened.verification.state() != Some(State::Valid) {
            return Err(format!("ours: {:?}", opened.verification.signatures));
        }
        match open(&damaged(&message)) {
            Ok(_) => Err("ours: opens what is damaged".into()),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn is_opened(&self, peer: &mut dyn Peer) -> Did<()> {
        let to = self.unlocked.certificate();
        let plan = plan_send(&[Recipient::new(ADDRESS, [&to])], now());
        let message = plan.encrypt(CONTENT, Some(&self.unlocked), now(), Form::Binary);
        let message = message.map_err(|error| format!("ours: {error}"))?;
        let content = peer.decrypt(self, &message)?;
        if content != CONTENT {
            let text = String::from_utf8_lossy(CONTENT).replace("\r\n", "\n");
            return Err(match content == text.as_bytes() {
                true => "gives the content as text".into(),
                false => "gives other content".into(),
            });
        }
        match peer.decrypt(self, &damaged(&message)) {
            Ok(_) => Err("opens what is damaged".into()),
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn verifies(&self, peer: &mut dyn Peer) -> Did<()> {
        let signature = peer.sign(self, CONTENT)?;
        verified(&self.unlocked, &signature)
    }

    pub(crate) fn is_verified(&self, peer: &mut dyn Peer) -> Did<()> {
        let signature = sign_detached(&self.unlocked, CONTENT, now(), Form::Binary);
        let signature = signature.map_err(|error| format!("ours: {error}"))?;
        peer.verify(self, CONTENT, &signature)?;
        match peer.verify(self, OTHER, &signature) {
            Ok(()) => Err("verifies other content".into()),
            Err(_) => Ok(()),
        }
    }
}

/// A key of the peer's, of this profile: it counts, signs and opens.
pub(crate) fn takes(key: &[u8], profile: Profile) -> Did<()> {
    let ours = |error: pgp_keystore::Error| format!("ours: {error}");
    let key = Key::parse(key).map_err(ours)?;
    let is_v6 = key.fingerprint().as_bytes().len() == 32;
    let view = key.at(now());
    let is_post_quantum = view.keys.iter().any(|key| key.algorithm.is_post_quantum());
    let fits = match profile {
        Profile::Compat => !is_v6,
        Profile::Modern => is_v6 && !is_post_quantum,
        _ => is_post_quantum,
    };
    if !fits {
        let version = if is_v6 { 6 } else { 4 };
        return Err(format!(
            "generates only keys of version {version}, classical"
        ));
    }
    if view.reason != Reason::Valid {
        return Err(format!("ours: {}", view.reason));
    }
    let unlocked = key.unlock_unprotected().map_err(ours)?;
    let signature = sign_detached(&unlocked, CONTENT, now(), Form::Binary).map_err(ours)?;
    verified(&unlocked, &signature)?;
    let to = unlocked.certificate();
    let plan = plan_send(&[Recipient::new("peer@example.net", [&to])], now());
    let message = plan.encrypt(CONTENT, None, now(), Form::Binary);
    let message = message.map_err(ours)?;
    let opened = decrypt(&message, &[&unlocked], &[], now(), &Limits::default());
    match opened.map_err(ours)?.content.as_slice() == CONTENT {
        true => Ok(()),
        false => Err("ours: other content".into()),
    }
}

/// Valid over the content, and altered over another one.
fn verified(by: &Unlocked, signature: &[u8]) -> Did<()> {
    let by = by.certificate();
    for (content, wanted) in [(CONTENT, Reason::Valid), (OTHER, Reason::Altered)] {
        let result = verify_detached(content, signature, &[&by], now(), &Limits::default());
        let result = result.map_err(|error| format!("ours: {error}"))?;
        match result.signatures.as_slice() {
            [check] if check.reason == wanted => {}
            other => return Err(format!("ours: {other:?}, not {wanted}")),
        }
    }
    Ok(())
}

/// Another bit near the end, which is in the encrypted part.
fn damaged(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    let at = message.len() - 30;
    message[at] ^= 1;
    message
}
