//! The whole way over loopback: SMTP in, judged, stored, POP3 out, restarts included.

#![allow(clippy::unwrap_used)] // a test

use mail_service::{Accounts, Chosen, Clock, Config, Resolver, Server, Switch, demo};
use std::{net::SocketAddr, sync::Arc, time::SystemTime};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const JOE: &str = "joe@b.test";

/// A service with one account, no DNS but what the zone says, and a folder of its own.
async fn service(zone: &str, change: impl FnOnce(&mut Config)) -> (Server, TempDir, Config) {
    let folder = tempfile::tempdir().unwrap();
    let zone_file = folder.path().join("zone.json");
    std::fs::write(&zone_file, zone).unwrap();
    let mut config = Config::default();
    config.hostname = "mx.b.test".into();
    config.domains = vec!["b.test".into()];
    config.data_dir = folder.path().join("data");
    config.prepare().unwrap();
    config.listen.smtp = vec!["127.0.0.1:0".parse().unwrap()];
    config.listen.pop3s = vec![];
    config.resolver = Resolver::Zone(zone_file);
    change(&mut config);
    let accounts = accounts(&config);
    let password = Chosen::unchecked("long enough");
    accounts
        .add(JOE, &password, SystemTime::UNIX_EPOCH)
        .await
        .unwrap();
    drop(accounts);
    let server = Server::start(config.clone(), Clock::system())
        .await
        .unwrap();
    (server, folder, config)
}

fn accounts(config: &Config) -> Accounts {
    Accounts::new(Arc::new(config.open_store().unwrap()))
}

/// One SMTP client in plain text.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(server: SocketAddr) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(server).await.unwrap()));
        assert_eq!(client.reply().await, "220 mx.b.test ESMTP ready");
        client
    }

    /// The last line of a reply.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, text: &str) -> String {
        self.0.write_all(text.as_bytes()).await.unwrap();
        self.0.write_all(b"\r\n").await.unwrap();
        self.reply().await
    }

    /// The rest of what the server says, until it closes.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }

    async fn start(&mut self) {
        assert!(self.say("EHLO c.test").await.starts_with("250 "));
        assert!(self.say("MAIL FROM:<>").await.starts_with("250 2.1.0"));
    }

    async fn send(&mut self, message: &str) -> String {
        self.start().await;
        assert!(
            self.say("RCPT TO:<joe@b.test>")
                .await
                .starts_with("250 2.1.5")
        );
        assert!(self.say("DATA").await.starts_with("354"));
        self.say(&format!("{message}.")).await
    }
}

/// What demo shows: TLS, delivery, alarms and POP3, each line checked by the demonstration itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_passes() {
    let mut out = Vec::new();
    let options = demo::Options::default();
    let shown = demo::show(&options, Clock::system(), &mut out)
        .await
        .unwrap();
    let failures = shown.failures();
    shown.end().await;
    let text = String::from_utf8(out).unwrap();
    assert_eq!(failures, 0, "{text}");
    assert_eq!(text.matches("PASS ").count(), 21, "{text}");
    for evidence in [
        "mx.b.test (dane.lookup.secure): dane (dane.usable)",
        "(dane.no-match) (tls.not-authenticated)",
        "server failure in the DNS (mx.failed)",
        "heard EHLO mx.a.test, QUIT, 22 octets in all",
        "5.7.10 floor.verified",
        "though the domain is remembered for better",
        "(memory.drop)",
        "not even a connection",
        "wrong:   403 link.wrong-proof",
        "opened:  Subject: The vault; The vault is 4711.; with plan.txt",
        "subject: Opened: your sealed message to carol@example.net",
        "then the code lets her in; 10 recovery codes are left",
        "(2fa.replayed)",
        "clock is 300 seconds ahead",
        "password: -ERR [AUTH] name or password wrong",
        "app password: ",
        "refused: status 422: ",
        "nothing else of a password",
        "> Breach: Teapots; What was lost: Email addresses, Password hashes",
        "and nothing else of the address",
        "Browser: https://sealed.localhost:",
    ] {
        assert!(text.contains(evidence), "{evidence}: {text}");
    }
}

/// Its part with a real gpg.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "interop: needs gpg"]
async fn interop_gpg_the_demonstration_passes() {
    let mut out = Vec::new();
    let mut options = demo::Options::default();
    options.gpg = Switch::On;
    let shown = demo::show(&options, Clock::system(), &mut out)
        .await
        .unwrap();
    let failures = shown.failures();
    shown.end().await;
    let text = String::from_utf8(out).unwrap();
    assert_eq!(failures, 0, "{text}");
    assert_eq!(text.matches("PASS ").count(), 28, "{text}");
    for evidence in [
        "gpg:     has imported its ",
        "whose=pgp.pinned; trust=first-use; known-since=",
        "told:    changed; reason=mime.signed; by=",
        "notice:  [Warning: signature] New account",
        "told:    bad; reason=pgp.altered",
        "plan:    alice@a.test: ",
        "was seen for this address, too; not used",
        "its signature is Bob's",
        "octets of PGP/MIME, subject and text inside",
    ] {
        assert!(text.contains(evidence), "{evidence}: {text}");
    }
}

/// What the demonstration says of a person's own message, asked of a zone.
async fn shown(octets: &[u8]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, octets: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path
    };
    let mut options = demo::Options::default();
    options.mail = Some(file("m.eml", octets));
    let zone = r#"{"a.test": [["TXT", ["v=spf1 ip4:127.0.0.1 -all"]]]}"#;
    options.resolver = Resolver::Zone(file("zone.json", zone.as_bytes()));
    let mut out = Vec::new();
    let shown = demo::show(&options, Clock::system(), &mut out).await;
    shown.map_err(|error| error.to_string())?.end().await;
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("PASS ").count(), 21, "{text}");
    Ok(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_explains_ones_own_message() {
    let message =
        "Return-Path: <ann@a.test>\nFrom: J\u{f6} <ann@a.test>\nSubject: x\n\n.\nb\u{f6}\n";
    let text = shown(message.as_bytes()).await.unwrap();
    for line in [
        "its lines end in LF: converted to CR LF",
        "MAIL FROM:<ann@a.test>",
        "spf=pass smtp.mailfrom=a.test",
        "read it: curl",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // It was declared as what it is: its UTF-8 is nothing that speaks against it.
    assert!(!text.contains("header.utf8"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_says_what_is_wrong_with_a_file() {
    let head = "From: ann@a.test\r\nSubject: x\r\n\r\n";
    let long = "x".repeat(999);
    for (body, reply) in [
        (
            "a\r\nb\nc\r\n",
            "the server refused it: 550 5.6.0 Bare CR or LF",
        ),
        ("a\0b\r\n", "the server refused it: 550 5.6.0 NUL"),
        (
            long.as_str(),
            "the server refused it: 554 5.6.0 Line too long",
        ),
    ] {
        let text = shown(format!("{head}{body}").as_bytes()).await.unwrap();
        assert!(text.contains(reply), "{reply}: {text}");
    }
    // What is refused in the middle of much more is refused with a reply, not with a broken pipe.
    let much = format!("{head}a\nb\r\n{}", "c\r\n".repeat(1_000_000));
    let text = shown(much.as_bytes()).await.unwrap();
    assert!(text.contains("refused it: 550 5.6.0 Bare"), "{text}");
    let empty = shown(b"").await.unwrap_err();
    assert!(empty.ends_with("m.eml: the file is empty"), "{empty}");
}

/// Set up without a network or a certificate store, and mail arrives with it.
#[cfg(feature = "second-opinion")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_opinion_is_a_setting() {
    let zone = r#"{ "a.test": [["TXT", ["v=spf1 -all"]]] }"#;
    let (server, _folder, _) = service(zone, |config| config.second_opinion = Switch::On).await;
    let mut client = Client::connect(server.smtp()[0]).await;
    let reply = client.send("From: a@a.test\r\n\r\nHello\r\n").await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
}

#[tokio::test]
async fn what_is_not_for_us_is_refused_in_the_dialogue() {
    let (server, _folder, _) = service("{}", |_| {}).await;
    let mut client = Client::connect(server.smtp()[0]).await;
    client.start().await;
    for (recipient, start) in [
        ("RCPT TO:<nobody@b.test>", "550 5.1.1"),
        ("RCPT TO:<joe@elsewhere.test>", "550 5.7.1"),
        ("RCPT TO:<postmaster>", "550 5.1.1"),
        ("RCPT TO:<JOE@B.test>", "250 2.1.5"),
    ] {
        let reply = client.say(recipient).await;
        assert!(reply.starts_with(start), "{recipient}: {reply}");
    }
}

#[tokio::test]
async fn commands_in_one_piece_are_answered_one_by_one() {
    let (server, _folder, _) = service("{}", |_| {}).await;
    let mut client = Client::connect(server.smtp()[0]).await;
    let group = "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<joe@b.test>\r\nDATA";
    assert!(client.say(group).await.starts_with("250 "));
    for start in ["250 2.1.0", "250 2.1.5", "354"] {
        assert!(client.reply().await.starts_with(start));
    }
    let end = "Subject: x\r\n\r\nx\r\n.\r\nNOOP\r\nQUIT";
    assert!(client.say(end).await.starts_with("250 2.0.0 Stored"));
    assert_eq!(client.rest().await, "250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n");
}

#[tokio::test]
async fn bare_line_ends_and_commands_before_tls_end_the_connection() {
    let (server, _folder, _) = service("{}", |_| {}).await;
    let mut client = Client::connect(server.smtp()[0]).await;
    let reply = client
        .send("Subject: x\r\n\r\nx\n.\nMAIL FROM:<>\r\n")
        .await;
    assert_eq!(reply, "550 5.6.0 Bare CR or LF in message");
    assert_eq!(client.rest().await, "");
    let mut client = Client::connect(server.smtp()[0]).await;
    client.say("EHLO c.test").await;
    let reply = client.say("STARTTLS\r\nNOOP").await;
    assert_eq!(reply, "554 5.5.1 Commands after STARTTLS");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn loops_lines_and_full_mailboxes() {
    let (server, _folder, _) = service("{}", |c| c.limits.mailbox_messages = 1).await;
    let mut client = Client::connect(server.smtp()[0]).await;
    let circle = format!("{}\r\nx\r\n", "Received: by x\r\n".repeat(31));
    assert!(client.send(&circle).await.starts_with("554 5.4.6"));
    let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(999));
    assert!(client.send(&long).await.starts_with("554 5.6.0"));
    assert!(
        client
            .send("Subject: x\r\n\r\nx\r\n")
            .await
            .starts_with("250 2.0.0")
    );
    client.start().await;
    assert!(
        client
            .say("RCPT TO:<joe@b.test>")
            .await
            .starts_with("452 4.2.2")
    );
}

#[tokio::test]
async fn reject_means_reject_where_that_is_set() {
    let zone =
        r#"{"_dmarc.a.test": [["TXT", ["v=DMARC1; p=reject"]]], "a.test": [["A", "192.0.2.1"]]}"#;
    let forged = "From: <boss@a.test>\r\nSubject: x\r\n\r\nx\r\n";
    for (alarm, start) in [
        (mail_service::Alarm::Refuse, "550 5.7.1"),
        (mail_service::Alarm::Wrap, "250 2.0.0"),
    ] {
        let (server, _folder, _) = service(zone, |c| c.alarm = alarm).await;
        let mut client = Client::connect(server.smtp()[0]).await;
        let reply = client.send(forged).await;
        assert!(reply.starts_with(start), "{reply}");
    }
}

#[tokio::test]
async fn shutting_down_lets_a_message_end() {
    let (server, _folder, config) = service("{}", |_| {}).await;
    let address = server.smtp()[0];
    let mut idle = Client::connect(address).await;
    let mut busy = Client::connect(address).await;
    busy.start().await;
    busy.say("RCPT TO:<joe@b.test>").await;
    assert!(busy.say("DATA").await.starts_with("354"));
    let end = tokio::spawn(server.shut_down());
    assert_eq!(idle.rest().await, "421 4.3.2 Shutting down\r\n");
    let reply = busy.say("Subject: x\r\n\r\nx\r\n.").await;
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert_eq!(busy.rest().await, "421 4.3.2 Shutting down\r\n");
    end.await.unwrap();
    let accounts = accounts(&config);
    assert_eq!(accounts.list(SystemTime::UNIX_EPOCH).await.unwrap(), [JOE]);
}

#[tokio::test]
async fn whoever_is_too_slow_is_told_and_left() {
    let idle: fn(&mut Config) = |c| c.limits.smtp_idle_seconds = 0;
    let transaction: fn(&mut Config) = |c| c.limits.transaction_seconds = 0;
    for limit in [idle, transaction] {
        let (server, _folder, _) = service("{}", limit).await;
        let mut client = Client::connect(server.smtp()[0]).await;
        assert_eq!(client.rest().await, "421 4.4.2 Too slow\r\n");
    }
    let patient: fn(&mut Config) = |_| {};
    let (server, _folder, _) = service("{}", patient).await;
    let mut client = Client::connect(server.smtp()[0]).await;
    assert_eq!(client.say("NOOP").await, "250 2.0.0 Ok");
}

#[tokio::test]
async fn one_address_has_so_many_connections() {
    let (server, _folder, _) = service("{}", |c| c.limits.connections_per_address = 1).await;
    let mut first = Client::connect(server.smtp()[0]).await;
    let mut second = Client(BufReader::new(
        TcpStream::connect(server.smtp()[0]).await.unwrap(),
    ));
    assert_eq!(second.rest().await, "421 Too many connections\r\n");
    assert_eq!(first.say("QUIT").await, "221 2.0.0 Bye");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_mail() {
    use std::os::unix::fs::PermissionsExt;
    let (_server, _folder, config) = service("{}", |c| {
        c.data_dir = c.data_dir.join("data");
        c.prepare().unwrap();
    })
    .await;
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o77;
    assert_eq!(mode(config.data_dir.clone()), 0);
    for file in std::fs::read_dir(&config.data_dir).unwrap() {
        assert_eq!(mode(file.unwrap().path()), 0);
    }
}
