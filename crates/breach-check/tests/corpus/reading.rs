//! The same answers from a file, from memory, over HTTP, and for whoever reads asynchronously; signatures.

use crate::hashes::{Hashes, build, date, hash};
use breach_check::corpus::{
    Builder, Corpus, Error, Held, HttpAt, Part, ReadAt, SignatureError, Size, signature_beside,
};
use breach_check::{HashKind, PasswordHash, Range, Sighting};
use std::io;
use std::ops::Range as Span;
use std::sync::Mutex;

#[test]
fn the_same_is_said_however_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 24, 30_000);
    let octets = std::fs::read(&path).unwrap();
    let file = Corpus::open(&path).unwrap();
    let held = Corpus::with(Held::new(octets.clone())).unwrap();
    let asked = Mutex::new(Vec::new());
    let get = |span: Span<u64>| {
        asked.lock().unwrap().push(span.clone());
        let part = &octets[span.start as usize..span.end as usize];
        Ok(Part::new(
            part.to_vec(),
            Some("\"1\"".into()),
            octets.len() as u64,
        ))
    };
    let http = Corpus::with(HttpAt::new(get)).unwrap();
    asked.lock().unwrap().clear();
    let (mut seen, mut not) = (0, 0);
    for (hash, _) in Hashes::new(30_000)
        .step_by(7)
        .chain((0..4000).map(|i| (hash(i << 52 | 0xABC), 0)))
    {
        let said = file.lookup(&hash).unwrap();
        // Twice, as a page that was checked is not checked again.
        assert_eq!(
            [&said; 2],
            [&held.lookup(&hash).unwrap(), &held.lookup(&hash).unwrap()]
        );
        assert_eq!(said, http.lookup(&hash).unwrap());
        let question = file.question(&hash).unwrap().unwrap();
        let page = octets[question.at() as usize..].first_chunk().unwrap();
        assert_eq!(said, file.answer(&question, page).unwrap());
        let asked: Vec<_> = asked.lock().unwrap().drain(..).collect();
        let page = question.at()..question.at() + 4096;
        assert_eq!(asked, std::slice::from_ref(&page));
        match said {
            Sighting::Seen(_) => seen += 1,
            _ => not += 1,
        }
    }
    assert!(seen > 4200 && not > 3900, "{seen} {not}");
}

#[test]
fn a_file_behind_http_that_changes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 24, 30_000);
    let octets = std::fs::read(&path).unwrap();
    let say = Mutex::new((Some("\"1\"".to_owned()), octets.len() as u64, 0));
    let get = |span: Span<u64>| {
        let (etag, total, short) = say.lock().unwrap().clone();
        let part = &octets[span.start as usize..span.end as usize - short];
        Ok(Part::new(part.to_vec(), etag, total))
    };
    let corpus = Corpus::with(HttpAt::new(get)).unwrap();
    let any = PasswordHash::sha1("x");
    corpus.lookup(&any).unwrap();
    for change in [
        (None, octets.len() as u64, 0),
        (Some("\"2\"".into()), octets.len() as u64, 0),
        (Some("\"1\"".into()), 7, 0),
        (Some("\"1\"".into()), octets.len() as u64, 1),
    ] {
        let was = std::mem::replace(&mut *say.lock().unwrap(), change);
        assert!(matches!(corpus.lookup(&any), Err(Error::Io(_))));
        *say.lock().unwrap() = was;
    }
    corpus.lookup(&any).unwrap();
}

/// A page that is written at this moment: wrong once, and then right.
#[test]
fn a_page_that_is_torn_once_is_read_again() {
    struct Torn(Vec<u8>, Mutex<u32>);
    impl ReadAt for Torn {
        fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
            let at = at as usize;
            octets.copy_from_slice(&self.0[at..at + octets.len()]);
            let mut torn = self.1.lock().unwrap();
            if *torn > 0 {
                *torn -= 1;
                octets[2048..].fill(0);
            }
            Ok(())
        }

        fn size(&self) -> io::Result<u64> {
            Ok(self.0.len() as u64)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 32, 3000);
    let torn = Torn(std::fs::read(&path).unwrap(), Mutex::new(0));
    let corpus = Corpus::with(torn).unwrap();
    let (last, _) = Hashes::new(3000).last().unwrap();
    let torn_for = |times| *corpus.source().1.lock().unwrap() = times;
    torn_for(1);
    assert!(matches!(corpus.lookup(&last), Ok(Sighting::Seen(_))));
    torn_for(9);
    assert!(matches!(corpus.lookup(&last), Err(Error::Damaged { .. })));
}

#[test]
fn what_is_no_signature_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 32, 10);
    let corpus = Corpus::open(&path).unwrap();
    assert!(matches!(
        corpus.is_signed("no key", ""),
        Err(SignatureError::Key)
    ));
    // Of minisign's own page.
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    assert!(matches!(
        corpus.is_signed(key, "x"),
        Err(SignatureError::Form)
    ));
    assert_eq!(
        signature_beside(&path).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    std::fs::write(folder.path().join("corpus.minisig"), vec![b'x'; 4097]).unwrap();
    assert_eq!(
        signature_beside(&path).unwrap_err().kind(),
        io::ErrorKind::FileTooLarge
    );
}

/// Debian's minisign makes the key and the signature.
#[test]
#[ignore = "interop: needs minisign"]
fn interop_minisign_signs_the_first_page() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let minisign = |args: &[&str]| {
        let done = std::process::Command::new("minisign")
            .args(args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    build(&at("corpus"), 32, 10_000);
    minisign(&["-G", "-W", "-p", "key.pub", "-s", "key.secret"]);
    let page = std::fs::read(at("corpus")).unwrap()[..4096].to_vec();
    std::fs::write(at("header"), page).unwrap();
    minisign(&[
        "-S",
        "-W",
        "-s",
        "key.secret",
        "-m",
        "header",
        "-x",
        "corpus.minisig",
    ]);
    let key = std::fs::read_to_string(at("key.pub")).unwrap();
    let signature = signature_beside(at("corpus")).unwrap();
    Corpus::open(at("corpus"))
        .unwrap()
        .is_signed(&key, &signature)
        .unwrap();
    // Another corpus is another.
    build(&at("corpus"), 32, 10_001);
    let other = Corpus::open(at("corpus")).unwrap();
    assert!(matches!(
        other.is_signed(&key, &signature),
        Err(SignatureError::Wrong)
    ));
}

/// Python, by `docs/corpus-format.md` alone: what is there, what is not, what overflows, and what is in a gap.
#[test]
#[ignore = "interop: needs python"]
fn interop_python_reads_what_the_specification_says() {
    for key_bits in [16, 21, 32] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus");
        let mut builder =
            Builder::create(&path, HashKind::Sha1, key_bits, Size::Pages(4), date()).unwrap();
        let entries = if key_bits == 32 { 3600 } else { 5600 };
        for (hash, count) in Hashes::new(entries) {
            builder.push(&hash, count).unwrap();
        }
        builder.gap(Range::new(3).unwrap()).unwrap();
        builder.gap(Range::new(Range::COUNT - 1).unwrap()).unwrap();
        assert!(builder.finish().unwrap().overflow > 0 || key_bits != 32);
        let corpus = Corpus::open(&path).unwrap();
        let strangers = (0..2000).map(|i| (hash(i << 53 | 0xABCD), 0));
        let gaps = [(hash(3 << 44), 0), (hash(u64::MAX), 0)];
        let asked: Vec<_> = Hashes::new(entries)
            .chain(strangers)
            .chain(gaps)
            .map(|(hash, _)| hash)
            .collect();
        let lines: String = asked
            .iter()
            .map(|hash| format!("{}\n", *hash.hex()))
            .collect();
        let said: String = asked
            .iter()
            .map(|hash| match corpus.lookup(hash).unwrap() {
                Sighting::Seen(class) => format!("{}\n", class.number()),
                Sighting::NotSeen => "-\n".into(),
                _ => "?\n".into(),
            })
            .collect();
        let asked = folder.path().join("asked");
        std::fs::write(&asked, lines).unwrap();
        let read = std::process::Command::new("/usr/bin/python3")
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/corpus/reader.py"
            ))
            .arg(&path)
            .stdin(std::fs::File::open(&asked).unwrap())
            .output()
            .unwrap();
        assert!(
            read.status.success(),
            "{}",
            String::from_utf8_lossy(&read.stderr)
        );
        assert_eq!(String::from_utf8(read.stdout).unwrap(), said);
    }
}

/// The octets of the example in `docs/corpus-format.md`.
#[test]
fn the_example_of_the_specification_is_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let mut builder = Builder::create(&path, HashKind::Sha1, 32, Size::Pages(1), date()).unwrap();
    builder
        .push(&PasswordHash::sha1("password"), 10_434_004)
        .unwrap();
    builder
        .push(&PasswordHash::sha1("hunter2"), 17_043)
        .unwrap();
    builder.finish().unwrap();
    let octets = std::fs::read(&path).unwrap();
    let specification = include_str!("../../../../docs/corpus-format.md");
    let mut lines = 0;
    for line in specification.lines() {
        // `0x1000  d1 b2 ...`, between the fences of the example.
        let Some(rest) = line.strip_prefix("0x") else {
            continue;
        };
        let (at, shown) = rest.split_once("  ").unwrap();
        let at = usize::from_str_radix(at, 16).unwrap();
        let shown = shown.split("  ").next().unwrap();
        let there: Vec<_> = octets[at..]
            .iter()
            .take(shown.split(' ').count())
            .map(|o| format!("{o:02x}"))
            .collect();
        assert_eq!(there.join(" "), shown, "{at:#x}");
        lines += 1;
    }
    assert!(lines > 8);
}
