//! Power is lost between any two things that an update does to the disk, and in the middle of them: a disk in memory
//! that keeps what was synced, and of the rest any part.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::disk::{Disk, DiskFile, Name};
use super::redo;
use super::run::Run;
use crate::corpus::header::Header;
use crate::corpus::open;
use crate::corpus::page::{Octets, PAGE, View};
use crate::corpus::read_at::ReadAt;
use crate::corpus::tail::Tail;
use crate::corpus::{Builder, Corpus, Error, Held, Size};
use crate::{HashKind, PasswordHash, Range, Sighting};

/// A page of 16 key bits has room for 1,581.
const PAGES: u32 = 4;
const SECTOR: usize = 512;

struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

impl Change {
    fn make(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Len(len) => octets.resize(*len as usize, 0),
            Self::Write(at, new) => {
                let at = *at as usize;
                octets.resize(octets.len().max(at + new.len()), 0);
                octets[at..at + new.len()].copy_from_slice(new);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Inode {
    synced: Vec<u8>,
    since: Vec<Change>,
    /// With these.
    now: Vec<u8>,
}

impl Inode {
    /// What a disk may hold after power was lost: of each write, any of its sectors.
    fn left(&self, seeded: &mut Seeded) -> Vec<u8> {
        let mut octets = self.synced.clone();
        for change in &self.since {
            match (change, seeded.below(4)) {
                (_, 0) => {}
                (change, 1) => change.make(&mut octets),
                (Change::Len(_), _) => {}
                (Change::Write(at, new), _) => {
                    let (mut at, mut new) = (*at, &new[..]);
                    while !new.is_empty() {
                        let len = new.len().min(SECTOR - at as usize % SECTOR);
                        if seeded.below(2) == 0 {
                            Change::Write(at, new[..len].to_vec()).make(&mut octets);
                        }
                        (at, new) = (at + len as u64, &new[len..]);
                    }
                }
            }
        }
        octets
    }
}

type Names = BTreeMap<Name, usize>;

/// What goes wrong, and what is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Right,
    /// Syncing a file does nothing.
    NoSync,
    /// Syncing names does nothing.
    NoNames,
    /// Whoever looks afterwards has no journal.
    NoJournal,
}

#[derive(Clone, Debug)]
struct World {
    inodes: Vec<Inode>,
    names: Names,
    synced: Names,
    /// Since then.
    renames: Vec<(Name, Option<Name>, usize)>,
    steps: u64,
    /// The step that fails, as do all after it.
    last: u64,
    manner: Manner,
}

impl World {
    fn new(corpus: &[u8], last: u64, manner: Manner) -> Self {
        let files = BTreeMap::from([(Name::Corpus, corpus.to_vec())]);
        Self::of(files, last, manner)
    }

    fn of(files: BTreeMap<Name, Vec<u8>>, last: u64, manner: Manner) -> Self {
        let names: Names = files.keys().copied().zip(0..).collect();
        let inode = |synced: Vec<u8>| Inode {
            now: synced.clone(),
            synced,
            since: Vec::new(),
        };
        Self {
            inodes: files.into_values().map(inode).collect(),
            synced: names.clone(),
            names,
            renames: Vec::new(),
            steps: 0,
            last,
            manner,
        }
    }

    fn step(&mut self) -> io::Result<()> {
        self.steps += 1;
        match self.steps > self.last {
            true => Err(io::Error::other("no power")),
            false => Ok(()),
        }
    }

    /// The files that a disk may hold after power was lost.
    fn left(&self, seeded: &mut Seeded) -> BTreeMap<Name, Vec<u8>> {
        let mut names = self.synced.clone();
        for (from, to, inode) in &self.renames {
            if seeded.below(2) == 0 {
                continue;
            }
            match to {
                Some(to) if from == to => drop(names.insert(*to, *inode)),
                Some(to) => {
                    names.remove(from);
                    names.insert(*to, *inode);
                }
                None => drop(names.remove(from)),
            }
        }
        let file = |(name, inode): (&Name, &usize)| (*name, self.inodes[*inode].left(seeded));
        names.iter().map(file).collect()
    }

    fn now(&self) -> BTreeMap<Name, Vec<u8>> {
        let file = |(name, inode): (&Name, &usize)| (*name, self.inodes[*inode].now.clone());
        self.names.iter().map(file).collect()
    }
}

#[derive(Clone)]
struct Sim(Rc<RefCell<World>>);

struct SimFile(Rc<RefCell<World>>, usize);

impl Disk for Sim {
    type File = SimFile;

    fn open(&self, name: Name) -> io::Result<Option<SimFile>> {
        let inode = self.0.borrow().names.get(&name).copied();
        Ok(inode.map(|inode| SimFile(self.0.clone(), inode)))
    }

    fn create(&self, name: Name) -> io::Result<SimFile> {
        let mut world = self.0.borrow_mut();
        world.step()?;
        let inode = world.inodes.len();
        world.inodes.push(Inode::default());
        assert_eq!(world.names.insert(name, inode), None, "{name:?} was there");
        world.renames.push((name, Some(name), inode));
        Ok(SimFile(self.0.clone(), inode))
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.step()?;
        let inode = world.names.remove(&from).unwrap();
        world.names.insert(to, inode);
        world.renames.push((from, Some(to), inode));
        Ok(())
    }

    fn remove(&self, name: Name) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.step()?;
        if let Some(inode) = world.names.remove(&name) {
            world.renames.push((name, None, inode));
        }
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.step()?;
        if world.manner != Manner::NoNames {
            world.synced = world.names.clone();
            world.renames.clear();
        }
        Ok(())
    }
}

impl ReadAt for SimFile {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        Held::new(&self.0.borrow().inodes[self.1].now).read_at(at, octets)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.borrow().inodes[self.1].now.len() as u64)
    }
}

impl SimFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        let done = world.step();
        // The last one is begun.
        if world.steps <= world.last.saturating_add(1) {
            let inode = &mut world.inodes[self.1];
            change.make(&mut inode.now);
            inode.since.push(change);
        }
        done
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, at: u64, octets: &[u8]) -> io::Result<()> {
        self.change(Change::Write(at, octets.to_vec()))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Len(len))
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.0.borrow_mut();
        world.step()?;
        if world.manner != Manner::NoSync {
            let inode = &mut world.inodes[self.1];
            inode.synced = inode.now.clone();
            inode.since.clear();
        }
        Ok(())
    }
}

/// The first 64 bits of hashes, and how often each was seen.
type Source = BTreeMap<u64, u64>;

fn hash(prefix: u64) -> PasswordHash {
    let mut octets = [0; 20];
    octets[..8].copy_from_slice(&prefix.to_be_bytes());
    PasswordHash::from_octets(HashKind::Sha1, &octets).unwrap()
}

fn date(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

/// More than a page has room for in one, and fewer in the others.
fn source(seeded: &mut Seeded, crowded: u64) -> Source {
    let of_page = |page: u64| if page == crowded { 2250 } else { 900 };
    (0..u64::from(PAGES))
        .flat_map(|page| (0..of_page(page)).map(move |i| (page, i)))
        .map(|(page, i)| {
            // In ranges that both sources have.
            let range = (page << 18) + (999 - i % 1000) * 250;
            (range << 44 | seeded.next() >> 20, 1 << seeded.below(10))
        })
        .collect()
}

fn build(source: &Source) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let size = Size::Pages(PAGES);
    let mut builder = Builder::create(&path, HashKind::Sha1, 16, size, date(1)).unwrap();
    for (prefix, count) in source {
        builder.push(&hash(*prefix), *count).unwrap();
    }
    builder.finish().unwrap();
    std::fs::read(path).unwrap()
}

fn run<D: Disk>(disk: D, new: &Source) -> Result<(), Error> {
    let mut run = Run::begin(disk, Box::new(|_| {}))?;
    for page in 0..PAGES {
        for range in (0..1000).map(|i| (page << 18) + i * 250) {
            let first = u64::from(range) << 44;
            let hashes = new.range(first..first + (1 << 44));
            let hashes = hashes.map(|(prefix, count)| Ok::<_, Error>((hash(*prefix), *count)));
            run.range(Range::new(range).unwrap(), hashes)?;
        }
    }
    run.finish(date(2))?;
    Ok(())
}

struct Both {
    old: Source,
    new: Source,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Both {
    fn new(seed: u64) -> Self {
        let mut seeded = Seeded(seed);
        let (old, new) = (source(&mut seeded, 1), source(&mut seeded, 2));
        // A third stays.
        let stays = old.iter().filter(|(prefix, _)| *prefix % 3 == 0);
        let mut kept: Source = stays.map(|(p, c)| (*p, *c)).collect();
        kept.extend(new.into_iter().filter(|(prefix, _)| prefix % 3 > 0));
        let before = build(&old);
        let world = World::new(&before, u64::MAX, Manner::Right);
        let sim = Sim(Rc::new(RefCell::new(world)));
        run(sim.clone(), &kept).unwrap();
        let files = sim.0.borrow().now();
        assert_eq!(files.keys().collect::<Vec<_>>(), [&Name::Corpus]);
        let after = files[&Name::Corpus].clone();
        // Of pages and tail, what a build makes.
        assert_eq!(after[4096..], build(&kept)[4096..]);
        Self {
            old,
            new: kept,
            before,
            after,
        }
    }

    /// What is wrong with what is left.
    fn damage(&self, files: &BTreeMap<Name, Vec<u8>>, seeded: &mut Seeded) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus");
        for (name, octets) in files {
            std::fs::write(name.of(&path), octets).unwrap();
        }
        let mut damage = Vec::new();
        match Corpus::open(&path) {
            Ok(corpus) => {
                damage.extend(self.wrong(&corpus, seeded));
                if let Err(e) = corpus.verify(|_| {}) {
                    damage.push(format!("verify: {e}"));
                }
            }
            Err(e) => damage.push(format!("open: {e}")),
        }
        damage.extend(self.wrong_after_redo(files));
        damage
    }

    /// What a reader says that is true of neither.
    fn wrong(&self, corpus: &Corpus, seeded: &mut Seeded) -> Vec<String> {
        let mut damage = Vec::new();
        let old = Corpus::with(Held::new(&self.before)).unwrap();
        let new = Corpus::with(Held::new(&self.after)).unwrap();
        let known = self.old.keys().chain(self.new.keys()).copied();
        // Not all each time.
        let known = known.skip(seeded.below(11) as usize).step_by(11);
        let others: Vec<_> = (0..50).map(|_| seeded.next()).collect();
        for prefix in known.chain(others) {
            let hash = hash(prefix);
            let right = [&old, &new].map(|corpus| corpus.lookup(&hash).unwrap());
            match corpus.lookup(&hash) {
                Ok(said) if right.contains(&said) => {}
                Ok(Sighting::NotSeen) => damage.push("clean".into()),
                other => damage.push(format!("{other:?}")),
            }
        }
        damage
    }

    fn wrong_after_redo(&self, files: &BTreeMap<Name, Vec<u8>>) -> Option<String> {
        let world = World::of(files.clone(), u64::MAX, Manner::Right);
        let sim = Sim(Rc::new(RefCell::new(world)));
        if let Err(e) = redo::recover(&sim, &mut |_| {}) {
            return Some(format!("recover: {e}"));
        }
        let files = sim.0.borrow().now();
        match files.get(&Name::Corpus) {
            Some(octets) if *octets != self.before && *octets != self.after => {
                Some("neither".into())
            }
            Some(_) if files.len() == 1 => None,
            _ => Some(format!("{:?}", files.keys())),
        }
    }

    /// What is there at the first moment when there is a journal.
    fn with_a_journal(&self) -> BTreeMap<Name, Vec<u8>> {
        let files = (0..).find_map(|last| {
            let world = World::new(&self.before, last, Manner::Right);
            let sim = Sim(Rc::new(RefCell::new(world)));
            let _ = run(sim.clone(), &self.new);
            let files = sim.0.borrow().now();
            files.contains_key(&Name::Journal).then_some(files)
        });
        files.unwrap()
    }

    /// Loses power at each step, several times, until the first damage if that is enough.
    fn crashes(&self, manner: Manner, each: u64) -> Vec<String> {
        let mut seeded = Seeded(7);
        let mut crashes = 0;
        for last in 0.. {
            let world = World::new(&self.before, last, manner);
            let sim = Sim(Rc::new(RefCell::new(world)));
            let done = run(sim.clone(), &self.new).is_ok();
            let world = sim.0.borrow().clone();
            for _ in 0..each {
                let mut files = world.left(&mut seeded);
                if manner == Manner::NoJournal {
                    files.remove(&Name::Journal);
                }
                let again = World::of(files.clone(), seeded.below(20), manner);
                let mut damage = self.damage(&files, &mut seeded);
                // Power comes, and is lost again.
                let again = Sim(Rc::new(RefCell::new(again)));
                let recovered = redo::recover(&again, &mut |_| {});
                let files = again.0.borrow().left(&mut seeded);
                if recovered.is_err() {
                    damage.extend(self.damage(&files, &mut seeded));
                }
                if !damage.is_empty() {
                    return damage;
                }
                crashes += 1;
            }
            if done {
                break;
            }
        }
        assert!(crashes > 40, "{crashes}");
        Vec::new()
    }
}

#[test]
fn whatever_a_loss_of_power_leaves_is_the_old_corpus_or_the_new() {
    for seed in [1, 2] {
        assert_eq!(Both::new(seed).crashes(Manner::Right, 6), [""; 0]);
    }
}

#[test]
fn mutation_without_syncs_it_is_neither() {
    let both = Both::new(1);
    for manner in [Manner::NoSync, Manner::NoNames, Manner::NoJournal] {
        assert_ne!(both.crashes(manner, 20), [""; 0], "{manner:?}");
    }
}

/// A disk that is full at each step, and then is not.
#[test]
fn a_full_disk_leaves_the_old_corpus_or_a_journal() {
    let both = Both::new(3);
    let mut seeded = Seeded(1);
    let (mut untouched, mut journals) = (0, 0);
    for last in 0.. {
        let world = World::new(&both.before, last, Manner::Right);
        let sim = Sim(Rc::new(RefCell::new(world)));
        if run(sim.clone(), &both.new).is_ok() {
            break;
        }
        let files = sim.0.borrow().now();
        match files.contains_key(&Name::Journal) {
            true => journals += 1,
            false => {
                untouched += 1;
                let corpus = &files[&Name::Corpus];
                assert!(*corpus == both.before || *corpus == both.after, "{last}");
            }
        }
        assert_eq!(both.damage(&files, &mut seeded), [""; 0], "{last}");
        // And goes on once there is room.
        sim.0.borrow_mut().last = u64::MAX;
        run(sim.clone(), &both.new).unwrap();
        let files = sim.0.borrow().now();
        assert_eq!(files[&Name::Corpus][4096..], both.after[4096..], "{last}");
    }
    assert!(untouched > 5 && journals > 5, "{untouched} {journals}");
}

/// The pages and the tail of a file.
fn parts(file: &[u8]) -> (Header, Vec<Octets>, Tail) {
    let pages: Vec<Octets> = file.as_chunks::<PAGE>().0.to_vec();
    let header = Header::read(&pages[0]).unwrap();
    let tail = open::read_tail(&Held::new(file), &header).unwrap();
    (header, pages[1..=PAGES as usize].to_vec(), tail)
}

#[test]
fn mutation_without_a_pages_checksum_a_torn_page_says_clean() {
    let both = Both::new(1);
    let ((header, old, _), (_, new, _)) = (parts(&both.before), parts(&both.after));
    let in_both = both
        .old
        .keys()
        .filter(|prefix| both.new.contains_key(prefix));
    let cells: Vec<_> = in_both.map(|p| header.geometry.cell(*p)).collect();
    let mut clean = 0;
    for number in 0..PAGES {
        for torn_at in (SECTOR..PAGE).step_by(SECTOR) {
            let mut page = new[number as usize];
            page[torn_at..].copy_from_slice(&old[number as usize][torn_at..]);
            // Behind all entries, both have zeros.
            if page == new[number as usize] {
                continue;
            }
            assert!(View::checked(header.geometry, number, &page).is_none());
            let view = View::unchecked(header.geometry, &page).unwrap();
            let here = cells.iter().filter(|cell| cell.page == number);
            clean += here.filter(|cell| view.find(cell.place).is_none()).count();
        }
    }
    assert!(clean > 100, "{clean}");
}

#[test]
fn mutation_without_the_tails_checksum_an_older_tail_says_clean() {
    let both = Both::new(1);
    let ((header, _, tail), (_, new, _)) = (parts(&both.before), parts(&both.after));
    let in_both = both
        .old
        .keys()
        .filter(|prefix| both.new.contains_key(prefix));
    let mut clean = 0;
    for cell in in_both.map(|p| header.geometry.cell(*p)) {
        let view = View::checked(header.geometry, cell.page, &new[cell.page as usize]).unwrap();
        if view.find(cell.place).is_none() && tail.find(cell).is_none() {
            clean += 1;
            assert_eq!(open::find(view, || &tail, cell), None);
        }
    }
    assert!(clean > 0);
}

/// Each octet of a journal is checked before any is put in its place.
#[test]
fn a_journal_that_is_damaged_is_not_applied() {
    let both = Both::new(1);
    let files = both.with_a_journal();
    assert_eq!(files[&Name::Corpus], both.before);
    let recovered = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = files.clone();
        files.entry(Name::Journal).and_modify(change);
        let sim = Sim(Rc::new(RefCell::new(World::of(
            files,
            u64::MAX,
            Manner::Right,
        ))));
        redo::recover(&sim, &mut |_| {}).unwrap();
        let files = sim.0.borrow().now();
        assert_eq!(files.len(), 1);
        files[&Name::Corpus].clone()
    };
    assert!(recovered(&|_| {}) == both.after);
    let len = files[&Name::Journal].len();
    for at in (0..len).step_by(97).chain(len - 40..len) {
        assert!(
            recovered(&|journal| journal[at] ^= 4) == both.before,
            "{at}"
        );
    }
    for short in [0, 1, 31, 32, 4096, len - 1] {
        assert!(recovered(&|journal| journal.truncate(short)) == both.before);
    }
    assert!(recovered(&|journal| journal.push(0)) == both.before);
}

/// One of another corpus, which has its place since.
#[test]
fn a_journal_of_another_corpus_is_passed_over() {
    let [one, other] = [Both::new(1), Both::new(2)];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let mut files = one.with_a_journal();
    files.insert(Name::Corpus, other.before.clone());
    for (name, octets) in &files {
        std::fs::write(name.of(&path), octets).unwrap();
    }
    let corpus = Corpus::open(&path).unwrap();
    assert_eq!(other.wrong(&corpus, &mut Seeded(1)), [""; 0]);
    corpus.verify(|_| {}).unwrap();
    drop(super::Update::begin(&path).unwrap());
    assert!(std::fs::read(&path).unwrap() == other.before);
    assert!(!Name::Journal.of(&path).exists());
}
