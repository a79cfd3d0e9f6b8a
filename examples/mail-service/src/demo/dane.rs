//! DANE (RFC 7672) shown: a delivery that the receiver's TLSA record authenticates, and three that must not be.

use super::{
    BOB, Seen, Stage,
    message::Alice,
    outbound::{Delivery, Outbound},
    zone::{self, Zone},
};
use crate::Clock;
use dane_tlsa::{Crypto, Parameters, Tlsa, ZoneLine, owner};
use rcgen::PublicKeyData;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{error::Error, io::Write};

/// What a line of the demonstration expects.
enum Expected {
    Delivered,
    /// With this code; and nothing has come.
    Deferred(&'static str),
}

/// Shows it, a line each on `out`; returns how many lines failed.
pub(super) async fn show(
    stage: &Stage,
    zone: &Zone,
    clock: &Clock,
    alice: &Alice,
    out: &mut impl Write,
) -> Result<usize, Box<dyn Error>> {
    let crypto = Crypto::aws_lc_rs();
    let owner = owner(stage.smtp.port(), &"mx.b.test".parse()?)?;
    let own = CertificateDer::from_pem_file(&stage.certificate)?;
    let own = Tlsa::for_certificate(Parameters::DANE_EE, &own, &crypto)?;
    let key = rcgen::KeyPair::generate()?.subject_public_key_info();
    let other = Tlsa::for_key(Parameters::DANE_EE, &key, &crypto)?;
    // Somebody who answers in the zone's place has all its records, but not its key.
    let forged = zone::serve(&[]).await?;
    forged.set_tlsa(&owner, &own).await?;

    let mut failures = 0;
    for (number, title, record, source, expected) in [
        (
            4,
            "outgoing: the receiver is who its TLSA record says",
            &own,
            zone,
            Expected::Delivered,
        ),
        (
            5,
            "outgoing: the TLSA record was swapped for that of another key",
            &other,
            zone,
            Expected::Deferred("dane.no-match"),
        ),
        (
            6,
            "outgoing: the right record, but not signed by the zone",
            &own,
            &forged,
            Expected::Deferred("dane.lookup.server-failure"),
        ),
        (
            7,
            "outgoing: the record is back, and the message that waited goes out",
            &own,
            zone,
            Expected::Delivered,
        ),
    ] {
        zone.set_tlsa(&owner, record).await?;
        let sender = Outbound::new(source.address, zone.anchors()?, clock, stage.smtp.port())?;
        let line = ZoneLine::new(&owner, record).to_string();
        match attempt(stage, &sender, alice, &expected).await {
            Ok(evidence) => {
                writeln!(out, "PASS {number} {title}\n       record:  {line}")?;
                evidence
                    .iter()
                    .try_for_each(|line| writeln!(out, "       {line}"))?;
            }
            Err(error) => {
                failures += 1;
                writeln!(
                    out,
                    "FAIL {number} {title}: {error}\n       record:  {line}"
                )?;
            }
        }
    }
    Ok(failures)
}

/// Lines of evidence, or what is not as expected.
async fn attempt(
    stage: &Stage,
    sender: &Outbound,
    alice: &Alice,
    expected: &Expected,
) -> Result<Vec<String>, Box<dyn Error>> {
    let message = alice.good();
    let (_, before) = stage.newest().await?;
    let delivery = sender
        .deliver("alice@a.test", BOB, message.as_bytes())
        .await?;
    let (newest, after) = stage.newest().await?;
    match (delivery, expected) {
        (Delivery::Delivered(how), Expected::Delivered) => {
            if after != before + 1 || !Seen(newest).is_as_expected("verified", message.as_bytes()) {
                return Err("what was sent does not lie in the mailbox".into());
            }
            Ok(vec![
                format!("DNSSEC:  {}", how.lookup),
                format!("TLS:     {}", how.tls),
                format!("SMTP:    {}", how.reply),
                "mailbox: one message more, as it was sent, verified".into(),
            ])
        }
        (Delivery::Deferred(why), Expected::Deferred(code)) if why.code == *code => {
            if after != before {
                return Err("something was delivered all the same".into());
            }
            Ok(vec![
                format!("deferred: 4.7.5 {}", why.text),
                "mailbox: nothing has come".into(),
            ])
        }
        (Delivery::Delivered(how), _) => Err(format!("delivered: {}", how.reply).into()),
        (Delivery::Deferred(why), _) => Err(format!("deferred: {}", why.text).into()),
    }
}
