//! DANE (RFC 7672) shown: a delivery that the receiver's TLSA record authenticates, and three that must not be.

use super::{
    Seen, Stage,
    message::Alice,
    sender::Sender,
    zone::{self, Zone},
};
use crate::outbound::{Fate, Report};
use dane_tlsa::{Crypto, Parameters, Tlsa, ZoneLine, owner};
use rcgen::PublicKeyData;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{error::Error, io::Write};

/// What a line of the demonstration expects.
enum Expected {
    Delivered,
    /// With this code, and these words; and nothing has come.
    Deferred(&'static str, &'static str),
}

/// Shows it, a line each on `out`; returns how many lines failed.
pub(super) async fn show(
    stage: &Stage,
    zone: &Zone,
    sender: &Sender,
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
            Expected::Deferred("dane.usable", "dane.no-match"),
        ),
        (
            6,
            "outgoing: the right record, but not signed by the zone",
            &own,
            &forged,
            Expected::Deferred("mx.failed", "server failure"),
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
        let line = ZoneLine::new(&owner, record).to_string();
        match attempt(stage, sender, (zone, source), alice, &expected).await {
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
    sender: &Sender,
    (zone, source): (&Zone, &Zone),
    alice: &Alice,
    expected: &Expected,
) -> Result<Vec<String>, Box<dyn Error>> {
    let message = alice.good();
    let (_, before) = stage.newest().await?;
    let (dns, anchors, port) = (source.address, zone.anchors()?, stage.smtp.port());
    let report = sender
        .send(dns, anchors, port, "alice@a.test", message.as_bytes())
        .await?;
    let (newest, after) = stage.newest().await?;
    let fate = report.fates.first().map(|(_, fate)| fate);
    match (fate, expected) {
        (Some(Fate::Delivered(reply)), Expected::Delivered) => {
            if after != before + 1 || !Seen(newest).is_as_expected("verified", message.as_bytes()) {
                return Err("what was sent does not lie in the mailbox".into());
            }
            Ok(evidence(&report, reply))
        }
        (Some(Fate::Deferred(why)), Expected::Deferred(code, words))
            if why.code == *code && why.text.contains(words) =>
        {
            if after != before {
                return Err("something was delivered all the same".into());
            }
            Ok(vec![
                format!("deferred: {why}"),
                "mailbox: nothing has come".into(),
            ])
        }
        _ => Err(report.to_string().into()),
    }
}

fn evidence(report: &Report, reply: &str) -> Vec<String> {
    let tried = report.tried.iter().flat_map(|tried| {
        [
            format!(
                "DNSSEC:  {} ({}): {}",
                tried.host, tried.lookup, tried.decision
            ),
            format!("TLS:     {}", tried.came_to),
        ]
    });
    let end = [
        format!("SMTP:    {reply}"),
        "mailbox: one message more, as it was sent, verified".into(),
    ];
    tried.chain(end).collect()
}
