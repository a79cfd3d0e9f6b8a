//! Look-ups in a corpus beside the bare read of a page, and beside what others keep breached passwords in: `cargo xtask bench
//! breach-check`, with `--entries N` for another size, and `--full` for 200 million.
//!
//! Every look-up decides where the next one is made, so that none overlaps with another: this is what one login waits for.
//! The keys are made by a seeded generator, spaced as hashes are.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Instant, SystemTime};

use breach_check::corpus::{Builder, Corpus, FileAt, Held, ReadAt, Size};
use breach_check::{HashKind, PasswordHash, Sighting};
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

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` gives no `--bench`.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let named = args.iter().position(|arg| arg == "--entries");
    let entries = named.map_or(2_000_000, |at| args[at + 1].parse().unwrap());
    let entries = if args.iter().any(|arg| arg == "--full") {
        FULL
    } else {
        entries
    };
    let folder = tempfile::tempdir().unwrap();
    measure(entries, folder.path());
}

/// Ascending prefixes, as far apart as those of hashes are: what comes is a Poisson process.
struct Prefixes {
    state: u64,
    at: f64,
    mean: f64,
    left: u64,
}

impl Prefixes {
    fn new(entries: u64) -> Self {
        let mean = 2_f64.powi(64) / (entries as f64 + 1.0);
        Self {
            state: 0x9E37_79B9_7F4A_7C15,
            at: 0.0,
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
        self.at += -(1.0 - unit).ln() * self.mean;
        let low = self.random() >> 44;
        // Ever fewer for ever more: half of all were seen once.
        let count = 1 << self.random().trailing_zeros().min(20);
        // What is past the end would not be in order.
        (self.at < 2_f64.powi(64) - 2_f64.powi(12))
            .then_some((self.at as u64 & !0xF_FFFF | low, count))
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

/// A row: its name, bits an entry, seconds and MiB of its build, ns of a look-up of what is there and of what is not.
struct Row(String, f64, f64, f64, [f64; 2]);

/// What is looked for: keys that are there, and keys that are not, in an order that no cache guesses.
struct Keys {
    present: Vec<PasswordHash>,
    absent: Vec<PasswordHash>,
}

impl Keys {
    fn of(entries: u64) -> Self {
        let every = (entries / 1_000_000).max(1);
        let mut present: Vec<u64> = Prefixes::new(entries)
            .step_by(every as usize)
            .map(|(p, _)| p)
            .collect();
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

    /// Nanoseconds of a look-up, of those that are there and of those that are not: the best of three rounds.
    fn time(&self, mut look: impl FnMut(&PasswordHash) -> u64) -> [f64; 2] {
        [&self.present, &self.absent].map(|keys| {
            let times = keys.len().min(300_000);
            let mut best = f64::INFINITY;
            for round in 0..3 {
                let (begun, mut at) = (Instant::now(), round);
                for _ in 0..times {
                    at = (at + 7919 + look(&keys[at]) as usize) % keys.len();
                }
                black_box(at);
                best = best.min(begun.elapsed().as_nanos() as f64 / times as f64);
            }
            best
        })
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
    (
        made,
        begun.elapsed().as_secs_f64(),
        peak as f64 / 1024.0 / 1024.0,
    )
}

fn measure(entries: u64, folder: &Path) {
    let keys = Keys::of(entries);
    let bits = |octets: u64| octets as f64 * 8.0 / entries as f64;
    let mut rows = Vec::new();
    let mut bounds = Vec::new();

    for key_bits in [32, 16] {
        let path = folder.join(format!("corpus-{key_bits}"));
        let ((), seconds, mib) = taken(|| build(entries, key_bits, &path));
        let size = std::fs::metadata(&path).unwrap().len();
        let pages = Corpus::open(&path).unwrap().facts().pages.into();
        let file = FileAt::new(File::open(&path).unwrap());
        let bare = keys.time(|key| bare(&file, pages, key));
        let corpus = Corpus::open(&path).unwrap();
        let looked = keys.time(|key| found(corpus.lookup(key).unwrap()));
        bounds.push((
            format!("in a file, {key_bits} key bits"),
            ratio(looked, bare),
        ));
        rows.push(Row(
            format!("bare page and checksum, file, {key_bits}"),
            0.0,
            0.0,
            0.0,
            bare,
        ));
        rows.push(Row(
            format!("**corpus, {key_bits} key bits, file**"),
            bits(size),
            seconds,
            mib,
            looked,
        ));
        let held = Held::new(std::fs::read(&path).unwrap());
        let bare = keys.time(|key| self::bare(&held, pages, key));
        let corpus = Corpus::with(held).unwrap();
        let looked = keys.time(|key| found(corpus.lookup(key).unwrap()));
        bounds.push((
            format!("in memory, {key_bits} key bits"),
            ratio(looked, bare),
        ));
        rows.push(Row(
            format!("bare page and checksum, memory, {key_bits}"),
            0.0,
            0.0,
            0.0,
            bare,
        ));
        rows.push(Row(
            format!("**corpus, {key_bits} key bits, memory**"),
            bits(size),
            0.0,
            0.0,
            looked,
        ));
    }

    let path = folder.join("sorted");
    let (file, seconds, mib) = taken(|| sorted(entries, &path));
    let size = file.metadata().unwrap().len();
    let looked = keys.time(|key| search(&file, size / RECORD as u64, key.octets()));
    rows.push(Row(
        "sorted file, binary search".into(),
        bits(size),
        seconds,
        mib,
        looked,
    ));

    if entries <= PEERS {
        let (fuse, seconds, mib) = taken(|| {
            let keys: Vec<u64> = Prefixes::new(entries).map(|(prefix, _)| prefix).collect();
            BinaryFuse16::try_from(&keys).unwrap()
        });
        let size = fuse.fingerprints.len() as u64 * 2;
        let looked = keys.time(|key| fuse.contains(&prefix(key)).into());
        rows.push(Row(
            "xorf, binary fuse 16, no counts".into(),
            bits(size),
            seconds,
            mib,
            looked,
        ));

        let (bloom, seconds, mib) = taken(|| {
            let mut bloom = BloomFilter::with_false_pos(0.01)
                .seed(&7)
                .expected_items(entries as usize);
            for (prefix, _) in Prefixes::new(entries) {
                bloom.insert(&prefix);
            }
            bloom
        });
        let looked = keys.time(|key| bloom.contains(&prefix(key)).into());
        rows.push(Row(
            "Bloom filter, 1 %, no counts".into(),
            bits(bloom.num_bits() as u64 / 8),
            seconds,
            mib,
            looked,
        ));

        let path = folder.join("sqlite");
        let (db, seconds, mib) = taken(|| sqlite(entries, &path));
        let size = std::fs::metadata(&path).unwrap().len();
        let mut query = db
            .prepare("SELECT count FROM seen WHERE hash = ?1")
            .unwrap();
        let looked = keys.time(|key| {
            let count: Option<i64> = query
                .query_row([key.octets()], |row| row.get(0))
                .optional()
                .unwrap();
            count.unwrap_or_default().unsigned_abs() & 15
        });
        rows.push(Row(
            "SQLite, WITHOUT ROWID".into(),
            bits(size),
            seconds,
            mib,
            looked,
        ));
    }

    println!("{entries} entries; each look-up waits for the one before");
    println!(
        "| | bits/entry | build, s | build, MiB | present, ns | absent, ns |\n|-|-:|-:|-:|-:|-:|"
    );
    for Row(name, bits, seconds, mib, [present, absent]) in rows {
        let given = |value: f64, digits| match value {
            0.0 => String::new(),
            value => format!("{value:.digits$}"),
        };
        let (bits, seconds, mib) = (given(bits, 2), given(seconds, 1), given(mib, 1));
        println!("| {name} | {bits} | {seconds} | {mib} | {present:.0} | {absent:.0} |");
    }
    let mut kept = true;
    for (name, [present, absent]) in bounds {
        println!(
            "beside the bare page and its checksum, {name}: {present:.2} present, {absent:.2} absent"
        );
        kept &= present <= BOUND && absent <= BOUND;
    }
    assert!(
        kept,
        "more than {BOUND} times the bare page and its checksum"
    );
}

fn ratio(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] / b[0], a[1] / b[1]]
}

fn prefix(key: &PasswordHash) -> u64 {
    u64::from_be_bytes(*key.octets().first_chunk().unwrap())
}

fn build(entries: u64, key_bits: u8, path: &Path) {
    let mut builder = Builder::create(
        path,
        HashKind::Sha1,
        key_bits,
        Size::Entries(entries),
        SystemTime::UNIX_EPOCH,
    )
    .unwrap();
    for (prefix, count) in Prefixes::new(entries) {
        builder.push(&hash(prefix), count).unwrap();
    }
    builder.finish().unwrap();
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
