//! Files of ranges that others downloaded.

use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::answer::{self, MAX_ANSWER};
use super::{NotWhole, Suffixes};
use crate::{HashKind, Range};

/// A folder with a file for each range, as the downloaders of others make them: `5BAA6`, with `.txt` or without, as gzip
/// (`.gz`) or not, in the folder itself or in one of its folders that is named by the first three characters,
/// `5BA/5BAA6.gz`.
///
/// There is no table that tells how many lines a range must have, so a file that was cut between two lines is taken for
/// a whole one, unless it is gzip. A folder that [`Download`](super::Download) filled is [`Kept`](super::Kept).
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    kind: HashKind,
    /// Where the last file was found: the next one is there, too.
    layout: usize,
}

/// Why the file of a range cannot be used. Nothing is known of the range then.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("the file of range {0} cannot be read")]
    Io(Range, #[source] io::Error),
    /// It is not what a server gives.
    #[error("the file of range {0} is not whole")]
    NotWhole(Range, #[source] NotWhole),
}

/// Whether there is a folder for three characters, and how a name ends.
const LAYOUTS: [(bool, &str); 8] = [
    (false, ".txt"),
    (false, ""),
    (false, ".gz"),
    (false, ".txt.gz"),
    (true, ".gz"),
    (true, ""),
    (true, ".txt"),
    (true, ".txt.gz"),
];

impl Files {
    /// A folder of ranges of hashes of this kind.
    pub fn new(kind: HashKind, folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref().to_owned();
        let layout = 0;
        Self {
            folder,
            kind,
            layout,
        }
    }

    /// All that is known of a range; `None` if there is no file.
    ///
    /// # Errors
    /// [`FileError::NotWhole`] for a line that is none or does not ascend, for a file without any, for gzip that does not
    /// end as it should, and for more than [`MAX_ANSWER`] octets; [`FileError::Io`].
    pub fn suffixes(&mut self, range: Range) -> Result<Option<Suffixes>, FileError> {
        let read = self.read(range).map_err(|e| FileError::Io(range, e))?;
        let Some(octets) = read else {
            return Ok(None);
        };
        let text = match octets.as_slice() {
            [] => Err(NotWhole::Empty),
            [0x1f, 0x8b, ..] => answer::unzipped(&octets),
            octets if octets.len() > MAX_ANSWER => Err(NotWhole::TooLong),
            _ => Ok(octets),
        };
        let text = text.and_then(|text| match text.as_slice() {
            [] => Err(NotWhole::Empty),
            _ => Ok(text),
        });
        let suffixes = text.and_then(|text| Suffixes::read(self.kind, range, &text));
        suffixes
            .map(Some)
            .map_err(|what| FileError::NotWhole(range, what))
    }

    fn read(&mut self, range: Range) -> io::Result<Option<Vec<u8>>> {
        let layouts = std::iter::once(self.layout).chain(0..LAYOUTS.len());
        for layout in layouts {
            let Some((is_folded, end)) = LAYOUTS.get(layout) else {
                continue;
            };
            let name = range.to_string();
            let mut path = self.folder.clone();
            if *is_folded {
                path.push(name.get(..3).unwrap_or_default());
            }
            path.push(name + end);
            let file = match fs::File::open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                file => file?,
            };
            self.layout = layout;
            let mut octets = Vec::new();
            file.take(MAX_ANSWER as u64 + 1).read_to_end(&mut octets)?;
            return Ok(Some(octets));
        }
        Ok(None)
    }
}
