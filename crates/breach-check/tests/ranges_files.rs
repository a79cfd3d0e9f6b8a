//! Folders of ranges that others downloaded: what is whole is read, and nothing else.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;

use breach_check::ranges::{FileError, Files, NotWhole};
use breach_check::{HashKind, Range};

fn zipped(text: &str) -> Vec<u8> {
    let mut zip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap()
}

fn line(kind: HashKind, digit: &str, count: u64) -> String {
    format!("{}:{count}\r\n", digit.repeat(kind.hex_len() - 5))
}

#[test]
fn files_are_found_whatever_their_downloader_calls_them() {
    for kind in [HashKind::Sha1, HashKind::Ntlm] {
        let text = line(kind, "1", 4) + &line(kind, "A", 9) + &line(kind, "F", 0);
        let range = Range::from_hex("5BAA6").unwrap();
        for name in [
            "5BAA6.txt",
            "5BAA6",
            "5BAA6.gz",
            "5BAA6.txt.gz",
            "5BA/5BAA6.gz",
            "5BA/5BAA6",
            "5BA/5BAA6.txt",
            "5BA/5BAA6.txt.gz",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let octets = match name.ends_with(".gz") {
                true => zipped(&text),
                false => text.clone().into_bytes(),
            };
            fs::write(path, octets).unwrap();
            let mut files = Files::new(kind, folder.path());
            let suffixes = files.suffixes(range).unwrap().unwrap();
            // Padding is no hash.
            let counts: Vec<_> = suffixes.hashes().map(|(_, count)| count).collect();
            assert_eq!(counts, [4, 9], "{name}");
            let other = Range::from_hex("5BAA7").unwrap();
            assert!(files.suffixes(other).unwrap().is_none());
        }
    }
}

#[test]
fn what_is_not_whole_is_an_error() {
    let kind = HashKind::Sha1;
    let folder = tempfile::tempdir().unwrap();
    let range = Range::from_hex("00000").unwrap();
    let whole = line(kind, "1", 4) + &line(kind, "2", 9);
    let told = |octets: &[u8]| {
        fs::write(folder.path().join("00000.txt"), octets).unwrap();
        match Files::new(kind, folder.path()).suffixes(range) {
            Err(FileError::NotWhole(of, what)) if of == range => what,
            other => panic!("{other:?}"),
        }
    };
    let zip = zipped(&whole);
    assert_eq!(told(b""), NotWhole::Empty);
    assert_eq!(told(&zipped("")), NotWhole::Empty);
    assert_eq!(told(&zip[..zip.len() - 9]), NotWhole::Gzip);
    let mut bad = zip;
    let at = bad.len() - 6;
    bad[at] ^= 1;
    assert_eq!(told(&bad), NotWhole::Gzip);
    let turned = line(kind, "2", 9) + &line(kind, "1", 4);
    assert_eq!(told(turned.as_bytes()), NotWhole::Order { line: 2 });
    let cut = &whole[..whole.len() - 4];
    assert_eq!(told(cut.as_bytes()), NotWhole::Line { line: 2 });
    assert_eq!(told(&vec![b'0'; 1 << 21]), NotWhole::TooLong);
    assert_eq!(told(&zipped(&"0".repeat(1 << 21))), NotWhole::TooLong);
    // The mutation: without what is wrong it is read.
    fs::write(folder.path().join("00000.txt"), &whole).unwrap();
    let read = Files::new(kind, folder.path()).suffixes(range);
    assert_eq!(read.unwrap().unwrap().len(), 2);
}
