//! Everything that a notice says, in the languages that it speaks.

use crate::config::Language;

/// The words of one language.
pub(super) struct Words {
    /// Who writes.
    pub(super) sender: &'static str,
    /// What the subject begins with.
    pub(super) warning: ByGrade,
    /// What the notice begins with.
    pub(super) headline: ByGrade,
    pub(super) from: &'static str,
    pub(super) subject: &'static str,
    pub(super) missing: &'static str,
    pub(super) found: &'static str,
    pub(super) advice: &'static str,
    pub(super) details: &'static str,
    /// Stands for a domain that nobody knows.
    pub(super) some_domain: &'static str,
    reason: fn(&str) -> Option<&'static str>,
}

/// What depends on the grade.
pub(super) struct ByGrade {
    pub(super) forged: &'static str,
    pub(super) suspicious: &'static str,
    /// Nothing speaks against it but its OpenPGP signature.
    pub(super) signature: &'static str,
}

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    /// A sentence for the reason of this code; none: it is one that is not known here.
    pub(super) fn reason(&self, code: &str, domain: Option<&str>) -> Option<String> {
        let sentence = (self.reason)(code)?;
        Some(sentence.replace("{}", domain.unwrap_or(self.some_domain)))
    }
}

const ENGLISH: Words = Words {
    sender: "Mail warning",
    warning: ByGrade {
        forged: "[Warning: forged]",
        suspicious: "[Warning: suspicious]",
        signature: "[Warning: signature]",
    },
    headline: ByGrade {
        forged: "This message was most likely not sent by the one whom it names as its sender.",
        suspicious: "This message looks as forged ones do. Be careful with it.",
        signature: "Something is wrong with the signature of this message. Be careful with it.",
    },
    from: "It says that it comes from:",
    subject: "Its subject:",
    missing: "(none)",
    found: "What speaks against it:",
    advice: "The message is attached, as it came. Do not follow its links, do not open what is \
             attached to it, and do not answer it, until you have asked the sender in another way, \
             for instance by telephone, at a number that you do not take from the message. The \
             sender does not learn of this warning.",
    details: "For your administrator:",
    some_domain: "the domain of the sender",
    reason: english,
};

fn english(code: &str) -> Option<&'static str> {
    Some(match code {
        "spf.fail" => "The computer that sent it may not send mail for {}.",
        "spf.softfail" => "The computer that sent it probably may not send mail for {}.",
        "spf.permerror" => {
            "Which computers may send mail for {} could not be checked: what is published about it \
             is faulty."
        }
        "spf.temperror" => {
            "Which computers may send mail for {} could not be found out at that moment."
        }
        "dmarc.fail" => {
            "Nothing proves that it comes from {}, although true mail of {} can be recognised."
        }
        "dmarc.none" => "How true mail of {} can be told from forgeries is not published.",
        "dmarc.temperror" => {
            "How true mail of {} can be recognised could not be found out at that moment."
        }
        "dmarc.permerror" => {
            "How true mail of {} can be recognised is published, but in a faulty way."
        }
        "dkim.body-hash" => "The text was changed after {} had signed it.",
        "dkim.signature" => {
            "The digital signature of {} does not fit: the message was changed on its way, or the \
             signature was made up."
        }
        "dkim.expired" => "The digital signature of {} has expired.",
        "dkim.signed-in-future" | "dkim.expires-before-signed" => {
            "The digital signature of {} bears an impossible date."
        }
        "dkim.no-key" => "There is no key that fits the digital signature of {}.",
        "dkim.key-revoked" => "The key of the digital signature of {} was revoked.",
        "dkim.key-unavailable" => {
            "The digital signature of {} could not be checked at that moment."
        }
        "dkim.key-too-short" | "dkim.weak-key" | "dkim.sha1" => {
            "The digital signature of {} is so weak that it can be forged."
        }
        "dkim.l-tag" | "dkim.l-beyond-body" => {
            "The digital signature of {} covers only a part of the text: anybody may have added \
             something."
        }
        "dkim.from-not-signed" => "The digital signature of {} does not cover the sender.",
        "dkim.unsigned-duplicate" => {
            "A line of its header stands there twice, and only one of the two is signed by {}."
        }
        "dkim.testing" => "The digital signature of {} is only a test.",
        "dkim.too-many-signatures" => "It bears more digital signatures than honest mail.",
        "dkim.key-too-long"
        | "dkim.too-many-fields"
        | "dkim.unknown-algorithm"
        | "dkim.version"
        | "dkim.query-method" => {
            "The digital signature of {} is of a kind that cannot be checked here."
        }
        "dkim.syntax"
        | "dkim.duplicate-tag"
        | "dkim.missing-tag"
        | "dkim.bad-tag"
        | "dkim.identity-outside-domain"
        | "dkim.key-syntax"
        | "dkim.key-hash"
        | "dkim.key-service"
        | "dkim.key-type"
        | "dkim.key-strict" => "The digital signature of {} is faulty.",
        "from.multiple" | "from.several-domains" => {
            "It names several senders, as forgers do: programs show one and check another."
        }
        "from.missing" | "from.empty" => "It names no sender.",
        "from.malformed" | "from.no-domain" | "from.group" => {
            "What it names as its sender is no mail address."
        }
        "from.display-address" => {
            "The name of the sender looks like a mail address, but it is not the real one."
        }
        "header.own" => "It pretends to have been checked here before.",
        "header.duplicate" => {
            "A line of its header that may stand once stands there several times."
        }
        "header.malformed" | "header.8bit" | "header.utf8" => {
            "Its header is faulty: programs may read it in different ways."
        }
        "line.bare-cr" | "line.bare-lf" | "line.nul" => {
            "Its lines are faulty: programs may read them in different ways."
        }
        "limit.body-octets" | "limit.header-fields" | "limit.header-octets" => {
            "It is larger than what is checked here."
        }
        "limit.dns" => "The check would have taken more questions or more time than are allowed.",
        "second-opinion.spf" | "second-opinion.dkim" | "second-opinion.dmarc" => {
            "Two programs that checked it do not agree."
        }
        "pgp.altered" => {
            "Its OpenPGP signature does not fit: the text was changed after it was signed, or the \
             signature belongs to another text."
        }
        "pgp.changed" => {
            "It is signed with another OpenPGP key than the one that its sender has used so far: \
             the sender has a new key, or somebody else writes in that name. Ask before you \
             believe it."
        }
        "pgp.stranger" => {
            "It is signed, but with the OpenPGP key of somebody else than the one whom it names as \
             its sender."
        }
        "pgp.compromised" | "pgp.revoked" => {
            "It is signed with an OpenPGP key that its owner has revoked: others may have it."
        }
        _ => return None,
    })
}

const GERMAN: Words = Words {
    sender: "Mail-Warnung",
    warning: ByGrade {
        forged: "[Warnung: gefälscht]",
        suspicious: "[Warnung: verdächtig]",
        signature: "[Warnung: Unterschrift]",
    },
    headline: ByGrade {
        forged: "Diese Nachricht stammt höchstwahrscheinlich nicht von dem, den sie als Absender \
                 nennt.",
        suspicious: "Diese Nachricht sieht so aus, wie gefälschte aussehen. Vorsicht mit ihr!",
        signature: "Mit der Unterschrift dieser Nachricht stimmt etwas nicht. Vorsicht mit ihr!",
    },
    from: "Angeblicher Absender:",
    subject: "Betreff:",
    missing: "(keine Angabe)",
    found: "Was gegen sie spricht:",
    advice: "Die Nachricht hängt an, so wie sie ankam. Bitte folgen Sie keinem Link darin, öffnen \
             Sie keinen Anhang und antworten Sie nicht, bevor Sie beim Absender auf anderem Weg \
             nachgefragt haben, zum Beispiel am Telefon, unter einer Nummer, die nicht aus der \
             Nachricht stammt. Der Absender erfährt von dieser Warnung nichts.",
    details: "Für Ihren Administrator (auf Englisch):",
    some_domain: "der Domain des Absenders",
    reason: german,
};

fn german(code: &str) -> Option<&'static str> {
    Some(match code {
        "spf.fail" => "Der Rechner, der sie sandte, darf für {} keine Mail senden.",
        "spf.softfail" => "Der Rechner, der sie sandte, darf für {} wohl keine Mail senden.",
        "spf.permerror" => {
            "Welche Rechner für {} senden dürfen, war nicht zu prüfen: Die Angaben darüber sind \
             fehlerhaft."
        }
        "spf.temperror" => {
            "Welche Rechner für {} senden dürfen, war in diesem Augenblick nicht herauszufinden."
        }
        "dmarc.fail" => {
            "Nichts beweist, dass sie von {} kommt, obwohl echte Mail von {} zu erkennen ist."
        }
        "dmarc.none" => "Woran man echte Mail von {} erkennt, ist nirgends veröffentlicht.",
        "dmarc.temperror" => {
            "Woran man echte Mail von {} erkennt, war in diesem Augenblick nicht herauszufinden."
        }
        "dmarc.permerror" => {
            "Woran man echte Mail von {} erkennt, ist veröffentlicht, aber fehlerhaft."
        }
        "dkim.body-hash" => "Der Text wurde verändert, nachdem er von {} unterschrieben war.",
        "dkim.signature" => {
            "Die digitale Unterschrift von {} passt nicht: Die Nachricht wurde unterwegs verändert, \
             oder die Unterschrift ist erfunden."
        }
        "dkim.expired" => "Die digitale Unterschrift von {} ist abgelaufen.",
        "dkim.signed-in-future" | "dkim.expires-before-signed" => {
            "Die digitale Unterschrift von {} trägt ein unmögliches Datum."
        }
        "dkim.no-key" => "Zur digitalen Unterschrift von {} gibt es keinen Schlüssel.",
        "dkim.key-revoked" => "Der Schlüssel zur digitalen Unterschrift von {} wurde widerrufen.",
        "dkim.key-unavailable" => {
            "Die digitale Unterschrift von {} war in diesem Augenblick nicht zu prüfen."
        }
        "dkim.key-too-short" | "dkim.weak-key" | "dkim.sha1" => {
            "Die digitale Unterschrift von {} ist so schwach, dass sie gefälscht sein kann."
        }
        "dkim.l-tag" | "dkim.l-beyond-body" => {
            "Die digitale Unterschrift von {} deckt nur einen Teil des Textes: Jeder kann etwas \
             angehängt haben."
        }
        "dkim.from-not-signed" => {
            "Die digitale Unterschrift von {} deckt die Angabe des Absenders nicht."
        }
        "dkim.unsigned-duplicate" => {
            "Eine Zeile des Kopfes steht doppelt da, und nur eine davon ist von {} unterschrieben."
        }
        "dkim.testing" => "Die digitale Unterschrift von {} ist nur ein Test.",
        "dkim.too-many-signatures" => "Sie trägt mehr digitale Unterschriften als ehrliche Mail.",
        "dkim.key-too-long"
        | "dkim.too-many-fields"
        | "dkim.unknown-algorithm"
        | "dkim.version"
        | "dkim.query-method" => {
            "Die digitale Unterschrift von {} ist von einer Art, die hier nicht zu prüfen ist."
        }
        "dkim.syntax"
        | "dkim.duplicate-tag"
        | "dkim.missing-tag"
        | "dkim.bad-tag"
        | "dkim.identity-outside-domain"
        | "dkim.key-syntax"
        | "dkim.key-hash"
        | "dkim.key-service"
        | "dkim.key-type"
        | "dkim.key-strict" => "Die digitale Unterschrift von {} ist fehlerhaft.",
        "from.multiple" | "from.several-domains" => {
            "Sie nennt mehrere Absender, wie Fälscher es tun: Programme zeigen den einen und prüfen \
             den anderen."
        }
        "from.missing" | "from.empty" => "Sie nennt keinen Absender.",
        "from.malformed" | "from.no-domain" | "from.group" => {
            "Was sie als Absender nennt, ist keine Mailadresse."
        }
        "from.display-address" => {
            "Der Name des Absenders sieht aus wie eine Mailadresse, ist aber nicht die wirkliche."
        }
        "header.own" => "Sie gibt vor, hier schon geprüft worden zu sein.",
        "header.duplicate" => {
            "Eine Zeile des Kopfes, die es nur einmal geben darf, steht mehrmals da."
        }
        "header.malformed" | "header.8bit" | "header.utf8" => {
            "Ihr Kopf ist fehlerhaft: Programme können ihn verschieden lesen."
        }
        "line.bare-cr" | "line.bare-lf" | "line.nul" => {
            "Ihre Zeilen sind fehlerhaft: Programme können sie verschieden lesen."
        }
        "limit.body-octets" | "limit.header-fields" | "limit.header-octets" => {
            "Sie ist größer als das, was hier geprüft wird."
        }
        "limit.dns" => "Die Prüfung hätte mehr Fragen oder mehr Zeit gekostet, als erlaubt sind.",
        "second-opinion.spf" | "second-opinion.dkim" | "second-opinion.dmarc" => {
            "Zwei Programme, die sie geprüft haben, sind sich nicht einig."
        }
        "pgp.altered" => {
            "Ihre OpenPGP-Unterschrift passt nicht: Der Text wurde nach der Unterschrift verändert, \
             oder die Unterschrift gehört zu einem anderen Text."
        }
        "pgp.changed" => {
            "Sie ist mit einem anderen OpenPGP-Schlüssel unterschrieben als dem, den ihr Absender \
             bisher benutzt hat: Er hat einen neuen, oder jemand anders schreibt unter seinem \
             Namen. Fragen Sie nach, bevor Sie ihr glauben."
        }
        "pgp.stranger" => {
            "Sie ist unterschrieben, aber mit dem OpenPGP-Schlüssel von jemand anderem als dem, den \
             sie als Absender nennt."
        }
        "pgp.compromised" | "pgp.revoked" => {
            "Sie ist mit einem OpenPGP-Schlüssel unterschrieben, den sein Besitzer widerrufen hat: \
             Andere könnten ihn haben."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    /// Codes that never weigh anything: they are told in header fields, not in the notice.
    const WITHOUT_WEIGHT: &[&str] = &[
        "dkim.valid",
        "dmarc.pass",
        "line.too-long",
        "spf.neutral",
        "spf.none",
        "spf.pass",
        // Causes of an SPF result, which are evidence of the reason, not codes of one.
        "spf.dns",
        "spf.match",
        "spf.mx-limit",
        "spf.no-match",
        "spf.no-record",
        "spf.no-target",
        "spf.not-a-domain",
        "spf.several-records",
        "spf.syntax",
        "spf.term-limit",
        "spf.void-limit",
    ];

    /// The codes that stand as literals in the sources of msg-validate, its tests left out.
    fn codes(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                codes(&path, found);
            } else if name.ends_with(".rs") && !["tests.rs", "known.rs"].contains(&name.as_str()) {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap();
                found.extend(
                    text.split('"')
                        .skip(1)
                        .step_by(2)
                        .filter(is_code)
                        .map(Into::into),
                );
            }
        }
    }

    fn is_code(literal: &&str) -> bool {
        let families = [
            "dkim",
            "dmarc",
            "from",
            "header",
            "limit",
            "line",
            "second-opinion",
            "spf",
        ];
        literal.split_once('.').is_some_and(|(family, rest)| {
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            families.contains(&family) && !rest.is_empty() && rest.chars().all(is_word)
        })
    }

    #[test]
    fn every_alarm_about_a_signature_has_its_words() {
        for code in crate::openpgp::ALARMS {
            for words in [&ENGLISH, &GERMAN] {
                let told = words.reason(code, None).unwrap();
                assert!(told.ends_with('.') && !told.contains("  "), "{told}");
            }
        }
    }

    #[test]
    fn every_reason_has_its_words() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/msg-validate/src");
        let mut found = BTreeSet::new();
        codes(Path::new(sources), &mut found);
        assert!(found.len() > 60, "{found:?}");
        for code in found.iter().map(String::as_str) {
            for words in [&ENGLISH, &GERMAN] {
                let told = words.reason(code, Some("a.example"));
                assert_eq!(told.is_none(), WITHOUT_WEIGHT.contains(&code), "{code}");
                if let Some(told) = told {
                    assert!(
                        told.ends_with('.') && !told.contains(['{', '}', '\n']),
                        "{told}"
                    );
                    assert!(!told.contains("  "), "{told}");
                }
            }
        }
    }
}
