//! What a client cannot see of a connection from afar, over streams in memory.

use super::*;
use crate::fixture::{ACCOUNT, Enrolled, Fixture, PASSWORD, Time, corpus};
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
        let mut client = Self::connect(fixture, buffer, IpAddr::from([192, 0, 2, 1])).await;
        let answer = client.try_login(ACCOUNT, PASSWORD).await;
        assert!(answer.starts_with("+OK"), "{answer}");
        client
    }

    async fn connect(fixture: &Fixture, buffer: usize, from: IpAddr) -> Self {
        let (stream, far) = duplex(buffer);
        let most = Arc::new(AtomicUsize::new(0));
        let far = Measured {
            stream: far,
            most: most.clone(),
        };
        let stop = Stop::of(&fixture.stop);
        let login = Instant::now() + Duration::from_secs(60);
        let served = tokio::spawn(talk(fixture.service, far, from, login, stop));
        let mut client = Self {
            stream,
            most,
            served,
        };
        assert!(client.line().await.starts_with("+OK"));
        client
    }

    /// The answer to PASS.
    async fn try_login(&mut self, user: &str, password: &str) -> String {
        self.say(&format!("USER {user}\r\n")).await;
        let answer = self.line().await;
        assert!(answer.starts_with("+OK"), "{answer}");
        self.say(&format!("PASS {password}\r\n")).await;
        self.line().await
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

/// After enrolment. The mutations: the same before it, and with a name that nobody has.
#[tokio::test(start_paused = true)]
async fn who_has_a_second_factor_reads_mail_with_an_app_password_alone() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |_| {}).await;
    let logins = &fixture.service.logins;
    let ask = async |network: u8, user: &str, word: &str| {
        let from = IpAddr::from([10, 0, network, 1]);
        let mut client = Client::connect(&fixture, 4096, from).await;
        let answer = client.try_login(user, word).await;
        client.say("QUIT\r\n").await;
        let _ = client.served.await.unwrap();
        answer
    };
    assert!(ask(1, ACCOUNT, PASSWORD).await.starts_with("+OK"));
    let enrolled = Enrolled::new(&fixture, &time).await;
    let before = logins.computed();
    let refused = ask(1, ACCOUNT, PASSWORD).await;
    assert!(
        refused.starts_with("-ERR [AUTH] ") && refused.contains("app password"),
        "{refused}"
    );
    let code = enrolled.code(time.now());
    let upside_down: String = enrolled.app.chars().rev().collect();
    for word in [
        PASSWORD,
        "a wrong one",
        &code,
        &enrolled.recovery[0],
        &upside_down,
    ] {
        assert_eq!(
            ask(2, ACCOUNT, word).await,
            refused,
            "the same for whatever it was"
        );
    }
    assert_eq!(logins.computed(), before, "no password was looked at");
    assert!(ask(3, ACCOUNT, &enrolled.app).await.starts_with("+OK"));
    assert_eq!(logins.computed(), before);
    // What it says tells nobody apart.
    assert_eq!(ask(4, "nobody@b.test", PASSWORD).await, refused);
    assert_eq!(logins.computed(), before + 1);
    // An app password for something else is none here, and none opens the site.
    let (factors, user) = (
        logins.two_factor(),
        crate::second_factor::user_of(ACCOUNT).unwrap(),
    );
    let new = twofactor::NewAppPassword {
        name: "Signer",
        scopes: Scope::Imap | Scope::Smtp | Scope::Sign,
    };
    let other = factors.app_password(&user, new, time.now()).await.unwrap();
    assert_eq!(ask(5, ACCOUNT, &other.text()).await, refused);
    for word in [enrolled.app.clone(), other.text()] {
        let login = logins.password([10, 0, 6, 1].into(), ACCOUNT, word).await;
        let wrong = twofactor::Refusal::Wrong;
        assert!(
            matches!(login, crate::login::WebLogin::Refused(why) if why == wrong),
            "{login:?}"
        );
    }
}

/// The budget of the doors is that of real connections, too, and waits are told in seconds.
#[tokio::test(start_paused = true)]
async fn connections_share_the_budget_and_are_told_how_long_to_wait() {
    let time = Time::new();
    let fixture = Fixture::at(time.clock(), |_| {}).await;
    let logins = &fixture.service.logins;
    let mut answers = Vec::new();
    for n in 0..40 {
        let from = IpAddr::from([10, 1, n, 1]);
        let mut client = Client::connect(&fixture, 4096, from).await;
        loop {
            let answer = client.try_login(ACCOUNT, &format!("guess {n}")).await;
            let wrong = answer.starts_with("-ERR [AUTH]");
            answers.push(answer);
            if !wrong || answers.len() % 3 == 0 {
                break;
            }
        }
        drop(client.stream);
        let _ = client.served.await.unwrap();
    }
    assert_eq!(logins.computed(), 5);
    let waits = answers
        .iter()
        .filter(|answer| answer.starts_with("-ERR [LOGIN-DELAY]"));
    assert_eq!(waits.clone().count(), answers.len() - 5);
    assert!(
        waits.clone().all(|wait| wait.ends_with(" 31 seconds\r\n")),
        "{answers:?}"
    );
    time.later(Duration::from_secs(30));
    let mut client = Client::connect(&fixture, 4096, [10, 2, 0, 1].into()).await;
    assert!(client.try_login(ACCOUNT, PASSWORD).await.starts_with("+OK"));
}

/// The mutations: the same where there is no site, and with a password that nobody knows.
#[tokio::test(start_paused = true)]
async fn a_password_that_is_known_from_breaches_is_refused_where_it_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pwned.pages");
    let answer = async |site: &[&str], known: &str| {
        corpus(&path, &[(known, 5)], &[]);
        let time = Time::new();
        let fixture = Fixture::at(time.clock(), |config| {
            config.password.corpus = Some(path.clone());
            config.listen.https = site.iter().map(|it| it.parse().unwrap()).collect();
        });
        let fixture = fixture.await;
        let mut client = Client::connect(&fixture, 4096, IpAddr::from([10, 0, 0, 1])).await;
        let answer = client.try_login(ACCOUNT, PASSWORD).await;
        if answer.starts_with("+OK") {
            client.say("QUIT\r\n").await;
        }
        let _ = client.served.await.unwrap();
        answer
    };
    let site = ["127.0.0.1:8443"];
    let refused = answer(&site, PASSWORD).await;
    assert_eq!(
        refused,
        "-ERR [AUTH] this password is known from breaches; choose another one at \
         https://mx.b.test:8443/account/password\r\n"
    );
    assert!(answer(&[], PASSWORD).await.starts_with("+OK"));
    assert!(answer(&site, "somebody else's").await.starts_with("+OK"));
}
