use super::{
    Identity,
    dns::{Dns, Known},
    evaluate::{Evaluation, Subject},
};
use crate::{Limits, facts::Facts};
use mail_dns::{Answer, Name, Query};
use std::{borrow::Cow, net::IpAddr, time::SystemTime};

/// SPF for one identity and without I/O: the check_host() function (RFC 7208 §4), for those who
/// want nothing else.
///
/// Run it; while that gives nothing, ask all that it [needs](Self::need), answer, and run again.
/// At most [`Limits::dns_queries`] questions are asked, in few waves.
///
/// ```
/// use mail_dns::Zone;
/// use msg_validate::{SpfResult, spf::CheckHost};
/// use std::time::SystemTime;
///
/// let dns = Zone::new()
///     .txt("example.org", "v=spf1 include:_spf.example.net -all")?
///     .txt("_spf.example.net", "v=spf1 ip4:192.0.2.0/24 -all")?;
/// let mut check = CheckHost::mail_from(
///     "192.0.2.7".parse()?,
///     "mail.example.net",
///     "joe@example.org",
///     SystemTime::UNIX_EPOCH,
/// );
/// let identity = loop {
///     if let Some(identity) = check.run() {
///         break identity;
///     }
///     for query in check.need().to_vec() {
///         check.answer(&query, dns.answer(&query));
///     }
/// };
/// assert_eq!(identity.result(), SpfResult::Pass);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CheckHost {
    client: IpAddr,
    helo: String,
    sender: String,
    now: SystemTime,
    receiver: Option<String>,
    limits: Limits,
    facts: Facts,
}

impl CheckHost {
    /// Checks a reverse-path, as in MAIL FROM without its brackets; empty for `<>`, which is
    /// `postmaster@` the HELO name (RFC 7208 §2.4).
    pub fn mail_from(
        client: IpAddr,
        helo: impl Into<String>,
        mail_from: impl Into<String>,
        now: SystemTime,
    ) -> Self {
        let limits = Limits::default();
        Self {
            client,
            helo: helo.into(),
            sender: mail_from.into(),
            now,
            receiver: None,
            facts: Facts::new(limits.dns_queries),
            limits,
        }
    }

    /// Checks the name in HELO or EHLO (RFC 7208 §2.3).
    pub fn helo(client: IpAddr, helo: impl Into<String>, now: SystemTime) -> Self {
        Self::mail_from(client, helo, "", now)
    }

    /// Other limits than the default, before anything is asked.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.facts = Facts::new(limits.dns_queries);
        self.limits = limits;
        self
    }

    /// The name of the host that checks, which explanations may mention (the macro `r`).
    #[must_use]
    pub fn with_receiver(mut self, receiver: impl Into<String>) -> Self {
        self.receiver = Some(receiver.into());
        self
    }

    /// The result, or `None` where [`need`](Self::need) says what is still to be asked.
    pub fn run(&mut self) -> Option<Identity> {
        self.run_with(|_| None)
    }

    /// As [`run`](Self::run), with a cache that is looked at first. What it knows is no question,
    /// and counts as none.
    pub fn run_with(&mut self, known: impl FnMut(&Query) -> Option<Answer>) -> Option<Identity> {
        let subject = Subject::new(self.client, &self.helo, &self.sender)
            .at(self.now, self.receiver.as_deref());
        let facts = &mut self.facts;
        Evaluation::new(&subject, &self.limits, &mut Known { known, facts }).run()
    }

    /// What is still to be asked, all of it at once.
    pub fn need(&self) -> &[Query] {
        self.facts.missing()
    }

    /// Takes an answer. One that nobody asked for is left aside.
    pub fn answer(&mut self, query: &Query, answer: Answer) {
        self.facts.answer(query, answer);
    }
}

impl<'a> Subject<'a> {
    pub(super) fn new(client: IpAddr, helo: &'a str, sender: &'a str) -> Self {
        let helo = a_labels(helo);
        // RFC 7208 §2.4: "When the reverse-path is null, this document defines the "MAIL FROM"
        // identity to be the mailbox composed of the local-part "postmaster" and the "HELO"
        // identity".
        let (local_part, domain) = match sender.rsplit_once('@') {
            Some((local_part, domain)) => (local_part, a_labels(domain)),
            None if sender.is_empty() => ("", helo.clone()),
            None => ("", a_labels(sender)),
        };
        Self {
            // RFC 7208 §5: "an IPv4-mapped IPv6 IP address ... MUST still be considered an IPv4
            // address".
            client: client.to_canonical(),
            helo,
            // RFC 7208 §4.3: "If the <sender> has no local-part, substitute the string
            // "postmaster" for the local-part."
            local_part: if local_part.is_empty() {
                "postmaster"
            } else {
                local_part
            },
            domain,
            now: SystemTime::UNIX_EPOCH,
            receiver: None,
        }
    }

    pub(super) fn at(self, now: SystemTime, receiver: Option<&'a str>) -> Self {
        Self {
            now,
            receiver,
            ..self
        }
    }

    pub(super) fn check<D: Dns>(&self, limits: &Limits, dns: &mut D) -> Option<Identity> {
        Evaluation::new(self, limits, dns).run()
    }
}

/// RFC 8616 §4: domain names that have U-labels are converted to A-labels first. A final dot is
/// none of the name.
fn a_labels(domain: &str) -> Cow<'_, str> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if domain.is_ascii() {
        return domain.into();
    }
    match Name::from_unicode(domain) {
        Ok(name) => name.to_string().into(),
        Err(_) => domain.into(),
    }
}
