//! Tests beside other implementations that are libraries: `tests/`. Nothing depends on this package, so that no crate
//! of ours depends on its peers.
