use std::{net::IpAddr, time::SystemTime};

/// What is known of a message besides its bytes.
#[derive(Clone, Debug)]
pub struct Context {
    now: SystemTime,
    transport: Option<Transport>,
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
        };
        Self {
            now,
            transport: Some(transport),
        }
    }

    /// A message of which nothing is known but its bytes, judged as of `now`: no SPF.
    pub fn bare(now: SystemTime) -> Self {
        Self {
            now,
            transport: None,
        }
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
