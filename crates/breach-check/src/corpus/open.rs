//! Reading: open, look up, and what the corpus says of itself.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use super::geometry::{Cell, Geometry};
use super::header::{Fault, Header};
use super::journal::{Applied, Journal};
use super::page::{Octets, PAGE, View};
use super::read_at::{FileAt, ReadAt};
use super::tail::Tail;
use super::update::disk::Name;
use super::{Error, Root};
use crate::{CountClass, HashKind, PasswordHash, Sighting, Unknown};

/// How often a page, or header and tail, are read again before they are damaged. Each time but the first, an update must
/// have begun or ended in between.
const TRIES: u32 = 16;

/// A corpus that is open. One read of 4 KiB for each look-up; the tail is held in memory, 12 octets an entry.
#[derive(Debug)]
pub struct Corpus<R = FileAt> {
    read: R,
    kind: HashKind,
    geometry: Geometry,
    state: RwLock<Arc<State>>,
    /// The file, if it is one: an update writes a journal beside it.
    path: Option<PathBuf>,
    /// Pages whose checksum was right, a bit each; of what may change, none.
    checked: Box<[AtomicU64]>,
}

/// What an update changes. No page that is read after it is of an earlier generation.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) header: Header,
    pub(crate) tail: Arc<Tail>,
    /// Where both are from, if an update has not come to writing the header. Until it has, pages that it changes are to
    /// be taken from there, too.
    journal: Option<Journal<FileAt>>,
}

/// What a corpus says of itself.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Whose hashes they are.
    pub kind: HashKind,
    /// Bits of each key that are kept within its group, 16 to 32.
    pub key_bits: u8,
    /// Pages of 4 KiB.
    pub pages: u32,
    /// Entries, in pages and tail. Hashes that the corpus cannot tell apart are one.
    pub entries: u64,
    /// Entries in the tail.
    pub overflow: u64,
    /// How many ranges, of 1,048,576, it knows nothing of.
    pub unknown_ranges: u32,
    /// 1 when built, one more with each update.
    pub generation: u64,
    /// The date of what it was made of, as whoever made it said; `None` if there is no such time here.
    pub source_date: Option<SystemTime>,
    /// SHA-256 over pages and tail.
    pub root: Root,
    /// Octets of the file.
    pub octets: u64,
}

impl Facts {
    /// Bits that an entry takes, everything included.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // shown to people
    pub fn bits_per_entry(&self) -> f64 {
        self.octets as f64 * 8.0 / self.entries.max(1) as f64
    }
}

/// A look-up that whoever reads asynchronously makes himself: the page is 4,096 octets at [`at`](Self::at).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    cell: Cell,
    /// Whether the page may have to be taken from a journal.
    journal: bool,
}

impl Question {
    /// Where the page begins in the file.
    #[must_use]
    pub fn at(&self) -> u64 {
        Header::page_at(self.cell.page)
    }
}

impl Corpus {
    /// Opens a file. An [`Update`](super::Update) of it may be under way, or have been cut short, now or later: an answer
    /// is that of the corpus as it was, or as it is after it.
    ///
    /// # Errors
    /// It cannot be read, or is no corpus, or its first page or its tail is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        // Where a link leads to another folder, the journal lies beside the file.
        let path = path.as_ref().canonicalize()?;
        let read = FileAt::new(File::open(&path)?);
        let state = State::read(&read, Some(&path))?;
        Ok(Self::new(read, state, Some(path)))
    }
}

impl<R: ReadAt> Corpus<R> {
    /// Opens what can be read at any place. Beside it no journal is looked for: of a file that is updated, take
    /// [`open`](Corpus::open).
    ///
    /// # Errors
    /// As [`open`](Corpus::open).
    pub fn with(read: R) -> Result<Self, Error> {
        let state = State::read(&read, None)?;
        Ok(Self::new(read, state, None))
    }

    fn new(read: R, state: State, path: Option<PathBuf>) -> Self {
        let (kind, geometry) = (state.header.kind, state.header.geometry);
        let words = match read.changes() {
            true => 0,
            false => geometry.pages().div_ceil(64),
        };
        Self {
            read,
            kind,
            geometry,
            state: RwLock::new(Arc::new(state)),
            path,
            checked: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether this hash is in it: one read, however large it is. Where an update is writing just this page, or was when it
    /// was cut short, it takes more of them.
    ///
    /// # Errors
    /// The page cannot be read, or is damaged; or the hash is of another kind.
    pub fn lookup(&self, hash: &PasswordHash) -> Result<Sighting, Error> {
        // Before the page is read: a range of which something is known by then may not be in an earlier page.
        let Some(Question { cell, journal }) = self.question(hash)? else {
            return self.look_at_gap(hash);
        };
        if journal {
            return self.settle(hash, cell);
        }
        let mut page = [0; PAGE];
        self.read.read_at(Header::page_at(cell.page), &mut page)?;
        let known = self.view(cell.page, &page);
        match known.and_then(|view| find(view, || self.tail(), cell)) {
            Some(known) => Ok(sighting(known)),
            None => self.settle(hash, cell),
        }
    }

    /// Looks whether the file was updated since it was opened or last looked at; if so, what is in memory of it is read
    /// anew. Look-ups do so where they have to, and answer of pages as they are by then; what [`facts`](Self::facts) says
    /// is of the time of the last look.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn refresh(&self) -> Result<Facts, Error> {
        Ok(self.reload()?.facts())
    }

    /// What to read for this hash; `None` if it lies in a range that the corpus knows nothing of.
    ///
    /// # Errors
    /// The hash is of another kind.
    pub fn question(&self, hash: &PasswordHash) -> Result<Option<Question>, Error> {
        if hash.kind() != self.kind {
            return Err(Error::Kind {
                corpus: self.kind,
                asked: hash.kind(),
            });
        }
        let cell = self.geometry.cell(hash.prefix());
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let journal = state.journal.is_some();
        Ok((!state.tail.is_gap(hash.range())).then_some(Question { cell, journal }))
    }

    /// The answer, from the page that was read.
    ///
    /// # Errors
    /// [`Error::Damaged`]: read it once more; if that does not help, it is.
    pub fn answer(&self, question: &Question, page: &[u8; PAGE]) -> Result<Sighting, Error> {
        let cell = question.cell;
        let view = View::checked(self.geometry, cell.page, page);
        let known = view.and_then(|view| find(view, || self.tail(), cell));
        // What a journal has of the page, these octets may not have.
        let known = known.filter(|known| known.is_some() || !question.journal);
        known.map(sighting).ok_or_else(|| damaged(cell))
    }

    /// What it says of itself.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.state().facts()
    }

    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn tail(&self) -> Arc<Tail> {
        Arc::clone(&self.state().tail)
    }

    pub(crate) fn header(&self) -> Header {
        self.state().header.clone()
    }

    /// What it is read from.
    pub fn source(&self) -> &R {
        &self.read
    }

    /// The page, if its checksum is right. Of what does not change it is enough that it was so once.
    fn view<'a>(&self, number: u32, page: &'a Octets) -> Option<View<'a>> {
        let geometry = self.geometry;
        let word = self.checked.get(number as usize / 64);
        let bit = 1 << (number % 64);
        match word {
            Some(word) if word.load(Ordering::Relaxed) & bit != 0 => {
                View::unchecked(geometry, page)
            }
            word => {
                let view = View::checked(geometry, number, page)?;
                if let Some(word) = word {
                    word.fetch_or(bit, Ordering::Relaxed);
                }
                Some(view)
            }
        }
    }

    /// Nothing was known of the range when the file was last looked at.
    fn look_at_gap(&self, hash: &PasswordHash) -> Result<Sighting, Error> {
        let may_close = self.path.is_some();
        let gap = !may_close || self.reload()?.tail.is_gap(hash.range());
        match gap {
            true => Ok(Sighting::Unknown(Unknown::Gap)),
            false => self.settle(hash, self.geometry.cell(hash.prefix())),
        }
    }

    /// The page did not hold together, or not with the tail: somebody is writing it, or did when he was killed, or it is
    /// damaged. It is read again, with the tail that is in the file by now; and if there is a journal, that has both.
    fn settle(&self, hash: &PasswordHash, cell: Cell) -> Result<Sighting, Error> {
        let mut octets = Box::new([0; PAGE]);
        for _ in 0..tries(self.path.as_deref()) {
            let state = self.reload()?;
            if state.tail.is_gap(hash.range()) {
                return Ok(Sighting::Unknown(Unknown::Gap));
            }
            let view = self.page(state.journal.as_ref(), cell.page, &mut octets)?;
            if let Some(known) = view.and_then(|view| find(view, || &*state.tail, cell)) {
                return Ok(sighting(known));
            }
            // The page is newer than that tail: whoever wrote it has a journal, until he has written the header.
            if let Some((journal, _)) = self.journal()?
                && let Some(view) = self.page(Some(&journal), cell.page, &mut octets)?
                && let Some(tail) = journal.spilled(cell.page, view.spilled())?
                && let Some(known) = find(view, || &tail, cell)
            {
                return Ok(sighting(known));
            }
            std::thread::yield_now();
        }
        Err(damaged(cell))
    }

    /// A page, from this journal if that has it; `None` if it is damaged, or the journal is.
    fn page<'a>(
        &self,
        journal: Option<&Journal<FileAt>>,
        number: u32,
        octets: &'a mut Octets,
    ) -> Result<Option<View<'a>>, Error> {
        let page = journal.map(|journal| journal.page(number)).transpose();
        match page.map(Option::flatten) {
            Ok(Some(page)) => *octets = *page,
            Ok(None) => self.read.read_at(Header::page_at(number), octets)?,
            Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        Ok(View::checked(self.geometry, number, octets))
    }

    /// The journal of this file, if there is one.
    pub(crate) fn journal(&self) -> Result<Option<(Journal<FileAt>, Applied)>, Error> {
        journal(&self.read, self.path.as_deref())
    }

    /// Header and tail as the file has them by now.
    fn reload(&self) -> Result<Arc<State>, Error> {
        let state = self.state();
        // Elsewhere, nobody updates it.
        if self.path.is_none() {
            return Ok(state);
        }
        let mut page = [0; PAGE];
        self.read.read_at(0, &mut page)?;
        let same = page == *state.header.write();
        let new = match &state.journal {
            None if same => return Ok(state),
            // The update has come to its end.
            Some(_) if same => State::new(state.header.clone(), Arc::clone(&state.tail)),
            Some(journal) if journal.applied(&page) == Some(Applied::NotYet) => return Ok(state),
            _ => State::read(&self.read, self.path.as_deref())?,
        };
        if (new.header.kind, new.header.geometry) != (self.kind, self.geometry) {
            return Err(Error::Damaged { page: None });
        }
        let new = Arc::new(new);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.header.generation <= new.header.generation {
            *state = Arc::clone(&new);
        }
        Ok(new)
    }
}

impl State {
    fn new(header: Header, tail: impl Into<Arc<Tail>>) -> Self {
        Self {
            header,
            tail: tail.into(),
            journal: None,
        }
    }

    /// Header and tail that belong together: from the file, or from the journal beside it if an update has begun to
    /// write the tail.
    pub(crate) fn read(read: &impl ReadAt, path: Option<&Path>) -> Result<Self, Error> {
        for _ in 0..tries(path) {
            let header = read_header(read);
            match header.and_then(|header| Ok((read_tail(read, &header)?, header))) {
                Ok((tail, header)) => return Ok(Self::new(header, tail)),
                Err(Error::Damaged { .. }) => {}
                // The header that was read is of a time when the tail was longer.
                Err(Error::Io(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(e) => return Err(e),
            }
            if let Some((journal, Applied::NotYet)) = journal(read, path)? {
                let header = journal.after().clone();
                let tail = journal.tail()?;
                if let Some(tail) = tail.filter(|tail| tail.lies_within(header.geometry)) {
                    let journal = Some(journal);
                    let tail = tail.into();
                    return Ok(Self {
                        header,
                        tail,
                        journal,
                    });
                }
            }
            std::thread::yield_now();
        }
        Err(Error::Damaged { page: None })
    }

    pub(crate) fn facts(&self) -> Facts {
        let unknown = self.tail.gaps().iter().map(|gap| gap.end - gap.start);
        self.header.facts(unknown.sum())
    }
}

/// What no update writes is read no more often than once, or once more.
fn tries(path: Option<&Path>) -> u32 {
    path.map_or(1, |_| TRIES)
}

/// The journal of a corpus, and how far it is applied; `None` if there is none, or it is of another corpus.
fn journal(
    read: &impl ReadAt,
    path: Option<&Path>,
) -> Result<Option<(Journal<FileAt>, Applied)>, Error> {
    let Some(path) = path else {
        return Ok(None);
    };
    let file = match File::open(Name::Journal.of(path)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => FileAt::new(file?),
    };
    let Some(journal) = Journal::open(file)? else {
        return Ok(None);
    };
    let mut header = [0; PAGE];
    read.read_at(0, &mut header)?;
    Ok(journal.applied(&header).map(|applied| (journal, applied)))
}

/// What a page and a tail say together of a cell; `None` if they do not belong together.
///
/// What overflows a page lies behind all that is in it, so most look-ups end without the tail, which is not asked for then.
pub(crate) fn find<T: Deref<Target = Tail>>(
    view: View<'_>,
    tail: impl FnOnce() -> T,
    cell: Cell,
) -> Option<Option<CountClass>> {
    let spilled = view.spilled();
    match view.find(cell.place) {
        None if spilled.entries > 0 => {
            let tail = tail();
            tail.matches(cell.page, spilled).then(|| tail.find(cell))
        }
        known => Some(known),
    }
}

fn sighting(known: Option<CountClass>) -> Sighting {
    known.map_or(Sighting::NotSeen, Sighting::Seen)
}

fn damaged(cell: Cell) -> Error {
    Error::Damaged {
        page: Some(cell.page),
    }
}

pub(crate) fn read_header(read: &impl ReadAt) -> Result<Header, Error> {
    let size = read.size()?;
    if size < PAGE as u64 {
        return Err(Error::NotACorpus);
    }
    let mut page = [0; PAGE];
    read.read_at(0, &mut page)?;
    let header = Header::read(&page).map_err(|fault| match fault {
        Fault::Foreign => Error::NotACorpus,
        Fault::Version(version) => Error::Version(version),
        Fault::Damaged => Error::Damaged { page: None },
    })?;
    // Before anything is read by numbers that it gives.
    match header.len().is_some_and(|len| len <= size) {
        true => Ok(header),
        false => Err(Error::Damaged { page: None }),
    }
}

/// No more memory than the file has octets behind its pages.
pub(crate) fn read_tail(read: &impl ReadAt, header: &Header) -> Result<Tail, Error> {
    let damaged = Error::Damaged { page: None };
    let lens = header.tail_len();
    let lens = lens.and_then(|(e, g)| Some((usize::try_from(e).ok()?, usize::try_from(g).ok()?)));
    let Some((entries, gaps)) = lens else {
        return Err(damaged);
    };
    let mut octets = vec![0; entries + gaps];
    read.read_at(header.tail_at(), &mut octets)?;
    if crc32c::crc32c(&octets) != header.tail_crc {
        return Err(damaged);
    }
    let (entries, gaps) = octets.split_at(entries);
    let tail = Tail::read(entries, gaps).filter(|tail| tail.lies_within(header.geometry));
    tail.ok_or(damaged)
}

impl Header {
    pub(crate) fn facts(&self, unknown_ranges: u32) -> Facts {
        let geometry: Geometry = self.geometry;
        Facts {
            kind: self.kind,
            key_bits: geometry.key_bits(),
            pages: geometry.pages(),
            entries: self.entries,
            overflow: self.tail_entries,
            unknown_ranges,
            generation: self.generation,
            source_date: self.source_date(),
            root: Root(self.root),
            octets: self.len().unwrap_or(u64::MAX),
        }
    }
}
