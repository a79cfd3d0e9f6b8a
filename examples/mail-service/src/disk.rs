//! Whether the disk has room, asked before a message is stored.
//!
//! To make room in a full SQLite file takes room in its log, on the same disk. One message that fills
//! the disk and is refused then would shut all others out; so it is refused while there still is
//! some, as Postfix does (`queue_minfree`).

use std::path::PathBuf;

/// The disk that the store is on.
#[derive(Debug)]
pub(crate) struct Disk {
    /// None: the store is not on a disk of ours.
    folder: Option<PathBuf>,
}

/// What is left to the store for its own work.
const RESERVE: u64 = 1024 * 1024;

impl Disk {
    pub(crate) fn of(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// Whether a message of so many octets can be stored: in the log first, then in the file, both
    /// times with something around it. If the disk cannot be asked, the store will tell.
    pub(crate) fn has_room(&self, octets: usize) -> bool {
        let needed = (octets as u64).saturating_mul(5) / 2 + RESERVE;
        self.free().is_none_or(|free| free >= needed)
    }

    #[cfg(unix)]
    fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.folder.as_ref()?).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    #[cfg(not(unix))]
    fn free(&self) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_larger_than_the_disk_does_not_fit() {
        let disk = Disk::of(Some(std::env::temp_dir()));
        assert!(disk.has_room(0));
        assert_eq!(disk.has_room(usize::MAX), cfg!(not(unix)));
        // What cannot be asked does not say no.
        assert!(Disk::of(None).has_room(usize::MAX));
        assert!(Disk::of(Some("/no/such/folder".into())).has_room(usize::MAX));
    }
}
