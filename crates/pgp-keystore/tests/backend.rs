//! Without a backend the crate builds its types, and this is the one test that fails.

#[cfg(not(feature = "_backend"))]
#[test]
fn a_backend_is_chosen() {
    panic!("no backend was chosen: cargo test -p pgp-keystore --features crypto-openssl");
}

#[cfg(feature = "_backend")]
#[test]
fn a_backend_is_chosen() {
    assert!(!pgp_keystore::backend().is_empty());
}
