//! Whatever octet is damaged: `verify` says so, and no look-up says "not seen" of what is there.

use crate::hashes::{Hashes, build, date};
use breach_check::corpus::{Builder, Corpus, Error, Held, Size};
use breach_check::{HashKind, PasswordHash, Range, Sighting};

/// A corpus of pages that overflow, with a gap; and all hashes that it knows.
fn small(pages: u32) -> (Vec<u8>, Vec<PasswordHash>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let mut builder =
        Builder::create(&path, HashKind::Sha1, 32, Size::Pages(pages), date()).unwrap();
    let hashes: Vec<_> = Hashes::new(u64::from(pages) * 900).collect();
    for (hash, count) in &hashes {
        builder.push(hash, *count).unwrap();
    }
    builder.gap(Range::new(5).unwrap()).unwrap();
    assert!(builder.finish().unwrap().overflow > 0);
    let known = hashes
        .into_iter()
        .map(|(hash, _)| hash)
        .filter(|hash| hash.range().number() != 5);
    (std::fs::read(path).unwrap(), known.collect())
}

#[test]
fn damage_of_any_octet_is_found_and_never_clean() {
    let (whole, hashes) = small(1);
    let mut octets = whole.clone();
    for at in 0..octets.len() {
        octets[at] ^= 1 << (at % 8);
        // Of what changes meanwhile, too, nothing is ever said from a page that is wrong.
        match Corpus::with(Held::new(&octets[..])) {
            Err(Error::Damaged { .. } | Error::NotACorpus | Error::Version(_)) => {}
            Err(error) => panic!("{at}: {error}"),
            Ok(corpus) => {
                assert!(
                    matches!(corpus.verify(|_| {}), Err(Error::Damaged { .. })),
                    "{at}"
                );
                // Each page is asked about at each octet; not each hash, which would take minutes.
                for hash in hashes.iter().skip(at % 97).step_by(97) {
                    let answer = corpus.lookup(hash);
                    assert!(
                        matches!(answer, Ok(Sighting::Seen(_)) | Err(Error::Damaged { .. })),
                        "{at}: {answer:?}"
                    );
                }
            }
        }
        octets[at] ^= 1 << (at % 8);
    }
    assert_eq!(octets, whole);
    let corpus = Corpus::with(Held::new(whole)).unwrap();
    corpus.verify(|_| {}).unwrap();
    assert!(
        hashes
            .iter()
            .all(|hash| matches!(corpus.lookup(hash), Ok(Sighting::Seen(_))))
    );
}

/// The mutation: who takes a damaged page for one that was checked says "not seen" of what is there.
#[test]
fn mutation_a_page_that_is_not_checked_is_clean() {
    let (mut octets, hashes) = small(3);
    let corpus = Corpus::with(Held::new(octets.clone())).unwrap();
    let seen = |octets: &[u8], hash: &PasswordHash| {
        let question = corpus.question(hash).unwrap().unwrap();
        let page = &octets[usize::try_from(question.at()).unwrap()..];
        corpus.answer(&question, page.first_chunk().unwrap())
    };
    // Everything that the first page has, but for its checksum.
    octets[4096 + 12..2 * 4096].fill(0);
    let first = &hashes[0];
    assert!(matches!(
        seen(&octets, first),
        Err(Error::Damaged { page: Some(0) })
    ));
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[0; 4]), &octets[4096 + 4..2 * 4096]);
    octets[4096..4096 + 4].copy_from_slice(&crc.to_le_bytes());
    octets[4096 + 4..4096 + 12].fill(0);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[0; 4]), &octets[4096 + 4..2 * 4096]);
    octets[4096..4096 + 4].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(seen(&octets, first), Ok(Sighting::NotSeen)));
    // Which the root still finds.
    let forged = Corpus::with(Held::new(octets)).unwrap();
    assert!(matches!(forged.verify(|_| {}), Err(Error::Damaged { .. })));
}

/// A page of another place, whole in itself, is no page of this one.
#[test]
fn a_page_in_the_place_of_another_is_damaged() {
    let (mut octets, hashes) = small(3);
    octets.copy_within(2 * 4096..3 * 4096, 4096);
    let corpus = Corpus::with(Held::new(octets)).unwrap();
    assert!(matches!(
        corpus.lookup(&hashes[0]),
        Err(Error::Damaged { page: Some(0) })
    ));
}

#[test]
fn a_tail_that_lacks_entries_is_damaged_where_they_are_missed() {
    let (octets, _) = small(3);
    for cut in 1..octets.len() - 4 * 4096 {
        let cut = &octets[..octets.len() - cut];
        assert!(matches!(
            Corpus::with(Held::new(cut)),
            Err(Error::Damaged { page: None })
        ));
    }
}

/// Numbers of a first page are not believed before the file is as long as they say.
#[test]
fn a_first_page_that_promises_much_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 32, 100);
    let mut octets = std::fs::read(&path).unwrap();
    octets[40..48].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    let crc = crc32c::crc32c(&octets[..4092]);
    octets[4092..4096].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(
        Corpus::with(Held::new(octets)),
        Err(Error::Damaged { page: None })
    ));
    assert!(matches!(
        Corpus::with(Held::new([0; 100])),
        Err(Error::NotACorpus)
    ));
}
