//! Passwords: Argon2id on threads of its own.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::sync::Arc;
use twofactor::Offload;
use zeroize::Zeroizing;

use crate::second_factor::Work;

/// Checks passwords on threads of their own.
#[derive(Debug)]
pub(crate) struct Passwords {
    work: Work,
    /// Checked when there is no such account: that must take as long.
    decoy: Arc<str>,
    #[cfg(test)]
    asked: std::sync::atomic::AtomicUsize,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Right,
    Wrong,
    /// Too many wait already, or the pool is gone.
    Busy,
}

/// Hashes a password: a PHC string, Argon2id with the parameters that OWASP names for servers
/// (19 MiB, 2 passes, 1 lane). Takes some 20 ms. RFC 9106 §4 asks for 64 MiB where there is memory
/// for that.
pub(crate) fn hash(password: &Zeroizing<String>) -> Result<String, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

/// A password that nobody can guess: 20 letters and digits, 100 random bits.
///
/// # Errors
/// The system has no random numbers.
pub fn new_password() -> Result<Zeroizing<String>, aws_lc_rs::error::Unspecified> {
    // Without the ones that look alike: 32 are left, five bits each.
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 20];
    aws_lc_rs::rand::fill(&mut random)?;
    let letters = random.iter().map(|octet| {
        let letter = LETTERS.get(usize::from(octet % 32)).copied();
        char::from(letter.unwrap_or_default())
    });
    Ok(Zeroizing::new(letters.collect()))
}

fn check(password: &Zeroizing<String>, hash: &str) -> Check {
    let Ok(hash) = PasswordHash::new(hash) else {
        return Check::Wrong;
    };
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Check::Right,
        Err(_) => Check::Wrong,
    }
}

impl Passwords {
    /// With these threads.
    pub(crate) fn new(work: Work) -> std::io::Result<Self> {
        let nobody = Zeroizing::new(String::new());
        let decoy = hash(&nobody).map_err(|e| std::io::Error::other(e.to_string()))?;
        Ok(Self {
            work,
            decoy: decoy.into(),
            #[cfg(test)]
            asked: Default::default(),
        })
    }

    /// Checks a password against an account's hash; an account that does not exist costs the same.
    pub(crate) async fn check(&self, password: Zeroizing<String>, hash: Option<Arc<str>>) -> Check {
        let exists = hash.is_some();
        #[cfg(test)]
        self.asked
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        match self.work.run(move || check(&password, &hash)).await {
            Some(Check::Right) if !exists => Check::Wrong,
            Some(check) => check,
            None => Check::Busy,
        }
    }

    #[cfg(test)]
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.into())
    }

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new(Work::start(1, 4).unwrap()).unwrap();
        let hash: Arc<str> = hash(&secret("open sesame")).unwrap().into();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let check = |word, hash| passwords.check(secret(word), hash);
        assert_eq!(check("open sesame", Some(hash.clone())).await, Check::Right);
        assert_eq!(check("open", Some(hash)).await, Check::Wrong);
        assert_eq!(
            check("", None).await,
            Check::Wrong,
            "the decoy lets nobody in"
        );
        assert_eq!(check("x", Some("no hash".into())).await, Check::Wrong);
    }

    #[tokio::test]
    async fn who_finds_no_place_is_not_looked_at() {
        let (work, _nobody_works) = Work::full();
        let passwords = Passwords::new(work).unwrap();
        assert_eq!(passwords.check(secret("x"), None).await, Check::Busy);
    }
}
