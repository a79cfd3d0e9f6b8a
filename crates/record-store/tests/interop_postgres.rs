//! The store on a real PostgreSQL server that each test starts for itself. `cargo xtask interop postgres` runs these.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres as Server;
use common::proxy::Proxy;
use pollster::block_on;
use record_store::{
    AnyStore, Commit, Error, Expect, Heard, Key, Outcome, Postgres, PostgresOptions, Prefix,
    Records, conformance,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_conformance() {
    let server = Server::start();
    let store = Arc::new(AnyStore::open(&server.url()).unwrap());
    conformance::run(&store, now()).unwrap();
}
