use crate::audit::{Offers, Seen};
use serde::{Deserialize, Serialize};

/// What our own software is configured to do where no peer can see it, or not without our help.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OwnFacts {
    /// TLS of outgoing connections.
    pub client: ClientFacts,
    /// Answers of the DNS are validated.
    pub validating_resolver: Seen<bool>,
    /// Outgoing connections use STARTTLS where it is offered.
    pub sends_starttls: Seen<bool>,
    /// Outgoing mail follows DANE, and is not sent where it fails (RFC 7672).
    pub sends_dane: Seen<bool>,
    /// Outgoing mail follows MTA-STS (RFC 8461).
    pub sends_sts: Seen<bool>,
    /// A wildcard certificate of a policy host is taken (as RFC 8461 §3.3 has it).
    pub sts_takes_wildcards: Seen<bool>,
    /// Reports are sent to domains that ask for them (RFC 8460).
    pub sends_tlsrpt: Seen<bool>,
    /// Mailed TLS reports are signed with DKIM.
    pub signs_tlsrpt: Seen<bool>,
    /// TLS reports are delivered even where DANE or MTA-STS fails.
    pub tlsrpt_despite_failures: Seen<bool>,
    /// TLS sessions are ended after 48 hours.
    pub session_limit_48h: Seen<bool>,
    /// Webmail is to be had by HTTPS only; false also if plain HTTP does more than redirect.
    pub webmail_https_only: Seen<bool>,
    /// A failed delivery is returned with an enhanced status code (RFC 3463) and a text that laymen understand.
    pub bounces_explain: Seen<bool>,
    /// Customers can see which domains are sent to securely.
    pub shows_secure_peers: Seen<bool>,
    /// SPF of incoming mail is checked.
    pub checks_spf: Seen<bool>,
    /// DKIM signatures of incoming mail are checked, all of them.
    pub checks_dkim: Seen<bool>,
    /// rsa-sha1 counts as no signature.
    pub refuses_rsa_sha1: Seen<bool>,
    /// DMARC of incoming mail is checked.
    pub checks_dmarc: Seen<bool>,
    /// The sender's DMARC policy is followed.
    pub obeys_dmarc: Seen<bool>,
    /// What the checks found is added as Authentication-Results (RFC 8601).
    pub authentication_results: Seen<bool>,
    /// Every outgoing message is signed.
    pub signs_all: Seen<bool>,
    /// Each of them with Ed25519 at least.
    pub signs_ed25519: Seen<bool>,
    /// Each with RSA, too.
    pub signs_rsa: Seen<bool>,
    /// The header fields that are signed are signed once more than they occur, absent ones included.
    pub oversigns: Seen<bool>,
    /// Trace header fields are signed.
    pub signs_trace: Seen<bool>,
    /// Days after which a DKIM key is replaced.
    pub dkim_rotation_days: Seen<u32>,
    /// Aggregate reports are sent.
    pub sends_dmarc_reports: Seen<bool>,
    /// Failure reports (RUF) are sent to whoever asks for them.
    pub sends_ruf: Seen<bool>,
    /// Received reports are read by a program that says what is in them.
    pub reads_reports: Seen<bool>,
    /// Issuers of our certificates are on a list that somebody has checked.
    pub listed_issuers: Seen<bool>,
}

/// What our own client offers to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientFacts {
    /// TLS 1.1 or less is offered.
    pub old_versions: Seen<bool>,
    /// TLS 1.2 is offered.
    pub tls12: Seen<bool>,
    /// TLS 1.3 is offered.
    pub tls13: Seen<bool>,
    /// Suites of TLS 1.2, best first.
    pub suites12: Seen<Offers>,
    /// Suites of TLS 1.3, best first.
    pub suites13: Seen<Offers>,
    /// Groups, best first.
    pub groups: Seen<Offers>,
    /// Signature schemes.
    pub signatures: Seen<Offers>,
    /// The extension `signature_algorithms_cert` is sent (RFC 8446 §4.2.3).
    pub signature_algorithms_cert: Seen<bool>,
    /// The extended master secret is offered (RFC 7627).
    pub extended_master_secret: Seen<bool>,
    /// Early data is sent.
    pub early_data: Seen<bool>,
    /// The revocation of the peer's whole chain is checked.
    pub checks_revocation: Seen<bool>,
}
