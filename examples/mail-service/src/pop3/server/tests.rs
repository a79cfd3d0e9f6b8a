//! What a client cannot see of a connection from afar, over streams in memory.

use super::*;
use crate::fixture::{ACCOUNT, Fixture, PASSWORD};
use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    task::JoinHandle,
};

/// A stream that remembers how much was to be written at once.
struct Measured {
    stream: DuplexStream,
    most: Arc<AtomicUsize>,
}

impl AsyncRead for Measured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Measured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.most.fetch_max(buf.len(), Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Client {
    stream: DuplexStream,
    most: Arc<AtomicUsize>,
    served: JoinHandle<io::Result<()>>,
}

impl Client {
    /// A client that has logged in, whose connection holds so many octets that nobody has read.
    async fn log_in(fixture: &Fixture, buffer: usize) -> Self {
        let (stream, far) = duplex(buffer);
        let most = Arc::new(AtomicUsize::new(0));
        let far = Measured {
            stream: far,
            most: most.clone(),
        };
        let stop = Stop::of(&fixture.stop);
        let login = Instant::now() + Duration::from_secs(60);
        let client = IpAddr::from([192, 0, 2, 1]);
        let served = tokio::spawn(talk(fixture.service, far, client, login, stop));
        let mut client = Self {
            stream,
            most,
            served,
        };
        assert!(client.line().await.starts_with("+OK"));
        for line in [
            format!("USER {ACCOUNT}\r\n"),
            format!("PASS {PASSWORD}\r\n"),
        ] {
            client.say(&line).await;
            let answer = client.line().await;
            assert!(answer.starts_with("+OK"), "{answer}");
        }
        client
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        while !line.ends_with('\n') {
            line.push(char::from(self.stream.read_u8().await.unwrap()));
        }
        line
    }
}

fn account() -> Arc<str> {
    ACCOUNT.into()
}

/// RFC 1939 §6. The mutation gives the lock back after the reply; here it is then still held,
/// because one octet of the reply is all that the connection takes.
#[tokio::test]
async fn whoever_hears_that_a_session_has_ended_can_log_in_again() {
    let fixture = Fixture::new(|_| {}).await;
    let Service {
        mailboxes, clock, ..
    } = fixture.service;
    let mut client = Client::log_in(&fixture, 1).await;
    let taken = mailboxes.lock(&account(), clock).await.unwrap();
    assert!(taken.is_none());

    client.say("QUIT\r\n").await;
    assert_eq!(client.stream.read_u8().await.unwrap(), b'+');
    let lock = mailboxes.lock(&account(), clock).await.unwrap();
    lock.expect("the maildrop is free").release().await;
    while client.stream.read_u8().await.is_ok() {}
    client.served.await.unwrap().unwrap();
}

/// However a session ends. The mutation gives the lock back neither after the talk nor when it is dropped.
#[tokio::test]
async fn a_session_that_breaks_off_leaves_no_lock() {
    let fixture = Fixture::new(|_| {}).await;
    let Service {
        mailboxes, clock, ..
    } = fixture.service;
    for last_words in ["", "STAT\0\r\n", "STAT\n"] {
        let mut client = Client::log_in(&fixture, 4096).await;
        client.say(last_words).await;
        drop(client.stream);
        let _ = client.served.await.unwrap();
        let lock = mailboxes.lock(&account(), clock).await.unwrap();
        lock.expect("the maildrop is free").release().await;
    }
}

/// The mutation collects the answers to all that stands in one segment: 2 MB here.
#[tokio::test]
async fn answers_do_not_pile_up() {
    let fixture = Fixture::new(|_| {}).await;
    let Service {
        mailboxes, clock, ..
    } = fixture.service;
    let accounts = [account()];
    for _ in 0..500 {
        let stored = mailboxes.deliver(&accounts, b"A: b\r\n\r\n", clock.now());
        stored.await.unwrap();
    }
    let mut client = Client::log_in(&fixture, 4096).await;
    let lists = 500;
    client.say(&"LIST\r\n".repeat(lists)).await;
    client.say("QUIT\r\n").await;
    let mut answers = String::new();
    client.stream.read_to_string(&mut answers).await.unwrap();
    client.served.await.unwrap().unwrap();

    let ends = answers.lines().filter(|&l| l == ".").count();
    assert_eq!(ends, lists);
    let one = answers.len() / lists;
    let most = client.most.load(Ordering::Relaxed);
    assert!(most <= FLUSH + 2 * one, "{most} octets at once");
}

/// The mutation drops a connection with unread octets: the reset can overtake the answer.
#[tokio::test]
async fn a_broken_line_is_answered_though_the_client_still_speaks() {
    let fixture = Fixture::new(|_| {}).await;
    let client = Client::log_in(&fixture, 16).await;
    let (mut hear, mut speak) = tokio::io::split(client.stream);
    let speaking = tokio::spawn(async move {
        for _ in 0..1000 {
            speak.write_all(&[b'a'; 100]).await.unwrap();
        }
        // Whoever has heard the answer hangs up.
        speak.shutdown().await.unwrap();
    });
    let mut answer = String::new();
    hear.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "-ERR broken line\r\n");
    speaking.await.unwrap();
    client.served.await.unwrap().unwrap();
}
