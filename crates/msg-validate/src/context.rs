use crate::Stamp;
use std::{net::IpAddr, time::SystemTime};

/// What is known of a message besides its bytes.
#[derive(Clone, Debug)]
pub struct Context {
    now: SystemTime,
    transport: Option<Transport>,
    stamp: Option<Stamp>,
}

/// How a message came: the SMTP dialogue (RFC 5321).
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Transport {
    /// The client's address; IPv4-mapped ones are IPv4 (RFC 7208 §5).
    pub client: IpAddr,
    /// What the client said in HELO or EHLO.
    pub helo: String,
    /// The reverse-path of MAIL FROM without its brackets; empty for `<>`.
    pub mail_from: String,
    /// Whether MAIL FROM came with SMTPUTF8.
    pub smtputf8: Smtputf8,
}

/// Whether a message may be an internationalized one (RFC 6531 §3.4).
#[allow(clippy::exhaustive_enums)] // it was, or it was not
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smtputf8 {
    /// MAIL FROM came with the parameter SMTPUTF8.
    Declared,
    /// It did not, or that is not known.
    NotDeclared,
}

impl Context {
    /// A message that came by SMTP, judged as of `now`.
    pub fn smtp(
        client: IpAddr,
        helo: impl Into<String>,
        mail_from: impl Into<String>,
        now: SystemTime,
    ) -> Self {
        let transport = Transport {
            client: client.to_canonical(),
            helo: helo.into(),
            mail_from: mail_from.into(),
            smtputf8: Smtputf8::NotDeclared,
        };
        Self {
            now,
            transport: Some(transport),
            stamp: None,
        }
    }

    /// A message of which nothing is known but its bytes, judged as of `now`: no SPF.
    pub fn bare(now: SystemTime) -> Self {
        Self {
            now,
            transport: None,
            stamp: None,
        }
    }

    /// The client declared SMTPUTF8: header fields may hold UTF-8 (RFC 6531 §3.4).
    #[must_use]
    pub fn internationalized(mut self) -> Self {
        if let Some(transport) = &mut self.transport {
            transport.smtputf8 = Smtputf8::Declared;
        }
        self
    }

    /// Who judges: its name goes into SPF's explanations (RFC 7208 §7.3, macro `r`), and fields
    /// that only it may write are noticed.
    #[must_use]
    pub fn judged_by(mut self, stamp: Stamp) -> Self {
        self.stamp = Some(stamp);
        self
    }

    /// Who judges, if that is known.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// The moment as of which expiry is judged.
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// How the message came, if that is known.
    pub fn transport(&self) -> Option<&Transport> {
        self.transport.as_ref()
    }
}
