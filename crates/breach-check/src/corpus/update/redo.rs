//! From a whole journal to the corpus that it says, from wherever it was left.

use std::io;

use super::Progress;
use super::disk::{Disk, DiskFile as _, Name};
use crate::corpus::Error;
use crate::corpus::header::Header;
use crate::corpus::journal::{Applied, Journal};
use crate::corpus::page::PAGE;
use crate::corpus::read_at::ReadAt;
use crate::corpus::verify;

/// Throws away what an update left before its journal was whole, and ends the one that left a whole one.
///
/// # Errors
/// [`Error::Damaged`] if the journal is no longer what was written and the corpus is not whole without it; then nothing
/// is touched.
pub(crate) fn recover<D: Disk>(disk: &D, tell: &mut dyn FnMut(Progress)) -> Result<(), Error> {
    disk.remove(Name::NewJournal)?;
    disk.remove(Name::NewTail)?;
    let Some(file) = disk.open(Name::Journal)? else {
        return Ok(());
    };
    let corpus = disk
        .open(Name::Corpus)?
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let mut header = Box::new([0; PAGE]);
    if corpus.size()? >= PAGE as u64 {
        corpus.read_at(0, &mut *header)?;
    }
    let journal = Journal::open(file)?;
    let applied = journal
        .as_ref()
        .and_then(|journal| journal.applied(&header));
    match (journal, applied) {
        (Some(journal), Some(applied)) if journal.is_whole()? => {
            return redo(disk, &corpus, &journal, applied, tell);
        }
        // Of a corpus that somebody has built anew, or taken back from a copy.
        (Some(_), None) if Header::read(&header).is_ok() => {}
        _ => {
            verify::check(&corpus, |_| {})?;
        }
    }
    disk.remove(Name::Journal)?;
    Ok(disk.sync_names()?)
}

/// Puts pages and tail of a whole journal into place, then the header, and then removes it. Each step may be the last,
/// and all may be done again: until the header is on the disk, whatever else was written is in the journal, too.
pub(crate) fn redo<D: Disk>(
    disk: &D,
    corpus: &D::File,
    journal: &Journal<D::File>,
    applied: Applied,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let after = journal.after();
    if applied == Applied::NotYet {
        for index in 0..journal.pages() {
            let (number, page) = journal.record(index)?;
            corpus.write_at(Header::page_at(number), &*page)?;
            tell(Progress::Placed(index + 1));
        }
        let mut at = after.tail_at();
        journal.tail_octets().each(journal.file(), |octets| {
            corpus.write_at(at, octets)?;
            at += octets.len() as u64;
            tell(Progress::Tail(at));
            Ok(())
        })?;
        corpus.sync()?;
        tell(Progress::Synced);
        corpus.write_at(0, &*after.write())?;
        tell(Progress::Header);
        corpus.sync()?;
    }
    // Not before: the old header may speak of a longer tail.
    let len = after.len().ok_or(Error::Damaged { page: None })?;
    if corpus.size()? != len {
        corpus.set_len(len)?;
        corpus.sync()?;
    }
    tell(Progress::Whole);
    disk.remove(Name::Journal)?;
    Ok(disk.sync_names()?)
}
