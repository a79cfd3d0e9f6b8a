//! Any octets as the journal beside a corpus that an update was writing when it was cut short: a journal as it is, or the
//! right one with octets changed, and then also with all of its checksums made right. Opening, looking up and recovering
//! end, with an answer or with an error. As long as no checksum was made right, what is in both corpora is never "not
//! seen", and neither is anything of a range that was unknown before. And whatever the journal says, a reader says what the
//! corpus says without it, or what it says once the journal is put in place; unless one of these is that it is damaged, as
//! it may be when a journal with right checksums was forged.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;

use breach_check::corpus::{Builder, Corpus, Error, Held, Progress, Size, Update};
use breach_check::{HashKind, PasswordHash, Range, Sighting};
use libfuzzer_sys::fuzz_target;

const PAGE: usize = 4096;
const PAGES: usize = 2;
const RECORD: usize = 4 + PAGE;
/// Of which nothing is known before the update, and of which all of its hashes are new.
const GAP: u64 = 0x0_0123;

/// Hashes are numbers here: the first 64 bits.
struct Made {
    before: Vec<u8>,
    after: Vec<u8>,
    journal: Vec<u8>,
    /// In both; and in the range that was a gap.
    both: Vec<u64>,
    fresh: Vec<u64>,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = Folder::new();
    let path = folder.corpus();
    // Of 878 that a page has room for; of the range of a gap, only the new ones.
    let of = |page: u64, number: u64| page << 63 | (number + 1) << 53;
    let old = (0..900).map(|n| of(0, n)).chain((0..300).map(|n| of(1, n)));
    let old: Vec<u64> = old.collect();
    let fresh: Vec<u64> = (0..20).map(|n| GAP << 44 | n << 30 | 77).collect();
    let kept = old.iter().copied().filter(|prefix| prefix >> 53 & 7 != 3);
    let both: Vec<u64> = kept.collect();
    let mut new = both.clone();
    new.extend((300..925).map(|n| of(1, n)));
    new.extend(&fresh);
    new.sort_unstable();

    let (size, date) = (Size::Pages(PAGES as u32), SystemTime::UNIX_EPOCH);
    let mut builder = Builder::create(&path, HashKind::Sha1, 32, size, date).expect("a builder");
    for prefix in &old {
        builder.push(&hash(*prefix), 1).expect("in order");
    }
    let gap = Range::new(GAP as u32).expect("a range");
    builder.gap(gap).expect("in order");
    builder.finish().expect("not too uneven");
    let before = fs::read(&path).expect("built");

    let (from, to) = (journal(&path), folder.0.join("copy"));
    let mut update = Update::begin_with(&path, move |progress| {
        if progress == Progress::Journal {
            fs::copy(&from, &to).expect("it is there");
        }
    })
    .expect("an update");
    let mut ranges: Vec<u64> = old.iter().chain(&new).map(|prefix| prefix >> 44).collect();
    ranges.sort_unstable();
    ranges.dedup();
    for number in ranges {
        let of_range = new.iter().filter(|prefix| **prefix >> 44 == number);
        let hashes = of_range.map(|prefix| Ok::<_, Error>((hash(*prefix), 3)));
        let range = Range::new(number as u32).expect("a range");
        update.range(range, hashes).expect("in order");
    }
    update.finish(date).expect("not full");
    Made {
        before,
        after: fs::read(&path).expect("updated"),
        journal: fs::read(folder.0.join("copy")).expect("copied"),
        both,
        fresh,
    }
});

fn hash(prefix: u64) -> PasswordHash {
    let mut octets = [0; 20];
    octets[..8].copy_from_slice(&prefix.to_be_bytes());
    PasswordHash::from_octets(HashKind::Sha1, &octets).expect("twenty octets")
}

fn journal(corpus: &Path) -> PathBuf {
    corpus.with_file_name("corpus.journal")
}

/// A folder that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("breach_check_journal-{}", std::process::id());
        // Where a sync costs nothing, if there is such a place.
        let memory = Path::new("/dev/shm");
        let path = match memory.is_dir() {
            true => memory.join(name),
            false => std::env::temp_dir().join(name),
        };
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn corpus(&self) -> PathBuf {
        self.0.join("corpus")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The corpus as the update may have left it.
fn left(made: &Made, state: u8) -> Vec<u8> {
    let (old, new) = (&made.before, &made.after);
    let tail = (PAGES + 1) * PAGE;
    match state % 8 {
        0 => old.clone(),
        // The first page is placed, or half of it.
        1 => [&old[..PAGE], &new[PAGE..2 * PAGE], &old[2 * PAGE..]].concat(),
        2 => [
            &old[..PAGE + 600],
            &new[PAGE + 600..2 * PAGE],
            &old[2 * PAGE..],
        ]
        .concat(),
        3 => [&old[..PAGE], &new[PAGE..tail], &old[tail..]].concat(),
        // So is the tail, which is longer or shorter.
        4 => [&old[..PAGE], &new[PAGE..]].concat(),
        // Half of the header.
        5 => [&new[..48], &old[48..PAGE], &new[PAGE..]].concat(),
        6 => new.clone(),
        // The tail, and before a loss of power nothing else.
        _ => [&old[..tail], &new[tail..]].concat(),
    }
}

/// Changes octets: two of where, one of what. Behind the end the length changes.
fn change(octets: &mut Vec<u8>, changes: &[u8]) {
    for &[low, high, value] in changes.as_chunks().0 {
        let at = usize::from(u16::from_le_bytes([low, high]));
        match octets.get_mut(at) {
            Some(octet) => *octet = value,
            None if at.is_multiple_of(2) => octets.push(value),
            None => octets.truncate(octets.len().saturating_sub(1 + usize::from(value))),
        }
    }
}

/// Makes all checksums right, as far as a journal can be made out.
fn sum(octets: &mut [u8]) {
    let Some(trailer_at) = octets.len().checked_sub(32) else {
        return;
    };
    let pages = octets[trailer_at + 8..].first_chunk().copied();
    let pages = pages.map_or(0, u64::from_le_bytes) as usize;
    for index in 0..pages.min(octets.len() / RECORD) {
        let at = PAGE + index * RECORD;
        let Some(record) = octets.get_mut(at..at + RECORD) else {
            break;
        };
        let crc = crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]);
        record[4..8].copy_from_slice(&crc.to_le_bytes());
    }
    let tail_at = PAGE + pages.min(octets.len()) * RECORD;
    if let Some(after_at) = trailer_at.checked_sub(PAGE) {
        let tail = octets.get(tail_at..after_at).map(crc32c::crc32c);
        if let Some(crc) = tail {
            octets[after_at + 88..][..4].copy_from_slice(&crc.to_le_bytes());
        }
        for at in [0, after_at] {
            let crc = crc32c::crc32c(&octets[at..at + PAGE - 4]).to_le_bytes();
            octets[at + PAGE - 4..at + PAGE].copy_from_slice(&crc);
        }
    }
    octets[trailer_at + 16..][..8].copy_from_slice(&(trailer_at as u64 + 32).to_le_bytes());
    let crc = crc32c::crc32c(&octets[..trailer_at]).to_le_bytes();
    octets[trailer_at + 24..][..4].copy_from_slice(&crc);
    let crc = crc32c::crc32c(&octets[trailer_at..trailer_at + 28]).to_le_bytes();
    octets[trailer_at + 28..].copy_from_slice(&crc);
}

/// What a corpus of these octets alone says.
fn alone(octets: &[u8], prefix: u64) -> Option<Sighting> {
    let corpus = Corpus::with(Held::new(octets)).ok()?;
    corpus.lookup(&hash(prefix)).ok()
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else {
        return;
    };
    let made = &*MADE;
    let forged = how & 16 != 0;
    let mut octets = match how & 8 {
        0 => data.to_vec(),
        _ => {
            let mut octets = made.journal.clone();
            change(&mut octets, data);
            octets
        }
    };
    if forged {
        sum(&mut octets);
    }
    let folder = Folder::new();
    let (path, corpus) = (folder.corpus(), left(made, how));
    fs::write(&path, &corpus).expect("written");
    fs::write(journal(&path), &octets).expect("written");

    let asked = made.both.iter().step_by(37).chain(&made.fresh);
    let asked: Vec<u64> = asked.copied().chain([7 << 50 | 1, u64::MAX]).collect();
    let opened = Corpus::open(&path).ok();
    let said = asked.iter().map(|prefix| {
        let corpus = opened.as_ref()?;
        match corpus.lookup(&hash(*prefix)) {
            Ok(said) => Some(said),
            Err(Error::Damaged { .. }) => None,
            Err(other) => panic!("{other:?}"),
        }
    });
    let said: Vec<_> = said.collect();
    let verified = opened.as_ref().map(|corpus| corpus.verify(|_| {}).is_ok());
    drop(opened);

    let recovered = match Update::begin(&path) {
        Ok(update) => {
            drop(update);
            assert!(!journal(&path).exists());
            true
        }
        Err(Error::Damaged { .. }) => false,
        Err(other) => panic!("{other:?}"),
    };
    let after = fs::read(&path).expect("still there");
    let known = made.both.len().div_ceil(37) + made.fresh.len();
    for (at, (prefix, said)) in asked.iter().zip(&said).enumerate() {
        let Some(said) = said else { continue };
        if !forged && at < known {
            assert_ne!(*said, Sighting::NotSeen, "{prefix:x} is clean");
        }
        if recovered {
            let may = [&corpus, &after].map(|octets| alone(octets, *prefix));
            // What is forged may be damage, which is told.
            let told = may.contains(&Some(*said)) || forged && may.contains(&None);
            assert!(told, "{prefix:x}: {said:?} of {may:?}");
        }
    }
    if !recovered {
        assert!(after == corpus, "changed");
    } else if !forged {
        assert!(after == made.before || after == made.after || after == corpus);
        assert!(
            Corpus::open(&path)
                .and_then(|corpus| corpus.verify(|_| {}))
                .is_ok()
        );
        assert_ne!(verified, Some(false), "whole, and said to be damaged");
    }
});
