use super::*;
use mail_dns::Zone;
use msg_validate::{Context, Validator};
use proptest::prelude::*;

#[test]
fn strangers_text_is_tamed() {
    assert_eq!(shown("a\r\n\tb\x07 \u{202e}c \u{200b} d", 99), "a b c d");
    assert_eq!(shown("\u{e4}\u{e4}\u{e4}", 2), "\u{e4}\u{e4}\u{2026}");
    let padded = format!("{} <eve@evil.example>", "The CEO ".repeat(100));
    assert!(shown(&padded, 200).ends_with("The CEO <eve@evil.example>"));
    assert_eq!(shown("\u{200b}", 9), "");
    let message = b"subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe=0D=0AX:_y?=\r\n =?utf-8?B?IQ==?=\r\n\r\n";
    assert_eq!(
        field(message, "Subject", 99).unwrap(),
        "Gr\u{fc}\u{df}e X: y!"
    );
    assert_eq!(field(message, "From", 99), None);
    assert_eq!(
        unlinked("see https://a.example, wWw.\u{130}.example"),
        "see https[:]//a.example, wWw[.]\u{130}.example"
    );
}

/// Decoding the whole of it would take time that grows with the square of its length: for ever.
#[test]
fn a_huge_field_is_shown_by_its_ends() {
    let words = "=?a?q?x".repeat(1_000_000);
    let message = format!("From: first {words} <eve@evil.example>\r\n\r\n");
    let from = field(message.as_bytes(), "From", 200).unwrap();
    assert!(
        from.starts_with("first =?a?q?x") && from.ends_with("<eve@evil.example>"),
        "{from}"
    );
    assert_eq!(from.chars().count(), 201);
}

#[test]
fn accounts_are_addresses_in_the_field() {
    assert_eq!(mailbox("joe@b.example"), "joe@b.example");
    assert_eq!(mailbox("joe>, <x@b.example"), "\"joe>, <x\"@b.example");
    assert_eq!(mailbox("a\"b\\@c@b.example"), "\"a\\\"b\\\\@c\"@b.example");
}

#[test]
fn long_lines_are_binary() {
    let line = |octets: usize| [b"a\r\n".repeat(2), b"x".repeat(octets), b"\r\n".to_vec()].concat();
    assert_eq!(coding(&line(998)), "8bit");
    assert_eq!(coding(&line(999)), "binary");
}

fn verdict(message: &[u8]) -> Verdict {
    let zone = Zone::new()
        .txt("a.example", "v=spf1 -all")
        .and_then(|zone| zone.txt("_dmarc.a.example", "v=DMARC1; p=reject"))
        .unwrap();
    let client = "192.0.2.1".parse().unwrap();
    let context = Context::smtp(
        client,
        "c.example",
        "boss@a.example",
        SystemTime::UNIX_EPOCH,
    );
    let soon = std::time::Instant::now() + std::time::Duration::from_secs(60);
    pollster::block_on(Validator::new(zone).validate(message, &context, soon))
}

fn notice(language: Language, message: &[u8]) -> Vec<u8> {
    let verdict = verdict(message);
    let notice = Notice {
        signature: None,
        hostname: "mx.example",
        to: Some("joe@b.example"),
        language,
        verdict: &verdict,
        now: SystemTime::UNIX_EPOCH,
    };
    let mut out = Vec::new();
    notice.write(message, |out| out.extend_from_slice(message), &mut out);
    out
}

/// The header, the text, and the attachment, as a reader of MIME finds them.
fn parts(notice: &[u8]) -> (String, String, Vec<u8>) {
    let find = |octets: &[u8], what: &[u8]| memchr::memmem::find(octets, what).unwrap();
    let end = find(notice, b"\r\n\r\n");
    let header = String::from_utf8(notice[..end].to_vec()).unwrap();
    let boundary = header
        .split("boundary=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let delimiter = format!("\r\n--{boundary}");
    let ends: Vec<_> = memchr::memmem::find_iter(notice, delimiter.as_bytes()).collect();
    let [first, second, last] = ends.as_slice() else {
        panic!("{} parts", ends.len())
    };
    assert_eq!(&notice[last + delimiter.len()..], b"--\r\n");
    let text = &notice[*first..*second];
    let text = &text[find(text, b"\r\n\r\n") + 4..];
    let attached = &notice[*second..*last];
    let at = find(attached, b"\r\n\r\n");
    let about = String::from_utf8(attached[..at].to_vec()).unwrap();
    assert!(
        about.contains("\r\nContent-Type: message/rfc822\r\n"),
        "{about}"
    );
    let text = String::from_utf8(text.to_vec()).unwrap();
    (header, text, attached[at + 4..].to_vec())
}

const FORGED: &[u8] = b"From: =?utf-8?Q?Der_Chef_=C3=84?= <boss@a.example>\r\n\
    Subject: Please pay, see https://evil.example/\r\n\r\nPay!\r\n";

#[test]
fn it_explains_in_english() {
    let (header, text, attached) = parts(&notice(Language::English, FORGED));
    assert_eq!(attached, FORGED);
    assert!(header.contains("\r\nTo: <joe@b.example>\r\n"), "{header}");
    assert!(header.contains("\r\nSubject: =?utf-8?B?") || header.contains("[Warning: forged]"));
    assert_eq!(
        text,
        "This message was most likely not sent by the one whom it names as its\r\n\
         sender.\r\n\r\n\
         It says that it comes from:\r\n\
         > Der Chef \u{c4} <boss@a.example>\r\n\r\n\
         Its subject:\r\n\
         > Please pay, see https[:]//evil.example/\r\n\r\n\
         What speaks against it:\r\n\
         - The computer that sent it may not send mail for a.example.\r\n\
         - Nothing proves that it comes from a.example, although true mail of\r\n  a.example can be recognised.\r\n\r\n\
         The message is attached, as it came. Do not follow its links, do not open\r\n\
         what is attached to it, and do not answer it, until you have asked the\r\n\
         sender in another way, for instance by telephone, at a number that you do\r\n\
         not take from the message. The sender does not learn of this warning.\r\n\r\n\
         For your administrator:\r\n\
         > spf.fail: SPF of a.example: fail: -all of a.example matches\r\n\
         > dmarc.fail: a.example does not vouch for the message, and asks to reject\r\n> such ones\r\n"
    );
}

#[test]
fn it_explains_in_german() {
    let (header, text, attached) = parts(&notice(Language::German, FORGED));
    assert_eq!(attached, FORGED);
    assert!(header.is_ascii(), "{header}");
    let subject = header.split("\r\nSubject: ").nth(1).unwrap();
    let subject = subject
        .split("\r\nDate")
        .next()
        .unwrap()
        .replace("\r\n", "");
    assert!(encoded_word::decode(&subject).starts_with("[Warnung: gef\u{e4}lscht] Please pay"));
    for line in [
        "Angeblicher Absender:\r\n> Der Chef",
        "- Der Rechner, der sie sandte, darf f\u{fc}r a.example keine Mail senden.\r\n",
        "am Telefon",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

/// Lines of strangers are quoted, and all others are ours: they are there whatever the message says.
fn ours(text: &str) -> Vec<&str> {
    text.split("\r\n")
        .filter(|line| !line.starts_with("> "))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever writes the message cannot add a field, a part or a line of ours, and it arrives whole.
    #[test]
    fn nothing_breaks_out(
        name in "[^\r\n\0]{0,300}",
        subject in "(=\\?utf-8\\?Q\\?(=0D=0A|=00|[a-z -])*\\?=|[^\r\n\0]){0,40}",
        body in proptest::collection::vec("[^\r\n\0]{0,40}|--letterlock-[0-9a-f]{0,32}(--)?", 0..5),
    ) {
        let message = format!("From: {name} <boss@a.example>\r\nSubject: {subject}\r\n\r\n{}\r\n", body.join("\r\n"));
        let message = message.as_bytes();
        let (header, text, attached) = parts(&notice(Language::English, message));
        prop_assert_eq!(attached.as_slice(), message);
        let fields: Vec<_> = headers::fields(header.as_bytes()).map(|f| String::from_utf8(f.name.into()).unwrap()).collect();
        prop_assert_eq!(fields, ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
            "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]);
        prop_assert!(header.is_ascii());
        prop_assert!(text.split("\r\n").all(|line| line.chars().count() <= COLUMNS && !line.contains(['\r', '\n'])));
        let ours = ours(&text);
        prop_assert_eq!(&ours[..2], ["This message was most likely not sent by the one whom it names as its", "sender."]);
        prop_assert!(!text.contains("://"));
    }
}
