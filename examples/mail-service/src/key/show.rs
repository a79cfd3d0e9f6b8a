//! What is shown of keys.

use crate::terminal::in_days;
use mail_service::{Switch, openpgp::Keyring};
use pgp_keystore::{CertificateView, Pin, State, Use, store::Done as Import};
use std::{
    error::Error,
    io::{self, Write},
    time::SystemTime,
};

type Done = Result<(), Box<dyn Error>>;

/// The account's own keys.
pub(super) async fn own(keyring: &Keyring<'_>, now: SystemTime, out: &mut impl Write) -> Done {
    for own in keyring.own().await? {
        writeln!(out, "{}", own.certificate.fingerprint)?;
        let uses: Vec<&str> = own
            .default_for
            .iter()
            .map(|purpose| verb(*purpose))
            .collect();
        writeln!(out, "  custody: {}", own.custody)?;
        if !uses.is_empty() {
            writeln!(out, "  default: to {}", uses.join(" and "))?;
        }
        view(&own.certificate, now, out)?;
    }
    Ok(())
}

/// The certificates of others.
pub(super) async fn others(keyring: &Keyring<'_>, now: SystemTime, out: &mut impl Write) -> Done {
    let account = keyring.account();
    let own: Vec<_> = account.keys(now).await?;
    let mut after = None;
    loop {
        let page = account.list(after, 1000, now).await?;
        after = page.last().copied();
        if after.is_none() {
            return Ok(());
        }
        for of in page {
            let is_own = own.iter().any(|own| own.certificate == of);
            let Some(certificate) = account.certificate(of, now).await?.filter(|_| !is_own) else {
                continue;
            };
            writeln!(out, "{of} of somebody else")?;
            view(&certificate.at(now), now, out)?;
        }
    }
}

fn view(certificate: &CertificateView, now: SystemTime, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {}", certificate.reason)?;
    match certificate.expires {
        Some(end) => writeln!(out, "  ends: {}", in_days(end, now))?,
        None => writeln!(out, "  ends: never")?,
    }
    for user_id in &certificate.user_ids {
        let text = user_id.text.replace(char::is_control, "?");
        writeln!(out, "  user ID: {text} ({})", user_id.reason.code())?;
    }
    for part in &certificate.keys {
        let uses: Vec<&str> = part.uses.iter().map(|purpose| verb(*purpose)).collect();
        let end = part
            .expires
            .map(|end| format!(", ends {}", in_days(end, now)));
        // Of what counts all else is said.
        let why =
            (part.reason.state() != State::Valid).then(|| format!(", {}", part.reason.code()));
        writeln!(
            out,
            "  key {} {}: {}{}{}",
            part.fingerprint.key_id(),
            part.algorithm,
            uses.join(", "),
            end.unwrap_or_default(),
            why.unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn verb(purpose: Use) -> &'static str {
    match purpose {
        Use::Certify => "certify",
        Use::Sign => "sign",
        Use::Encrypt => "encrypt",
        Use::Authenticate => "log in",
        _ => "?",
    }
}

/// What is known of an address.
pub(super) fn pin(pin: Option<&Pin>, now: SystemTime, out: &mut impl Write) -> io::Result<()> {
    let Some(pin) = pin else {
        return writeln!(out, "nothing is known");
    };
    writeln!(
        out,
        "{} {}, known since {}",
        pin.certificate,
        pin.trust,
        in_days(pin.since, now)
    )?;
    for (other, when) in &pin.alarms {
        writeln!(
            out,
            "ALARM: {other} was seen for this address, first {}",
            in_days(*when, now)
        )?;
    }
    Ok(())
}

pub(super) fn switch(switch: Switch) -> &'static str {
    match switch {
        Switch::On => "on",
        Switch::Off => "off",
    }
}

pub(super) fn done(done: Import) -> &'static str {
    match done {
        Import::Added => "new",
        Import::Updated => "updated",
        _ => "known",
    }
}
