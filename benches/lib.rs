//! Measurements beside peers, one file per crate in `benches/`.

// The workspace's README belongs to no crate; its examples run here, where all the crates are known.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
