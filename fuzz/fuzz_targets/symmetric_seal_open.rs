//! Messages whose outer form is right, whatever is in them, and a few changes of their octets: all ways of opening agree,
//! and what opens is what was sealed.
#![no_main]

use std::io::{Cursor, Read, Write};

use libfuzzer_sys::fuzz_target;
use symmetric_seal::{Limits, OpenError, Opener, Passphrase, Profile, Sealer};

fn read(mut reader: impl Read) -> Result<Vec<u8>, OpenError> {
    let mut content = Vec::new();
    reader.read_to_end(&mut content)?;
    Ok(content)
}

fuzz_target!(|data: &[u8]| {
    let [form, changes, a, b, c, d, content @ ..] = data else {
        return;
    };
    let password = Passphrase::from_unprepared_octets("correct horse");
    let sealer = Sealer::new().profile(Profile::WEAK_FOR_TESTS);
    let sealer = if form & 1 == 0 {
        sealer
    } else {
        sealer.armored()
    };
    // So that chunks come to an end, too.
    let content = content.repeat(if form & 2 == 0 {
        1
    } else {
        1 + 200_000 / (content.len() + 1)
    });
    let Ok(mut writer) = sealer.start(Vec::new(), &password) else {
        return;
    };
    writer.write_all(&content).expect("memory takes it");
    let (sealed, _) = writer.finish().expect("memory takes it");
    let mut message = sealed.clone();
    let places = [*a, *b, *c, *d].map(usize::from);
    for (number, place) in places
        .into_iter()
        .take(usize::from(changes % 5))
        .enumerate()
    {
        let at = place * (1 + usize::from(form >> 2) * message.len() / 4096) % message.len();
        match number + usize::from(changes >> 4) {
            0 | 4 => message[at] = message[at].wrapping_add(1 + (changes >> 5)),
            1 | 5 => drop(message.remove(at)),
            2 | 6 => message.insert(at, *form),
            3 | 7 => message.truncate(at.max(1)),
            _ => {
                let other = place.min(message.len() - 1);
                message.swap(at, other);
            }
        }
        if message.is_empty() {
            return;
        }
    }
    let mut limits = Limits::default();
    limits.max_memory_kib = 256;
    limits.max_work_mib = 1;
    let opener = Opener::new().limits(limits);
    let opened = [
        opener
            .open(message.clone(), &password)
            .map(|opened| opened.into_content()),
        opener
            .open_seekable(Cursor::new(&message), &password)
            .and_then(read),
        opener
            .open_stream_unverified(&message[..], &password)
            .and_then(read),
    ];
    let inspected = opener.inspect(&message);
    for opened in &opened {
        match opened {
            Ok(opened) => assert!(*opened == content && inspected.is_ok()),
            Err(_) => assert!(message != sealed),
        }
    }
    let good = opened.iter().filter(|opened| opened.is_ok()).count();
    assert!(good == 0 || good == 3);
});
