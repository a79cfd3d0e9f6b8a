//! What the sender of a letter is told, in words.

use super::report::{Fate, Report, Why};
use crate::config::Language;
use std::fmt::Write;

/// A text for the sender, if there is something to tell. Its lines end in CR LF.
pub fn text(report: &Report, language: Language) -> Option<String> {
    let failed = report.fates.iter().filter_map(|(to, fate)| match fate {
        Fate::Delivered(_) => None,
        Fate::Deferred(why) => Some((to, why, false)),
        Fate::Bounced(why) => Some((to, why, true)),
    });
    let failed: Vec<_> = failed.collect();
    let (_, first, _) = failed.first()?;
    let for_good = failed.iter().any(|(_, _, for_good)| *for_good);
    let mut text = String::new();
    let mut paragraph = |line: &str| {
        let _ = write!(text, "{line}\r\n\r\n");
    };
    paragraph(match (language, for_good) {
        (Language::English, true) => "Your message was not delivered, and comes back to you.",
        (Language::English, false) => {
            "Your message has not been delivered yet. It waits, and is tried again."
        }
        (Language::German, true) => {
            "Ihre Nachricht wurde nicht zugestellt und kommt zu Ihnen zur\u{fc}ck."
        }
        (Language::German, false) => {
            "Ihre Nachricht ist noch nicht zugestellt. Sie wartet, und es wird wieder versucht."
        }
    });
    if first.is_about_tls() {
        paragraph(match language {
            Language::English => {
                "No part of it, and no address, was given to the other server: the connection was \
                 not as secure as this message or its recipient demands."
            }
            Language::German => {
                "Kein Teil davon und keine Adresse ging an den anderen Server: Die Verbindung war \
                 nicht so sicher, wie diese Nachricht oder ihr Empf\u{e4}nger es verlangt."
            }
        });
    }
    for (to, why, _) in failed {
        let _ = write!(
            text,
            "{to}\r\n    {} {}\r\n    {}\r\n",
            why.status, why.code, why.text
        );
    }
    Some(text)
}

impl Why {
    /// Whether it is the security of the connection that kept the letter from being spoken of.
    fn is_about_tls(&self) -> bool {
        !(self.code.starts_with("smtp.") || self.code.starts_with("mx."))
    }
}
