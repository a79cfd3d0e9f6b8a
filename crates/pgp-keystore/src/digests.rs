//! The hashes of names in directories: AWS-LC's. They hide nothing and sign nothing.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// As the Web Key Directory has it.
pub(crate) fn sha1(octets: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, octets).as_ref().to_vec()
}

/// As RFC 7929 §3 has it.
pub(crate) fn sha256(octets: &[u8]) -> Vec<u8> {
    digest(&SHA256, octets).as_ref().to_vec()
}
