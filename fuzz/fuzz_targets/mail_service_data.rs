//! A message after DATA ends where the plainest reading of RFC 5321 says, or the connection breaks: however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../examples/mail-service/src/smtp/data.rs"]
mod data;

use data::{Limits, Progress, Receiver};

const LIMITS: Limits = Limits {
    message: 4096,
    line: 1000,
};

/// The message and the octets up to its end; none if it has not ended; `Err` if it is broken.
fn receive(input: &[u8], step: usize) -> Result<Option<(Option<Vec<u8>>, usize)>, ()> {
    let mut receiver = Receiver::new(LIMITS);
    let mut before = 0;
    for piece in input.chunks(step) {
        match receiver.push(piece).map_err(|_| ())? {
            Progress::More => before += piece.len(),
            Progress::Done { used, message } => return Ok(Some((message.ok(), before + used))),
        }
    }
    Ok(None)
}

/// The same by looking at whole lines.
fn plainly(input: &[u8]) -> Result<Option<(Option<Vec<u8>>, usize)>, ()> {
    let (mut message, mut fits, mut at) = (Vec::new(), true, 0);
    loop {
        let rest = &input[at..];
        let odd = |&octet: &u8| octet == b'\n' || octet == 0;
        let Some(end) = rest.windows(2).position(|w| w[0] == b'\r' || odd(&w[0])) else {
            // The last octet is no end of a line, but it may break one.
            return match rest.last().is_some_and(odd) {
                true => Err(()),
                false => Ok(None),
            };
        };
        if !rest[end..].starts_with(b"\r\n") {
            return Err(());
        }
        let line = &rest[..end];
        at += end + 2;
        if line == b"." {
            fits &= message.len() <= LIMITS.message;
            return Ok(Some((fits.then_some(message), at)));
        }
        let line = line.strip_prefix(b".").unwrap_or(line);
        fits &= line.len() + 2 <= LIMITS.line;
        message.extend_from_slice(line);
        message.extend_from_slice(b"\r\n");
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((step, input)) = input.split_first() else {
        return;
    };
    let expected = plainly(input);
    assert_eq!(receive(input, usize::from(*step).max(1)), expected);
    assert_eq!(receive(input, usize::MAX), expected);
});
