//! What people are told: what is wrong, and what to do, in plain words, and never the password.

use super::{Hint, Pattern, Policy, Reason, Verdict, Word};
use crate::CountClass;

/// A language that guidance is written in.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German, in the polite form.
    German,
}

impl Policy {
    /// What to tell people before they choose (SP 800-63B-4 §3.1.1.2: guidance SHALL be offered).
    #[must_use]
    pub fn guidance(&self, language: Language) -> String {
        let minimum = self.minimum();
        match language {
            Language::English => format!(
                "Use at least {minimum} characters. A password manager can make one for you; or take several words that do \
                 not belong together. Spaces and all letters are allowed, and there are no rules on digits or symbols. Do not \
                 use a password that you have anywhere else."
            ),
            Language::German => format!(
                "Nehmen Sie mindestens {minimum} Zeichen. Ein Passwortmanager kann eines erzeugen; oder Sie nehmen mehrere \
                 Wörter, die nichts miteinander zu tun haben. Leerzeichen und alle Buchstaben sind erlaubt, Ziffern und \
                 Sonderzeichen werden nicht verlangt. Verwenden Sie kein Passwort, das Sie anderswo haben."
            ),
        }
    }
}

impl Verdict {
    /// What to tell whoever chose the password: a sentence or two for each reason; nothing if it is accepted.
    #[must_use]
    pub fn guidance(&self, language: Language) -> Vec<String> {
        match (self, language) {
            (Self::Accepted, _) => Vec::new(),
            (Self::Refused(reasons), _) => reasons.iter().map(|r| r.guidance(language)).collect(),
            (Self::Undecided(_), Language::English) => vec![
                "It could not be checked whether this password is known from breaches, so it was not set. Please try again later."
                    .to_owned(),
            ],
            (Self::Undecided(_), Language::German) => vec![
                "Es konnte nicht geprüft werden, ob dieses Passwort aus Datenlecks bekannt ist; es wurde daher nicht gesetzt. \
                 Bitte versuchen Sie es später noch einmal."
                    .to_owned(),
            ],
        }
    }
}

impl Reason {
    /// What is wrong, and what to do.
    #[must_use]
    pub fn guidance(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::German => self.german(),
        }
    }

    fn english(&self) -> String {
        let fixed = match self {
            Self::MostCommon(class) => {
                return format!(
                    "This is one of the most used passwords: it was seen {class} in breaches, and is tried first. Choose another one, \
                     and change it wherever else you use it."
                );
            }
            Self::Breached(class) => {
                return format!(
                    "This password is known from breaches, where it was seen {class}. Choose another one, and change it wherever \
                     else you use it."
                );
            }
            Self::Short { minimum } => {
                return format!(
                    "This password is too short: use at least {minimum} characters, several words for instance."
                );
            }
            Self::Long { maximum } => {
                return format!("This password is too long: use at most {maximum} characters.");
            }
            Self::Tweaked(_) => {
                "This password is a small change of one that is known from breaches, and such changes are tried, too. Choose one \
                 that has nothing to do with it."
            }
            Self::Control => {
                "This password has a tab, a line break or another control character. Leave it out; a space is fine."
            }
            Self::Unassigned => {
                "This password has a character that not every device treats alike. Take another one in its place."
            }
            Self::Context(Word::User) => {
                "This password is made of your name or address, which anybody would try first. Choose words that have nothing to \
                 do with you."
            }
            Self::Context(Word::Service) => {
                "This password is made of the name of this service, which anybody would try first. Choose other words."
            }
            Self::Context(Word::Domain) => {
                "This password is made of the name of this domain, which anybody would try first. Choose other words."
            }
            Self::Common(Pattern::Repeated) => {
                "This password repeats a short text, which makes it no harder to guess. Choose several different words."
            }
            Self::Common(Pattern::Sequence) => {
                "This password is a sequence of letters or digits. Choose several words that do not belong together."
            }
            Self::Common(Pattern::Keyboard) => {
                "This password is a row of neighbouring keys. Choose several words that do not belong together."
            }
            Self::Common(Pattern::Listed) => {
                "This password is one of the words that everybody tries first, with little added. Choose several words that do not \
                 belong together."
            }
        };
        fixed.to_owned()
    }

    fn german(&self) -> String {
        let fixed = match self {
            Self::MostCommon(class) => {
                return format!(
                    "Dies ist eines der am häufigsten verwendeten Passwörter: Es kam in Datenlecks {} vor und wird zuerst \
                     probiert. Wählen Sie ein anderes, und ändern Sie es überall, wo Sie es sonst verwenden.",
                    times(*class)
                );
            }
            Self::Breached(class) => {
                return format!(
                    "Dieses Passwort ist aus Datenlecks bekannt; es kam dort {} vor. Wählen Sie ein anderes, und ändern Sie es \
                     überall, wo Sie es sonst verwenden.",
                    times(*class)
                );
            }
            Self::Short { minimum } => {
                return format!(
                    "Dieses Passwort ist zu kurz: Nehmen Sie mindestens {minimum} Zeichen, zum Beispiel mehrere Wörter."
                );
            }
            Self::Long { maximum } => {
                return format!(
                    "Dieses Passwort ist zu lang: Nehmen Sie höchstens {maximum} Zeichen."
                );
            }
            Self::Tweaked(_) => {
                "Dieses Passwort ist die kleine Änderung eines Passworts, das aus Datenlecks bekannt ist; auch solche Änderungen \
                 werden probiert. Wählen Sie eines, das damit nichts zu tun hat."
            }
            Self::Control => {
                "Dieses Passwort enthält einen Tabulator, einen Zeilenumbruch oder ein anderes Steuerzeichen. Lassen Sie es weg; \
                 Leerzeichen sind erlaubt."
            }
            Self::Unassigned => {
                "Dieses Passwort enthält ein Zeichen, mit dem nicht jedes Gerät gleich umgeht. Nehmen Sie dafür ein anderes."
            }
            Self::Context(Word::User) => {
                "Dieses Passwort besteht aus Ihrem Namen oder Ihrer Adresse, was jeder zuerst probieren würde. Wählen Sie Wörter, \
                 die nichts mit Ihnen zu tun haben."
            }
            Self::Context(Word::Service) => {
                "Dieses Passwort besteht aus dem Namen dieses Dienstes, was jeder zuerst probieren würde. Wählen Sie andere Wörter."
            }
            Self::Context(Word::Domain) => {
                "Dieses Passwort besteht aus dem Namen dieser Domain, was jeder zuerst probieren würde. Wählen Sie andere Wörter."
            }
            Self::Common(Pattern::Repeated) => {
                "Dieses Passwort wiederholt einen kurzen Text und ist dadurch nicht schwerer zu erraten. Wählen Sie mehrere \
                 verschiedene Wörter."
            }
            Self::Common(Pattern::Sequence) => {
                "Dieses Passwort ist eine Folge von Buchstaben oder Ziffern. Wählen Sie mehrere Wörter, die nichts miteinander zu \
                 tun haben."
            }
            Self::Common(Pattern::Keyboard) => {
                "Dieses Passwort besteht aus benachbarten Tasten. Wählen Sie mehrere Wörter, die nichts miteinander zu tun haben."
            }
            Self::Common(Pattern::Listed) => {
                "Dieses Passwort ist eines der Wörter, die jeder zuerst probiert, mit wenig dazu. Wählen Sie mehrere Wörter, die \
                 nichts miteinander zu tun haben."
            }
        };
        fixed.to_owned()
    }
}

impl Hint {
    /// What to tell the owner.
    #[must_use]
    pub fn guidance(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::NotAscii, Language::English) => {
                "Some keyboards lack characters of this password, or type them otherwise. Make sure that you can type it wherever \
                 you log in."
            }
            (Self::NotAscii, Language::German) => {
                "Manchen Tastaturen fehlen Zeichen dieses Passworts, oder sie geben andere ein. Vergewissern Sie sich, dass Sie es \
                 überall eingeben können, wo Sie sich anmelden."
            }
        }
    }
}

fn times(class: CountClass) -> String {
    let least = class.at_least();
    match class.number() {
        0 => "einmal".to_owned(),
        15 => format!("mindestens {least}-mal"),
        _ => format!("{least}- bis {}-mal", 2 * least - 1),
    }
}
