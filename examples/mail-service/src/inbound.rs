//! The way of a message from DATA to 250: judged, stamped, stored in one commit.

use crate::{
    clock::{self, Clock},
    config::{Alarm, Config, Language},
    disk::Disk,
    headers,
    judge::{self, Judge},
    log::Causes,
    mailbox::{self, Mailboxes},
    notice,
    secure::SecureError,
    smtp::{
        command::{self, Encoding},
        session::{Envelope, Greeting, Outcome},
    },
};
use msg_validate::{Grade, Verdict};
use std::{fmt::Write, net::IpAddr, sync::Arc, time::SystemTime};
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
        clock: Clock,
    ) -> Self {
        Self {
            hostname: config.hostname.clone(),
            alarm: config.alarm,
            language: config.language,
            received_fields: config.limits.received_fields,
            mailboxes,
            judge,
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
        let filed = self.file(peer, &envelope, &message, &verdict, now);
        // The store makes a copy of its own: two at a time are enough.
        drop(message);
        let stored = self
            .mailboxes
            .deliver(&envelope.accounts, &filed, now)
            .await;
        let recipients = envelope.accounts.len();
        match stored {
            Ok(()) => {
                info!(%grade, size, recipients, "stored");
                Outcome::Stored
            }
            Err(mailbox::Error::Quota) => Outcome::MailboxFull,
            Err(mailbox::Error::Store(record_store::Error::Full)) => {
                warn!(size, "no space for a message");
                Outcome::Full
            }
            Err(error) => {
                warn!(error = %Causes(&error), "message not stored");
                Outcome::Failed
            }
        }
    }

    /// The message as it goes into the mailbox.
    fn file(
        &self,
        peer: &Peer,
        envelope: &Envelope,
        message: &[u8],
        verdict: &Verdict,
        now: SystemTime,
    ) -> Vec<u8> {
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
        let alarm = verdict.grade() <= Grade::Suspicious && self.alarm != Alarm::Header;
        if !alarm {
            // RFC 5321 §4.4: "the SMTP server […] inserts a return-path line at the beginning".
            let from = envelope.from.as_ref().map(ToString::to_string);
            let from = from.unwrap_or_default();
            filed.extend_from_slice(format!("Return-Path: <{from}>\r\n").as_bytes());
            notice::verdict_fields(verdict, &mut filed);
            original(&mut filed);
            return filed;
        }
        filed.extend_from_slice(b"Return-Path: <>\r\n");
        notice::verdict_fields(verdict, &mut filed);
        let notice = notice::Notice {
            hostname: &self.hostname,
            to: match envelope.accounts.as_slice() {
                [one] => Some(one),
                // Who else got it is nobody's business.
                _ => None,
            },
            language: self.language,
            verdict,
            now,
        };
        notice.write(message, original, &mut filed);
        filed
    }
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
