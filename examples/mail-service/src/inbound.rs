//! The way of a message from DATA to 250: judged, stamped, stored in one commit.

use crate::{
    accounts::Owner,
    clock::{self, Clock},
    config::{Alarm, Config, Language},
    disk::Disk,
    headers,
    judge::{self, Judge},
    log::Causes,
    mailbox::{self, Mailboxes},
    notice,
    openpgp::{self, OpenPgp, Told},
    secure::SecureError,
    smtp::{
        command::{self, Encoding},
        session::{Envelope, Greeting, Outcome},
    },
};
use msg_validate::{Grade, Verdict};
use std::{
    fmt::Write,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tls_policy::Wish;
use tracing::{info, warn};

/// Takes messages for the accounts of this service.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(crate) hostname: String,
    pub(crate) alarm: Alarm,
    pub(crate) language: Language,
    pub(crate) received_fields: usize,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) judge: Judge,
    pub(crate) openpgp: Arc<OpenPgp>,
    /// For all checks of a message's signatures.
    pub(crate) signature_time: Duration,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
}

/// Who sends.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) client: IpAddr,
    pub(crate) security: Security,
}

/// How it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls { version: String, suite: String },
}

/// Why a setting about accounts and domains makes no sense.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A domain is not one.
    #[error("{0} is not a domain")]
    Domain(String),
    /// The postmaster's address is not one.
    #[error("{0} is not an address")]
    Postmaster(String),
    /// The secure domains make no sense.
    #[error("secure {0}")]
    Secure(#[from] SecureError),
}

impl Inbound {
    pub(crate) fn new(
        config: &Config,
        mailboxes: Arc<Mailboxes>,
        judge: Judge,
        openpgp: Arc<OpenPgp>,
        clock: Clock,
    ) -> Self {
        Self {
            hostname: config.hostname.clone(),
            alarm: config.alarm,
            language: config.language,
            received_fields: config.limits.received_fields,
            mailboxes,
            judge,
            openpgp,
            signature_time: config.limits.validation(),
            disk: Disk::of(config.store_folder()),
            clock,
        }
    }

    /// Judges a message and stores it. When this says [`Outcome::Stored`], it is durable.
    pub(crate) async fn accept(
        &self,
        peer: &Peer,
        envelope: Envelope,
        message: Vec<u8>,
    ) -> Outcome {
        // RFC 5321 §6.3: "Simple counting of the number of "Received:" header fields in a message
        // has proven to be an effective […] method of detecting loops".
        let received = headers::fields(&message).filter(|f| f.is("Received"));
        if received.count() > self.received_fields {
            return Outcome::Loop;
        }
        if !self.disk.has_room(message.len()) {
            warn!(size = message.len(), "no space for a message");
            return Outcome::Full;
        }
        let now = self.clock.now();
        let verdict = self.judge.judge(peer, &envelope, &message, now).await;
        let grade = verdict.grade();
        if self.alarm == Alarm::Refuse && judge::asks_to_reject(&verdict) {
            info!(%grade, "refused");
            return Outcome::Forged;
        }
        let size = message.len();
        let recipients = envelope.accounts.len();
        let letter = Letter {
            peer,
            envelope: &envelope,
            verdict: &verdict,
            now,
        };
        match self.deliver(&letter, message).await {
            Ok(()) => {
                info!(%grade, size, recipients, "stored");
                Outcome::Stored
            }
            Err(NotStored::Mailbox(mailbox::Error::Quota)) => Outcome::MailboxFull,
            Err(NotStored::Mailbox(mailbox::Error::Store(record_store::Error::Full))) => {
                warn!(size, "no space for a message");
                Outcome::Full
            }
            Err(error) => {
                warn!(error = %Causes(&error), "message not stored");
                Outcome::Failed
            }
        }
    }

    /// Stores it for all who get it; for each as it is meant to have it. When this returns, it is durable.
    async fn deliver(&self, letter: &Letter<'_>, message: Vec<u8>) -> Result<(), NotStored> {
        let (accounts, now) = (&letter.envelope.accounts, letter.now);
        let message = Arc::new(message);
        let grade = letter.verdict.grade();
        let told = self
            .openpgp
            .signatures(&message, accounts, grade, self.signature_time, now);
        let told = told.await;
        let mut copies: Vec<Copy> = Vec::new();
        for (account, told) in accounts.iter().zip(told) {
            let owner = self.openpgp.incoming(account, now).await?;
            match copies
                .iter_mut()
                .find(|c| owner.is_none() && c.fits(told.as_ref()))
            {
                Some(copy) => copy.accounts.push(account.clone()),
                None => copies.push(Copy {
                    accounts: vec![account.clone()],
                    told,
                    owner,
                }),
            }
        }
        if let [
            Copy {
                owner: None, told, ..
            },
        ] = copies.as_slice()
        {
            let filed = self.file(letter, &message, accounts, told.as_ref());
            // The store makes a copy of its own: two at a time are enough.
            drop(message);
            return Ok(self.mailboxes.deliver(accounts, &filed, now).await?);
        }
        let mut staged = Vec::new();
        for copy in &copies {
            match self.stage(letter, &message, copy).await {
                Ok(one) => staged.push(one),
                Err(error) => {
                    self.mailboxes.discard(staged, now).await;
                    return Err(error);
                }
            }
        }
        Ok(self.mailboxes.deliver_staged(staged, now).await?)
    }

    /// One copy, encrypted if that is wanted: nothing of it is written before.
    async fn stage(
        &self,
        letter: &Letter<'_>,
        message: &[u8],
        copy: &Copy,
    ) -> Result<mailbox::Staged, NotStored> {
        let Copy {
            accounts,
            told,
            owner,
        } = copy;
        let mut filed = self.file(letter, message, accounts, told.as_ref());
        if let (Some(owner), [account]) = (owner, accounts.as_slice()) {
            filed = self
                .openpgp
                .sealed(account, owner, filed, letter.now)
                .await?;
        }
        Ok(self.mailboxes.stage(accounts, &filed, letter.now).await?)
    }

    /// The message as it goes into the mailbox.
    fn file(
        &self,
        letter: &Letter<'_>,
        message: &[u8],
        accounts: &[Arc<str>],
        told: Option<&Told>,
    ) -> Vec<u8> {
        let Letter {
            peer,
            envelope,
            verdict,
            now,
        } = *letter;
        let mut filed = Vec::with_capacity(message.len() + 2048);
        let stamped = verdict.stamp(message, self.judge.stamp());
        let received = received(&self.hostname, peer, envelope, now);
        let original = |filed: &mut Vec<u8>| {
            // RFC 8601 §4: the results stand above the trace of the same host.
            let mut slices = stamped.slices();
            filed.extend_from_slice(slices.next().unwrap_or_default());
            filed.extend_from_slice(received.as_bytes());
            slices.for_each(|slice| filed.extend_from_slice(slice));
        };
        let signature = told.and_then(|told| told.alarm.as_ref());
        let alarm = verdict.grade() <= Grade::Suspicious || signature.is_some();
        let alarm = alarm && self.alarm != Alarm::Header;
        if !alarm {
            // RFC 5321 §4.4: "the SMTP server […] inserts a return-path line at the beginning".
            let from = envelope.from.as_ref().map(ToString::to_string);
            let from = from.unwrap_or_default();
            filed.extend_from_slice(format!("Return-Path: <{from}>\r\n").as_bytes());
            notice::verdict_fields(verdict, &mut filed);
            notice::signature_field(told, &mut filed);
            original(&mut filed);
            return filed;
        }
        filed.extend_from_slice(b"Return-Path: <>\r\n");
        notice::verdict_fields(verdict, &mut filed);
        notice::signature_field(told, &mut filed);
        let notice = notice::Notice {
            hostname: &self.hostname,
            to: match accounts {
                [one] => Some(one),
                // Who else got it is nobody's business.
                _ => None,
            },
            language: self.language,
            verdict,
            signature,
            now,
        };
        notice.write(message, original, &mut filed);
        filed
    }
}

/// A message that was judged.
#[derive(Clone, Copy)]
struct Letter<'a> {
    peer: &'a Peer,
    envelope: &'a Envelope,
    verdict: &'a Verdict,
    now: SystemTime,
}

/// What some of the accounts get.
struct Copy {
    accounts: Vec<Arc<str>>,
    told: Option<Told>,
    /// To whose key it is encrypted, if it is; then it is for that account alone.
    owner: Option<Owner>,
}

impl Copy {
    fn fits(&self, told: Option<&Told>) -> bool {
        self.owner.is_none() && self.told.as_ref() == told
    }
}

#[derive(Debug, thiserror::Error)]
enum NotStored {
    #[error(transparent)]
    Mailbox(#[from] mailbox::Error),
    #[error("it could not be encrypted")]
    OpenPgp(#[from] openpgp::Error),
}

/// RFC 5321 §4.4, Time-stamp-line. It names no recipient: the others of the same message would
/// read it.
fn received(hostname: &str, peer: &Peer, envelope: &Envelope, now: SystemTime) -> String {
    let name = &envelope.client.name;
    let helo = match name.is_ascii() && command::is_domain(name) {
        true => name.clone(),
        // What is no domain or address literal could mean something else in a header field.
        false => name.replace(
            |c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)),
            "?",
        ),
    };
    let literal = match peer.client.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("IPv6:{v6}"),
    };
    let mut field = format!("Received: from {helo} ([{literal}])");
    if let Security::Tls { version, suite } = &peer.security {
        let _ = write!(field, "\r\n\t(using {version} with cipher {suite})");
    }
    // RFC 3848 §3 and RFC 6531 §4.3.
    let utf8 = match envelope.encoding {
        Encoding::Utf8 => "UTF8",
        Encoding::Ascii => "",
    };
    let protocol = match (envelope.client.greeting, &peer.security) {
        (Greeting::Helo, Security::Plain) => "SMTP",
        (Greeting::Ehlo, Security::Plain) if utf8.is_empty() => "ESMTP",
        (_, Security::Plain) => "SMTP",
        (_, Security::Tls { .. }) if utf8.is_empty() => "ESMTPS",
        (_, Security::Tls { .. }) => "SMTPS",
    };
    // RFC 8689 §4.1: a message that came with it stays marked.
    let mark = match envelope.wish {
        Wish::RequireTls => " (REQUIRETLS)",
        Wish::Default | Wish::TlsRequiredNo => "",
    };
    let date = clock::rfc5322(now);
    let _ = write!(
        field,
        "\r\n\tby {hostname} with {utf8}{protocol}{mark};\r\n\t{date}\r\n"
    );
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::session::Client;

    fn field(name: &str, greeting: Greeting, security: Security, encoding: Encoding) -> String {
        marked(name, greeting, security, encoding, Wish::Default)
    }

    fn marked(
        name: &str,
        greeting: Greeting,
        security: Security,
        encoding: Encoding,
        wish: Wish,
    ) -> String {
        let peer = Peer {
            client: "2001:db8::1".parse().unwrap(),
            security,
        };
        let envelope = Envelope {
            client: Client {
                name: name.into(),
                greeting,
            },
            from: None,
            accounts: vec!["joe@b.test".into()],
            encoding,
            wish,
        };
        received("mx.b.test", &peer, &envelope, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn the_trace_tells_how_it_came_and_nothing_of_whom_it_is_for() {
        let tls = Security::Tls {
            version: "TLS1.3".into(),
            suite: "TLS_AES_128_GCM_SHA256".into(),
        };
        assert_eq!(
            field("c.test", Greeting::Ehlo, tls.clone(), Encoding::Ascii),
            "Received: from c.test ([IPv6:2001:db8::1])\r\n\
             \t(using TLS1.3 with cipher TLS_AES_128_GCM_SHA256)\r\n\
             \tby mx.b.test with ESMTPS;\r\n\
             \tThu, 1 Jan 1970 00:00:00 +0000\r\n"
        );
        let wish = Wish::RequireTls;
        let required = marked("c.test", Greeting::Ehlo, tls.clone(), Encoding::Ascii, wish);
        assert!(
            required.contains(" with ESMTPS (REQUIRETLS);\r\n"),
            "{required}"
        );
        for (greeting, security, encoding, protocol) in [
            (Greeting::Helo, Security::Plain, Encoding::Ascii, "SMTP"),
            (Greeting::Ehlo, Security::Plain, Encoding::Ascii, "ESMTP"),
            (Greeting::Ehlo, Security::Plain, Encoding::Utf8, "UTF8SMTP"),
            (Greeting::Ehlo, tls, Encoding::Utf8, "UTF8SMTPS"),
        ] {
            let field = field("c.test", greeting, security, encoding);
            assert!(field.contains(&format!(" with {protocol};")), "{field}");
        }
    }

    #[test]
    fn a_name_cannot_be_more_than_a_name() {
        for (name, shown) in [
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("my_host.test", "my_host.test"),
            ("a(b)[c:;by,\u{e4}\"x", "a?b??c??by???x"),
        ] {
            let field = field(name, Greeting::Ehlo, Security::Plain, Encoding::Ascii);
            let expected = format!("Received: from {shown} ([");
            assert!(field.starts_with(&expected), "{field}");
        }
    }
}
