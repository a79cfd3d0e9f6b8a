//! What is sent, when, and what the operator hears of it.

use super::*;
use crate::service::Stop;
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    /// What is logged by this thread, while the guard lives.
    fn here(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Logged {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What must not leave: the address or a part of it, and more than six characters of its hash.
fn leaks(heard: &str, address: &str) -> Vec<String> {
    let heard = heard.to_lowercase();
    let hash = breach_check::PasswordHash::sha1(address).hex().to_string();
    let hash = hash.to_lowercase();
    let sevens = (0..hash.len() - 6).map(|at| hash[at..at + 7].to_owned());
    let (local, domain) = address.split_once('@').unwrap();
    let words = [address, domain, &format!("{local}%40")].map(str::to_owned);
    let all = sevens.chain(words);
    all.filter(|part| heard.contains(part)).collect()
}

/// All octets that the real client sends, as the configuration says.
#[tokio::test]
async fn six_characters_of_the_hash_are_all_that_leaves_of_an_address() {
    let stage = Stage::on_disk().await;
    let peer = stage.breaches.serve().await.unwrap();
    let mut config = stage.fixture.service.config.clone();
    let key_file = config.data_dir.with_extension("key");
    secret_file::write_new(&key_file, &format!("{KEY}\nmore\n")).unwrap();
    config.breach_alerts.service = Some(format!("{}/api/v3", peer.url()));
    config.breach_alerts.key_file = Some(key_file);
    let store = stage.fixture.store.clone();
    let accounts = Arc::new(Accounts::new(store.clone()));
    let boxes = stage.fixture.service.mailboxes.clone();
    let node = open(&config, store, accounts, boxes, stage.time.clock());
    let node = node.await.unwrap().unwrap();
    node.watch().await.unwrap();
    for _ in 0..20 {
        let until = node.ask().await;
        let wait = until.duration_since(stage.time.now()).unwrap_or_default();
        if wait > HOUR {
            break;
        }
        stage.time.later(wait);
    }
    assert_eq!(node.tell().await.unwrap().delivered, 1);
    let heard = peer.heard();
    let range = addresses::Address::parse(ACCOUNT).unwrap().range();
    let line = format!("GET /api/v3/breachedaccount/range/{range} HTTP/1.1\r\n");
    assert!(heard.contains(&line), "{heard}");
    assert_eq!(leaks(&heard, ACCOUNT), Vec::<String>::new(), "{heard}");
    // The mutation: one character more of the hash, or the address, would be found.
    let hash = breach_check::PasswordHash::sha1(ACCOUNT).hex().to_string();
    assert!(!leaks(&heard.replace(&range.to_string(), &hash[..7]), ACCOUNT).is_empty());
    assert!(!leaks(&format!("GET /breachedaccount/{ACCOUNT}"), ACCOUNT).is_empty());
}

#[tokio::test]
async fn who_asks_too_often_waits_as_long_as_it_is_told_and_the_operator_hears_of_it() {
    let stage = Stage::new(|_| {}).await;
    let (node, logged) = (stage.node(), Logged::default());
    node.watch().await.unwrap();
    let _here = logged.here();
    stage.breaches.refuse(429, Some(120));
    let until = node.ask().await;
    let wait = until.duration_since(stage.time.now()).unwrap();
    assert!(wait >= Duration::from_secs(120), "{wait:?}");
    assert_eq!(stage.breaches.asked().len(), 1);
    let said = logged.text();
    assert!(
        said.contains("too many requests") && !said.contains("joe"),
        "{said}"
    );
    // However often it is called, nothing is sent before.
    for _ in 0..10 {
        stage.time.later(Duration::from_secs(11));
        assert_eq!(node.ask().await, until);
        assert!(stage.breaches.asked().is_empty());
    }
    stage.time.later(Duration::from_secs(11));
    stage.work(&node).await;
    assert_eq!(stage.mails(ACCOUNT).await.len(), 1);
}

#[tokio::test]
async fn the_operator_hears_of_a_wrong_key_and_of_a_plan_that_lacks_it() {
    let stage = Stage::new(|_| {}).await;
    let (node, logged) = (stage.node(), Logged::default());
    node.watch().await.unwrap();
    let _here = logged.here();
    stage.breaches.refuse(401, None);
    node.ask().await;
    let said = logged.text();
    assert!(
        said.contains("does not take the key") && said.contains("addresses.key"),
        "{said}"
    );
    assert!(!said.contains("joe") && !said.contains(KEY), "{said}");
    stage.breaches.has_k_anonymity(false);
    stage.work(&node).await;
    let said = logged.text();
    assert!(
        said.contains("NOT told") && said.contains("users=1"),
        "{said}"
    );
    assert!(!said.contains("joe"), "{said}");
    let asked = stage.breaches.asked();
    assert!(
        !asked.iter().any(|path| path.contains("breachedaccount")),
        "{asked:?}"
    );
    assert!(stage.mails(ACCOUNT).await.is_empty());
    // Another plan.
    stage.breaches.has_k_anonymity(true);
    stage.time.later(25 * HOUR);
    stage.work(&node).await;
    stage.time.later(25 * HOUR);
    stage.work(&node).await;
    assert_eq!(stage.mails(ACCOUNT).await.len(), 1);
}

/// The clock of the runtime, which stands until nobody has anything else to do; and how often it was looked at.
fn clock(looks: &Arc<AtomicUsize>) -> Clock {
    let (begin, start, looks) = (Time::new().now(), Instant::now(), looks.clone());
    Clock::from_fn(move || {
        looks.fetch_add(1, Ordering::Relaxed);
        begin + start.elapsed()
    })
}

/// A day of the background task: it sleeps as long as there is nothing to do, whatever the service says.
#[tokio::test(start_paused = true)]
async fn a_day_passes_without_a_busy_loop() {
    for (refusal, most_requests) in [
        (None, 20),
        (Some((429, Some(60))), 1500),
        (Some((500, None)), 40),
    ] {
        let stage = Stage::new(|_| {}).await;
        for _ in 0..2000 {
            if let Some((status, after)) = refusal {
                stage.breaches.refuse(status, after);
            }
        }
        let looks = Arc::new(AtomicUsize::new(0));
        let mut node = stage.node();
        node.clock = clock(&looks);
        let (alive, mut ended) = mpsc::channel(1);
        let stop = Stop::of(&stage.fixture.stop);
        let work = tokio::spawn(work(Arc::new(node), stop, alive));
        sleep(24 * HOUR).await;
        let requests = stage.breaches.asked().len();
        assert!(
            (5..most_requests).contains(&requests),
            "{refusal:?}: {requests}"
        );
        // Once a minute, and twice for each request.
        let looks = looks.load(Ordering::Relaxed);
        assert!(looks < 15_000, "{refusal:?}: {looks}");
        let told = usize::from(refusal.is_none());
        assert_eq!(stage.mails(ACCOUNT).await.len(), told);
        stage.fixture.stop.send(Some(Instant::now())).unwrap();
        work.await.unwrap();
        assert_eq!(ended.recv().await, None);
    }
}

#[tokio::test]
async fn a_start_says_what_is_wrong_and_off_is_off() {
    let stage = Stage::new(|_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = stage.fixture.service.config.clone();
    let open = async |config: &Config| {
        let (store, service) = (stage.fixture.store.clone(), stage.fixture.service);
        let accounts = Arc::new(Accounts::new(store.clone()));
        let opened = open(
            config,
            store,
            accounts,
            service.mailboxes.clone(),
            stage.time.clock(),
        );
        opened.await.map(|alerts| alerts.is_some())
    };
    assert!(!open(&config).await.unwrap());
    let file = folder.path().join("key");
    config.breach_alerts.service = Some("https://a.test/api/v3".into());
    config.breach_alerts.key_file = Some(file.clone());
    config.breach_alerts.authorities = Some(folder.path().join("ca.pem"));
    assert!(matches!(open(&config).await, Err(Error::KeyFile(..))));
    secret_file::write_new(&file, "two words\n").unwrap();
    assert!(matches!(open(&config).await, Err(Error::ApiKey(_))));
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    assert!(matches!(open(&config).await, Err(Error::Authorities(..))));
    std::fs::write(folder.path().join("ca.pem"), "none").unwrap();
    assert!(matches!(open(&config).await, Err(Error::NoCertificates(_))));
    let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).unwrap();
    assert!(open(&config).await.unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(matches!(open(&config).await, Err(Error::Exposed(_))));
    }
}
