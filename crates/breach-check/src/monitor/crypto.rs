//! The only file of the monitor that names the backend of its hashes and its randomness.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag};

use super::Error;

/// HMAC-SHA-256 of all these octets in a row: all but the last have fixed lengths.
pub(super) fn hmac(key: &[u8; 32], octets: &[&[u8]]) -> Tag {
    let mut context = Context::with_key(&Key::new(HMAC_SHA256, key));
    octets.iter().for_each(|some| context.update(some));
    context.sign()
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| Error::Random)?;
    Ok(octets)
}
