//! What those who read their mail get: the maildrop by POP3 over TLS, and the alarm in it.

#![allow(clippy::unwrap_used)] // a test

use mail_service::{Accounts, Alarm, Chosen, Clock, Config, Language, Resolver, Server};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::SystemTime};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const JOE: &str = "joe@b.test";
const PASSWORD: &str = "long enough";

/// The owner of bank.test sends nothing from here, and asks to reject what says so.
const ZONE: &str = r#"{
    "bank.test": [["TXT", ["v=spf1 -all"]]],
    "_dmarc.bank.test": [["TXT", ["v=DMARC1; p=reject"]]]
}"#;

/// A service with one account, and what its reader must trust.
struct Service {
    server: Server,
    folder: TempDir,
}

impl Service {
    async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let zone = folder.path().join("zone.json");
        std::fs::write(&zone, ZONE).unwrap();
        let mut config = Config::default();
        config.hostname = "mx.b.test".into();
        config.domains = vec!["b.test".into()];
        config.data_dir = folder.path().join("data");
        config.prepare().unwrap();
        config.listen.smtp = vec!["127.0.0.1:0".parse().unwrap()];
        config.listen.pop3s = vec!["127.0.0.1:0".parse().unwrap()];
        config.resolver = Resolver::Zone(zone);
        change(&mut config);
        let store = Arc::new(config.open_store().unwrap());
        let password = Chosen::unchecked(PASSWORD);
        let accounts = Accounts::new(store);
        let made = accounts.add(JOE, &password, SystemTime::UNIX_EPOCH).await;
        made.unwrap();
        let server = Server::start(config, Clock::system()).await.unwrap();
        Self { server, folder }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("data/certificate.pem")
    }

    fn pop3s(&self) -> SocketAddr {
        self.server.pop3s()[0]
    }

    /// Sends a message whose lines do not begin with dots; the last reply.
    async fn send(&self, from: &str, message: &[u8]) -> String {
        let stream = TcpStream::connect(self.server.smtp()[0]).await.unwrap();
        let mut stream = BufReader::new(stream);
        let commands = format!(
            "EHLO c.test\r\nMAIL FROM:<{from}> BODY=8BITMIME\r\nRCPT TO:<{JOE}>\r\nDATA\r\n"
        );
        stream.write_all(commands.as_bytes()).await.unwrap();
        let mut line = String::new();
        while !line.starts_with("354") {
            line.clear();
            assert_ne!(stream.read_line(&mut line).await.unwrap(), 0);
        }
        stream.write_all(message).await.unwrap();
        stream.write_all(b".\r\nQUIT\r\n").await.unwrap();
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        line
    }

    async fn deliver(&self, from: &str, message: &[u8]) {
        let reply = self.send(from, message).await;
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }

    async fn connect(&self) -> Pop3 {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.certificate()).unwrap();
        roots.add(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.pop3s()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(Arc::new(config));
        let mut client = Pop3(BufReader::new(tls.connect(name, stream).await.unwrap()));
        assert!(client.line().await.starts_with("+OK"));
        client
    }

    async fn log_in(&self) -> Result<Pop3, String> {
        let mut client = self.connect().await;
        assert!(client.ask(&format!("USER {JOE}")).await.starts_with("+OK"));
        let answer = client.ask(&format!("PASS {PASSWORD}")).await;
        match answer.starts_with("+OK") {
            true => Ok(client),
            false => Err(answer),
        }
    }

    /// The newest message, as it lies in the maildrop.
    async fn newest(&self) -> Vec<u8> {
        let mut client = self.log_in().await.unwrap();
        let count = client.ask("STAT").await;
        let count = count.split(' ').nth(1).unwrap().to_owned();
        let message = client.many(&format!("RETR {count}")).await;
        assert!(client.ask("QUIT").await.starts_with("+OK"));
        message
    }
}

struct Pop3(BufReader<TlsStream<TcpStream>>);

impl Pop3 {
    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).await.unwrap();
        String::from_utf8(line).unwrap()
    }

    async fn say(&mut self, octets: &str) {
        self.0.write_all(octets.as_bytes()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    async fn ask(&mut self, command: &str) -> String {
        self.say(&format!("{command}\r\n")).await;
        self.line().await
    }

    /// An answer of several lines, as it was before it was stuffed.
    async fn many(&mut self, command: &str) -> Vec<u8> {
        let first = self.ask(command).await;
        assert!(first.starts_with("+OK"), "{first}");
        let mut answer = Vec::new();
        loop {
            let mut line = Vec::new();
            self.0.read_until(b'\n', &mut line).await.unwrap();
            match line.as_slice() {
                b".\r\n" => return answer,
                [b'.', rest @ ..] => answer.extend_from_slice(rest),
                rest => answer.extend_from_slice(rest),
            }
        }
    }

    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

const GOOD: &[u8] = b"From: ann@a.test\r\nSubject: x\r\n\r\nHello\r\n";

/// 8-bit octets of no charset, a line as long as lines may be, and lines that look like the end of
/// something.
fn forged() -> Vec<u8> {
    let long = "y".repeat(998);
    let parts: [&[u8]; 4] = [
        b"From: The CEO <ceo@bank.test>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\
          Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe \xff\x80\r\n",
        long.as_bytes(),
        b"\r\n--letterlock-0--\r\nFrom the desk\r\n \t\r\n",
        b"\r\nlast line\r\n",
    ];
    parts.concat()
}

/// RFC 2449 §6.6: answers come in order, and one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_session_in_one_segment() {
    let service = Service::start(|_| {}).await;
    service.deliver("ann@a.test", GOOD).await;
    service.deliver("ann@a.test", GOOD).await;
    let mut client = service.connect().await;
    let commands = format!(
        "CAPA\r\nUSER {JOE}\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nTOP 1 0\r\nDELE 1\r\nLIST\r\nQUIT\r\n"
    );
    client.say(&commands).await;
    let said = client.rest().await;
    let answers = [
        "+OK capabilities",
        "+OK\r\n+OK 2 messages",
        "+OK 2 ",
        "Hello\r\n.\r\n+OK\r\n",
        "\r\n\r\n.\r\n+OK\r\n+OK 1 messages",
        "\r\n.\r\n+OK bye\r\n",
    ];
    let mut at = 0;
    for answer in answers {
        let found = said[at..].find(answer);
        at += found.unwrap_or_else(|| panic!("{answer:?} after {at}: {said}")) + answer.len();
    }
    assert_eq!(at, said.len(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_logins_at_once_one_gets_the_maildrop() {
    let service = Arc::new(Service::start(|_| {}).await);
    let logins: Vec<_> = (0..6)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.log_in().await })
        })
        .collect();
    let mut open = Vec::new();
    for login in logins {
        match login.await.unwrap() {
            Ok(client) => open.push(client),
            Err(refused) => assert!(refused.starts_with("-ERR [IN-USE] "), "{refused}"),
        }
    }
    assert_eq!(open.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn octets_are_those_that_come() {
    let service = Service::start(|_| {}).await;
    // Of more than one piece, with lines that begin with dots where pieces may be cut.
    let large = [GOOD, "..\r\n.x\r\ny\r\n".repeat(30_000).as_bytes()].concat();
    for message in [GOOD, &forged(), &large] {
        service.deliver("ceo@bank.test", message).await;
    }
    let mut client = service.log_in().await.unwrap();
    let mut all = 0;
    for number in 1..=3 {
        let listed = client.ask(&format!("LIST {number}")).await;
        let message = client.many(&format!("RETR {number}")).await;
        assert_eq!(listed, format!("+OK {number} {}\r\n", message.len()));
        // RFC 1939 §7: TOP with more lines than there are is all of it.
        assert_eq!(client.many(&format!("TOP {number} 1000000")).await, message);
        all += message.len();
    }
    assert_eq!(client.ask("STAT").await, format!("+OK 3 {all}\r\n"));
    // The server of SMTP has taken the dots away that this test did not add.
    let unstuffed = [GOOD, ".\r\nx\r\ny\r\n".repeat(30_000).as_bytes()].concat();
    let whole = client.many("RETR 3").await;
    assert!(memchr::memmem::find(&whole, &unstuffed).is_some());
}

/// The right password, too, has to wait when a network has guessed too often from where nobody has logged in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_too_often_is_not_heard() {
    for (failures, heard) in [(1, false), (2, true)] {
        let service = Service::start(|config| config.limits.login_failures = failures).await;
        let mut client = service.connect().await;
        client.ask(&format!("USER {JOE}")).await;
        let refused = client.ask("PASS a wrong one").await;
        assert!(refused.starts_with("-ERR [AUTH] "), "{refused}");
        client.ask(&format!("USER {JOE}")).await;
        let answer = client.ask(&format!("PASS {PASSWORD}")).await;
        assert_eq!(answer.starts_with("+OK"), heard, "{answer}");
        if !heard {
            assert!(answer.starts_with("-ERR [LOGIN-DELAY] "), "{answer}");
            assert_eq!(client.rest().await, "");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_alarm_is_as_it_is_set() {
    let forged = forged();
    for (alarm, language, expected) in [
        (Alarm::Wrap, Language::English, Some("[Warning: forged]")),
        (Alarm::Wrap, Language::German, Some("=?utf-8?B?")),
        (Alarm::Header, Language::English, None),
    ] {
        let service = Service::start(|config| {
            config.alarm = alarm;
            config.language = language;
        })
        .await;
        service.deliver("ceo@bank.test", &forged).await;
        let message = service.newest().await;
        let end = memchr::memmem::find(&message, b"\r\n\r\n").unwrap();
        let header = String::from_utf8_lossy(&message[..end]).into_owned();
        assert!(
            header.contains("\r\nLetterlock-Verdict: forged\r\n"),
            "{header}"
        );
        assert!(
            header.contains("\r\nLetterlock-Reason: dmarc.fail; alarm;"),
            "{header}"
        );
        let whole = memchr::memmem::find(&message, &forged);
        assert!(whole.is_some(), "the original is there, octet for octet");
        match expected {
            Some(_) => assert!(header.contains("multipart/mixed"), "{header}"),
            None => assert!(message.ends_with(&forged) && !header.contains("multipart")),
        }
    }
    // The same steps with a domain that says nothing of itself raise no alarm.
    let service = Service::start(|_| {}).await;
    service.deliver("ann@a.test", GOOD).await;
    let message = service.newest().await;
    assert!(message.starts_with(b"Return-Path: <ann@a.test>\r\nLetterlock-Verdict: unverifiable"));
    assert!(message.ends_with(GOOD));
}

/// A mail client that knows MIME from its own books: Python's.
const READER: &str = r#"
import email, email.policy, io, poplib, ssl, sys
port, ca, user, password, original = sys.argv[1:]
original = open(original, "rb").read()
pop = poplib.POP3_SSL("localhost", int(port), context=ssl.create_default_context(cafile=ca))
pop.user(user)
pop.pass_(password)
for number in range(1, pop.stat()[0] + 1):
    raw = b"\r\n".join(pop.retr(number)[1]) + b"\r\n"
    notice = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert not notice.defects, notice.defects
    assert notice.get_content_type() == "multipart/mixed"
    assert notice["Letterlock-Verdict"] == "forged"
    text, attached = notice.iter_parts()
    assert not text.defects and not attached.defects
    said = text.get_content()
    assert "> The CEO <ceo@bank.test>" in said and "> Gr\u00fc\u00dfe" in said, said
    assert attached.get_content_type() == "message/rfc822"
    assert attached.get_filename() == "original.eml"
    assert attached["Content-Transfer-Encoding"] == "8bit"
    inner = attached.get_payload(0)
    assert inner["Subject"] == "Gr\u00fc\u00dfe" and inner["From"] == "The CEO <ceo@bank.test>"
    assert inner["Authentication-Results"].startswith("mx.b.test;")
    assert inner.get_payload(decode=True) == original.split(b"\r\n\r\n", 1)[1]
    print(notice["Subject"])
    print(notice["From"])
    print(said)
pop.quit()
"#;

async fn read_by_python(service: &Service) -> String {
    let original = service.folder.path().join("original");
    std::fs::write(&original, forged()).unwrap();
    let mut python = std::process::Command::new("python3");
    python.args(["-c", READER, &service.pop3s().port().to_string()]);
    python
        .arg(service.certificate())
        .args([JOE, PASSWORD])
        .arg(original);
    let out = tokio::task::block_in_place(|| python.output()).unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "interop: needs Python"]
async fn interop_poplib_shows_the_alarm_and_the_original() {
    for (language, words) in [
        (
            Language::English,
            [
                "[Warning: forged] Gr\u{fc}\u{df}e",
                "Mail warning",
                "in another way",
            ],
        ),
        (
            Language::German,
            [
                "[Warnung: gef\u{e4}lscht] Gr\u{fc}\u{df}e",
                "Mail-Warnung",
                "auf anderem Weg",
            ],
        ),
    ] {
        let service = Service::start(|config| config.language = language).await;
        service.deliver("ceo@bank.test", &forged()).await;
        let said = read_by_python(&service).await;
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}
