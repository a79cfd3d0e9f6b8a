//! The cipher alone, and memory alone.

use std::hint::black_box;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::{Row, SIZE, content};

const CHUNK: usize = 1 << 16;

pub(crate) fn rows() -> Vec<Row> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let mut chunk = vec![1; CHUNK];
    let cipher = move || {
        for number in 0..(SIZE / CHUNK) as u64 {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&number.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from(b"12345"), &mut chunk);
            let _ = black_box(tag.unwrap());
        }
    };
    let (one, other) = (content(), content());
    let mut reused = other.clone();
    vec![
        Row::new("AES-256-GCM of ring, 64 KiB in place, hot", cipher),
        Row::new("memcpy into a reused buffer", move || {
            reused.copy_from_slice(black_box(&other));
            black_box(&reused);
        }),
        Row::new("memcpy into a fresh buffer", move || {
            black_box(black_box(&one).to_vec());
        }),
    ]
}
