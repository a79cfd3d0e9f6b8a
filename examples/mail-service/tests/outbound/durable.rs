//! What a handshake has proved is on the disk before the letter is spoken of, whatever kills the sender then.

use crate::peer::{Identity, Script};
use crate::world::{World, host, letter};
use mail_dns::Security;
use mail_service::{
    Clock, Config,
    outbound::{Outbound, Validating},
};
use std::{env, path::PathBuf, process::Command, sync::Arc, time::Duration};
use tls_policy::MemoryFact;
use tokio::sync::Notify;

const PORT: &str = "LETTERLOCK_TEST_PORT";
const DATA: &str = "LETTERLOCK_TEST_DATA";
const IP: &str = "LETTERLOCK_TEST_IP";
const CA: &str = "LETTERLOCK_TEST_CA";
const TLSA: &str = "LETTERLOCK_TEST_TLSA";

/// In the process that is killed.
#[tokio::test]
async fn child_that_is_killed() {
    let Ok(port) = env::var(PORT) else {
        // Not started by the test below: there is nothing to do.
        return;
    };
    let data = PathBuf::from(env::var(DATA).unwrap());
    let mut config = World::config(&data, port.parse().unwrap());
    config.data_dir = data;
    config.outbound.authorities = Some(env::var(CA).unwrap().into());
    let octets: Vec<u8> = env::var(TLSA)
        .unwrap()
        .split(' ')
        .map(|o| o.parse().unwrap())
        .collect();
    let ip: std::net::IpAddr = env::var(IP).unwrap().parse().unwrap();
    let zone = mail_dns::Zone::new()
        .with_security(Security::Secure)
        .mx("b.test", 10, &host(1))
        .and_then(|zone| zone.address(&host(1), ip))
        .and_then(|zone| zone.tlsa(&format!("_{port}._tcp.{}", host(1)), &octets))
        .unwrap();
    let store = Arc::new(config.open_store().unwrap());
    let resolver = Validating::Zone(zone);
    let outbound = Outbound::on_loopback(&config, store, Clock::system(), resolver, 1).unwrap();
    outbound.deliver(&letter()).await;
    panic!("it should have been killed");
}

fn open(config: &Config) -> Outbound {
    let store = Arc::new(config.open_store().unwrap());
    Outbound::new(config, store, Clock::system()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_after_the_handshake_loses_no_proof() {
    let world = World::new().await;
    let identity = Identity::own(&host(1));
    // The peer has heard MAIL, and nothing is answered: nobody was told of a delivery yet.
    let script = Script {
        hold: Some(Arc::new(Notify::new())),
        ..Script::tls()
    };
    let peer = world.peer(1, script, &identity).await;
    let tlsa: Vec<String> = identity.tlsa().iter().map(u8::to_string).collect();
    let mut config = world.config.clone();
    config.data_dir = world.config.data_dir.join("child");
    config.prepare().unwrap();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "durable::child_that_is_killed", "--nocapture"]);
    child
        .env(PORT, peer.address.port().to_string())
        .env(IP, peer.address.ip().to_string());
    child.env(DATA, &config.data_dir).env(TLSA, tlsa.join(" "));
    child.env(CA, config.outbound.authorities.as_ref().unwrap());
    let mut child = child.spawn().unwrap();
    let came = tokio::time::timeout(Duration::from_secs(60), peer.mail_came.notified()).await;
    child.kill().unwrap(); // SIGKILL
    let ended = child.wait().unwrap();
    assert!(came.is_ok() && !ended.success(), "{ended}");
    let outbound = open(&config);
    let now = Clock::system().now();
    assert_eq!(outbound.memory().len(now).await.unwrap(), 1);
    // It is a first proof: with one of two days later it binds.
    let later = now + Duration::from_secs(49 * 3600);
    outbound
        .memory()
        .proved("b.test", tls_policy::Proof::Dane, later)
        .await
        .unwrap();
    assert_eq!(
        outbound.memory().fact("b.test", later).await,
        MemoryFact::Verified
    );
}
