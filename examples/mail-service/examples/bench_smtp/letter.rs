//! The message: 5 KiB, signed with DKIM (RFC 6376), as it arrives after smtp-source has sent it.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::Outcome;

/// The message and the zone in which it is true.
pub(crate) struct Letter {
    /// What smtp-source reads: lines that end in LF, and without the empty line that it appends.
    pub(crate) file: String,
    /// The zone, in the format of `msg-check --zone`.
    pub(crate) zone: String,
    /// Octets that arrive.
    pub(crate) size: usize,
}

pub(crate) const FROM: &str = "alice@a.test";
pub(crate) const TO: &str = "bob@b.test";

/// Signs a letter with a fresh RSA key of 2048 bits, relaxed/relaxed.
///
/// All of it is written as its own canonical form, so that nothing here repeats what is measured.
pub(crate) fn sign() -> Outcome<Letter> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| "no RSA key")?;
    let mut body = String::new();
    for line in 0..54 {
        body.push_str(&format!(
            "Line {line} of a letter that somebody might write, with words in it, and a full stop.\r\n"
        ));
    }
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes()));
    let fields = [
        ("from", format!("Alice <{FROM}>")),
        ("to", format!("Bob <{TO}>")),
        ("subject", "A letter of five kibibytes".into()),
        ("date", "Tue, 24 Nov 2026 12:00:00 +0000".into()),
        ("message-id", "<letter-1@a.test>".into()),
        ("mime-version", "1.0".into()),
        ("content-type", "text/plain; charset=utf-8".into()),
    ];
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let unsigned = format!(
        "dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=a.test; s=s1; h={}; bh={hash}; b=",
        names.join(":")
    );
    let header: String = fields
        .iter()
        .map(|(name, value)| format!("{name}:{value}\r\n"))
        .collect();
    // RFC 6376 §3.7: the signature field comes last, with an empty b= and without its CRLF.
    let signed = format!("{header}{unsigned}");
    let mut signature = vec![0; key.public_modulus_len()];
    let random = rand::SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "no signature")?;
    let message = format!(
        "{unsigned}{}\r\n{header}\r\n{body}",
        STANDARD.encode(&signature)
    );
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| "no public key")?;
    let public = STANDARD.encode(public.as_ref());
    let (first, second) = public.split_at(200);
    Ok(Letter {
        // RFC 6376 §3.4.4: empty lines at the end of the body are ignored, so the one that smtp-source appends to the
        // file is none of the signature's business; all other octets arrive as they were signed.
        file: message.replace("\r\n", "\n"),
        size: message.len() + 2,
        zone: format!(
            r#"{{
  "a.test": [["TXT", ["v=spf1 ip4:127.0.0.1 -all"]]],
  "_dmarc.a.test": [["TXT", ["v=DMARC1; p=reject"]]],
  "s1._domainkey.a.test": [["TXT", ["v=DKIM1; k=rsa; p={first}", "{second}"]]],
  "client.a.test": [["A", "127.0.0.1"]]
}}"#
        ),
    })
}
