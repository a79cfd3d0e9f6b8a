//! Whatever may stand in a letter or an invitation, it has these fields and no others, short lines, and reads back as
//! it was written.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use mail_parser::{MessageParser, MimeHeaders};
use symmetric_seal::link::Hint;
use symmetric_seal::mime::{
    Attachment, FileName, Invitation, Language, Letter, LinkUrl, Mailbox, MessageId,
};

// Address, name, subject, file name, text, hint and link, each ended by a zero octet; then an attachment.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(8, |octet| *octet == 0);
    let mut text = || str::from_utf8(parts.next().unwrap_or_default()).ok();
    let (Some(address), Some(name), Some(subject), Some(file)) = (text(), text(), text(), text())
    else {
        return;
    };
    let (Some(body), Some(hint), Some(link)) = (text(), text(), text()) else {
        return;
    };
    let octets = parts.next().unwrap_or_default();
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000 + octets.len() as u64);
    let Ok(from) = Mailbox::new(address).and_then(|from| from.named(name)) else {
        return;
    };
    if let (Ok(letter), Ok(file)) = (Letter::new(&from, &from, subject, now), FileName::new(file)) {
        let letter = letter
            .text(body)
            .html(body)
            .attach(Attachment::new(file.clone(), octets));
        let mail = letter.write().expect("memory");
        sound(
            &mail,
            &[
                "Date",
                "From",
                "To",
                "Subject",
                "MIME-Version",
                "Content-Type",
            ],
        );
        let read = MessageParser::default().parse(&mail).expect("a mail");
        assert_eq!(read.attachment_count(), 1);
        let attached = read.attachment(0).expect("an attachment");
        assert_eq!(attached.contents(), octets);
        assert!(attached.attachment_name().is_some());
    }
    let id = MessageId::new([7; 16], "example.org").expect("a domain");
    if let Ok(link) = LinkUrl::new(link) {
        let mut invitation = Invitation::new(&from, &from, &link, now, &id, now);
        let hint = Hint::new(hint);
        if let Ok(hint) = &hint {
            invitation = invitation.hint(hint).language(Language::German);
        }
        let mail = invitation.write();
        sound(
            mail.as_bytes(),
            &[
                "Date",
                "From",
                "To",
                "Subject",
                "Message-ID",
                "Content-Language",
                "MIME-Version",
                "Content-Type",
            ],
        );
        let read = MessageParser::default()
            .parse(mail.as_bytes())
            .expect("a mail");
        let html = read.body_html(0).expect("HTML");
        assert!(!html.contains("<script") && !html.contains("<img"));
    }
});

fn sound(mail: &[u8], fields: &[&str]) {
    let text = str::from_utf8(mail).expect("UTF-8");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
    let (head, _) = text.split_once("\r\n\r\n").expect("a body");
    let lines = head
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']));
    let found: Vec<&str> = lines
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(found, fields);
}
