//! The whole file: every page, the tail, and the root over them.

use std::fmt;
use std::io;

use super::header::Header;
use super::journal::Overlay;
use super::open::{Corpus, State};
use super::page::{Octets, PAGE, View};
use super::read_at::ReadAt;
use super::tail::Tail;
use super::{Error, Facts};
use crate::crypto::{Sha256, sha256};

/// SHA-256 over pages and tail: whoever has it knows each octet that an answer depends on. It is that of the octets
/// `breach-check corpus root 1`, the SHA-256 of each page in turn, and the SHA-256 of the tail.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root(pub(crate) [u8; 32]);

const DOMAIN: &[u8] = b"breach-check corpus root 1";
/// Pages that are read at once.
const AT_ONCE: usize = 256;

impl Root {
    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In lower-case hexadecimal.
impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self})")
    }
}

/// A root that is being made: pages in their order, and then the tail.
pub(crate) struct Rooting {
    whole: Sha256,
    tail: Sha256,
    tail_crc: u32,
}

impl Rooting {
    pub(crate) fn new() -> Self {
        let mut whole = Sha256::new();
        whole.update(DOMAIN);
        Self {
            whole,
            tail: Sha256::new(),
            tail_crc: 0,
        }
    }

    pub(crate) fn page(&mut self, page: &Octets) {
        self.whole.update(&sha256(page));
    }

    pub(crate) fn tail(&mut self, octets: &[u8]) {
        self.tail.update(octets);
        self.tail_crc = crc32c::crc32c_append(self.tail_crc, octets);
    }

    /// The root, and the CRC32C of the tail.
    pub(crate) fn finish(mut self) -> (Root, u32) {
        self.whole.update(&self.tail.finish());
        (Root(self.whole.finish()), self.tail_crc)
    }
}

impl<R: ReadAt> Corpus<R> {
    /// Reads all of it, and checks that each octet is what was written. `seen` is told how many pages are done.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the first page that is, or it cannot be read. Of a file that is updated meanwhile this may be
    /// said, too: verify it again.
    pub fn verify(&self, mut seen: impl FnMut(u32)) -> Result<Facts, Error> {
        let alone = check(self.source(), &mut seen);
        let Err(Error::Damaged { .. }) = alone else {
            return alone;
        };
        // What readers see, if an update is on its way; a journal beside a corpus that is whole is none of them.
        let Some((journal, _)) = self.journal()? else {
            return alone;
        };
        let checked = check(&Overlay::new(self.source(), &journal), seen);
        checked.map_err(|error| match error {
            Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => Error::Damaged { page: None },
            error => error,
        })
    }
}

/// As [`Corpus::verify`], of just these octets.
pub(crate) fn check(read: &impl ReadAt, mut seen: impl FnMut(u32)) -> Result<Facts, Error> {
    let state = State::read(read, None)?;
    let (header, tail) = (&state.header, &state.tail);
    let (geometry, pages) = (header.geometry, header.geometry.pages());
    let mut rooting = Rooting::new();
    let mut entries = 0_u64;
    let mut buffer = vec![0; AT_ONCE * PAGE];
    let mut number = 0;
    while number < pages {
        let count = (pages - number).min(AT_ONCE as u32);
        let octets = buffer.get_mut(..count as usize * PAGE).unwrap_or_default();
        read.read_at(Header::page_at(number), octets)?;
        for page in octets.as_chunks::<PAGE>().0 {
            let damaged = Error::Damaged { page: Some(number) };
            let view =
                View::checked(geometry, number, page).filter(|view| view.is_canonical(number));
            let Some(view) = view else {
                return Err(damaged);
            };
            if !tail.matches(number, view.spilled()) || !follows(header, tail, number, view) {
                return Err(damaged);
            }
            entries += view.entries().count() as u64;
            rooting.page(page);
            number += 1;
        }
        seen(number);
    }
    for octets in tail.entry_octets() {
        rooting.tail(&octets);
    }
    for octets in tail.gap_octets() {
        rooting.tail(&octets);
    }
    let (root, tail_crc) = rooting.finish();
    entries += tail.entries().len() as u64;
    let is_whole = root.0 == header.root
        && tail_crc == header.tail_crc
        && entries == header.entries
        && Some(read.size()?) == header.len();
    match is_whole {
        true => Ok(state.facts()),
        false => Err(Error::Damaged { page: None }),
    }
}

/// Whether what overflows lies behind all that a full page has.
fn follows(header: &Header, tail: &Tail, number: u32, view: View<'_>) -> bool {
    let Some((_, first)) = tail.of(number).first() else {
        return true;
    };
    let capacity = header.geometry.capacity();
    view.entries().count() == capacity
        && view
            .entries()
            .last()
            .is_some_and(|last| last.place < first.place)
}
