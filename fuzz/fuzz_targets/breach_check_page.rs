//! Any octets as the one page of a corpus, of which the checksum is made right. Whatever it says of itself, a look-up
//! answers or says that it is damaged, alike however it is read; and one that says that it overflows is not believed, as
//! there is no tail.
#![no_main]

use breach_check::corpus::{Corpus, Error, Held};
use breach_check::{HashKind, PasswordHash, Sighting};
use libfuzzer_sys::fuzz_target;

const PAGE: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let Some((&key_bits, data)) = data.split_first() else {
        return;
    };
    let mut octets = vec![0; 2 * PAGE];
    octets[..7].copy_from_slice(b"PWPAGES");
    octets[8..13].copy_from_slice(&[1, 0, 1, 16 + key_bits % 17, 1]);
    let crc = crc32c::crc32c(&octets[..PAGE - 4]).to_le_bytes();
    octets[PAGE - 4..PAGE].copy_from_slice(&crc);
    let page = &mut octets[PAGE + 4..];
    page.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&[0; 4]), page).to_le_bytes();
    octets[PAGE..PAGE + 4].copy_from_slice(&crc);
    let overflows = octets[PAGE + 4..PAGE + 8] != [0; 4];

    let corpus = Corpus::with(Held::new(&octets)).expect("the first page is right");
    let page = octets[PAGE..].first_chunk().expect("a page");
    for i in 0..=255_u8 {
        let mut hash = [i; 20];
        hash[1] = data.get(usize::from(i)).copied().unwrap_or(i);
        let hash = PasswordHash::from_octets(HashKind::Sha1, &hash).expect("twenty octets");
        let question = corpus.question(&hash).expect("the same kind");
        let question = question.expect("there is no gap");
        match (corpus.lookup(&hash), corpus.answer(&question, page)) {
            (Ok(Sighting::NotSeen), Ok(Sighting::NotSeen)) => assert!(!overflows),
            (Ok(told), Ok(same)) => assert_eq!(told, same),
            (Err(Error::Damaged { .. }), Err(Error::Damaged { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    // The root is wrong, if nothing else is.
    assert!(corpus.verify(|_| {}).is_err());
});
