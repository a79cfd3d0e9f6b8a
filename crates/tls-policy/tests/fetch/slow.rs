//! Hosts that take their time. The clock is tokio's, and moves when everybody waits.

use crate::{
    naive,
    server::{HOST, Serve, Server, Stream, far, fetch, fetcher, request, zone},
    support::{Ca, now},
};
use mail_dns::{Answer, Query, Resolver, Zone};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tls_policy::{fetch::FetchError, sts::FetchFailure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{self, sleep},
};

const PAUSE: Duration = Duration::from_secs(9);

/// Sends the beginning, and then an octet every nine seconds: what each time is new, and in all has no
/// end. It counts them.
fn dripping(beginning: &'static str, sent: &Arc<AtomicUsize>) -> Serve {
    let sent = Arc::clone(sent);
    Box::new(move |mut stream: Stream| {
        let sent = Arc::clone(&sent);
        Box::pin(async move {
            let _ = stream.write_all(beginning.as_bytes()).await;
            let _ = stream.flush().await;
            time::pause();
            loop {
                sleep(PAUSE).await;
                if stream.write_all(b"x").await.is_err() || stream.flush().await.is_err() {
                    break;
                }
                sent.fetch_add(1, Ordering::Relaxed);
            }
        })
    })
}

async fn drips(beginning: &'static str) {
    let ca = Ca::new();
    let sent = Arc::new(AtomicUsize::new(0));
    let server = Server::start(&ca.issue(&[HOST]), dripping(beginning, &sent)).await;
    let start = time::Instant::now();
    assert_eq!(fetch(&ca, &server).await.err(), Some(FetchError::Timeout));
    assert_eq!(start.elapsed().as_secs(), FetchFailure::TIME.as_secs());
    assert!(sent.load(Ordering::Relaxed) <= 7);
    // Mutation: a limit for the single octet, as naive clients have it, ends nothing.
    time::resume();
    sent.store(0, Ordering::Relaxed);
    let start = time::Instant::now();
    let (head, body) = naive::get(&server, beginning.len() + 20).await;
    assert!(head.len() + body.len() >= beginning.len() + 20);
    assert!(start.elapsed() > 2 * FetchFailure::TIME);
}

#[tokio::test]
async fn a_slow_body() {
    drips("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n").await;
}

#[tokio::test]
async fn a_slow_chunk() {
    drips("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n100\r\n").await;
}

#[tokio::test]
async fn a_slow_head() {
    drips("HTTP/1.1 200 OK\r\nx: ").await;
}

#[tokio::test]
async fn a_slow_status_line() {
    drips("HTTP/1.1 200 ").await;
}

#[tokio::test]
async fn a_handshake_that_never_goes_on() {
    let ca = Ca::new();
    let server = Server::raw(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        time::pause();
        std::future::pending::<()>().await;
    })
    .await;
    let start = time::Instant::now();
    assert_eq!(fetch(&ca, &server).await.err(), Some(FetchError::Timeout));
    assert_eq!(start.elapsed().as_secs(), FetchFailure::TIME.as_secs());
}

/// Answers, but not before a while.
struct Slow(Zone, Duration);

impl Resolver for Slow {
    async fn resolve(&self, query: &Query, _: SystemTime, _: Instant) -> Answer {
        sleep(self.1).await;
        self.0.answer(query)
    }
}

#[tokio::test(start_paused = true)]
async fn the_look_up_counts_and_so_does_the_deadline() {
    let ca = Ca::new();
    let hour = Duration::from_secs(3600);
    let slow = fetcher(&ca, Slow(zone(), hour), 1);
    let start = time::Instant::now();
    let answer = slow.policy(&request(), now(), far()).await;
    assert_eq!(answer.err(), Some(FetchError::Timeout));
    assert_eq!(start.elapsed(), FetchFailure::TIME);
    // The deadline of the caller, if it is nearer.
    let start = time::Instant::now();
    let deadline = (start + Duration::from_secs(5)).into_std();
    let answer = slow.policy(&request(), now(), deadline).await;
    assert_eq!(answer.err(), Some(FetchError::Timeout));
    assert_eq!(start.elapsed().as_secs(), 5);
    // Mutation: a resolver that is only a little slow is no obstacle; what fails is the connection.
    let quick = fetcher(&ca, Slow(zone(), Duration::from_secs(30)), 1);
    let answer = quick.policy(&request(), now(), far()).await;
    assert!(matches!(answer, Err(FetchError::Connect(_))), "{answer:?}");
}
