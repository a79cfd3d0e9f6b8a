//! PGP/MIME with real peers: GnuPG alone, Python's email package, and NeoMutt. Each reads what we write and writes what we
//! read.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use common::limits;
use pgp_keystore::mime::{
    HeaderPolicy, Scheme, Sender, Verdict, decrypt, encrypt, read_inline, sign, verify,
};
use pgp_keystore::{
    Certificate, Form, Generate, Key, Profile, Protection, Reason, Recipient, Unlocked, plan_send,
    sign_cleartext,
};
use tempfile::TempDir;

const MESSAGE: &str = "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n\
    From: Ann <ann@example.org>\r\n\
    To: Bob <bob@example.org>\r\n\
    Subject: Dinner plans\r\n\
    Message-ID: <1@example.org>\r\n\
    Content-Type: text/plain; charset=\"utf-8\"\r\n\
    Content-Transfer-Encoding: 8bit\r\n\
    \r\n\
    Grüße \r\n\
    From Ann\r\n";

/// GnuPG has the real time only.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// GnuPG's home, and everybody else's.
struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }

    fn program(&self, name: &str, script: &str) -> String {
        let path = self.file(name, script.as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn output(&self, program: &str, args: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.0.path())
            .env("GNUPGHOME", self.0.path())
            .env("HOME", self.0.path())
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONIOENCODING", "utf-8")
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Whether all of it was wanted is said by the exit status.
        let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// What must succeed.
    fn run(&self, program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(program, args, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {said}");
        output.stdout
    }

    fn gpg(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut all = vec!["--batch", "--yes", "--quiet", "--no-tty"];
        all.extend(["--pinentry-mode", "loopback", "--passphrase", ""]);
        if args.contains(&"--encrypt") {
            all.extend(["--trust-model", "always"]);
        }
        all.extend(args);
        self.run("gpg", &all, input)
    }

    fn python(&self, args: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/pymail.py");
        let mut all = vec![script];
        all.extend(args);
        // Debian's own.
        String::from_utf8(self.run("/usr/bin/python3", &all, b"")).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        end.env("GNUPGHOME", self.0.path());
        end.args(["--kill", "all"]).output().ok();
    }
}

/// A key of Ann's, which is ours, and one of Bob's, which is GnuPG's; both have both.
struct Peers {
    dir: Dir,
    ann: Unlocked,
    bob: Unlocked,
}

impl Peers {
    fn new() -> Self {
        let dir = Dir::new();
        let new = Generate::new(Profile::Compat, now()).user_id("Ann <ann@example.org>");
        let ann = new.create().unwrap().key;
        let locked = ann.lock(&Protection::None).unwrap();
        dir.gpg(&["--import"], &locked.export(Form::Armored).unwrap());
        let generate = [
            "--quick-generate-key",
            "Bob <bob@example.org>",
            "default",
            "default",
        ];
        dir.gpg(&generate, b"");
        let secret = dir.gpg(&["--export-secret-keys", "bob@example.org"], b"");
        let bob = Key::parse(&secret).unwrap().unlock_unprotected().unwrap();
        let trust = [ann.fingerprint(), bob.fingerprint()].map(|f| format!("{f}:6:\n"));
        dir.gpg(&["--import-ownertrust"], trust.concat().as_bytes());
        dir.gpg(&["--check-trustdb"], b"");
        Self { dir, ann, bob }
    }

    fn signed(&self) -> Vec<u8> {
        sign(MESSAGE.as_bytes(), &self.ann, now()).unwrap()
    }

    fn sealed(&self) -> Vec<u8> {
        let certificate = self.bob.certificate();
        let to = [Recipient::new("bob@example.org", [&certificate])];
        let plan = plan_send(&to, now());
        let policy = HeaderPolicy::Baseline;
        encrypt(MESSAGE.as_bytes(), &plan, Some(&self.ann), policy, now()).unwrap()
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_verifies_the_octets_and_opens_the_payload_of_our_messages() {
    let peers = Peers::new();
    let message = text(&peers.signed());
    // By the boundary alone, as anybody would.
    let boundary = message.split("boundary=\"").nth(1).unwrap();
    let delimiter = format!("\r\n--{}", boundary.split('"').next().unwrap());
    let parts: Vec<&str> = message.split(&delimiter).collect();
    let content = parts[1].strip_prefix("\r\n").unwrap();
    let signature = parts[2].split_once("\r\n\r\n").unwrap().1;
    let signature = peers.dir.file("signature", signature.as_bytes());
    let file = peers.dir.file("content", content.as_bytes());
    peers.dir.gpg(&["--verify", &signature, &file], b"");
    let changed = content.replacen("Dinner", "Supper", 1);
    let changed = peers.dir.file("changed", changed.as_bytes());
    let refused = peers
        .dir
        .output("gpg", &["--verify", &signature, &changed], b"");
    assert!(!refused.status.success());

    let sealed = text(&peers.sealed());
    let start = sealed.find("-----BEGIN PGP MESSAGE-----").unwrap();
    let payload = text(&peers.dir.gpg(&["--decrypt"], &sealed.as_bytes()[start..]));
    assert!(
        payload.contains("\r\nSubject: Dinner plans\r\n"),
        "{payload}"
    );
    assert!(payload.contains("hp=\"cipher\""), "{payload}");
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_inline_is_read() {
    let peers = Peers::new();
    let clear = peers.dir.gpg(
        &["--local-user", "bob@example.org", "--clear-sign"],
        b"Dear Ann,\n- yes \nFrom Bob\n",
    );
    let args = ["--armor", "--encrypt", "--recipient", "ann@example.org"];
    let sealed = peers.dir.gpg(&args, b"secret\n");
    let message = format!(
        "From: bob@example.org\n\nHello\n{}\n{}\n",
        text(&clear),
        text(&sealed)
    );
    let by = peers.bob.certificate();
    let found = read_inline(message.as_bytes(), &[&peers.ann], &[&by], now(), &limits()).unwrap();
    let contents: Vec<_> = found.iter().map(|b| b.outcome.as_ref().unwrap()).collect();
    let reason = contents[0].verification.signatures[0].reason;
    assert_eq!((contents.len(), reason), (2, Reason::Valid));
    assert!(text(&contents[0].content).contains("- yes"));
    assert_eq!(contents[1].content.as_slice(), b"secret\n");
    let found = verify(message.as_bytes(), &[&by], now(), &limits()).unwrap();
    assert_eq!(found.verdict(), Verdict::Partly);
    // And the other way.
    let ours = sign_cleartext(&peers.ann, "it is me\n", now()).unwrap();
    peers.dir.gpg(&["--verify"], &ours);
}

#[test]
#[ignore = "interop: needs pymail"]
fn interop_pymail_reads_what_we_write() {
    let peers = Peers::new();
    let signed = peers.dir.file("signed.eml", &peers.signed());
    let said = peers.dir.python(&["read", &signed]);
    for wanted in [
        "outside: Dinner plans",
        "defects: []",
        "subject: Dinner plans",
        "type: text/plain clear",
        "body: 'Grüße \\nFrom Ann\\n'",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let sealed = peers.dir.file("sealed.eml", &peers.sealed());
    let said = peers.dir.python(&["read", &sealed]);
    for wanted in [
        "outside: [...]",
        "defects: []",
        "subject: Dinner plans",
        "type: text/plain cipher",
        "'Subject: [...]'",
        "body: 'Subject: Dinner plans\\n\\nGrüße \\nFrom Ann\\n'",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
#[ignore = "interop: needs pymail"]
fn interop_pymail_writes_what_we_read() {
    let peers = Peers::new();
    let (by, path) = (peers.bob.certificate(), peers.dir.path("theirs.eml"));
    let path = path.display().to_string();
    let of = ["bob@example.org", "ann@example.org"];
    peers.dir.python(&["write", "signed", &path, of[0], of[1]]);
    let message = fs::read(&path).unwrap();
    let found = verify(&message, &[&by], now(), &limits()).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert_eq!(found.headers.scheme, None);
    let changed = text(&message).replacen("text/html", "text/HTML", 1);
    assert_ne!(changed.as_bytes(), message);
    let found = verify(changed.as_bytes(), &[&by], now(), &limits()).unwrap();
    assert_eq!(found.verdict(), Verdict::NotValid(Reason::Altered));

    peers
        .dir
        .python(&["write", "encrypted", &path, of[0], of[1]]);
    let message = fs::read(&path).unwrap();
    let found = decrypt(&message, &[&peers.ann], &[&by], now(), &limits()).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    let read = mail_parser::MessageParser::default();
    let read = read.parse(found.message()).unwrap();
    assert_eq!(read.subject(), Some("Dinner in Python"));
    assert_eq!(read.body_html(0).unwrap(), "<p>Grüße</p>");
}

/// NeoMutt on a terminal that nobody sees, with keys pressed in advance.
fn neomutt(dir: &Dir, settings: &str, keys: &str, mailbox: &str) {
    let pager = dir.program("pager", "#!/bin/sh\ncat \"$1\" >> shown\n");
    let sendmail = dir.program("sendmail", "#!/bin/sh\ncat > sent.eml\n");
    let editor = dir.program(
        "editor",
        "#!/bin/sh\nprintf 'Gr\\303\\274\\303\\237e from NeoMutt \\nFrom here\\n' >> \"$1\"\n",
    );
    let rc = format!(
        "set crypt_use_gpgme=yes folder=\"{dir}\" pager=\"{pager}\" sendmail=\"{sendmail}\"\n\
         set editor=\"{editor}\" from=\"Bob <bob@example.org>\" use_from=yes quit=yes\n\
         set prompt_after=no record=\"\" copy=no sendmail_wait=0 wait_key=no autoedit=yes\n\
         set crypt_verify_sig=yes charset=utf-8 send_charset=utf-8 mbox_type=mbox\n\
         set pgp_default_key=bob@example.org pgp_sign_as=bob@example.org {settings}\n\
         push '{keys}'\n",
        dir = dir.0.path().display()
    );
    let rc = dir.file("neomuttrc", rc.as_bytes());
    // `timeout` ends it should it ask for something; in the foreground, as it must reach the terminal whatever shell
    // `script` takes.
    let run = format!("exec timeout --foreground -s KILL 120 neomutt -n -F {rc} -f {mailbox}");
    dir.run("script", &["-qec", &run, "/dev/null"], b"");
}

fn mailbox(dir: &Dir, messages: &[Vec<u8>]) -> String {
    let mut all = String::new();
    for message in messages {
        let message = text(message).replace("\r\n", "\n");
        all += &format!("From ann@example.org Sat Feb 20 10:09:02 2021\n{message}\n");
    }
    dir.file("mbox", all.as_bytes())
}

#[test]
#[ignore = "interop: needs neomutt"]
fn interop_neomutt_reads_what_we_write() {
    let peers = Peers::new();
    let forged = text(&peers.signed()).replacen("=46rom Ann", "=46rom Mallory", 1);
    let messages = [peers.signed(), peers.sealed(), forged.into_bytes()];
    let mbox = mailbox(&peers.dir, &messages);
    let open = "<display-message>";
    let keys = format!("1<enter>{open}2<enter>{open}3<enter>{open}<exit>");
    neomutt(&peers.dir, "crypt_protected_headers_read=yes", &keys, &mbox);
    // It shows octets of notations, too.
    let shown = fs::read(peers.dir.path("shown")).unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert_eq!(
        shown.matches("Good signature from: Ann").count(),
        2,
        "{shown}"
    );
    assert_eq!(shown.matches("*BAD* signature").count(), 1, "{shown}");
    assert!(shown.contains("PGP/MIME signed and encrypted"), "{shown}");
    assert_eq!(shown.matches("Grüße").count(), 3, "{shown}");
    assert!(shown.contains("Subject: [...]") && shown.contains("Subject: Dinner plans"));
}

#[test]
#[ignore = "interop: needs neomutt"]
fn interop_neomutt_writes_what_we_read() {
    let peers = Peers::new();
    let mbox = mailbox(&peers.dir, &[peers.signed()]);
    let by = peers.bob.certificate();
    let keys = "<mail>ann@example.org<enter>Hello<enter><send-message><exit>";
    let sent = |settings: &str| {
        let settings = format!("crypt_autosign=yes {settings}");
        neomutt(&peers.dir, &settings, keys, &mbox);
        fs::read(peers.dir.path("sent.eml")).unwrap()
    };
    let message = sent("crypt_protected_headers_write=yes");
    let found = verify(&message, &[&by], now(), &limits()).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert_eq!(found.headers.scheme, Some(Scheme::Draft));
    assert_eq!(found.headers.value("Subject"), Some("Hello"));
    assert_eq!(found.sender, Sender::Named(peers.bob.fingerprint()));

    let message = sent("crypt_protected_headers_write=yes crypt_autoencrypt=yes");
    assert!(text(&message).contains("\nSubject: ...\n"));
    let by: [&Certificate; 1] = [&by];
    let found = decrypt(&message, &[&peers.ann], &by, now(), &limits()).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    let subject = found.headers.named("Subject").next().unwrap();
    assert!(subject.is_confidential() && subject.value == "Hello");
    let read = mail_parser::MessageParser::default();
    let read = read.parse(found.message()).unwrap();
    assert_eq!(read.subject(), Some("Hello"));
    assert_eq!(
        read.body_text(0).unwrap(),
        "Grüße from NeoMutt \r\nFrom here\r\n"
    );
    assert_eq!(
        read.from().unwrap().first().unwrap().address(),
        Some("bob@example.org")
    );
}
