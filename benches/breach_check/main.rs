//! Look-ups in a corpus beside the bare read of a page, and beside what others keep breached passwords in: `cargo xtask bench
//! breach-check`, with `--entries N` for another size, and `--full` for 200 million.
//!
//! Every look-up decides where the next one is made, so that none overlaps with another: this is what one login waits for.
//! The keys are made by a seeded generator, spaced as hashes are. Before a corpus is measured, it is asked for all that it
//! was made of, and for as many strangers or 40 million.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use breach_check::corpus::{Builder, Corpus, Facts, FileAt, Held, ReadAt, Size};
use breach_check::{CountClass, HashKind, PasswordHash, Sighting};
use fastbloom::BloomFilter;
use peak_alloc::PeakAlloc;
use rusqlite::{Connection, OptionalExtension};
use xorf::{BinaryFuse16, Filter};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const PAGE: usize = 4096;
const FULL: u64 = 200_000_000;
/// Hash and count, as a sorted file of others has them.
const RECORD: usize = 24;
/// Above it, what takes long to build, or 30 octets of memory an entry, is left out.
const PEERS: u64 = 20_000_000;
/// Times what the bare read with its checksum costs.
const BOUND: f64 = 1.5;
/// Most strangers that a corpus is asked for.
const STRANGERS: u64 = 40_000_000;
/// Bits an entry of a corpus with 32 key bits.
const BITS: f64 = 41.0;
/// Of so many rounds the first quartile counts; each is shorter than what a busy machine takes the processor away for.
const ROUNDS: usize = 2001;
const TIMES: usize = 200;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` gives no `--bench`.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let named = args.iter().position(|arg| arg == "--entries");
    let entries = named.map_or(2_000_000, |at| args[at + 1].parse().unwrap());
    let entries = match args.iter().any(|arg| arg == "--full") {
        true => FULL,
        false => entries,
    };
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::new(entries);
    println!(
        "{} entries; each look-up waits for the one before",
        table.made
    );
    for key_bits in [32, 16] {
        table.corpus(key_bits, folder.path());
    }
    table.sorted(&folder.path().join("sorted"));
    if entries <= PEERS {
        table.fuse();
        table.bloom();
        table.sqlite(&folder.path().join("sqlite"));
    }
    table.show();
}

/// Ascending prefixes, as far apart as those of hashes are: what comes is a Poisson process.
struct Prefixes {
    state: u64,
    at: u64,
    mean: f64,
    left: u64,
}

impl Prefixes {
    fn new(entries: u64) -> Self {
        let mean = 2_f64.powi(64) / (entries as f64 + 1.0);
        Self {
            state: 0x9E37_79B9_7F4A_7C15,
            at: 0,
            mean,
            left: entries,
        }
    }

    fn random(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }
}

impl Iterator for Prefixes {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        self.left = self.left.checked_sub(1)?;
        let unit = (self.random() >> 11) as f64 / 2_f64.powi(53);
        let step = -(1.0 - unit).ln() * self.mean;
        // Never twice the same, and none past the end.
        self.at = self.at.checked_add((step as u64).max(1))?;
        // Ever fewer for ever more: half of all were seen once.
        let count = 1 << self.random().trailing_zeros().min(20);
        Some((self.at, count))
    }
}

fn octets(prefix: u64) -> [u8; 20] {
    let mut octets = [0x5A; 20];
    octets[..8].copy_from_slice(&prefix.to_be_bytes());
    octets
}

fn hash(prefix: u64) -> PasswordHash {
    PasswordHash::from_octets(HashKind::Sha1, &octets(prefix)).unwrap()
}

fn prefix(key: &PasswordHash) -> u64 {
    u64::from_be_bytes(*key.octets().first_chunk().unwrap())
}

/// What is looked for: keys that are there, and keys that are not, in an order that no cache guesses.
struct Keys {
    present: Vec<PasswordHash>,
    absent: Vec<PasswordHash>,
}

/// Looks one up; what it gives decides which is next.
type Look<'a> = &'a mut dyn FnMut(&PasswordHash) -> u64;

impl Keys {
    fn of(entries: u64) -> Self {
        let every = (entries / 1_000_000).max(1);
        let present = Prefixes::new(entries).step_by(every as usize);
        let mut present: Vec<u64> = present.map(|(prefix, _)| prefix).collect();
        let mut random = Prefixes::new(1);
        random.state = 42;
        for i in (1..present.len()).rev() {
            present.swap(i, (random.random() % (i as u64 + 1)) as usize);
        }
        // The chance that one of them is there is less than one in a thousand.
        let absent = present.iter().map(|_| hash(random.random())).collect();
        Self {
            present: present.into_iter().map(hash).collect(),
            absent,
        }
    }

    /// Nanoseconds of a look-up, of those that are there and of those that are not, in turn so that all have the same noise.
    fn time<const N: usize>(&self, mut looks: [Look<'_>; N]) -> [[f64; 2]; N] {
        let mut quartiles = [[0.0; 2]; N];
        for (kind, keys) in [&self.present, &self.absent].into_iter().enumerate() {
            let mut took = [const { Vec::new() }; N];
            let mut at = [0; N];
            for round in 0..ROUNDS {
                for i in 0..N {
                    // Not always the same one first, or the machine's clock may go with the rounds.
                    let i = (round + i) % N;
                    let (look, at, took) = (&mut looks[i], &mut at[i], &mut took[i]);
                    let begun = Instant::now();
                    for _ in 0..TIMES {
                        *at = (*at + 7919 + look(&keys[*at]) as usize) % keys.len();
                    }
                    took.push(begun.elapsed().as_nanos() as f64 / TIMES as f64);
                }
            }
            for (took, quartile) in took.iter_mut().zip(&mut quartiles) {
                took.sort_by(f64::total_cmp);
                quartile[kind] = took[ROUNDS / 4];
            }
            black_box(at);
        }
        quartiles
    }
}

/// A row: bits an entry, seconds and MiB of its build, ns of a look-up of what is there and of what is not.
struct Row {
    name: String,
    bits: Option<f64>,
    built: Option<f64>,
    mib: Option<f64>,
    looked: [f64; 2],
}

struct Table {
    /// What the generator is asked for, and what it makes: a few lie past the end.
    entries: u64,
    made: u64,
    keys: Keys,
    rows: Vec<Row>,
    /// How often the bare read.
    bounds: Vec<(String, [f64; 2])>,
}

impl Table {
    fn new(entries: u64) -> Self {
        Self {
            entries,
            made: Prefixes::new(entries).count() as u64,
            keys: Keys::of(entries),
            rows: Vec::new(),
            bounds: Vec::new(),
        }
    }

    fn row(&mut self, name: String, octets: u64, (seconds, mib): (f64, Option<f64>), ns: [f64; 2]) {
        self.rows.push(Row {
            name,
            bits: Some(octets as f64 * 8.0 / self.made as f64),
            built: Some(self.made as f64 / seconds / 1e6),
            mib,
            looked: ns,
        });
    }

    fn corpus(&mut self, key_bits: u8, folder: &Path) {
        let path = folder.join(format!("corpus-{key_bits}"));
        let (facts, seconds, mib) = taken(|| build(self.entries, key_bits, &path));
        let file = FileAt::new(File::open(&path).unwrap());
        let corpus = Corpus::open(&path).unwrap();
        let named = format!("{key_bits} key bits, file");
        self.beside(named, &file, &corpus, Some((seconds, mib)));

        let held = Held::new(std::fs::read(&path).unwrap());
        check(self.entries, &facts, &held);
        let corpus = Corpus::with(&held).unwrap();
        let named = format!("{key_bits} key bits, memory");
        self.beside(named, &held, &corpus, None);
    }

    /// A corpus beside the bare reads of its pages.
    fn beside<R: ReadAt>(
        &mut self,
        name: String,
        octets: &impl ReadAt,
        corpus: &Corpus<R>,
        built: Option<(f64, f64)>,
    ) {
        let facts = corpus.facts();
        let mut bare = |key: &PasswordHash| bare(octets, facts.pages.into(), key);
        let mut look = |key: &PasswordHash| found(corpus.lookup(key).unwrap());
        let [bare, looked] = self.keys.time([&mut bare, &mut look]);
        let times = [looked[0] / bare[0], looked[1] / bare[1]];
        self.rows.push(Row {
            name: format!("bare page and checksum, {name}"),
            bits: None,
            built: None,
            mib: None,
            looked: bare,
        });
        self.rows.push(Row {
            name: format!("**corpus, {name}**"),
            bits: built.map(|_| facts.bits_per_entry()),
            built: built.map(|(seconds, _)| self.made as f64 / seconds / 1e6),
            mib: built.map(|(_, mib)| mib),
            looked,
        });
        self.bounds.push((name, times));
    }

    fn sorted(&mut self, path: &Path) {
        let (file, seconds, mib) = taken(|| sorted(self.entries, path));
        let size = file.metadata().unwrap().len();
        let mut look = |key: &PasswordHash| search(&file, size / RECORD as u64, key.octets());
        let [looked] = self.keys.time([&mut look]);
        let name = "sorted file, binary search".into();
        self.row(name, size, (seconds, Some(mib)), looked);
    }

    fn fuse(&mut self) {
        let (fuse, seconds, mib) = taken(|| {
            let keys = Prefixes::new(self.entries).map(|(prefix, _)| prefix);
            BinaryFuse16::try_from(&keys.collect::<Vec<_>>()).unwrap()
        });
        let size = fuse.fingerprints.len() as u64 * 2;
        let mut look = |key: &PasswordHash| fuse.contains(&prefix(key)).into();
        let [looked] = self.keys.time([&mut look]);
        let name = "xorf, binary fuse 16, no counts, memory".into();
        self.row(name, size, (seconds, Some(mib)), looked);
    }

    fn bloom(&mut self) {
        let (bloom, seconds, mib) = taken(|| {
            let entries = self.entries as usize;
            let bloom = BloomFilter::with_false_pos(0.01).seed(&7);
            let mut bloom = bloom.expected_items(entries);
            for (prefix, _) in Prefixes::new(self.entries) {
                bloom.insert(&prefix);
            }
            bloom
        });
        let mut look = |key: &PasswordHash| bloom.contains(&prefix(key)).into();
        let [looked] = self.keys.time([&mut look]);
        let name = "Bloom filter, 1 %, no counts, memory".into();
        let size = bloom.num_bits() as u64 / 8;
        self.row(name, size, (seconds, Some(mib)), looked);
    }

    fn sqlite(&mut self, path: &Path) {
        // Its memory is not that of Rust, of which alone is told.
        let (db, seconds, _) = taken(|| sqlite(self.entries, path));
        let size = std::fs::metadata(path).unwrap().len();
        let query = "SELECT count FROM seen WHERE hash = ?1";
        let mut query = db.prepare(query).unwrap();
        let mut look = |key: &PasswordHash| {
            let count = query.query_row([key.octets()], |row| row.get::<_, i64>(0));
            let count = count.optional().unwrap().unwrap_or_default();
            count.unsigned_abs() & 15
        };
        let [looked] = self.keys.time([&mut look]);
        let name = "SQLite, WITHOUT ROWID".into();
        self.row(name, size, (seconds, None), looked);
    }

    fn show(&self) {
        println!();
        println!("| | bits/entry | built, M/s | build, MiB | present, ns | absent, ns |");
        println!("|-|-:|-:|-:|-:|-:|");
        for row in &self.rows {
            let given = |value: Option<f64>, digits| {
                value.map_or_else(String::new, |value| format!("{value:.digits$}"))
            };
            let (bits, built) = (given(row.bits, 2), given(row.built, 2));
            let (name, mib, [present, absent]) = (&row.name, given(row.mib, 1), row.looked);
            println!("| {name} | {bits} | {built} | {mib} | {present:.0} | {absent:.0} |");
        }
        println!();
        let mut kept = true;
        for (name, [present, absent]) in &self.bounds {
            println!(
                "beside the bare page and its checksum, {name}: {present:.2} present, {absent:.2} absent"
            );
            kept &= *present <= BOUND && *absent <= BOUND;
        }
        assert!(
            kept,
            "more than {BOUND} times the bare page and its checksum"
        );
    }
}

fn found(sighting: Sighting) -> u64 {
    match sighting {
        Sighting::Seen(class) => class.number().into(),
        _ => 0,
    }
}

/// Seconds and MiB that something took.
fn taken<T>(work: impl FnOnce() -> T) -> (T, f64, f64) {
    MEMORY.reset_peak_usage();
    let (before, begun) = (MEMORY.current_usage(), Instant::now());
    let made = work();
    let peak = MEMORY.peak_usage().saturating_sub(before);
    let seconds = begun.elapsed().as_secs_f64();
    (made, seconds, peak as f64 / 1024.0 / 1024.0)
}

/// Counts what is read.
struct Counted<R>(R, AtomicU64);

impl<R: ReadAt> ReadAt for Counted<R> {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(at, octets)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn changes(&self) -> bool {
        self.0.changes()
    }
}

/// All that it was made of is there, in one read each; and as many strangers are taken for an entry as is calculated.
fn check(entries: u64, facts: &Facts, octets: impl ReadAt) {
    let corpus = Corpus::with(Counted(octets, AtomicU64::new(0))).unwrap();
    let reads = || corpus.source().1.load(Ordering::Relaxed);
    let (before, mut looks) = (reads(), 0);
    for (prefix, count) in Prefixes::new(entries) {
        let said = corpus.lookup(&hash(prefix)).unwrap();
        // Two that share a cell have the class of the higher.
        let told = matches!(said, Sighting::Seen(class) if class >= CountClass::of(count).unwrap());
        assert!(told, "{prefix:x}: {said:?}");
        looks += 1;
    }
    let mut random = Prefixes::new(1);
    random.state = 7;
    let strangers = entries.min(STRANGERS);
    let said = (0..strangers).map(|_| corpus.lookup(&hash(random.random())).unwrap());
    let taken = said.filter(|said| *said != Sighting::NotSeen).count() as f64;
    assert_eq!(reads() - before, looks + strangers, "one read for each");

    let key_bits = facts.key_bits;
    // One in 2^key_bits for each entry of a group.
    let in_group = facts.entries as f64 / f64::from(facts.pages) / 64.0;
    let rate = in_group / 2_f64.powi(key_bits.into());
    let expected = rate * strangers as f64;
    // Five standard deviations of a Poisson distribution; the seed is always the same.
    let far = (taken - expected).abs() > 5.0 * expected.sqrt() + 1.0;
    assert!(!far, "{taken} taken for entries, {expected} expected");
    assert!(key_bits < 32 || facts.bits_per_entry() <= BITS);
    println!(
        "{key_bits} key bits: all found, in one read each; of {strangers} strangers {taken} taken for entries, \
         {expected:.1} calculated, 1 in {:.0}; {} overflow",
        1.0 / rate,
        facts.overflow
    );
}

fn build(entries: u64, key_bits: u8, path: &Path) -> Facts {
    let (size, date) = (Size::Entries(entries), SystemTime::UNIX_EPOCH);
    let mut builder = Builder::create(path, HashKind::Sha1, key_bits, size, date).unwrap();
    for (prefix, count) in Prefixes::new(entries) {
        builder.push(&hash(prefix), count).unwrap();
    }
    builder.finish().unwrap()
}

/// What any look-up in such a file costs at least.
fn bare(file: &impl ReadAt, pages: u64, key: &PasswordHash) -> u64 {
    let page = ((u128::from(prefix(key)) * u128::from(pages)) >> 64) as u64;
    let mut octets = [0; PAGE];
    file.read_at((page + 1) * PAGE as u64, &mut octets).unwrap();
    (crc32c::crc32c(&octets) & 15).into()
}

fn sorted(entries: u64, path: &Path) -> File {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for (prefix, count) in Prefixes::new(entries) {
        file.write_all(&octets(prefix)).unwrap();
        file.write_all(&(count as u32).to_be_bytes()).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    File::open(path).unwrap()
}

fn search(file: &File, records: u64, hash: &[u8]) -> u64 {
    let (mut low, mut high) = (0, records);
    let mut record = [0; RECORD];
    while low < high {
        let middle = low + (high - low) / 2;
        file.read_exact_at(&mut record, middle * RECORD as u64)
            .unwrap();
        match record[..20].cmp(hash) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return u64::from(record[RECORD - 1]) & 15,
        }
    }
    0
}

fn sqlite(entries: u64, path: &Path) -> Connection {
    let mut db = Connection::open(path).unwrap();
    db.execute_batch(
        "CREATE TABLE seen (hash BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
    )
    .unwrap();
    let commit = db.transaction().unwrap();
    {
        let mut insert = commit
            .prepare("INSERT OR IGNORE INTO seen VALUES (?1, ?2)")
            .unwrap();
        for (prefix, count) in Prefixes::new(entries) {
            insert.execute((octets(prefix), count as i64)).unwrap();
        }
    }
    commit.commit().unwrap();
    db
}
