//! An update on its way through the pages.

use std::io;
use std::ops::Range as Span;
use std::time::SystemTime;

use super::disk::{Append, Disk, Name, Stream};
use super::merge::{self, Spans};
use super::redo;
use super::{Progress, Tell};
use crate::corpus::build::{FEW, seconds};
use crate::corpus::geometry::Cell;
use crate::corpus::header::Header;
use crate::corpus::journal::{Applied, Journal, Writer};
use crate::corpus::open;
use crate::corpus::page::{self, Entry, Octets, PAGE, View};
use crate::corpus::read_at::ReadAt;
use crate::corpus::tail::{self, ENTRY, GAP, Tail};
use crate::corpus::verify::Rooting;
use crate::corpus::{Error, Facts};
use crate::{CountClass, PasswordHash, Range};

/// As many as a builder takes.
const MOST_OF_A_PAGE: usize = 1 << 20;

pub(crate) struct Run<D: Disk> {
    disk: D,
    tell: Tell,
    corpus: D::File,
    before: Header,
    /// Of which nothing is known so far.
    gaps: Vec<Span<u32>>,
    /// What is left of the tail's entries.
    old_tail: Stream,
    journal: Writer<D::File>,
    tail: Append<D::File>,
    root: Rooting,
    entries: u64,
    fetched: Spans,
    /// The page that is being filled; all before are written.
    page: u32,
    fresh: Vec<Entry>,
    /// Whether something went wrong, after which the rest would not be whole.
    failed: bool,
}

impl<D: Disk> Run<D> {
    pub(crate) fn begin(disk: D, mut tell: Tell) -> Result<Self, Error> {
        redo::recover(&disk, &mut tell)?;
        let corpus = disk
            .open(Name::Corpus)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let before = open::read_header(&corpus)?;
        let gaps = checked_gaps(&corpus, &before)?;
        let tail_at = before.tail_at();
        let tail_len = before.tail_entries * ENTRY as u64;
        Ok(Self {
            gaps,
            old_tail: Stream::new(tail_at, tail_at + tail_len),
            journal: Writer::new(disk.create(Name::NewJournal)?, &before.write())?,
            tail: Append::new(disk.create(Name::NewTail)?),
            root: Rooting::new(),
            entries: 0,
            fetched: Spans::default(),
            page: 0,
            fresh: Vec::new(),
            failed: false,
            disk,
            tell,
            corpus,
            before,
        })
    }

    pub(crate) fn range<E>(
        &mut self,
        range: Range,
        hashes: impl IntoIterator<Item = Result<(PasswordHash, u64), E>>,
    ) -> Result<(), Error>
    where
        Error: From<E>,
    {
        // Whatever goes wrong on the way, nobody finishes what is not whole.
        if std::mem::replace(&mut self.failed, true) {
            return Err(Error::Broken);
        }
        let behind = self.fetched.as_slice().last();
        if behind.is_some_and(|last| range.number() < last.end) {
            return Err(Error::Range(range));
        }
        let (kind, geometry) = (self.before.kind, self.before.geometry);
        // In pages before this range, all that is fetched is known.
        self.settle_before(geometry.cell(merge::first_of(range.number())).page)?;
        self.fetched.push(range.number());
        let mut last: Option<PasswordHash> = None;
        for (number, hash) in (1..).zip(hashes) {
            let (hash, count) = hash?;
            if hash.kind() != kind {
                let (corpus, asked) = (kind, hash.kind());
                return Err(Error::Kind { corpus, asked });
            }
            let below = last.is_some_and(|last| hash.octets() <= last.octets());
            if below || hash.range() != range {
                return Err(Error::Unordered { number });
            }
            if let Some(count) = CountClass::of(count) {
                let Cell { page, place } = geometry.cell(hash.prefix());
                self.settle_before(page)?;
                self.add(Entry { place, count })?;
            }
            last = Some(hash);
        }
        self.failed = false;
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<(), Error> {
        match self.fresh.last_mut() {
            Some(last) if last.place == entry.place => last.count = last.count.max(entry.count),
            _ => self.fresh.push(entry),
        }
        match self.fresh.len() > MOST_OF_A_PAGE {
            true => Err(Error::TooUneven),
            false => Ok(()),
        }
    }

    fn settle_before(&mut self, page: u32) -> Result<(), Error> {
        while self.page < page {
            self.settle()?;
        }
        Ok(())
    }

    /// The page that is being filled gets no more.
    fn settle(&mut self) -> Result<(), Error> {
        let (number, geometry) = (self.page, self.before.geometry);
        let damaged = || Error::Damaged { page: Some(number) };
        let fresh = std::mem::take(&mut self.fresh);
        let replaced = merge::replaced(geometry, number, &self.fetched);
        let whole = 0..merge::places(geometry);
        let all = replaced.first() == Some(&whole);

        let mut octets = Box::new([0; PAGE]);
        self.corpus.read_at(Header::page_at(number), &mut *octets)?;
        let spilled = self.old_spilled(number)?;
        let view = View::checked(geometry, number, &octets).filter(|view| {
            let told = view.spilled();
            told.entries as usize == spilled.len() && told.crc == tail::crc(number, &spilled)
        });
        if view.is_none() && !all {
            return Err(damaged());
        }
        let old = view.iter().flat_map(|view| view.entries());
        let old = old.chain(spilled.iter().copied());
        if replaced.is_empty() && fresh.is_empty() {
            self.settled(&octets, old.count(), &spilled)?;
        } else {
            let merged = merge::merge(old, &fresh, &replaced);
            if merged.len() > MOST_OF_A_PAGE {
                return Err(Error::TooUneven);
            }
            if !merged.is_sorted_by(|a, b| a.place < b.place) {
                return Err(damaged());
            }
            let (page, rest) = page::write(geometry, number, &merged);
            if page != octets {
                self.journal.page(number, &page)?;
            }
            self.settled(&page, merged.len(), rest)?;
        }
        // As much room as the next page wants, most likely.
        self.fresh = fresh;
        self.fresh.clear();
        Ok(())
    }

    fn settled(&mut self, page: &Octets, entries: usize, rest: &[Entry]) -> Result<(), Error> {
        self.root.page(page);
        self.entries += entries as u64;
        for entry in rest {
            self.tail.push(&tail::octets(self.page, *entry))?;
        }
        let spilled = self.tail.len() / ENTRY as u64;
        if spilled > self.entries / 16 + FEW {
            return Err(Error::TooUneven);
        }
        self.page += 1;
        (self.tell)(Progress::Read(self.page));
        Ok(())
    }

    /// The entries of a page in the old tail, which are next there.
    fn old_spilled(&mut self, number: u32) -> Result<Vec<Entry>, Error> {
        let mut spilled = Vec::new();
        while let Some(octets) = self.old_tail.peek::<ENTRY>(&self.corpus)? {
            let (page, entry) = tail::entry(&octets);
            if page != number || spilled.len() == MOST_OF_A_PAGE {
                break;
            }
            spilled.push(entry);
            self.old_tail.skip::<ENTRY>();
        }
        Ok(spilled)
    }

    pub(crate) fn finish(mut self, source_date: SystemTime) -> Result<Facts, Error> {
        if self.failed {
            return Err(Error::Broken);
        }
        self.settle_before(self.before.geometry.pages())?;
        if self.before.geometry.is_full(self.entries) {
            return Err(Error::Full);
        }
        let (after, unknown) = self.write_journal(source_date)?;
        let file = self.disk.open(Name::Journal)?;
        let journal = file.map(Journal::open).transpose()?.flatten();
        // It was there a moment ago.
        let journal = journal.ok_or(Error::Damaged { page: None })?;
        redo::redo(
            &self.disk,
            &self.corpus,
            &journal,
            Applied::NotYet,
            &mut self.tell,
        )?;
        Ok(after.facts(unknown))
    }

    fn write_journal(&mut self, source_date: SystemTime) -> Result<(Header, u32), Error> {
        let tail_entries = self.tail.len() / ENTRY as u64;
        self.tail.flush()?;
        let mut rooting = std::mem::replace(&mut self.root, Rooting::new());
        let journal = &mut self.journal;
        let mut take = |octets: &[u8]| {
            rooting.tail(octets);
            journal.tail(octets)
        };
        Stream::new(0, self.tail.len()).each(self.tail.file(), &mut take)?;
        let gaps = self.fetched.taken_from(&self.gaps);
        for gap in &gaps {
            take(&tail::gap(gap))?;
        }
        let (root, tail_crc) = rooting.finish();
        let generation = self.before.generation.checked_add(1);
        let after = Header {
            entries: self.entries,
            generation: generation.ok_or(Error::Full)?,
            source: seconds(source_date),
            tail_entries,
            gaps: gaps.len() as u64,
            root: *root.octets(),
            tail_crc,
            ..self.before.clone()
        };
        self.journal.finish(&after)?;
        (self.tell)(Progress::Written);
        self.disk.rename(Name::NewJournal, Name::Journal)?;
        self.disk.sync_names()?;
        self.disk.remove(Name::NewTail)?;
        (self.tell)(Progress::Journal);
        let unknown = gaps.iter().map(|gap| gap.end - gap.start).sum();
        Ok((after, unknown))
    }
}

/// What was written of a journal is of no use unless it is whole.
impl<D: Disk> Drop for Run<D> {
    fn drop(&mut self) {
        // The next update removes what stays.
        let _ = self.disk.remove(Name::NewJournal);
        let _ = self.disk.remove(Name::NewTail);
    }
}

/// The gaps of a corpus of which the whole tail is as it was written.
fn checked_gaps(corpus: &impl ReadAt, header: &Header) -> Result<Vec<Span<u32>>, Error> {
    let damaged = || Error::Damaged { page: None };
    let (entries, gaps) = header.tail_len().ok_or_else(damaged)?;
    let gaps_at = header.tail_at() + entries;
    // Most gaps there can be, with something known between any two.
    let most = u64::from(Range::COUNT).div_ceil(2) * GAP as u64;
    if gaps > most
        || header
            .len()
            .is_none_or(|len| corpus.size().is_ok_and(|size| size < len))
    {
        return Err(damaged());
    }
    let mut crc = 0;
    Stream::new(header.tail_at(), gaps_at).each(corpus, |octets| {
        crc = crc32c::crc32c_append(crc, octets);
        Ok(())
    })?;
    let mut octets = vec![0; usize::try_from(gaps).map_err(io::Error::other)?];
    corpus.read_at(gaps_at, &mut octets)?;
    crc = crc32c::crc32c_append(crc, &octets);
    let tail = Tail::read(&[], &octets).filter(|_| crc == header.tail_crc);
    Ok(tail.ok_or_else(damaged)?.gaps().to_vec())
}
