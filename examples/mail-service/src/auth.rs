//! Passwords: Argon2id on threads of its own.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::limits::lock;

/// A bounded pool that hashes and checks passwords, so that logins can neither stop the mail nor
/// take all memory: each check takes 19 MiB and some 20 ms.
#[derive(Debug)]
pub(crate) struct Passwords {
    jobs: SyncSender<Job>,
    /// Checked when there is no such account: that must take as long.
    decoy: Arc<str>,
    #[cfg(test)]
    asked: std::sync::atomic::AtomicUsize,
}

/// Not `Debug`: it holds a password.
struct Job {
    password: Zeroizing<String>,
    hash: Arc<str>,
    answer: oneshot::Sender<Check>,
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
    /// Starts the threads.
    pub(crate) fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name("passwords".into())
                .spawn(move || work(&waiting))?;
        }
        let nobody = Zeroizing::new(String::new());
        let decoy = hash(&nobody).map_err(|e| std::io::Error::other(e.to_string()))?;
        Ok(Self {
            jobs,
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
        let (answer, answered) = oneshot::channel();
        let job = Job {
            password,
            hash: hash.unwrap_or_else(|| self.decoy.clone()),
            answer,
        };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.jobs.try_send(job)
        {
            return Check::Busy;
        }
        match answered.await {
            Ok(Check::Right) if !exists => Check::Wrong,
            Ok(check) => check,
            Err(_) => Check::Busy,
        }
    }

    #[cfg(test)]
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = lock(waiting).recv();
        let Ok(job) = job else { return };
        // Nobody waits for the answer any more: spare the work.
        if !job.answer.is_closed() {
            let found = check(&job.password, &job.hash);
            let _ = job.answer.send(found);
        }
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
        let passwords = Passwords::start(1, 4).unwrap();
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
    async fn the_queue_is_bounded() {
        let (jobs, _nobody_works) = sync_channel(0);
        let passwords = Passwords {
            jobs,
            decoy: "".into(),
            asked: Default::default(),
        };
        assert_eq!(passwords.check(secret("x"), None).await, Check::Busy);
    }
}
