//! Servers that do what they like: whatever they do, the audit comes to an end, and what it does not know it
//! calls unknown, with its cause. Time is tokio's, which stands still but where everybody waits.
#![allow(missing_docs, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tls_audit::{Net, Roots, Service, Target, examine};
use tls_policy::audit::{Cause, Protocol};
use tls_policy::probe::Plan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server says in the clear, line for line, and what it does when TLS should begin.
#[derive(Clone, Copy)]
struct Script {
    /// Sent, and then a line is waited for.
    dialogue: &'static [&'static str],
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Octets(&'static [u8]),
    /// Records of one octet, without an end.
    Endless,
    /// A ServerHello of which each octet comes after a second.
    Slowly,
    Close,
    Silence,
    /// Closes before it reads.
    Reset,
}

struct Hostile {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

async fn start(script: Script) -> Hostile {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            // What becomes of a connection is its own affair.
            tokio::spawn(async move { serve(stream, script).await.ok() });
        }
    });
    Hostile {
        address,
        connections,
    }
}

async fn serve(mut stream: TcpStream, script: Script) -> std::io::Result<()> {
    let mut buffer = [0; 8192];
    for line in script.dialogue {
        stream.write_all(line.as_bytes()).await?;
        if !line.is_empty() {
            heard(&mut stream, &mut buffer).await?;
        }
    }
    // After the last line the ClientHello has been read already, if there was a dialogue.
    if script.dialogue.is_empty() && !matches!(script.then, Then::Reset) {
        heard(&mut stream, &mut buffer).await?;
    }
    match script.then {
        Then::Octets(octets) => {
            stream.write_all(octets).await?;
            heard(&mut stream, &mut buffer).await?;
        }
        Then::Endless => loop {
            stream.write_all(&[22, 3, 3, 0, 1, 2].repeat(1000)).await?;
        },
        Then::Slowly => {
            for octet in [22, 3, 3, 0, 100, 2, 0, 0, 96].iter().chain(&[3; 91]) {
                stream.write_all(&[*octet]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Then::Silence => {
            // Until the other side has had enough.
            while heard(&mut stream, &mut buffer).await? > 0 {}
        }
        Then::Close | Then::Reset => {}
    }
    Ok(())
}

/// Something, however much: what it is does not matter.
async fn heard(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    stream.read(buffer).await
}

async fn audit(hostile: &Hostile, protocol: Protocol) -> Service {
    let net = Net::new(Duration::from_secs(10), Duration::from_millis(100));
    let target = Target {
        host: "mx.a.test".into(),
        protocol,
        address: hostile.address,
    };
    let service = examine(&net, &target, 60, &Roots::new([]), SystemTime::UNIX_EPOCH).await;
    assert!(hostile.connections.load(Ordering::Relaxed) <= 1 + Plan::MAX_CLOSED);
    service
}

/// Nothing is known, nothing is denied.
fn unknown(service: &Service, cause: Cause) {
    let tls = &service.facts.tls;
    for version in [
        &tls.ssl2, &tls.ssl3, &tls.tls10, &tls.tls11, &tls.tls12, &tls.tls13,
    ] {
        assert_eq!(version.cause(), Some(cause), "{version:?}");
    }
    assert_eq!(tls.suites12.cause(), Some(cause), "{:?}", tls.suites12);
    assert_eq!(tls.groups13.cause(), Some(cause));
    assert_eq!(tls.compression.cause(), Some(cause));
    assert!(service.facts.chains.get().is_none());
}

#[tokio::test(start_paused = true)]
async fn garbage_is_no_answer() {
    for octets in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[22, 3, 3, 0, 0],
        &[22, 9, 9, 9, 9],
        &[0; 64],
    ] {
        let hostile = start(Script {
            dialogue: &[],
            then: Then::Octets(octets),
        })
        .await;
        let service = audit(&hostile, Protocol::Https).await;
        unknown(&service, Cause::Disconnected);
        assert_eq!(service.facts.reachable.cause(), Some(Cause::Disconnected));
    }
}

#[tokio::test(start_paused = true)]
async fn endless_records_come_to_an_end() {
    let hostile = start(Script {
        dialogue: &[],
        then: Then::Endless,
    })
    .await;
    unknown(&audit(&hostile, Protocol::Imaps).await, Cause::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn one_octet_at_a_time_is_a_time_out() {
    let hostile = start(Script {
        dialogue: &[],
        then: Then::Slowly,
    })
    .await;
    unknown(&audit(&hostile, Protocol::Pop3s).await, Cause::TimeOut);
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_time_out() {
    let hostile = start(Script {
        dialogue: &[],
        then: Then::Silence,
    })
    .await;
    unknown(&audit(&hostile, Protocol::Https).await, Cause::TimeOut);
    // Twice the first question, twice the next: no more.
    assert_eq!(
        hostile.connections.load(Ordering::Relaxed),
        Plan::MAX_FAILURES
    );
}

#[tokio::test(start_paused = true)]
async fn a_close_after_every_hello_proves_nothing() {
    for then in [Then::Close, Then::Reset] {
        let hostile = start(Script {
            dialogue: &[],
            then,
        })
        .await;
        unknown(&audit(&hostile, Protocol::Https).await, Cause::Disconnected);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_there_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let hostile = Hostile {
        address,
        connections: Arc::default(),
    };
    let service = audit(&hostile, Protocol::Https).await;
    unknown(&service, Cause::Refused);
    assert_eq!(service.facts.reachable.cause(), Some(Cause::Refused));
}

/// Of each: what is spoken, what is said, and why nothing is known of STARTTLS then.
#[tokio::test(start_paused = true)]
async fn dialogues_that_go_wrong_say_nothing_of_starttls() {
    let scripts: &[(Protocol, &'static [&'static str], Cause)] = &[
        (
            Protocol::Smtp,
            &["421 too many connections\r\n"],
            Cause::RateLimited,
        ),
        (
            Protocol::Smtp,
            &["220 mx\r\n", "421 enough\r\n"],
            Cause::RateLimited,
        ),
        (Protocol::Smtp, &["554 no\r\n"], Cause::Disconnected),
        (
            Protocol::Smtp,
            &["220 mx\n", "250 STARTTLS\n"],
            Cause::Disconnected,
        ),
        (
            Protocol::Smtp,
            &["220-mx\r\n250 x\r\n"],
            Cause::Disconnected,
        ),
        (
            Protocol::Smtp,
            &["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n250 more\r\n"],
            Cause::Disconnected,
        ),
        (Protocol::Submission, &["\r\n"], Cause::Disconnected),
        (Protocol::Imap, &["* BYE too many\r\n"], Cause::RateLimited),
        (
            Protocol::Imap,
            &["* OK\r\n", "a NO\r\n"],
            Cause::Disconnected,
        ),
        (Protocol::Pop3, &["-ERR busy\r\n"], Cause::RateLimited),
        (
            Protocol::Pop3,
            &["+OK\r\n", "-ERR what\r\n"],
            Cause::Disconnected,
        ),
    ];
    for (protocol, dialogue, cause) in scripts {
        let hostile = start(Script {
            dialogue,
            then: Then::Silence,
        })
        .await;
        let service = audit(&hostile, *protocol).await;
        assert_eq!(service.facts.starttls.cause(), Some(*cause), "{dialogue:?}");
        assert_eq!(
            service.facts.reachable.cause(),
            Some(*cause),
            "{dialogue:?}"
        );
        assert_eq!(service.facts.tls.tls12.cause(), Some(Cause::NotExamined));
    }
}

/// RFC 3207 §5: what comes after the answer to STARTTLS in the clear may be anybody's.
#[tokio::test(start_paused = true)]
async fn plaintext_after_the_answer_to_starttls_is_noticed() {
    let smtp: &[&str] = &[
        "220 mx\r\n",
        "250-mx\r\n250 STARTTLS\r\n",
        "220 go\r\n250 injected\r\n",
    ];
    let imap: &[&str] = &[
        "* OK\r\n",
        "* CAPABILITY IMAP4rev1 STARTTLS\r\na OK\r\n",
        "b OK\r\n* OK injected\r\n",
    ];
    let pop3: &[&str] = &["+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK\r\n+OK injected\r\n"];
    for (protocol, dialogue) in [
        (Protocol::Smtp, smtp),
        (Protocol::Imap, imap),
        (Protocol::Pop3, pop3),
    ] {
        let hostile = start(Script {
            dialogue,
            then: Then::Silence,
        })
        .await;
        let service = audit(&hostile, protocol).await;
        assert_eq!(
            service.facts.starttls.cause(),
            Some(Cause::Disconnected),
            "{protocol:?}"
        );
    }
}

/// The mutation: the same dialogues without what was injected get as far as TLS.
#[tokio::test(start_paused = true)]
async fn mutation_without_plaintext_the_same_dialogues_begin_tls() {
    let smtp: &[&str] = &["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"];
    let imap: &[&str] = &[
        "* OK\r\n",
        "* CAPABILITY IMAP4rev1 STARTTLS\r\na OK\r\n",
        "b OK\r\n",
    ];
    let pop3: &[&str] = &["+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK\r\n"];
    for (protocol, dialogue) in [
        (Protocol::Smtp, smtp),
        (Protocol::Imap, imap),
        (Protocol::Pop3, pop3),
    ] {
        let hostile = start(Script {
            dialogue,
            then: Then::Close,
        })
        .await;
        let service = audit(&hostile, protocol).await;
        assert_eq!(service.facts.starttls.get(), Some(&true), "{protocol:?}");
        unknown(&service, Cause::Disconnected);
    }
}

#[tokio::test(start_paused = true)]
async fn no_starttls_is_a_fact() {
    let smtp: &[&str] = &["220 mx\r\n", "250-STARTTLS\r\n250 SIZE\r\n"];
    let imap: &[&str] = &["* OK\r\n", "* CAPABILITY IMAP4rev1\r\na OK STARTTLS\r\n"];
    let pop3: &[&str] = &["+OK\r\n", "+OK STLS\r\nUIDL\r\n.\r\n"];
    for (protocol, dialogue) in [
        (Protocol::Smtp, smtp),
        (Protocol::Imap, imap),
        (Protocol::Pop3, pop3),
    ] {
        let hostile = start(Script {
            dialogue,
            then: Then::Silence,
        })
        .await;
        let service = audit(&hostile, protocol).await;
        assert_eq!(service.facts.starttls.get(), Some(&false), "{protocol:?}");
        assert_eq!(service.facts.reachable.get(), Some(&true));
    }
}
