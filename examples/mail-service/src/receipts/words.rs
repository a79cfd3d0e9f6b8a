//! What receipts say, in each language.

use crate::{clock, config::Language};
use std::time::SystemTime;
use symmetric_seal::link::{NOTICE_KEPT, Notice, REPLY_KEPT};

/// A mail about one event.
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) headline: String,
    pub(super) paragraphs: Vec<String>,
    /// What the sender can type.
    pub(super) command: Option<&'static str>,
    /// Of the event, in the identity of the mail.
    pub(super) name: String,
}

/// Sentences, with `{}` where something is put in: the recipient, a time, or a number.
pub(super) struct Words {
    pub(super) sender: &'static str,
    pub(super) to: &'static str,
    pub(super) sealed: &'static str,
    pub(super) label: &'static str,
    pub(super) happened: &'static str,
    read: Event,
    view: &'static str,
    replied: Event,
    destroyed: Event,
    locked: Event,
    locked_until: &'static str,
    reply_command: &'static str,
    revoke_command: &'static str,
}

struct Event {
    subject: &'static str,
    headline: &'static str,
    text: &'static str,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    /// What is said of an event at this time, about a message to this recipient; none if there are no words for it.
    pub(super) fn say(&self, notice: Notice, at: SystemTime, to: &str) -> Option<Said> {
        // After its last day a reply is erased.
        let kept = clock::minute(at.checked_add(REPLY_KEPT).unwrap_or(at));
        let (event, first, command, name) = match notice {
            Notice::Read { view } => {
                let text = self.view.replace("{}", &view.to_string());
                (&self.read, Some(text), None, format!("read.{view}"))
            }
            Notice::Replied => {
                let command = Some(self.reply_command);
                (&self.replied, None, command, "replied".into())
            }
            Notice::Destroyed => (&self.destroyed, None, None, "destroyed".into()),
            Notice::Locked {
                until,
                wrong_proofs,
            } => {
                let text = self
                    .locked_until
                    .replacen("{}", &wrong_proofs.to_string(), 1);
                let text = text.replace("{}", &clock::minute(until));
                let command = Some(self.revoke_command);
                let name = format!("locked.{wrong_proofs}");
                (&self.locked, Some(text), command, name)
            }
            _ => return None,
        };
        let filled = event.text.replace("{}", &kept);
        Some(Said {
            subject: event.subject.replace("{}", to),
            headline: event.headline.replace("{}", to),
            paragraphs: first.into_iter().chain([filled]).collect(),
            command,
            name,
        })
    }
}

// Both are 28 days: a notice about a reply is not older than the reply that it is about.
const _: () = assert!(NOTICE_KEPT.as_secs() <= REPLY_KEPT.as_secs());

const ENGLISH: Words = Words {
    sender: "Sealed messages",
    to: "To:      ",
    sealed: "Sealed:  ",
    label: "Label:   ",
    happened: "Happened:",
    read: Event {
        subject: "Opened: your sealed message to {}",
        headline: "Your sealed message to {} was opened.",
        text: "Whoever opened it had the link and the password. This server knows neither the password nor the message, and cannot say who it was.",
    },
    view: "It was opening number {}.",
    replied: Event {
        subject: "Answered: your sealed message to {}",
        headline: "There is a reply to your sealed message to {}.",
        text: "The reply is sealed with the password of your message, and waits here until {}. To read it you need the link of the message and the token that you got when you sealed it:",
    },
    destroyed: Event {
        subject: "Destroyed: your sealed message to {}",
        headline: "Your sealed message to {} was destroyed by its reader.",
        text: "It is not on this server any more, and nobody can open it by its link again.",
    },
    locked: Event {
        subject: "Wrong passwords: your sealed message to {}",
        headline: "Somebody has typed wrong passwords for your sealed message to {}.",
        text: "Nothing is lost, and nobody has opened it that way: with each further wrong password the link waits longer. You are told this once until the message is opened. If it was not your recipient, you can take the message back:",
    },
    locked_until: "There were {} wrong passwords so far. The next one is looked at from {} on.",
    reply_command: "mail-service link LINK reply FILE",
    revoke_command: "mail-service link LINK revoke",
};

const GERMAN: Words = Words {
    sender: "Versiegelte Nachrichten",
    to: "An:         ",
    sealed: "Versiegelt: ",
    label: "Kennzeichen:",
    happened: "Geschehen:  ",
    read: Event {
        subject: "Ge\u{f6}ffnet: Ihre versiegelte Nachricht an {}",
        headline: "Ihre versiegelte Nachricht an {} wurde ge\u{f6}ffnet.",
        text: "Wer sie ge\u{f6}ffnet hat, hatte den Link und das Passwort. Dieser Server kennt weder das Passwort noch die Nachricht und kann nicht sagen, wer es war.",
    },
    view: "Es war die {}. \u{d6}ffnung.",
    replied: Event {
        subject: "Beantwortet: Ihre versiegelte Nachricht an {}",
        headline: "Auf Ihre versiegelte Nachricht an {} gibt es eine Antwort.",
        text: "Die Antwort ist mit dem Passwort Ihrer Nachricht versiegelt und liegt hier bis {}. Zum Lesen brauchen Sie den Link der Nachricht und das Token, das Sie beim Versiegeln bekommen haben:",
    },
    destroyed: Event {
        subject: "Vernichtet: Ihre versiegelte Nachricht an {}",
        headline: "Ihre versiegelte Nachricht an {} wurde von ihrem Leser vernichtet.",
        text: "Sie liegt nicht mehr auf diesem Server, und niemand kann sie \u{fc}ber ihren Link noch einmal \u{f6}ffnen.",
    },
    locked: Event {
        subject: "Falsche Passw\u{f6}rter: Ihre versiegelte Nachricht an {}",
        headline: "Jemand hat falsche Passw\u{f6}rter f\u{fc}r Ihre versiegelte Nachricht an {} eingegeben.",
        text: "Nichts ist verloren, und so hat sie niemand ge\u{f6}ffnet: Mit jedem weiteren falschen Passwort wartet der Link l\u{e4}nger. Das erfahren Sie einmal, bis die Nachricht ge\u{f6}ffnet wird. Wenn es nicht Ihr Empf\u{e4}nger war, k\u{f6}nnen Sie die Nachricht zur\u{fc}cknehmen:",
    },
    locked_until: "Bisher waren es {} falsche Passw\u{f6}rter. Das n\u{e4}chste wird ab {} gepr\u{fc}ft.",
    reply_command: "mail-service link LINK reply DATEI",
    revoke_command: "mail-service link LINK revoke",
};
