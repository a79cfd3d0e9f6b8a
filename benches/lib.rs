//! Measurements beside peers, one file per crate in `benches/`.
