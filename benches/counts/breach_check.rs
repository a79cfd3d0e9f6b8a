use std::convert::Infallible;
use std::hint::black_box;
use std::time::SystemTime;

use breach_check::corpus::{Builder, Corpus, Held, Size};
use breach_check::policy::{Candidate, Context, Policy};
use breach_check::{HashKind, PasswordHash, Sighting};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "breach-check/look-up-in-memory",
        ready: look_up,
    },
    Count {
        name: "breach-check/check-page",
        ready: check_page,
    },
    Count {
        name: "breach-check/verdict",
        ready: verdict,
    },
];

type Octets = Vec<u8>;

/// Twenty pages, as full as they are built, and a hundred hashes of which every second is there.
fn corpus() -> Option<(Corpus<Held<Octets>>, Octets, Vec<PasswordHash>)> {
    const ENTRIES: u64 = 16_000;
    let hash = |number: u64| {
        let mut octets = [0x5A; 20];
        let prefix = number * (u64::MAX / (2 * ENTRIES));
        octets[..8].copy_from_slice(&prefix.to_be_bytes());
        PasswordHash::from_octets(HashKind::Sha1, &octets)
    };
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join("corpus");
    let (size, date) = (Size::Entries(ENTRIES), SystemTime::UNIX_EPOCH);
    let mut builder = Builder::create(&path, HashKind::Sha1, 32, size, date).ok()?;
    for number in 0..ENTRIES {
        builder.push(&hash(2 * number)?, number + 1).ok()?;
    }
    builder.finish().ok()?;
    let octets = std::fs::read(path).ok()?;
    let corpus = Corpus::with(Held::new(octets.clone())).ok()?;
    let asked: Option<Vec<_>> = (0..100).map(|i| hash(i * 317)).collect();
    let asked = asked?;
    // A page that does not change is checked once.
    let there = asked.iter().filter(|hash| {
        let said = corpus.lookup(hash);
        matches!(said, Ok(Sighting::Seen(_)))
    });
    (there.count() == 50).then_some((corpus, octets, asked))
}

/// One page is copied and looked through.
fn look_up() -> Box<dyn FnMut()> {
    let ready = corpus();
    let mut turn = 0;
    Box::new(move || {
        let Some((corpus, _, asked)) = &ready else {
            return;
        };
        turn = (turn + 1) % asked.len();
        black_box(corpus.lookup(black_box(&asked[turn])).is_ok());
    })
}

/// The same with the page's checksum, and without the copy: what an update may change is checked each time.
fn check_page() -> Box<dyn FnMut()> {
    let ready = corpus().and_then(|(corpus, octets, asked)| {
        let question = corpus.question(asked.first()?).ok()??;
        let at = usize::try_from(question.at()).ok()?;
        let page: Box<[u8; 4096]> = Box::new(*octets.get(at..)?.first_chunk()?);
        Some((corpus, question, page))
    });
    Box::new(move || {
        let Some((corpus, question, page)) = &ready else {
            return;
        };
        black_box(corpus.answer(question, black_box(page)).is_ok());
    })
}

/// What a password is refused or accepted by, from what was typed; the corpus answers at once.
fn verdict() -> Box<dyn FnMut()> {
    let policy = Policy::single_factor();
    let context = Context::new().service("Example Mail");
    let context = context.user("ann.smith@example.org");
    Box::new(move || {
        let candidate = Candidate::new(black_box("the mail is in the orange wardrobe"));
        let not_seen = |_| Ok::<_, Infallible>(Sighting::NotSeen);
        let verdict = policy.check(&candidate, &context, not_seen);
        black_box(verdict.is_ok_and(|verdict| verdict.is_accepted()));
    })
}
