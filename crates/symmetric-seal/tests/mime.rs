//! Mails that were written, read by another parser (mail-parser): nothing is lost, and nobody writes a field of his own.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use mail_parser::{Message, MessageParser, MimeHeaders};
use proptest::prelude::*;
use symmetric_seal::link::Hint;
use symmetric_seal::mime::{
    Attachment, FileName, Invitation, Language, Letter, LinkUrl, MAX_ATTACHMENTS, Mailbox,
    MediaType, MessageId, MimeError,
};

fn parsed(mail: &[u8]) -> Message<'_> {
    MessageParser::default().parse(mail).unwrap()
}

/// Lines end in CRLF, are ASCII and short; the header has these fields and no other.
fn is_sound(mail: &[u8], fields: &[&str]) -> Result<(), String> {
    let text = str::from_utf8(mail).map_err(|_| "no text")?;
    if !text.is_ascii() || text.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        return Err("a stray line end, or an octet that is not ASCII".into());
    }
    if let Some(line) = text.split("\r\n").find(|line| line.len() > 78) {
        return Err(format!("a long line: {line}"));
    }
    let (head, _) = text.split_once("\r\n\r\n").ok_or("no body")?;
    let lines = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    let found: Vec<&str> = lines.map(|line| line.split(':').next().unwrap()).collect();
    match found == fields {
        true => Ok(()),
        false => Err(format!("{found:?}")),
    }
}

const LETTER: [&str; 6] = [
    "Date",
    "From",
    "To",
    "Subject",
    "MIME-Version",
    "Content-Type",
];
const INVITATION: [&str; 8] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
];

fn people() -> (Mailbox, Mailbox) {
    let alice = Mailbox::new("alice@example.org")
        .unwrap()
        .named("Älice \"the\" Sender")
        .unwrap();
    (alice, Mailbox::new("bob@example.net").unwrap())
}

#[test]
fn a_letter_is_read_as_it_was_written() {
    let (alice, bob) = people();
    let big: Vec<u8> = (0..100_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    let mut reader = &big[..];
    let name = "Übersicht über alle Verträge des Jahres 2026 (endgültig, wirklich).pdf";
    let mail = Letter::new(
        &alice,
        &bob,
        "Grüße: der Vertrag, wie besprochen, mit allen Anlagen",
        start(),
    )
    .unwrap()
    .text("Lieber Bob,\n\n.\nFrom here on\r\nä = ö \n")
    .html("<p>Lieber Bob</p>")
    .attach(Attachment::new(FileName::new(name).unwrap(), b"%PDF"))
    .attach(Attachment::reading(
        FileName::new("big.bin").unwrap(),
        &mut reader,
    ))
    .attach(
        Attachment::new(FileName::new("empty").unwrap(), b"")
            .of_type(MediaType::new("text/x-nothing").unwrap()),
    )
    .write()
    .unwrap();
    is_sound(&mail, &LETTER).unwrap();
    let read = parsed(&mail);
    assert_eq!(
        read.subject(),
        Some("Grüße: der Vertrag, wie besprochen, mit allen Anlagen")
    );
    let from = read.from().unwrap().first().unwrap();
    assert_eq!(
        (from.name(), from.address()),
        (Some("Älice \"the\" Sender"), Some("alice@example.org"))
    );
    assert_eq!(read.date().unwrap().to_timestamp(), 1_800_000_000);
    assert_eq!(
        read.body_text(0).unwrap(),
        "Lieber Bob,\r\n\r\n.\r\nFrom here on\r\nä = ö \r\n"
    );
    assert_eq!(read.body_html(0).unwrap().trim_end(), "<p>Lieber Bob</p>");
    let attached: Vec<_> = read.attachments().collect();
    let names: Vec<_> = attached
        .iter()
        .map(|part| part.attachment_name().unwrap())
        .collect();
    assert_eq!(names, [name, "big.bin", "empty"]);
    assert_eq!(attached[0].contents(), b"%PDF");
    assert!(attached[1].contents() == big);
    assert_eq!(attached[2].contents(), b"");
    assert_eq!(
        attached[2].content_type().unwrap().subtype(),
        Some("x-nothing")
    );
}

#[test]
fn what_would_be_a_field_is_refused_or_encoded() {
    let (alice, bob) = people();
    for bad in [
        "Hello\r\nBcc: eve@example.com",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{2028}b",
    ] {
        assert_eq!(
            Letter::new(&alice, &bob, bad, start()).unwrap_err(),
            MimeError::Line
        );
        assert_eq!(bob.clone().named(bad), Err(MimeError::Line));
    }
    // Written without care, the same check notices.
    let careless = format!("Subject: {}\r\n\r\n", "Hello\r\nBcc: eve@example.com");
    assert!(is_sound(careless.as_bytes(), &["Subject"]).is_err());
    // Text that looks like an encoded word stays text.
    let word = "=?utf-8?B?QmNjOiBldmU=?=";
    let mail = Letter::new(&alice, &bob, word, start())
        .unwrap()
        .write()
        .unwrap();
    assert_eq!(parsed(&mail).subject(), Some(word));
    assert!(!str::from_utf8(&mail).unwrap().contains(word));
    // And a line of a text that looks like a delimiter.
    let text = "--=_letter-mixed--\r\n--=_letter-alternative\r\n";
    let mail = Letter::new(&alice, &bob, "x", start())
        .unwrap()
        .text(text)
        .html(text);
    let mail = mail
        .attach(Attachment::new(
            FileName::new("a").unwrap(),
            text.as_bytes(),
        ))
        .write()
        .unwrap();
    let read = parsed(&mail);
    assert_eq!(
        (read.body_text(0).unwrap().as_ref(), read.attachment_count()),
        (text, 1)
    );
    assert_eq!(read.attachment(0).unwrap().contents(), text.as_bytes());
}

#[test]
fn a_letter_has_a_hundred_attachments_and_no_more() {
    let (alice, bob) = people();
    let with = |count| {
        let attachment = || Attachment::new(FileName::new("a.txt").unwrap(), b"x");
        let letter = Letter::new(&alice, &bob, "x", start()).unwrap();
        (0..count)
            .fold(letter, |letter, _| letter.attach(attachment()))
            .write()
    };
    assert_eq!(
        parsed(&with(MAX_ATTACHMENTS).unwrap()).attachment_count(),
        MAX_ATTACHMENTS
    );
    assert!(with(MAX_ATTACHMENTS + 1).is_err());
}

fn invitation(language: Language) -> String {
    let (alice, bob) = people();
    let link =
        LinkUrl::new("https://sealed.example.org/m/-_v7-_v7-_v7-_v7-_v7-w#AAAAAAAAAAAAAAAAAAAAAA")
            .unwrap();
    let id = MessageId::new([0xA5; 16], "example.org").unwrap();
    let hint = Hint::new("our boat's <b>name</b> & \"year\"").unwrap();
    let expires = start() + 28 * DAY;
    let invitation = Invitation::new(&alice, &bob, &link, expires, &id, start())
        .hint(&hint)
        .language(language);
    invitation.views(3).write()
}

#[test]
fn an_invitation_says_all_in_both_forms() {
    for language in Language::ALL {
        let mail = invitation(language);
        is_sound(mail.as_bytes(), &INVITATION).unwrap();
        let read = parsed(mail.as_bytes());
        let (text, html) = (read.body_text(0).unwrap(), read.body_html(0).unwrap());
        let link = "https://sealed.example.org/m/-_v7-_v7-_v7-_v7-_v7-w#AAAAAAAAAAAAAAAAAAAAAA";
        assert!(text.contains(&format!("\r\n\r\n{link}\r\n\r\n")));
        assert_eq!(html.matches(&format!("href=\"{link}\"")).count(), 2);
        assert!(text.contains("our boat's <b>name</b> & \"year\""));
        assert!(html.contains("our boat&#39;s &lt;b&gt;name&lt;/b&gt; &amp; &quot;year&quot;"));
        for body in [&text, &html] {
            for word in ["2027", "08:00 UTC", "https://sealed.example.org/", "3"] {
                assert!(body.contains(word), "{word}");
            }
        }
        // Nothing is fetched by whoever shows it, and nothing runs.
        for word in [
            "<img", "<script", "<style", "<link", "url(", "src=", "<form",
        ] {
            assert!(!html.contains(word), "{word}");
        }
    }
    let mut bob = Mailbox::new("bob@example.net").unwrap();
    bob = bob.named("</p><script>alert(1)</script>").unwrap();
    let link = LinkUrl::new("https://a.example/m").unwrap();
    let id = MessageId::new([0; 16], "a.example").unwrap();
    let mail = Invitation::new(&bob, &bob, &link, start(), &id, start()).write();
    let read = parsed(mail.as_bytes());
    assert!(!read.body_html(0).unwrap().contains("<script"));
    assert!(!mail.contains("Hint") && !read.body_text(0).unwrap().contains("hint"));
}

/// `LETTERLOCK_BLESS=1` writes them, to be looked at.
#[test]
fn invitations_are_as_they_were_last_seen() {
    for (language, name) in [(Language::English, "en"), (Language::German, "de")] {
        let path = format!(
            "{}/tests/data/invitation-{name}.eml",
            env!("CARGO_MANIFEST_DIR")
        );
        let mail = invitation(language);
        if std::env::var_os("LETTERLOCK_BLESS").is_some() {
            std::fs::write(&path, &mail).unwrap();
        }
        let seen = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            seen == mail,
            "{path} is out of date: LETTERLOCK_BLESS=1 writes it"
        );
    }
}

#[test]
fn addresses_in_utf_8_are_written_as_they_are() {
    let (from, to) = (Mailbox::new("jürgen@bücher.example").unwrap(), people().1);
    let link = LinkUrl::new("https://a.example/m").unwrap();
    let id = MessageId::new([0; 16], "a.example").unwrap();
    let invitation = Invitation::new(&from, &to, &link, start(), &id, start());
    assert!(invitation.needs_utf8());
    assert!(
        invitation
            .write()
            .contains("From: <jürgen@bücher.example>\r\n")
    );
    assert!(!Invitation::new(&to, &to, &link, start(), &id, start()).needs_utf8());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_written_is_read(
        subject in "\\PC{0,120}", name in "\\PC{0,60}", file in "\\PC{1,80}", text in "(\\PC|\r\n){0,300}",
        octets in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (_, bob) = people();
        let (Ok(alice), Ok(file)) = (bob.clone().named(&name), FileName::new(&file)) else {
            return Ok(());
        };
        let Ok(letter) = Letter::new(&alice, &bob, &subject, start()) else {
            return Ok(());
        };
        let mail = letter.text(&text).attach(Attachment::new(file.clone(), &octets)).write().unwrap();
        prop_assert_eq!(is_sound(&mail, &LETTER), Ok(()));
        let read = parsed(&mail);
        prop_assert_eq!(read.subject().unwrap_or_default().trim(), subject.trim());
        let from = read.from().unwrap().first().unwrap();
        prop_assert_eq!(from.name().unwrap_or_default(), name.trim());
        prop_assert_eq!(from.address(), Some("bob@example.net"));
        let attached = read.attachment(0).unwrap();
        prop_assert_eq!(attached.contents(), &octets);
        prop_assert_eq!(attached.attachment_name(), Some(file.as_str()));
        let mut expected = text.clone();
        if !expected.ends_with("\r\n") {
            expected.push_str("\r\n");
        }
        let body = read.body_text(0).unwrap();
        prop_assert_eq!(body.as_ref(), expected);
    }
}
