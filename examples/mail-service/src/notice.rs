//! The alarm: a notice that explains in plain words, with the message attached as it came.

use crate::{clock, config::Language, headers};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use msg_validate::{Grade, Reason, Severity, Verdict};
use std::{fmt::Write, time::SystemTime};

/// The field that tells the grade to programs and filters. Only this service may write it.
pub(crate) const VERDICT: &str = "Letterlock-Verdict";
/// The field that tells one reason. Only this service may write it.
pub(crate) const REASON: &str = "Letterlock-Reason";

/// Appends both.
pub(crate) fn verdict_fields(verdict: &Verdict, out: &mut Vec<u8>) {
    let mut out = Octets(out);
    let _ = write!(out, "{VERDICT}: {}\r\n", verdict.grade());
    for reason in verdict.reasons().iter().take(MOST_REASONS) {
        let text = shown(Some(reason.text().as_bytes()), 400);
        let text = text.replace(|c: char| !c.is_ascii(), "?");
        let _ = write!(out, "{REASON}: {}; {}", reason.code(), reason.severity());
        let _ = write!(out, ";\r\n\t{text}\r\n");
    }
}

/// What a person should know, no more than helps.
fn weighty(verdict: &Verdict) -> impl Iterator<Item = &Reason> {
    let reasons = verdict.reasons().iter();
    reasons
        .filter(|reason| reason.severity() > Severity::Info)
        .take(MOST_REASONS)
}

/// Reasons that are told; more would tell no more.
const MOST_REASONS: usize = 20;

/// A notice about one message.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) hostname: &'a str,
    /// Whom it is for; none if for several.
    pub(crate) to: Option<&'a str>,
    pub(crate) language: Language,
    pub(crate) verdict: &'a Verdict,
    pub(crate) now: SystemTime,
}

impl Notice<'_> {
    /// Appends the whole notice about `message`, and inside of it what `original` appends.
    pub(crate) fn write(
        &self,
        message: &[u8],
        original: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        // 128 random bits: no sender can guess the boundary and break out of the attachment.
        let boundary = boundary(message);
        let words = self.words();
        let subject = shown(headers::find(message, "Subject"), 120);
        let mut head = format!(
            "From: {} <postmaster@{}>\r\n",
            encoded(words.sender),
            self.hostname
        );
        match self.to {
            Some(to) => head.push_str(&format!("To: <{to}>\r\n")),
            None => head.push_str("To: undisclosed-recipients:;\r\n"),
        }
        let _ = write!(
            head,
            "Subject: {}\r\nDate: {}\r\nMessage-ID: <{boundary}@{}>\r\n",
            encoded(&format!("{} {subject}", words.warning)),
            clock::rfc5322(self.now),
            self.hostname,
        );
        // RFC 3834 §5: no answering machine shall answer.
        head.push_str("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
        let _ = write!(
            head,
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        base64_lines(self.text(&words, message, &subject).as_bytes(), out);
        // RFC 2046 §5.2.1: message/rfc822 is never encoded itself.
        let _ = write!(
            Octets(out),
            "\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             Content-Disposition: attachment; filename=\"original.eml\"\r\n\r\n"
        );
        original(out);
        let _ = write!(Octets(out), "\r\n--{boundary}--\r\n");
    }

    /// What the person reads.
    fn text(&self, words: &Words, message: &[u8], subject: &str) -> String {
        let from = shown(headers::find(message, "From"), 200);
        let mut text = format!(
            "{}\r\n\r\n{} {from}\r\n{} {subject}\r\n\r\n{}\r\n\r\n",
            words.headline, words.from, words.subject, words.found
        );
        for reason in weighty(self.verdict) {
            let told = shown(Some(reason.text().as_bytes()), 400);
            let told = match self.language {
                Language::English => told,
                Language::German => german::reason(reason.code())
                    .map_or_else(|| told.clone(), |ours| format!("{ours} ({told})")),
            };
            let _ = write!(text, "- {told} [{}]\r\n", reason.code());
        }
        let _ = write!(text, "\r\n{}\r\n", words.advice);
        text
    }

    fn words(&self) -> Words {
        let forged = self.verdict.grade() == Grade::Forged;
        match self.language {
            Language::English => Words {
                sender: "Mail warning",
                warning: match forged {
                    true => "[Warning: forged]",
                    false => "[Warning: suspicious]",
                },
                headline: match forged {
                    true => "This message was most likely not sent by the one it names.",
                    false => "This message looks as forged ones do. Be careful with it.",
                },
                from: "It says it comes from:",
                subject: "Its subject:",
                found: "What speaks against it:",
                advice: "The message is attached as it came. Do not follow its links, do not open \
                         what is attached\r\nto it, and do not answer, until you have asked the \
                         sender in another way, for instance by\r\ntelephone. Nobody else was told \
                         of this warning.",
            },
            Language::German => Words {
                sender: "Mail-Warnung",
                warning: match forged {
                    true => "[Warnung: gef\u{e4}lscht]",
                    false => "[Warnung: verd\u{e4}chtig]",
                },
                headline: match forged {
                    true => {
                        "Diese Nachricht stammt h\u{f6}chstwahrscheinlich nicht von dem, den sie \
                         als Absender nennt."
                    }
                    false => {
                        "Diese Nachricht sieht aus, wie gef\u{e4}lschte aussehen. Vorsicht mit ihr!"
                    }
                },
                from: "Angeblicher Absender:",
                subject: "Betreff:",
                found: "Was gegen sie spricht:",
                advice: "Die Nachricht h\u{e4}ngt an, so wie sie ankam. Bitte folgen Sie keinem \
                         Link darin, \u{f6}ffnen Sie\r\nkeinen Anhang und antworten Sie nicht, bevor \
                         Sie auf anderem Weg nachgefragt haben, zum\r\nBeispiel am Telefon. Sonst \
                         wurde niemand \u{fc}ber diese Warnung unterrichtet.",
            },
        }
    }
}

/// The words of one language for one grade.
struct Words {
    sender: &'static str,
    warning: &'static str,
    headline: &'static str,
    from: &'static str,
    subject: &'static str,
    found: &'static str,
    advice: &'static str,
}

mod german {
    /// What a reason means; none: the English sentence stands alone.
    pub(super) fn reason(code: &str) -> Option<&'static str> {
        Some(match code {
            "dkim.body-hash" => "Der Text wurde nach dem Unterschreiben verändert",
            "dkim.signature" => "Die digitale Unterschrift passt nicht zur Nachricht",
            "dkim.expired" => "Die digitale Unterschrift ist abgelaufen",
            "dkim.signed-in-future" => "Die digitale Unterschrift ist auf die Zukunft datiert",
            "dkim.no-key" => "Den Schlüssel zur digitalen Unterschrift gibt es nicht",
            "dkim.key-revoked" => "Der Schlüssel zur digitalen Unterschrift wurde widerrufen",
            "dkim.key-unavailable" => "Der Schlüssel war nicht abrufbar",
            "dkim.key-too-short" | "dkim.weak-key" => {
                "Der Schlüssel der digitalen Unterschrift ist zu schwach"
            }
            "dkim.sha1" => "Die digitale Unterschrift benutzt ein gebrochenes Verfahren",
            "dkim.l-tag" | "dkim.l-beyond-body" => {
                "Die digitale Unterschrift lässt zu, dass Text angehängt wird"
            }
            "dkim.from-not-signed" => "Der Absender ist von der Unterschrift nicht gedeckt",
            "dkim.unsigned-duplicate" => "Ein unterschriebenes Kopffeld kommt doppelt vor",
            "dkim.too-many-signatures" => "Die Nachricht trägt zu viele digitale Unterschriften",
            "dmarc.fail" => "Die Domain des Absenders sagt, dass die Nachricht nicht von ihr ist",
            "dmarc.temperror" => "Die Regeln der Absender-Domain waren nicht abrufbar",
            "dmarc.permerror" => "Die Regeln der Absender-Domain sind fehlerhaft",
            "dmarc.none" => "Die Domain des Absenders macht keine Angaben, die schützen",
            "from.multiple" | "from.several-domains" => {
                "Es sind mehrere Absender angegeben, wie Fälscher es tun"
            }
            "from.missing" | "from.empty" => "Es ist kein Absender angegeben",
            "from.malformed" | "from.no-domain" | "from.group" => {
                "Die Angabe des Absenders ist keine gültige Adresse"
            }
            "from.display-address" => {
                "Der angezeigte Name sieht aus wie eine andere Adresse als die wirkliche"
            }
            "header.own" => "Die Nachricht gibt vor, hier schon geprüft worden zu sein",
            "header.duplicate" => "Ein Kopffeld, das einmalig sein muss, kommt mehrfach vor",
            "header.malformed" | "header.8bit" | "header.utf8" => {
                "Der Kopf der Nachricht ist fehlerhaft"
            }
            "limit.body-octets" | "limit.dns" | "limit.header-fields" | "limit.header-octets" => {
                "Die Nachricht sprengt die Grenzen der Prüfung"
            }
            "spf.fail" => "Der sendende Rechner darf für diese Domain nicht senden",
            "spf.softfail" => "Der sendende Rechner darf für diese Domain wohl nicht senden",
            "spf.temperror" | "spf.dns" => "Ob der Rechner senden darf, war nicht herauszufinden",
            "spf.permerror" | "spf.syntax" | "spf.several-records" | "spf.term-limit" => {
                "Die Angaben der Domain, wer senden darf, sind fehlerhaft"
            }
            _ => return None,
        })
    }
}

/// Writes formatted text into octets.
struct Octets<'a>(&'a mut Vec<u8>);

impl Write for Octets<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn boundary(message: &[u8]) -> String {
    let mut random = [0_u8; 16];
    let drawn = aws_lc_rs::rand::fill(&mut random);
    let mut boundary: String = random.iter().map(|octet| format!("{octet:02x}")).collect();
    // Without random numbers, or by a miracle, the boundary stands in the message: make it longer.
    while drawn.is_err() && memchr::memmem::find(message, boundary.as_bytes()).is_some() {
        boundary.push('x');
    }
    format!("letterlock-{boundary}")
}

/// What a stranger wrote, fit to be shown: one line, no control characters, not too long.
fn shown(text: Option<&[u8]>, most: usize) -> String {
    let text = String::from_utf8_lossy(text.unwrap_or_default());
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !is_invisible(*c)));
    }
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Characters that turn text around or hide it, so that what is read is not what stands there.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A header field's value: as it is, if it is short ASCII; in encoded words otherwise (RFC 2047).
fn encoded(text: &str) -> String {
    // A stranger's own encoded word must stay text here, or a mail client would decode it.
    if text.is_ascii() && text.len() <= 60 && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        // RFC 2047 §2: an encoded word has at most 75 characters: 45 octets in base64, and its frame.
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 42 => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

fn base64_lines(text: &[u8], out: &mut Vec<u8>) {
    for line in text.chunks(57) {
        out.extend_from_slice(BASE64.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_dns::Zone;
    use msg_validate::{Context, Validator};

    #[test]
    fn strangers_text_is_tamed() {
        assert_eq!(shown(Some(b"a\r\n\tb\x07 \xe2\x80\xaec"), 99), "a b c");
        assert_eq!(
            shown(Some("\u{e4}\u{e4}\u{e4}".as_bytes()), 2),
            "\u{e4}\u{e4}\u{2026}"
        );
        assert_eq!(shown(None, 9), "");
    }

    #[test]
    fn encoded_words_are_whole() {
        assert_eq!(encoded("plain"), "plain");
        assert_eq!(encoded("\u{e4}"), "=?utf-8?B?w6Q=?=");
        let long = encoded(&"\u{e4}".repeat(100));
        assert!(long.split("\r\n ").all(|word| word.len() <= 75));
        assert!(!encoded("=?utf-8?B?eA==?=").contains("=?utf-8?B?eA==?="));
    }

    #[test]
    fn the_original_cannot_break_out() {
        let verdict = pollster::block_on(Validator::new(Zone::new()).validate(
            b"From: a@b.example, c@d.example\r\n\r\n",
            &Context::bare(SystemTime::UNIX_EPOCH),
            std::time::Instant::now(),
        ));
        let original = b"Subject: =?x\r\n\tboundary=letterlock-0\r\nFrom: boss@b.example\r\n\r\n--letterlock-0--\r\n";
        for (language, word) in [
            (Language::English, "other way"),
            (Language::German, "anderem Weg"),
        ] {
            let notice = Notice {
                hostname: "mx.example",
                to: Some("joe@b.example"),
                language,
                verdict: &verdict,
                now: SystemTime::UNIX_EPOCH,
            };
            let mut out = Vec::new();
            notice.write(original, |out| out.extend_from_slice(original), &mut out);
            let text = String::from_utf8(out).unwrap();
            let boundary = text
                .split("boundary=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
            assert_eq!(parts.len(), 4);
            let attached = parts[2].split_once("\r\n\r\n").unwrap().1;
            assert_eq!(attached.as_bytes(), [&original[..], b"\r\n"].concat());
            let body = parts[1]
                .split_once("\r\n\r\n")
                .unwrap()
                .1
                .replace("\r\n", "");
            let body = String::from_utf8(BASE64.decode(body).unwrap()).unwrap();
            assert!(
                body.contains("boss@b.example") && body.contains(word),
                "{body}"
            );
        }
    }
}
