//! What a user is told of a breach, in English. What the service of breaches says may be hostile: it is cut, loses what hides
//! or turns text round, and stands in the mail quoted, with its links broken.

use super::told::{About, Id};
use crate::{
    clock,
    notice::{encoded_word, mailbox, paragraph, shown, unlinked},
};
use breach_check::monitor::{Age, Alert};
use std::{fmt::Write, time::SystemTime};

/// Most characters of a breach's name, of a date, and of what was lost.
const NAME: usize = 100;
const DATE: usize = 20;
const LOST: usize = 600;

const SINCE: &str = "This service looks for your address in collections of data that were stolen or spread without permission, \
     and has found it in one of them. It does not mean that somebody has got into your mailbox here.";
const BEFORE: &str = "This service looks for your address in collections of data that were stolen or spread without permission. \
     The first time that it has looked, it has found it in this one, which is an older breach: you may know of it. It does \
     not mean that somebody has got into your mailbox here.";
const PASSWORDS: &str = "If you have a password at that site, set a new one there; and a new one everywhere where you use the \
     same or one like it, also here. Turn on a second factor where there is one.";
const OTHER: &str =
    "Expect mail and calls that use what was lost to seem genuine, and follow no link in them.";
const UNVERIFIED: &str = "The service that collects breaches has not been able to verify this one: it may not be what it is said to be.";
const SENSITIVE: &str =
    "That somebody has an account at that site may be a secret. So it is told to nobody but you.";

const MALWARE: &str = "It was gathered by malicious programs, perhaps on a device of yours: have it looked at before you set new \
     passwords on it.";

/// What the breach is called.
pub(super) fn name(alert: &Alert) -> String {
    let title = alert.facts.as_ref().map(|facts| shown(&facts.title, NAME));
    match title {
        Some(title) if !title.is_empty() => title,
        _ => shown(alert.breach.as_str(), NAME),
    }
}

/// When it happened.
pub(super) fn date(alert: &Alert) -> String {
    let facts = alert.facts.as_ref();
    facts.map_or_else(String::new, |facts| shown(&facts.breach_date, DATE))
}

/// What was lost.
pub(super) fn lost(alert: &Alert) -> String {
    let facts = alert.facts.as_ref();
    facts.map_or_else(String::new, |facts| {
        shown(&facts.data_classes.join(", "), LOST)
    })
}

/// Whether passwords were lost, or nobody knows.
fn has_passwords(alert: &Alert) -> bool {
    alert.facts.as_ref().is_none_or(|facts| {
        let mut classes = facts.data_classes.iter();
        facts.is_stealer_log || classes.any(|class| class.to_lowercase().contains("password"))
    })
}

/// A whole message.
pub(super) fn mail(
    alert: &Alert,
    about: &About,
    id: &Id,
    hostname: &str,
    now: SystemTime,
) -> String {
    let subject = match alert.age {
        Age::Since => "Your address was found in a data breach",
        Age::Before => "Your address was found in an older data breach",
    };
    let account = alert.address.as_str();
    // What may be a secret stands in no list of subjects.
    let titled = match alert.is_sensitive() {
        true => subject.to_owned(),
        false => format!("{subject}: {}", unlinked(&about.name)),
    };
    let mut mail = String::from("Return-Path: <>\r\n");
    let _ = write!(
        mail,
        "From: {} <postmaster@{hostname}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\n\
         Message-ID: <breach.{}@{hostname}>\r\n",
        encoded_word::encode("Account security"),
        mailbox(account),
        encoded_word::encode(&titled),
        clock::rfc5322(now),
        id.text(),
    );
    // RFC 3834 §5: no answering machine shall answer.
    mail.push_str(
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    );
    mail.push_str(&String::from_utf8_lossy(&body(alert, about, subject)));
    mail
}

fn body(alert: &Alert, about: &About, subject: &str) -> Vec<u8> {
    let mut body = Vec::new();
    paragraph("", &format!("{subject}."), &mut body);
    let (what, code) = match alert.age {
        Age::Since => (SINCE, "breach.new"),
        Age::Before => (BEFORE, "breach.older"),
    };
    paragraph("", what, &mut body);
    let when = format!(
        "\r\nAccount: {}\r\nFound: {}\r\n\r\n",
        alert.address.as_str(),
        clock::minute(alert.found)
    );
    body.extend_from_slice(when.as_bytes());
    paragraph("", "In the words of who collects breaches:", &mut body);
    let site = alert.facts.as_ref().map(|facts| shown(&facts.domain, NAME));
    for (title, text) in [
        ("Breach", &about.name),
        ("Site", &site.unwrap_or_default()),
        ("Date", &about.date),
        ("What was lost", &about.lost),
    ] {
        if !text.is_empty() {
            paragraph("> ", &unlinked(&format!("{title}: {text}")), &mut body);
        }
    }
    if alert.facts.is_none() {
        paragraph("", "Nothing more is known of it.", &mut body);
    }
    body.extend_from_slice(b"\r\n");
    let facts = alert.facts.as_ref();
    if facts.is_some_and(|facts| !facts.is_verified) {
        paragraph("", UNVERIFIED, &mut body);
    }
    if alert.is_sensitive() {
        paragraph("", SENSITIVE, &mut body);
    }
    if facts.is_some_and(|facts| facts.is_malware || facts.is_stealer_log) {
        paragraph("", MALWARE, &mut body);
    }
    if has_passwords(alert) {
        paragraph("", PASSWORDS, &mut body);
    }
    paragraph("", OTHER, &mut body);
    let code = format!("\r\nFor your administrator: {code}\r\n");
    body.extend_from_slice(code.as_bytes());
    body
}
