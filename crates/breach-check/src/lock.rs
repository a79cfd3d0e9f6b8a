//! One writer of a file, or of a folder, at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A lock that is held until it is dropped, or whoever holds it is killed.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// On this file, which is made if it is not there, and stays: if it were removed, another could be made beside it, and
    /// two would each hold one. `None` if somebody else holds it.
    pub(crate) fn hold(path: &Path) -> io::Result<Option<Self>> {
        let mut options = File::options();
        let file = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that another thread is starting has this file, too, until it is a program of its own; closing ours
        // would not let go of it.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_was_started_with_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::hold(&path).unwrap().unwrap();
        assert!(Lock::hold(&path).unwrap().is_none());
        // As a process that another thread starts has it.
        let copy = held.0.try_clone().unwrap();
        drop(held);
        let again = Lock::hold(&path).unwrap();
        assert!(again.is_some());
        drop((copy, again));
        // The mutation: closed, and not let go of.
        let file = File::options().write(true).open(&path).unwrap();
        file.try_lock().unwrap();
        let copy = file.try_clone().unwrap();
        drop(file);
        assert!(Lock::hold(&path).unwrap().is_none());
        drop(copy);
    }
}
