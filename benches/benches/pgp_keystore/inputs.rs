//! The same keys and contents for everybody.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pgp_keystore::{
    Action, Form, Generate, Hands, KeyState, Profile, Protection, Rules, Unlocked, lifecycle_plan,
};

pub(crate) const CERTIFICATES: usize = 2_000;
/// So many have their secrets in the inputs, too.
pub(crate) const KEYS: usize = 200;
pub(crate) const CONTENT: usize = 10 << 10;
/// So many of those that have been used for years: the most that a row uses.
const AGED: u32 = 10;
const DAY: Duration = Duration::from_secs(86_400);
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
            let key = generated(number as u32, now, None);
            let certificate = public(&key);
            keyring.extend(&certificate);
            if keys.len() < KEYS {
                keys.push(secret(&key));
                certificates.push(certificate);
            }
        }
        Self::new(keyring, keys, certificates, now)
    }

    /// Ten keys that a service has held for so many years, and changed as the plan of its crate says by default: extended
    /// each 640 days, an encryption subkey after each three years. No keyring.
    pub(crate) fn aged(years: u32) -> Self {
        let now = SystemTime::now();
        let (mut keys, mut certificates) = (Vec::new(), Vec::new());
        for number in 0..AGED {
            let key = lived(number, now - years * 365 * DAY, now);
            keys.push(secret(&key));
            certificates.push(public(&key));
        }
        Self::new(Vec::new(), keys, certificates, now)
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
        let all = |what: &'static str| {
            let files = (0..).map(move |number| folder.join(format!("{what}{number}")));
            let there = files.take_while(|file| file.exists());
            there.map(|file| fs::read(file).unwrap())
        };
        let seconds = String::from_utf8(read("now".to_owned())).unwrap();
        let seconds = Duration::from_secs(seconds.parse().unwrap());
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

fn generated(number: u32, created: SystemTime, expires: Option<SystemTime>) -> Unlocked {
    let new = Generate::new(Profile::Compat, created);
    let mut new = new.user_id(format!("User {number} <user{number}@example.org>"));
    if let Some(expires) = expires {
        new = new.expires(expires);
    }
    new.create().unwrap().key
}

fn lived(number: u32, created: SystemTime, now: SystemTime) -> Unlocked {
    let rules = Rules::default();
    let mut key = generated(number, created, Some(created + rules.extend_by));
    let mut at = created;
    while at < now {
        let view = key.at(at);
        for action in lifecycle_plan(&KeyState::new(&view, Hands::Service), &rules, at) {
            match action {
                Action::Extend { to } => key.set_expiry(Some(to), at).unwrap(),
                Action::Rotate { purpose } => {
                    let ends = key.at(at).expires;
                    key.rotate_subkey(purpose, Profile::Compat, ends, at)
                        .unwrap();
                }
                _ => panic!("{action}"),
            }
        }
        at += 7 * DAY;
    }
    key
}

fn public(key: &Unlocked) -> Vec<u8> {
    key.certificate().export(Form::Binary).unwrap()
}

fn secret(key: &Unlocked) -> Vec<u8> {
    let locked = key.lock(&Protection::None).unwrap();
    locked.export(Form::Binary).unwrap()
}
