//! Tests beside other implementations, libraries and programs: `tests/`. Nothing depends on this package, so that no crate
//! of ours depends on its peers.
