//! A service with keys, the program's commands, and people who write to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use mail_service::openpgp::{Keyring, OpenPgp, Opener, Wanted};
use mail_service::{Clock, Config};
use pgp_keystore::custody::Custody;
use pgp_keystore::mime;
use pgp_keystore::{Fingerprint, Generate, Limits, Profile, Unlocked, Use};

use crate::common::Peer;
use crate::common::service::{Options, Service, USER};
use crate::common::smtp::{Reply, Smtp};

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) told: String,
    pub(crate) success: bool,
}

impl Said {
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert!(self.success, "{self:?}");
        self.out
    }

    #[track_caller]
    pub(crate) fn refused(self, why: &str) {
        assert!(!self.success && self.told.contains(why), "{why}: {self:?}");
    }
}

/// Runs the program in a folder with a configuration; `lines` are what is typed.
pub(crate) fn run(folder: &Path, args: &[&str], lines: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mail-service"))
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        told: String::from_utf8_lossy(&output.stderr).into_owned(),
        success: output.status.success(),
    }
}

pub(crate) fn service() -> Service {
    Service::start_with(&Options::default().kek())
}

/// Where its configuration is.
pub(crate) fn folder(service: &Service) -> PathBuf {
    service.config().parent().unwrap().to_owned()
}

#[allow(clippy::disallowed_methods)] // the program has this clock, too
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Another handle on the keys of the service, as a second process has it.
pub(crate) fn keys(service: &Service) -> OpenPgp {
    let config = Config::load(&service.config()).unwrap();
    let store = Arc::new(config.open_store().unwrap());
    OpenPgp::new(&config, store, Clock::system()).unwrap()
}

/// A key of the account, in the custody of the server.
pub(crate) async fn own_key(keyring: &Keyring<'_>) -> Fingerprint {
    keyring.set_up(Custody::Server, None).await.unwrap();
    let session = keyring.open(&Opener::Server).await.unwrap();
    let wanted = Wanted::new(Profile::Compat);
    let key = keyring.generate(&session, &wanted, Custody::Server).await;
    key.unwrap()
}

/// What a message of the account's mailbox holds, opened by its default key.
pub(crate) async fn opened(keyring: &Keyring<'_>, stored: &str) -> String {
    let key = keyring.default_key(Use::Encrypt).await.unwrap();
    let session = keyring.open(&Opener::Server).await.unwrap();
    let stored = stored.as_bytes().to_vec();
    let open = move |keys: &[&Unlocked]| {
        let opened = mime::decrypt(&stored, keys, &[], now(), &Limits::default()).unwrap();
        String::from_utf8(opened.message().to_vec()).unwrap()
    };
    let account = keyring.account();
    account
        .with_keys(&session, &[key], open, now())
        .await
        .unwrap()
}

/// Somebody who writes.
pub(crate) fn person(user_id: &str) -> Unlocked {
    let new = Generate::new(Profile::Compat, now() - std::time::Duration::from_secs(60));
    new.user_id(user_id).create().unwrap().key
}

/// Whether a letter brings the certificate of who signs along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brings {
    Key,
    Nothing,
}

/// A letter from an address, signed by a key.
pub(crate) fn letter(from: &str, by: &Unlocked, brings: Brings) -> String {
    let autocrypt = match brings {
        Brings::Key => {
            let prefer = mime::PreferEncrypt::NoPreference;
            mime::autocrypt(&by.certificate(), from, prefer, now()).unwrap()
        }
        Brings::Nothing => String::new(),
    };
    let message = format!(
        "{autocrypt}From: <{from}>\r\nTo: <{USER}>\r\nSubject: Signed\r\n\
         Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@a.test>\r\n\
         Content-Type: text/plain\r\n\r\nIt is me, and nobody else.\r\n"
    );
    let signed = mime::sign(message.as_bytes(), by, now()).unwrap();
    String::from_utf8(signed).unwrap()
}

/// Sends it by SMTP.
pub(crate) fn send(service: &Service, from: &str, to: &[&str], message: &str) -> Reply {
    let mut session = Smtp::open(service.smtp()).unwrap();
    session
        .command(&format!("MAIL FROM:<{from}>"))
        .unwrap()
        .expect(250);
    for to in to {
        session
            .command(&format!("RCPT TO:<{to}>"))
            .unwrap()
            .expect(250);
    }
    session.command("DATA").unwrap().expect(354);
    session.0.send(message.as_bytes()).unwrap();
    session.0.send(b".\r\n").unwrap();
    session.reply().unwrap()
}

/// Sends it, and what the reader finds.
#[track_caller]
pub(crate) fn pass(service: &Service, from: &str, message: &str) -> String {
    let before = service.stored();
    send(service, from, &[USER], message).expect(250);
    let mut after = service.stored();
    assert_eq!(after.len(), before.len() + 1);
    after.retain(|message| !before.contains(message));
    after.pop().unwrap()
}

/// The value of a field, in one line.
pub(crate) fn field(message: &str, name: &str) -> Option<String> {
    let header = message.split("\r\n\r\n").next().unwrap();
    let header = header.replace("\r\n\t", " ").replace("\r\n ", " ");
    let mut values = header
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = values.next().map(str::to_owned);
    assert_eq!(values.next(), None, "{name} is there once");
    value
}
