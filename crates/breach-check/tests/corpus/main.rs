//! Corpora of made-up hashes, as large as they are made: `LETTERLOCK_CORPUS_ENTRIES` sets another size than two million.

#![allow(clippy::unwrap_used)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // made-up hashes, and rates of them

mod damage;
mod hashes;
mod holds;
mod reading;
mod writers;
