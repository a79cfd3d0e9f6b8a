//! The demonstration's messages: one signed with DKIM (RFC 6376, RFC 8463), one spoofed, one damaged.

use crate::clock;
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use std::{error::Error, time::SystemTime};

/// The sender, whose domain signs.
pub(super) struct Alice {
    key: Ed25519KeyPair,
    now: SystemTime,
}

const SELECTOR: &str = "demo";

impl Alice {
    pub(super) fn new(now: SystemTime) -> Result<Self, Box<dyn Error>> {
        let key = Ed25519KeyPair::generate()?;
        Ok(Self { key, now })
    }

    /// What her domain publishes: who may send, the key, and that everything else is to be rejected.
    pub(super) fn records(&self) -> Vec<(String, String)> {
        let key = BASE64.encode(self.key.public_key().as_ref());
        [
            ("a.test.", "v=spf1 ip4:127.0.0.1 -all".to_owned()),
            (
                "demo._domainkey.a.test.",
                format!("v=DKIM1; k=ed25519; p={key}"),
            ),
            ("_dmarc.a.test.", "v=DMARC1; p=reject".into()),
            ("secure.a.test.", "v=spf1 ip4:127.0.0.1 -all".into()),
            ("mallory.test.", "v=spf1 ip4:127.0.0.1 -all".into()),
            ("list.test.", "v=spf1 ip4:127.0.0.1 -all".into()),
        ]
        .map(|(name, text)| (name.to_owned(), text))
        .into()
    }

    /// A message as it should be.
    pub(super) fn good(&self) -> String {
        let fields = self.fields("Lunch on Friday?");
        let body =
            "Hello Bob,\r\n\r\nshall we have lunch on Friday, at the usual place?\r\n\r\nAlice\r\n";
        format!(
            "{}{}\r\n{body}",
            self.signature(&fields, body),
            written(&fields)
        )
    }

    /// One that somebody else wrote in her name.
    pub(super) fn spoofed(&self) -> String {
        let fields = self.fields("Invoice, please pay today");
        format!(
            "{}\r\nDear Bob,\r\n\r\nour account number has changed. Please pay to the new one.\r\n\r\nAlice\r\n",
            written(&fields)
        )
    }

    /// The good one, with one word changed on the way.
    pub(super) fn damaged(&self) -> String {
        self.good().replace("the usual place", "Mallory's place")
    }

    fn fields(&self, subject: &str) -> Vec<(&'static str, String)> {
        let id = clock::rfc5322(self.now).replace([' ', ',', ':', '+'], "");
        vec![
            ("From", "Alice <alice@a.test>".into()),
            ("To", "Bob <bob@b.test>".into()),
            ("Subject", subject.into()),
            ("Date", clock::rfc5322(self.now)),
            ("Message-ID", format!("<{id}.{}@a.test>", subject.len())),
            ("MIME-Version", "1.0".into()),
            ("Content-Type", "text/plain; charset=utf-8".into()),
        ]
    }

    /// The DKIM-Signature field. Fields and bodies here are written as the relaxed
    /// canonicalization (RFC 6376 §3.4.2, §3.4.4) leaves them, but for the case of the names.
    fn signature(&self, fields: &[(&str, String)], body: &str) -> String {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.to_lowercase()).collect();
        let seconds = self.now.duration_since(SystemTime::UNIX_EPOCH);
        let unsigned = format!(
            "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=a.test; s={SELECTOR}; t={}; h={}:from; bh={}; b=",
            seconds.map_or(0, |d| d.as_secs()),
            names.join(":"),
            BASE64.encode(digest(&SHA256, body.as_bytes())),
        );
        let mut signed = String::new();
        for (name, (_, value)) in names.iter().zip(fields) {
            signed.push_str(&format!("{name}:{value}\r\n"));
        }
        // RFC 6376 §3.7: the field itself comes last, without its CR LF. RFC 8463 §3: Ed25519 signs
        // the hash.
        signed.push_str(&format!("dkim-signature:{unsigned}"));
        let hash = digest(&SHA256, signed.as_bytes());
        let signature = BASE64.encode(self.key.sign(hash.as_ref()));
        format!("DKIM-Signature: {unsigned}{signature}\r\n")
    }
}

fn written(fields: &[(&str, String)]) -> String {
    fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect()
}
