//! ASCII armor (RFC 9580 §6).

mod read;
mod write;

pub(crate) use read::{ArmorReader, in_place};
pub(crate) use write::ArmorWriter;

const BEGIN: &[u8] = b"-----BEGIN PGP MESSAGE-----";
const END: &[u8] = b"-----END PGP MESSAGE-----";

/// Whether what begins with this octet may be armored; every packet has the highest bit.
pub(crate) fn may_begin_with(octet: u8) -> bool {
    octet < 0x80
}
