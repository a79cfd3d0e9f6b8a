//! Any octets as a corpus, with the checksums of its first page and its tail made right, so that more than checksums is
//! looked at. What opens answers or says that it is damaged; what is verified answers everything; and its signature is
//! over its first page as it is.
#![no_main]

use breach_check::corpus::{Corpus, Error, Held};
use breach_check::{HashKind, PasswordHash};
use libfuzzer_sys::fuzz_target;

const PAGE: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let mut octets = data.to_vec();
    sum(&mut octets);
    let Ok(corpus) = Corpus::with(Held::new(&octets)) else {
        return;
    };
    let facts = corpus.facts();
    // Nothing is believed to be there that is not.
    assert!(facts.octets <= octets.len() as u64);
    let is_whole = corpus.verify(|_| {}).is_ok();
    for i in 0..64_u8 {
        let mut hash = [i.wrapping_mul(67); 20];
        hash[0] = i << 2;
        let len = facts.kind.hex_len() / 2;
        let hash = PasswordHash::from_octets(facts.kind, &hash[..len]).expect("as long as it is");
        match corpus.lookup(&hash) {
            Ok(_) => {}
            Err(Error::Damaged { page: Some(page) }) => assert!(!is_whole && page < facts.pages),
            // Pages that are not there.
            Err(Error::Io(_)) => assert!(!is_whole),
            Err(other) => panic!("{other:?}"),
        }
    }
    let other = match facts.kind {
        HashKind::Sha1 => PasswordHash::ntlm("password"),
        _ => PasswordHash::sha1("password"),
    };
    assert!(matches!(corpus.lookup(&other), Err(Error::Kind { .. })));
});

/// Makes the checksums right that stand in the first page.
fn sum(octets: &mut [u8]) {
    let Some(pages) = octets.get(12..16) else {
        return;
    };
    let pages = u32::from_le_bytes(pages.try_into().expect("four octets")) as usize;
    let tail = octets.get((pages + 1).saturating_mul(PAGE)..);
    let tail = tail.map(crc32c::crc32c);
    if let (Some(to), Some(crc)) = (octets.get_mut(88..92), tail) {
        to.copy_from_slice(&crc.to_le_bytes());
    }
    if let Some((header, crc)) = octets
        .get_mut(..PAGE)
        .and_then(|page| page.split_at_mut_checked(PAGE - 4))
    {
        crc.copy_from_slice(&crc32c::crc32c(header).to_le_bytes());
    }
}
