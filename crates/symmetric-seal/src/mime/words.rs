//! What an invitation says, in the languages that there are.

use super::date::Civil;

/// A language of invitations.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

/// Sentences with `{}` where something is put in.
pub(super) struct Words {
    /// The language as RFC 5646 names it.
    pub(super) tag: &'static str,
    pub(super) subject: &'static str,
    pub(super) sent: &'static str,
    pub(super) how: &'static str,
    pub(super) open: &'static str,
    pub(super) hint: &'static str,
    pub(super) hint_is_open: &'static str,
    pub(super) until: &'static str,
    pub(super) once: &'static str,
    pub(super) often: &'static str,
    pub(super) password: &'static str,
    pub(super) address: &'static str,
    pub(super) sealed: &'static str,
    months: [&'static str; 12],
    /// Between day and month.
    ordinal: &'static str,
}

impl Language {
    /// Those that there are.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

impl Words {
    /// As in `15 January 2027, 08:00 UTC`.
    pub(super) fn date(&self, at: Civil) -> String {
        let month = usize::try_from(at.month - 1).unwrap_or_default();
        let month = self.months.get(month).copied().unwrap_or_default();
        let Civil {
            year,
            day,
            hour,
            minute,
            ..
        } = at;
        format!(
            "{day}{} {month} {year}, {hour:02}:{minute:02} UTC",
            self.ordinal
        )
    }
}

const ENGLISH: Words = Words {
    tag: "en",
    subject: "A sealed message for you",
    sent: "{} has sent you a sealed message.",
    how: "Open this link, and type the password that the two of you have agreed upon:",
    open: "Open the message",
    hint: "The sender's hint about the password:",
    hint_is_open: "(The hint is not sealed: the mail server can read it.)",
    until: "The link works until {}.",
    once: "It shows the message once.",
    often: "It shows the message {} times.",
    password: "The password is not in this mail. If you do not have it, ask the sender by phone or in person. Do not answer this mail with it.",
    address: "Type it only on a page whose address begins with {}/",
    sealed: "The message is opened in your browser. The server does not learn the password.",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    ordinal: "",
};

const GERMAN: Words = Words {
    tag: "de",
    subject: "Eine versiegelte Nachricht für Sie",
    sent: "{} hat Ihnen eine versiegelte Nachricht geschickt.",
    how: "Öffnen Sie diesen Link und geben Sie das Passwort ein, das Sie miteinander vereinbart haben:",
    open: "Nachricht öffnen",
    hint: "Der Hinweis des Absenders auf das Passwort:",
    hint_is_open: "(Der Hinweis ist nicht versiegelt: Der Mailserver kann ihn lesen.)",
    until: "Der Link gilt bis {}.",
    once: "Er zeigt die Nachricht einmal.",
    often: "Er zeigt die Nachricht {}-mal.",
    password: "Das Passwort steht nicht in dieser Mail. Wenn Sie es nicht haben, fragen Sie den Absender am Telefon oder persönlich. Schicken Sie es nicht als Antwort auf diese Mail.",
    address: "Geben Sie es nur auf einer Seite ein, deren Adresse mit {}/ beginnt.",
    sealed: "Die Nachricht wird in Ihrem Browser geöffnet. Der Server erfährt das Passwort nicht.",
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    ordinal: ".",
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn every_language_says_everything() {
        let at = Civil::of(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let dates = Language::ALL.map(|language| language.words().date(at));
        assert_eq!(
            dates,
            ["15 January 2027, 08:00 UTC", "15. Januar 2027, 08:00 UTC"]
        );
        for language in Language::ALL {
            let words = language.words();
            for with in [words.sent, words.until, words.often, words.address] {
                assert_eq!(with.matches("{}").count(), 1, "{with}");
            }
            let without = [
                words.subject,
                words.how,
                words.open,
                words.hint,
                words.hint_is_open,
                words.once,
                words.password,
                words.sealed,
            ];
            assert!(
                without
                    .iter()
                    .all(|text| !text.is_empty() && !text.contains('{'))
            );
            assert!(words.months.iter().all(|month| !month.is_empty()));
        }
    }
}
