//! The journal: all that an update changes, whole and on the disk before the first octet of the corpus changes.
//!
//! | octets | |
//! |---|---|
//! | 4096 | the header of the corpus that it is for |
//! | 4100 for each changed page | its number (4), then the page; ascending |
//! | 12 for each entry, 8 for each gap | the new tail |
//! | 4096 | the new header, of which the generation is the old one and 1 |
//! | 32 | the trailer |
//!
//! | octets of the trailer | |
//! |---|---|
//! | 0 to 7 | `PWJOURN`, and 1, which is the version |
//! | 8 to 15 | number of changed pages |
//! | 16 to 23 | octets of the whole journal |
//! | 24 to 27 | CRC32C of all before the trailer |
//! | 28 to 31 | CRC32C of the trailer before here |
//!
//! All numbers are little-endian. A reader finds a page by bisection, and needs none of the rest: page, tail and headers
//! have checksums of their own.

use std::io;

use super::header::Header;
use super::page::{Octets, PAGE, View};
use super::read_at::ReadAt;
use super::tail::{ENTRY, Spilled, Tail};
use super::update::disk::{Append, DiskFile, Stream};

const MAGIC: [u8; 8] = *b"PWJOURN\x01";
const TRAILER: usize = 32;
const RECORD: u64 = 4 + PAGE as u64;
const HEADER: u64 = PAGE as u64;

/// Writes one.
#[derive(Debug)]
pub(crate) struct Writer<F> {
    octets: Append<F>,
    pages: u64,
}

impl<F: DiskFile> Writer<F> {
    /// One for the corpus of which this is the first page.
    pub(crate) fn new(file: F, before: &Octets) -> io::Result<Self> {
        let mut octets = Append::new(file);
        octets.push(before)?;
        Ok(Self { octets, pages: 0 })
    }

    /// A page that changes, behind all that did before.
    pub(crate) fn page(&mut self, number: u32, page: &Octets) -> io::Result<()> {
        self.pages += 1;
        self.octets.push(&number.to_le_bytes())?;
        self.octets.push(page)
    }

    /// Octets of the tail.
    pub(crate) fn tail(&mut self, octets: &[u8]) -> io::Result<()> {
        self.octets.push(octets)
    }

    /// The end; then it is on the disk, if not under its name.
    pub(crate) fn finish(&mut self, after: &Header) -> io::Result<()> {
        self.octets.push(&*after.write())?;
        let trailer = Trailer {
            pages: self.pages,
            len: self.octets.len() + TRAILER as u64,
            crc: self.octets.crc(),
        };
        self.octets.push(&trailer.write())?;
        self.octets.flush()?;
        self.octets.file().sync()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trailer {
    pages: u64,
    len: u64,
    crc: u32,
}

impl Trailer {
    fn write(self) -> [u8; TRAILER] {
        let mut octets = [0; TRAILER];
        octets[..8].copy_from_slice(&MAGIC);
        octets[8..16].copy_from_slice(&self.pages.to_le_bytes());
        octets[16..24].copy_from_slice(&self.len.to_le_bytes());
        octets[24..28].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32c::crc32c(&octets[..28]);
        octets[28..].copy_from_slice(&crc.to_le_bytes());
        octets
    }

    fn read(octets: &[u8; TRAILER]) -> Option<Self> {
        let word = |at: usize| octets[at..].first_chunk().copied().unwrap_or([0; 8]);
        let &[.., a, b, c, d, _, _, _, _] = octets;
        let trailer = Self {
            pages: u64::from_le_bytes(word(8)),
            len: u64::from_le_bytes(word(16)),
            crc: u32::from_le_bytes([a, b, c, d]),
        };
        (trailer.write() == *octets).then_some(trailer)
    }
}

/// A journal that somebody wrote to its end.
#[derive(Debug)]
pub(crate) struct Journal<F> {
    file: F,
    before: Box<Octets>,
    after: Header,
    trailer: Trailer,
}

/// What the corpus of a journal is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Its header is still the old one, or half of each.
    NotYet,
    /// Its header is the new one, so that pages and tail are.
    Yes,
}

impl<F: ReadAt> Journal<F> {
    /// `None` if trailer, headers and length do not fit together.
    pub(crate) fn open(file: F) -> io::Result<Option<Self>> {
        let len = file.size()?;
        let Some(trailer_at) = len.checked_sub(TRAILER as u64) else {
            return Ok(None);
        };
        let mut trailer = [0; TRAILER];
        file.read_at(trailer_at, &mut trailer)?;
        let trailer = Trailer::read(&trailer).filter(|trailer| trailer.len == len);
        let (Some(trailer), Some(after_at)) = (trailer, trailer_at.checked_sub(HEADER)) else {
            return Ok(None);
        };
        let mut before = Box::new([0; PAGE]);
        file.read_at(0, &mut *before)?;
        let mut after = Box::new([0; PAGE]);
        file.read_at(after_at, &mut *after)?;
        let (Ok(old), Ok(after)) = (Header::read(&before), Header::read(&after)) else {
            return Ok(None);
        };
        let fits = old.kind == after.kind
            && old.geometry == after.geometry
            && old.generation.checked_add(1) == Some(after.generation)
            && trailer.pages <= after.geometry.pages().into()
            && len_of(trailer.pages, &after) == Some(len);
        Ok(fits.then_some(Self {
            file,
            before,
            after,
            trailer,
        }))
    }

    /// Whether this is the first page of the corpus that it is for; if not, it is for another one. A page that lost
    /// power between both is.
    pub(crate) fn applied(&self, header: &Octets) -> Option<Applied> {
        let after = self.after.write();
        let each = header.iter().zip(self.before.iter().zip(after.iter()));
        let mixed = each
            .into_iter()
            .all(|(is, (old, new))| is == old || is == new);
        match *header == *after {
            true => Some(Applied::Yes),
            false => mixed.then_some(Applied::NotYet),
        }
    }

    pub(crate) fn after(&self) -> &Header {
        &self.after
    }

    pub(crate) fn pages(&self) -> u64 {
        self.trailer.pages
    }

    /// The record of this index.
    pub(crate) fn record(&self, index: u64) -> io::Result<(u32, Box<Octets>)> {
        let number = self.number(index)?;
        let mut page = Box::new([0; PAGE]);
        self.file.read_at(record_at(index) + 4, &mut *page)?;
        Ok((number, page))
    }

    /// The page of this number, of which the checksum is still to be looked at; `None` if it does not change.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) if that cannot be told.
    pub(crate) fn page(&self, number: u32) -> io::Result<Option<Box<Octets>>> {
        let at = bisect(self.trailer.pages, |index| Ok(self.number(index)? < number))?;
        // A number that is not what was written leads astray, and the bisection ends beside it: after the last one that did,
        // each other leads towards it. So a page is missing only if what lies on either side is whole.
        let beside = [Some(at), at.checked_sub(1)].into_iter().flatten();
        for index in beside.filter(|index| *index < self.trailer.pages) {
            let (found, page) = self.record(index)?;
            if found == number {
                return Ok(Some(page));
            }
            if View::checked(self.after.geometry, found, &page).is_none() {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(None)
    }

    fn number(&self, index: u64) -> io::Result<u32> {
        let mut number = [0; 4];
        self.file.read_at(record_at(index), &mut number)?;
        Ok(u32::from_le_bytes(number))
    }

    /// Those entries of the new tail of which a page speaks; `None` if it speaks of others.
    pub(crate) fn spilled(&self, page: u32, spilled: Spilled) -> io::Result<Option<Tail>> {
        let entry_at = |index: u64| self.tail_at() + index * ENTRY as u64;
        let first = bisect(self.after.tail_entries, |index| {
            let mut number = [0; 4];
            self.file.read_at(entry_at(index), &mut number)?;
            Ok(u32::from_le_bytes(number) < page)
        })?;
        // And one more, of which the page should not speak.
        let left = self.after.tail_entries - first;
        let entries = left.min(u64::from(spilled.entries) + 1);
        let len = usize::try_from(entries * ENTRY as u64).map_err(io::Error::other)?;
        let mut octets = vec![0; len];
        self.file.read_at(entry_at(first), &mut octets)?;
        let tail = Tail::read(&octets, &[]);
        Ok(tail.filter(|tail| tail.matches(page, spilled)))
    }

    /// The new tail; `None` if its checksum is wrong.
    pub(crate) fn tail(&self) -> io::Result<Option<Tail>> {
        let Some((entries, gaps)) = self.after.tail_len() else {
            return Ok(None);
        };
        let (entries, gaps) = (usize::try_from(entries), usize::try_from(gaps));
        let mut octets = vec![0; entries.map_err(io::Error::other)?];
        self.file.read_at(self.tail_at(), &mut octets)?;
        let gaps_at = self.tail_at() + octets.len() as u64;
        let mut gap_octets = vec![0; gaps.map_err(io::Error::other)?];
        self.file.read_at(gaps_at, &mut gap_octets)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&octets), &gap_octets);
        let right = crc == self.after.tail_crc;
        Ok(Tail::read(&octets, &gap_octets).filter(|_| right))
    }

    /// The octets of the new tail, to go on with in parts.
    pub(crate) fn tail_octets(&self) -> Stream {
        let (entries, gaps) = self.after.tail_len().unwrap_or_default();
        Stream::new(self.tail_at(), self.tail_at() + entries + gaps)
    }

    fn tail_at(&self) -> u64 {
        record_at(self.trailer.pages)
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }

    /// Whether every octet is as it was written, which is asked before any is put in its place.
    pub(crate) fn is_whole(&self) -> io::Result<bool> {
        let mut crc = 0;
        let end = self.trailer.len - TRAILER as u64;
        Stream::new(0, end).each(&self.file, |octets| {
            crc = crc32c::crc32c_append(crc, octets);
            Ok(())
        })?;
        let mut tail_crc = 0;
        self.tail_octets().each(&self.file, |octets| {
            tail_crc = crc32c::crc32c_append(tail_crc, octets);
            Ok(())
        })?;
        let mut right = crc == self.trailer.crc && tail_crc == self.after.tail_crc;
        let mut next = 0;
        for index in 0..self.trailer.pages {
            let (number, page) = self.record(index)?;
            let in_order = next <= number && number < self.after.geometry.pages();
            right &= in_order && View::checked(self.after.geometry, number, &page).is_some();
            next = number.saturating_add(1);
        }
        Ok(right)
    }
}

/// Octets of a journal of so many pages.
fn len_of(pages: u64, after: &Header) -> Option<u64> {
    let (entries, gaps) = after.tail_len()?;
    let pages = pages.checked_mul(RECORD)?;
    [HEADER, entries, gaps, HEADER, TRAILER as u64]
        .into_iter()
        .try_fold(pages, u64::checked_add)
}

fn record_at(index: u64) -> u64 {
    HEADER + index * RECORD
}

/// The first index of which it does not hold.
fn bisect(len: u64, holds: impl Fn(u64) -> io::Result<bool>) -> io::Result<u64> {
    let mut span = 0..len;
    while span.start < span.end {
        let middle = span.start + (span.end - span.start) / 2;
        match holds(middle)? {
            true => span.start = middle + 1,
            false => span.end = middle,
        }
    }
    Ok(span.start)
}

/// The corpus as it will be when the journal is applied: octets of the journal where it has them, of the file elsewhere.
#[derive(Debug)]
pub(crate) struct Overlay<'a, C, J> {
    corpus: C,
    journal: &'a Journal<J>,
}

impl<'a, C: ReadAt, J: ReadAt> Overlay<'a, C, J> {
    pub(crate) fn new(corpus: C, journal: &'a Journal<J>) -> Self {
        Self { corpus, journal }
    }
}

impl<C: ReadAt, J: ReadAt> ReadAt for Overlay<'_, C, J> {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        let after = self.journal.after();
        let (mut at, mut rest) = (at, octets);
        // Parts that lie in one page, or in the tail.
        while !rest.is_empty() {
            let within = usize::try_from(at % HEADER).unwrap_or_default();
            let len = rest.len().min(PAGE - within);
            let page = at / HEADER;
            let tail = at >= after.tail_at();
            let len = if tail { rest.len() } else { len };
            let (part, more) = rest.split_at_mut(len);
            let from = |page: &Octets, part: &mut [u8]| {
                part.copy_from_slice(&page[within..within + part.len()]);
            };
            match page.checked_sub(1).map(u32::try_from) {
                None => from(&after.write(), part),
                _ if tail => {
                    let from = at - after.tail_at();
                    let end = after.len().unwrap_or_default();
                    if at + part.len() as u64 > end {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.journal
                        .file
                        .read_at(self.journal.tail_at() + from, part)?;
                }
                Some(Ok(number)) => match self.journal.page(number)? {
                    Some(page) => from(&page, part),
                    None => self.corpus.read_at(at, part)?,
                },
                Some(Err(_)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            at += len as u64;
            rest = more;
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        self.journal
            .after
            .len()
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}
