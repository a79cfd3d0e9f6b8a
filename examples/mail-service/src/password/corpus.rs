//! The corpus of breached passwords, as its file is now. Whoever asks has the time to read files.

use crate::{limits::lock, log::Causes};
use breach_check::corpus::{Corpus, Error, Facts};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::SystemTime,
};
use tracing::{info, warn};

/// A corpus that may be updated, or replaced by another file, while it is used.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    corpus: Arc<Corpus>,
    place: Option<Place>,
    /// What stood there and was no corpus: it is not read again before it changes.
    refused: Option<Stamp>,
}

/// Which file it is.
type Place = (u64, u64);

/// A file, and how it was when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    place: Option<Place>,
    octets: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let facts = fs::metadata(path)?;
        Ok(Self {
            place: place(&facts),
            octets: facts.len(),
            changed: facts.modified().ok(),
        })
    }
}

#[cfg(unix)]
fn place(facts: &fs::Metadata) -> Option<Place> {
    use std::os::unix::fs::MetadataExt;
    Some((facts.dev(), facts.ino()))
}

/// By when it was made.
#[cfg(not(unix))]
fn place(facts: &fs::Metadata) -> Option<Place> {
    let made = facts.created().ok()?;
    let made = made.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some((made.as_secs(), made.subsec_nanos().into()))
}

impl Held {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        // Looked at before it is opened: if it is replaced in between, the next look finds that out.
        let stamp = Stamp::of(path)?;
        let open = Open {
            corpus: Arc::new(Corpus::open(path)?),
            place: stamp.place,
            refused: None,
        };
        Ok(Self {
            path: path.into(),
            open: Mutex::new(open),
        })
    }

    /// The corpus, and what it says of itself. Where a file cannot be used, or is gone, the one of before stays.
    pub(super) fn current(&self) -> (Arc<Corpus>, Facts) {
        let mut open = lock(&self.open);
        let stamp = Stamp::of(&self.path).ok();
        let is_other = |stamp: &Stamp| stamp.place != open.place;
        if !stamp.as_ref().is_some_and(is_other) {
            // Of what was updated in its place this reads what has changed, and otherwise one page.
            match open.corpus.refresh() {
                Ok(facts) => return (open.corpus.clone(), facts),
                Err(error) if stamp.is_none() || stamp == open.refused => {
                    warn!(error = %Causes(&error), "the corpus of passwords cannot be read");
                }
                // Written over by another one.
                Err(_) => {}
            }
        }
        if let Some(stamp) = stamp.filter(|_| stamp != open.refused) {
            match Corpus::open(&self.path) {
                Ok(corpus) => {
                    info!("another corpus of passwords");
                    *open = Open {
                        corpus: Arc::new(corpus),
                        place: stamp.place,
                        refused: None,
                    };
                }
                Err(error) => {
                    warn!(error = %Causes(&error), "the corpus of passwords of before stays");
                    open.refused = Some(stamp);
                }
            }
        }
        let facts = open.corpus.facts();
        (open.corpus.clone(), facts)
    }
}
