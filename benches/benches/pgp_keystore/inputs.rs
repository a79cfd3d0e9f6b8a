//! The same keys and contents for everybody.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use pgp_keystore::{Form, Generate, Profile, Protection};

pub(crate) const CERTIFICATES: usize = 2_000;
/// So many have their secrets in the inputs, too.
pub(crate) const KEYS: usize = 200;
pub(crate) const CONTENT: usize = 10 << 10;
const KEYRING: &str = "keyring";

/// Of version 4, as GnuPG 2.2 reads them: Ed25519, a signing subkey, an encryption subkey, one user ID.
pub(crate) struct Inputs {
    /// Certificates, one after the other.
    pub(crate) keyring: Vec<u8>,
    /// The first of them, with their secrets, unprotected.
    pub(crate) keys: Vec<Vec<u8>>,
    /// Without.
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) content: Vec<u8>,
    pub(crate) now: SystemTime,
}

impl Inputs {
    pub(crate) fn make() -> Self {
        // GnuPG has the clock's.
        let now = SystemTime::now();
        let (mut keyring, mut keys, mut certificates) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..CERTIFICATES {
            let new = Generate::new(Profile::Compat, now);
            let new = new.user_id(format!("User {number} <user{number}@example.org>"));
            let key = new.create().unwrap().key;
            let octets = key.certificate().export(Form::Binary).unwrap();
            keyring.extend(&octets);
            if keys.len() < KEYS {
                let locked = key.lock(&Protection::None).unwrap();
                keys.push(locked.export(Form::Binary).unwrap());
                certificates.push(octets);
            }
        }
        Self::new(keyring, keys, certificates, now)
    }

    fn new(
        keyring: Vec<u8>,
        keys: Vec<Vec<u8>>,
        certificates: Vec<Vec<u8>>,
        now: SystemTime,
    ) -> Self {
        let words = (0_u32..).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
        Self {
            keyring,
            keys,
            certificates,
            content: words.take(CONTENT / 4).flatten().collect(),
            now,
        }
    }

    pub(crate) fn save(&self, folder: &Path) {
        fs::write(folder.join(KEYRING), &self.keyring).unwrap();
        let all = self.keys.iter().zip(&self.certificates).enumerate();
        for (number, (key, certificate)) in all {
            fs::write(folder.join(format!("key{number}")), key).unwrap();
            fs::write(folder.join(format!("cert{number}")), certificate).unwrap();
        }
        let now = self.now.duration_since(UNIX_EPOCH).unwrap();
        fs::write(folder.join("now"), now.as_secs().to_string()).unwrap();
    }

    pub(crate) fn load(folder: &Path) -> Self {
        let read = |name: String| fs::read(folder.join(name)).unwrap();
        let all = |what: &'static str| (0..KEYS).map(move |number| read(format!("{what}{number}")));
        let seconds = String::from_utf8(read("now".to_owned())).unwrap();
        let seconds = std::time::Duration::from_secs(seconds.parse().unwrap());
        Self::new(
            read(KEYRING.to_owned()),
            all("key").collect(),
            all("cert").collect(),
            UNIX_EPOCH + seconds,
        )
    }

    /// So many different contents.
    pub(crate) fn contents(&self, count: usize) -> Vec<Vec<u8>> {
        let numbered = (0..count).map(|number| {
            let mut content = self.content.clone();
            content[..8].copy_from_slice(&(number as u64).to_be_bytes());
            content
        });
        numbered.collect()
    }
}
