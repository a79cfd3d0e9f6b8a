//! The way that people go: tools of a Debian machine send, and others read.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::common::Peer;
use crate::common::service::{Options, PASSWORD, Service, USER};
use crate::common::smtp::Smtp;

/// Runs a tool to its end, with `input` on its standard input.
fn run(tool: &mut Command, input: &[u8]) -> Output {
    let piped = tool
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap_or_else(|e| panic!("{tool:?}: {e}"));
    // A tool that does not read its input to the end is no failure.
    child.stdin.take().unwrap().write_all(input).ok();
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// swaks with some more arguments: what it saw, and its exit status.
fn swaks(service: &Service, more: &[&str]) -> (String, i32) {
    let mut swaks = Command::new("swaks");
    swaks.args([
        "--server",
        &service.smtp().to_string(),
        "--ehlo",
        "client.a.test",
    ]);
    swaks.args(["--from", "alice@a.test", "--to", USER, "--timeout", "60"]);
    swaks.args([
        "--header",
        "Subject: Mark the dots",
        "--body",
        "Hello.\n.a line with a dot\n",
    ]);
    let out = run(swaks.args(more), b"");
    (
        text(&out.stdout) + &text(&out.stderr),
        out.status.code().unwrap(),
    )
}

/// True mail and a spoof, delivered by a client that is always here.
fn deliver_one_of_each(service: &Service) {
    for (from, name) in [("alice@a.test", "Alice"), ("ceo@bank.test", "The CEO")] {
        let mut session = Smtp::open(service.smtp()).unwrap();
        session.envelope(from, USER).unwrap().expect(354);
        let message =
            format!("From: {name} <{from}>\r\nSubject: Mark the dots\r\n\r\nHello.\r\n.\r\n");
        session.0.send(message.as_bytes()).unwrap();
        session.reply().unwrap().expect(250);
    }
}

/// The alarm: a notice that explains, with the original attached.
fn assert_is_alarm(message: &str) {
    let (header, body) = message.split_once("\r\n\r\n").unwrap();
    let header = header.to_ascii_lowercase();
    assert!(header.contains("\r\ncontent-type: multipart/"), "{message}");
    let lower = body.to_ascii_lowercase();
    assert!(lower.contains("content-type: message/rfc822"), "{message}");
    assert!(lower.contains("ceo@bank.test"), "{message}");
    assert!(
        body.contains("Subject: Mark the dots"),
        "the original is attached: {message}"
    );
    assert!(
        !header.contains("subject: mark the dots"),
        "the notice has a subject of its own: {message}"
    );
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_delivers_in_plain_text() {
    let service = Service::start();
    let (said, status) = swaks(&service, &[]);
    assert_eq!(status, 0, "{said}");
    let message = service.stored().remove(0);
    assert!(
        message.contains("\r\nSubject: Mark the dots\r\n"),
        "{message}"
    );
    assert!(message.contains("\r\n.a line with a dot\r\n"), "{message}");
    assert!(message.contains("Authentication-Results: "), "{message}");
    assert!(message.contains("spf=pass"), "{message}");
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_delivers_over_tls() {
    let service = Service::start();
    let (said, status) = swaks(&service, &["--tls"]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("TLS started with cipher TLSv1.3"), "{said}");
    // RFC 3848: ESMTPS in Received tells that TLS was on.
    let message = service.stored().remove(0);
    assert!(message.contains("with ESMTPS"), "{message}");
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_delivers_over_tls_in_both_profiles_and_to_secure_addresses() {
    for profile in ["normal", "bsi"] {
        let options = Options::default().profile(profile).secure();
        let service = Service::start_with(&options);
        let to = ["--to", "bob@secure.b.test"];
        let (said, status) = swaks(&service, &to);
        // What swaks ends with where no recipient was accepted.
        assert_eq!(status, 24, "{profile}: {said}");
        assert!(said.contains("550 5.7.10 "), "{profile}: {said}");
        for protocol in ["tlsv1_2", "tlsv1_3"] {
            let tls = ["--tls", "--tls-protocol", protocol];
            let (said, status) = swaks(&service, &[&to[..], &tls].concat());
            assert_eq!(status, 0, "{profile} {protocol}: {said}");
        }
        assert_eq!(service.stored().len(), 2, "{profile}");
    }
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_delivers_in_one_segment() {
    let service = Service::start();
    let (said, status) = swaks(&service, &["--pipeline"]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(service.stored().len(), 1);
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_spoof_raises_the_alarm() {
    let service = Service::start();
    let spoof = [
        "--from",
        "ceo@bank.test",
        "--header",
        "From: The CEO <ceo@bank.test>",
    ];
    let (said, status) = swaks(&service, &spoof);
    assert_eq!(status, 0, "an alarm is no rejection: {said}");
    assert_is_alarm(&service.stored()[0]);
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_true_mail_raises_no_alarm() {
    // The same steps with a sender that the domain names: the alarm above came from the spoof.
    let service = Service::start();
    let (said, status) = swaks(&service, &[]);
    assert_eq!(status, 0, "{said}");
    let message = service.stored().remove(0);
    assert!(!message.contains("message/rfc822"), "{message}");
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_unknown_recipient_is_refused() {
    let service = Service::start();
    for (to, code) in [
        ("nobody@b.test", "550 5.1.1"),
        ("someone@elsewhere.test", "550 5.7.1"),
    ] {
        let (said, status) = swaks(&service, &["--to", to]);
        assert_ne!(status, 0, "{said}");
        assert!(said.contains(code), "{said}");
    }
    assert_eq!(service.stored().len(), 0);
}

#[test]
#[ignore = "interop: needs swaks"]
fn interop_swaks_too_big_is_refused() {
    let service = Service::start_with(&Options::default().message_octets(20_000));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("big");
    std::fs::write(&file, "All work and no play.\n".repeat(2_000)).unwrap();
    let (said, status) = swaks(&service, &["--body", &format!("@{}", file.display())]);
    assert_ne!(status, 0, "{said}");
    assert!(said.contains("552 5.3.4"), "{said}");
    assert_eq!(service.stored().len(), 0);
}

fn curl(service: &Service, path: &str, more: &[&str]) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
        .arg(service.certificate());
    curl.args([
        "--resolve",
        &format!("{}:{}:127.0.0.1", service.name(), service.pop3().port()),
    ]);
    curl.args(["--user", &format!("{USER}:{PASSWORD}")])
        .args(more);
    curl.arg(format!(
        "pop3s://{}:{}/{path}",
        service.name(),
        service.pop3().port()
    ));
    run(&mut curl, b"")
}

#[test]
#[ignore = "interop: needs curl"]
fn interop_curl_lists_reads_and_deletes() {
    let service = Service::start();
    deliver_one_of_each(&service);
    let list = curl(&service, "", &[]);
    assert_eq!(text(&list.stdout).lines().count(), 2, "{list:?}");
    let first = curl(&service, "1", &[]);
    assert!(
        text(&first.stdout).contains("Subject: Mark the dots"),
        "{first:?}"
    );
    assert_is_alarm(&text(&curl(&service, "2", &[]).stdout));
    let gone = curl(&service, "1", &["--request", "DELE", "--list-only"]);
    assert!(gone.status.success(), "{gone:?}");
    assert_eq!(service.stored().len(), 1);
    let refused = curl(&service, "", &["--user", &format!("{USER}:wrong")]);
    assert_eq!(refused.status.code(), Some(67), "{refused:?}");
}

/// RFC 8314 §3: TLS from the first octet, with a chain that Python's own checks accept.
const POPLIB: &str = "
import poplib, ssl, sys
port, name, ca, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
class Pop(poplib.POP3_SSL):
    def _create_socket(self, timeout):
        plain = poplib.POP3._create_socket(self, timeout)
        return self.context.wrap_socket(plain, server_hostname=name)
pop = Pop('127.0.0.1', int(port), context=context, timeout=60)
assert 'UIDL' in pop.capa(), pop.capa()
pop.user(user)
pop.pass_(password)
count, octets = pop.stat()
assert len(pop.list()[1]) == count == len(pop.uidl()[1])
for number in range(1, count + 1):
    lines = pop.retr(number)[1]
    header = pop.top(number, 0)[1]
    assert lines[:len(header)] == header
    sys.stdout.write('\\r\\n'.join(line.decode() for line in lines) + '\\r\\n')
pop.noop()
pop.dele(1)
pop.rset()
pop.dele(count)
pop.quit()
";

#[test]
#[ignore = "interop: needs Python"]
fn interop_poplib_reads_and_deletes() {
    let service = Service::start();
    deliver_one_of_each(&service);
    let mut python = Command::new("python3");
    python.args([
        "-c",
        POPLIB,
        &service.pop3().port().to_string(),
        service.name(),
    ]);
    python.arg(service.certificate()).args([USER, PASSWORD]);
    let out = run(&mut python, b"");
    assert!(out.status.success(), "{}", text(&out.stderr));
    let said = text(&out.stdout);
    assert_eq!(said.matches("Subject: Mark the dots").count(), 2, "{said}");
    assert!(said.contains("message/rfc822"), "{said}");
    assert_eq!(service.stored().len(), 1);
}

/// `openssl s_client` with the service's certificate as its only trust anchor.
fn s_client(service: &Service, to: std::net::SocketAddr, more: &[&str], input: &str) -> Output {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "s_client",
        "-connect",
        &to.to_string(),
        "-servername",
        service.name(),
    ]);
    openssl.args([
        "-verify_hostname",
        service.name(),
        "-verify_return_error",
        "-quiet",
        "-CAfile",
    ]);
    openssl.arg(service.certificate()).args(more);
    run(&mut openssl, input.as_bytes())
}

#[test]
#[ignore = "interop: needs openssl"]
fn interop_openssl_speaks_tls_1_2_and_1_3_and_nothing_older() {
    let service = Service::start();
    let starttls = ["-starttls", "smtp", "-crlf"];
    for version in ["-tls1_2", "-tls1_3"] {
        let mut more = starttls.to_vec();
        more.extend([version, "-ign_eof"]);
        let out = s_client(
            &service,
            service.smtp(),
            &more,
            "EHLO client.a.test\nQUIT\n",
        );
        let said = text(&out.stdout);
        assert!(said.contains("221 2.0.0"), "{version}: {out:?}");
        // RFC 3207 §4.2: not offered inside of TLS.
        assert!(
            !said
                .split("250-PIPELINING")
                .last()
                .unwrap()
                .contains("STARTTLS"),
            "{said}"
        );
        let more = [version, "-crlf", "-ign_eof"];
        let out = s_client(&service, service.pop3(), &more, "CAPA\nQUIT\n");
        assert!(text(&out.stdout).contains("UIDL"), "{version}: {out:?}");
    }
    for version in ["-tls1", "-tls1_1"] {
        let more = [version, "-cipher", "ALL:@SECLEVEL=0", "-crlf"];
        let out = s_client(&service, service.pop3(), &more, "QUIT\n");
        assert!(!out.status.success(), "{version}: {out:?}");
    }
}
