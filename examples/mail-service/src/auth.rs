//! Passwords: Argon2id on threads of its own, and what is known from breaches of one that was right.

use crate::{
    accounts::{Credential, Of},
    password::Rules,
    second_factor::Work,
};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use breach_check::{policy::Candidate, recheck::State};
use std::sync::Arc;
use twofactor::Offload;
use zeroize::Zeroizing;

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
    /// And what is known of it now.
    Right(State),
    Wrong,
    /// Too many wait already, or the pool is gone.
    Busy,
}

/// Hashes a password: a PHC string, Argon2id with the parameters that OWASP names for servers
/// (19 MiB, 2 passes, 1 lane). Takes some 20 ms. RFC 9106 §4 asks for 64 MiB where there is memory
/// for that.
pub(crate) fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
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

/// Whether it is this password: one Argon2, whatever was typed and whatever there is to compare it with.
fn is(password: &str, of: Of, phc: &str) -> bool {
    let candidate = Candidate::new(password);
    let text = match of {
        Of::Typed => password,
        // What is too long for a normal form is no password.
        Of::Normal => candidate.text().unwrap_or(password),
    };
    let Ok(hash) = PasswordHash::new(phc) else {
        return false;
    };
    let verified = Argon2::default().verify_password(text.as_bytes(), &hash);
    verified.is_ok()
}

impl Passwords {
    /// With these threads.
    pub(crate) fn new(work: Work) -> std::io::Result<Self> {
        let decoy = hash("").map_err(|e| std::io::Error::other(e.to_string()))?;
        Ok(Self {
            work,
            decoy: decoy.into(),
            #[cfg(test)]
            asked: Default::default(),
        })
    }

    /// Checks a password against what an account has; one that does not exist costs the same. Of one that is right it is looked
    /// up, where the work is done, whether it is known from breaches.
    pub(crate) async fn check(
        &self,
        password: Zeroizing<String>,
        credential: Option<&Credential>,
        rules: &Arc<Rules>,
    ) -> Check {
        #[cfg(test)]
        self.asked
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let known = credential.map(|known| known.state);
        let (of, phc) = match credential {
            Some(known) => (known.of, known.phc.clone()),
            None => (Of::Normal, self.decoy.clone()),
        };
        let rules = rules.clone();
        let work = move || match (is(&password, of, &phc), known) {
            (true, Some(state)) => Check::Right(rules.recheck(&password, state)),
            _ => Check::Wrong,
        };
        self.work.run(work).await.unwrap_or(Check::Busy)
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

    fn credential(of: Of, phc: &str) -> Credential {
        Credential {
            version: record_store::Version::from_u64(1),
            of,
            phc: phc.into(),
            state: State::default(),
        }
    }

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new(Work::start(1, 4).unwrap()).unwrap();
        let hash = hash("open sesame").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let rules = Arc::new(Rules::open(&crate::Config::default()).unwrap());
        let check = async |word, phc: Option<&str>| {
            let credential = phc.map(|phc| credential(Of::Normal, phc));
            passwords
                .check(secret(word), credential.as_ref(), &rules)
                .await
        };
        let right = Check::Right(State::default());
        assert_eq!(check("open sesame", Some(&hash)).await, right);
        assert_eq!(check("open", Some(&hash)).await, Check::Wrong);
        assert_eq!(
            check("", None).await,
            Check::Wrong,
            "the decoy lets nobody in"
        );
        assert_eq!(check("x", Some("no hash")).await, Check::Wrong);
    }

    #[test]
    fn one_password_however_it_is_typed() {
        let normal = hash("fi Gr\u{fc}\u{df}e").unwrap();
        for typed in [
            "fi Gr\u{fc}\u{df}e",
            "\u{fb01} Gru\u{308}\u{df}e",
            "\u{ff46}\u{ff49} Gr\u{fc}\u{df}e",
        ] {
            assert!(is(typed, Of::Normal, &normal), "{typed}");
        }
        assert!(!is("fi Gr\u{fc}sse", Of::Normal, &normal));
        // What an earlier release has hashed is compared as it was typed then, and as often: once.
        let typed = hash("\u{fb01} Gru\u{308}\u{df}e").unwrap();
        assert!(is("\u{fb01} Gru\u{308}\u{df}e", Of::Typed, &typed));
        assert!(!is("fi Gr\u{fc}\u{df}e", Of::Typed, &typed));
    }

    #[tokio::test]
    async fn who_finds_no_place_is_not_looked_at() {
        let (work, _nobody_works) = Work::full();
        let passwords = Passwords::new(work).unwrap();
        let rules = Arc::new(Rules::open(&crate::Config::default()).unwrap());
        assert_eq!(
            passwords.check(secret("x"), None, &rules).await,
            Check::Busy
        );
    }
}
