//! Corpora of breached passwords.

use std::path::Path;
use std::time::SystemTime;

use breach_check::corpus::{Builder, Size};
use breach_check::{HashKind, PasswordHash};

/// Puts a corpus there that has these passwords, seen five times, and knows nothing of the range of that one.
pub(crate) fn corpus(path: &Path, seen: &[&str], unknown: Option<&str>) {
    let (kind, size) = (HashKind::Sha1, Size::Pages(2));
    let mut seen: Vec<_> = seen.iter().map(|word| PasswordHash::sha1(word)).collect();
    seen.sort_by_key(|hash| hash.octets().to_vec());
    let mut builder = Builder::create(path, kind, 32, size, SystemTime::UNIX_EPOCH).unwrap();
    let gap = unknown.map(|word| PasswordHash::sha1(word).range());
    let (before, behind): (Vec<_>, Vec<_>) = seen
        .iter()
        .partition(|hash| gap.is_some_and(|gap| hash.range() < gap));
    for hash in before {
        builder.push(hash, 5).unwrap();
    }
    if let Some(gap) = gap {
        builder.gap(gap).unwrap();
    }
    for hash in behind {
        builder.push(hash, 5).unwrap();
    }
    builder.finish().unwrap();
}
