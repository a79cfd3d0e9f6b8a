//! Canonical bodies (RFC 6376 §3.4.3, §3.4.4), hashed where they stand.

use super::{
    Canonicalization,
    crypto::{Hash, Sha256},
};
use std::ops::Range;

/// The hash that belongs into `bh=`.
pub(super) fn hash(canon: Canonicalization, body: &[u8]) -> Hash {
    put(canon, body, u64::MAX).finish().0
}

/// The hash that belongs into `bh=` beside `l=`. `None` if `limit` is more than the canonical body
/// has: RFC 6376 §3.5, l= "MUST NOT be larger than the actual number of octets in the canonicalized
/// message body".
pub(super) fn hash_of_first(canon: Canonicalization, body: &[u8], limit: u64) -> Option<Hash> {
    let (hash, left) = put(canon, body, limit).finish();
    (left == 0).then_some(hash)
}

fn put(canon: Canonicalization, body: &[u8], limit: u64) -> Sink {
    let mut sink = Sink::new(limit);
    match canon {
        Canonicalization::Simple => simple(body, &mut sink),
        Canonicalization::Relaxed => relaxed(body, &mut sink),
    }
    sink
}

/// RFC 6376 §3.4.3: "converts "*CRLF" at the end of the body to a single "CRLF"", and makes it one
/// where there is none.
fn simple(body: &[u8], sink: &mut Sink) {
    let mut text = body;
    while let Some(rest) = text.strip_suffix(b"\r\n") {
        text = rest;
    }
    sink.put(text);
    sink.put(b"\r\n");
}

/// RFC 6376 §3.4.4. Runs of white space within a line become one space, those at the end of a line
/// nothing; so do empty lines at the end of the body.
///
/// Seen octet by octet, all of this is local: white space goes away if white space or CRLF follows
/// it, and a tab that stays becomes a space. So blocks of the body are searched for such octets,
/// many at once, and what lies between them is hashed as it stands.
fn relaxed(body: &[u8], sink: &mut Sink) {
    let text = trimmed(body);
    if text.is_empty() {
        return;
    }
    // What has been looked at, and from where on it has not been handed on.
    let (mut seen, mut kept) = (0, 0);
    while seen < text.len() {
        let rest = text.get(seen..).unwrap_or_default();
        let mut found = match rest.first_chunk() {
            Some(window) if is_calm(window) => 0,
            Some(window) => odd_octets(window),
            None => odd_octets(&padded(rest)),
        };
        while found != 0 {
            let from = found.trailing_zeros();
            let run = (found >> from).trailing_ones();
            // Clears the lowest run of ones.
            found &= found.wrapping_add(1 << from);
            let (from, last) = (seen + from as usize, seen + (from + run) as usize - 1);
            sink.put_range(text, kept..from);
            // Only the last one of a run can be a tab that stays.
            if text.get(last) == Some(&b'\t') && !goes_away(text, last) {
                sink.put(b" ");
            }
            kept = last + 1;
        }
        seen += BLOCK;
        // In pieces that are still in the cache when they are hashed.
        if seen.saturating_sub(kept) >= PIECE && seen <= text.len() {
            sink.put(text.get(kept..seen).unwrap_or_default());
            kept = seen;
        }
    }
    sink.put(text.get(kept..).unwrap_or_default());
    sink.put(b"\r\n");
}

/// The body without white space and line ends at its end.
fn trimmed(body: &[u8]) -> &[u8] {
    let mut text = body;
    loop {
        while let [rest @ .., b' ' | b'\t'] = text {
            text = rest;
        }
        let Some(rest) = text.strip_suffix(b"\r\n") else {
            return text;
        };
        text = rest;
    }
}

/// Octets that are searched at once.
const BLOCK: usize = 64;
/// A block and what decides about its last octet.
const WINDOW: usize = BLOCK + 2;
/// Octets between calls of the hash function.
const PIECE: usize = 16 * 1024;

fn padded(rest: &[u8]) -> [u8; WINDOW] {
    let mut window = [0; WINDOW];
    let len = rest.len().min(WINDOW);
    if let (Some(to), Some(from)) = (window.get_mut(..len), rest.get(..len)) {
        to.copy_from_slice(from);
    }
    window
}

/// Whether nothing in the block can change; says no sometimes when it could say yes. The compiler
/// makes vector instructions of the loop.
fn is_calm(window: &[u8; WINDOW]) -> bool {
    let mut found = false;
    for at in 0..BLOCK {
        let (octet, next) = (window[at], window[at + 1]);
        found |= (octet == b'\t') | ((octet == b' ') & (next <= b' '));
    }
    !found
}

/// A bit for each octet of the block that goes away or is a tab.
fn odd_octets(window: &[u8; WINDOW]) -> u64 {
    let mut flags = [0_u8; BLOCK];
    for at in 0..BLOCK {
        let (octet, next, after) = (window[at], window[at + 1], window[at + 2]);
        let line_ends = (next == b'\r') & (after == b'\n');
        let goes = is_space(octet) & (is_space(next) | line_ends);
        flags[at] = u8::from(goes | (octet == b'\t'));
    }
    let (eights, _) = flags.as_chunks::<8>();
    let pack = |bits, eight: &[u8; 8]| {
        // Each flag is moved to its own bit of the topmost octet.
        let octet = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits << 8 | octet
    };
    eights.iter().rev().fold(0, pack)
}

fn is_space(octet: u8) -> bool {
    (octet == b' ') | (octet == b'\t')
}

fn goes_away(text: &[u8], at: usize) -> bool {
    let rest = text.get(at + 1..).unwrap_or_default();
    matches!(rest, [b' ' | b'\t', ..] | [b'\r', b'\n', ..])
}

/// Gathers small pieces before they are hashed: a call of the hash function costs as much as
/// hashing some dozen octets.
pub(super) struct Sink {
    hash: Sha256,
    /// How many octets still count.
    left: u64,
    used: usize,
    buffer: [u8; BUFFER],
}

/// Larger ones cost more to make ready than they save: most messages are small.
const BUFFER: usize = 2048;
/// Octets that are copied at once.
const STEP: usize = 32;
/// Larger pieces are hashed where they stand.
const LONG: usize = 1024;

impl Sink {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            hash: Sha256::new(),
            left: limit,
            used: 0,
            buffer: [0; BUFFER],
        }
    }

    #[inline]
    pub(super) fn put(&mut self, octets: &[u8]) {
        if octets.len() > LONG {
            self.flush();
            self.absorb(octets);
            return;
        }
        if self.used + octets.len() > self.buffer.len() {
            self.flush();
        }
        let end = self.used + octets.len();
        if let Some(room) = self.buffer.get_mut(self.used..end) {
            room.copy_from_slice(octets);
            self.used = end;
        }
    }

    /// Like `put` of a part of some text. Short parts are many where there is much white space; to
    /// copy a fixed number of octets and count fewer is faster than to copy the right number.
    #[inline]
    fn put_range(&mut self, text: &[u8], range: Range<usize>) {
        let rest = text.get(range.start..).unwrap_or_default();
        let room = self.buffer.get_mut(self.used..).unwrap_or_default();
        if let (..=STEP, Some(from), Some(to)) = (
            range.len(),
            rest.first_chunk::<STEP>(),
            room.first_chunk_mut::<STEP>(),
        ) {
            *to = *from;
            self.used += range.len();
        } else {
            self.put(rest.get(..range.len()).unwrap_or_default());
        }
    }

    pub(super) fn put_in_lower_case(&mut self, octets: &[u8]) {
        for part in octets.chunks(STEP) {
            let mut lower = [0; STEP];
            if let Some(lower) = lower.get_mut(..part.len()) {
                lower.copy_from_slice(part);
                lower.make_ascii_lowercase();
                self.put(lower);
            }
        }
    }

    pub(super) fn finish(mut self) -> (Hash, u64) {
        self.flush();
        (self.hash.finish(), self.left)
    }

    fn flush(&mut self) {
        let octets = self.buffer.get(..self.used).unwrap_or_default();
        let counted = octets
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.hash.update(octets.get(..counted).unwrap_or_default());
        self.left -= counted as u64;
        self.used = 0;
    }

    fn absorb(&mut self, octets: &[u8]) {
        let counted = octets
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.hash.update(octets.get(..counted).unwrap_or_default());
        self.left -= counted as u64;
    }
}
