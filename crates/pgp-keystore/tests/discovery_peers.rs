//! GnuPG and Sequoia as peers of directories and of the DNS: the same places, and octets that each reads of the other.
#![cfg(all(feature = "discovery", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use pgp_keystore::discovery::{
    Answer, DnsAnswer, HttpsAnswer, Need, Search, Sources, openpgpkey_name,
};
use pgp_keystore::wkd::{Variant, hash, parse, url};
use pgp_keystore::{Address, Certificate, Form, Generate, Profile, Unlocked};
use tempfile::TempDir;

/// The peers have the real time only.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn ours(address: &str) -> Unlocked {
    let new = Generate::new(Profile::Compat, now()).user_id(format!("Ann <{address}>"));
    let mut key = new.create().unwrap().key;
    key.add_user_id("Somebody else <else@example.net>", now())
        .unwrap();
    key
}

/// Local parts as people have them, and as they could.
const LOCALS: [&str; 18] = [
    "joe",
    "Joe.Doe",
    "JOE.DOE",
    "a",
    "0",
    "ann+list",
    "ann-x_y",
    "o'hara",
    "a/b",
    "x=y",
    "{a}|b~c",
    "!#$%&*?^`",
    "jörg",
    "Jörg",
    "Ärger",
    "ärger",
    "\u{212a}evin",
    "李",
];

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Debian keeps it where programs of GnuPG's own lie, or with all others.
fn wks_client() -> Command {
    let dir = run(Command::new("gpgconf").args(["--list-dirs", "libexecdir"]));
    let own = Path::new(dir.trim()).join("gpg-wks-client");
    let mut command = match own.exists() {
        true => Command::new(own),
        false => Command::new("gpg-wks-client"),
    };
    command.env("LC_ALL", "C.UTF-8");
    command
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_has_the_same_hashes_and_urls() {
    for local in LOCALS {
        let text = format!("{local}@example.org");
        let address: Address = text.parse().unwrap();
        let printed = run(wks_client().args(["--print-wkd-hash", "--", &text]));
        let theirs = printed.split_whitespace().next().unwrap();
        assert_eq!(theirs, hash(local), "{local}");
        // GnuPG encodes nothing in the query.
        let printed = run(wks_client().args(["--print-wkd-url", "--", &text]));
        let place = |url: &str| url.split('?').next().unwrap().trim().to_owned();
        assert_eq!(
            place(&printed),
            place(&url(&address, Variant::Advanced)),
            "{local}"
        );
    }
    // A domain in Unicode: GnuPG writes it as it is, and it is found.
    let printed = run(wks_client().args(["--print-wkd-url", "--", "joe.doe@bücher.example"]));
    let (host, path) = printed.trim()["https://".len()..].split_once('/').unwrap();
    let request = parse("GET", host, &format!("/{path}")).unwrap();
    assert_eq!(request.wants.domain(), Some("xn--bcher-kva.example"));
}

struct Gpg(TempDir);

impl Gpg {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(home)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command
            .env("GNUPGHOME", self.0.path())
            .env("LC_ALL", "C.UTF-8");
        command.args([
            "--batch",
            "--yes",
            "--quiet",
            "--no-tty",
            "--pinentry-mode",
            "loopback",
        ]);
        command.args(["--passphrase", ""]).args(args);
        command
    }

    fn import(&self, octets: &[u8]) -> String {
        let path = self.0.path().join("in");
        fs::write(&path, octets).unwrap();
        run(&mut self.command(&["--import", path.to_str().unwrap()]));
        run(&mut self.command(&["--with-colons", "--list-keys"]))
    }

    fn generate(&self, user_id: &str) {
        run(&mut self.command(&["--quick-generate-key", user_id, "default", "default", "1y"]));
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        end.env("GNUPGHOME", self.0.path()).args(["--kill", "all"]);
        end.output().ok();
    }
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_imports_what_a_directory_gives() {
    let ann = ours("ann@example.org");
    let certificate = ann.certificate();
    let narrow = certificate
        .for_address(&"Ann@example.org".parse().unwrap())
        .unwrap();
    let minimal = narrow.export_minimal(None, now(), Form::Binary).unwrap();
    for octets in [minimal, narrow.export(Form::Binary).unwrap()] {
        let gpg = Gpg::new();
        let listed = gpg.import(&octets);
        assert_eq!(listed.matches("\nuid:").count(), 1, "{listed}");
        assert!(
            listed.contains("ann@example.org") && !listed.contains("else@"),
            "{listed}"
        );
        assert!(listed.contains(&ann.fingerprint().to_string()));
        assert_eq!(listed.matches("\nsub:").count(), 2, "{listed}");
    }
    // The mutation: the whole certificate has two.
    let listed = Gpg::new().import(&certificate.export(Form::Binary).unwrap());
    assert_eq!(listed.matches("\nuid:").count(), 2);
}

fn hex(digits: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// The owner name and the octets of each record that GnuPG prints for a zone.
fn zone(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut origin = String::new();
    let mut records: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix("$ORIGIN ") {
            origin = name.trim().trim_end_matches('.').to_owned();
        } else if let Some((owner, _)) = line.split_once(" TYPE61 ") {
            records.push((format!("{}.{origin}", owner.trim()), String::new()));
        } else if let Some((_, digits)) = records.last_mut() {
            digits.extend(line.chars().filter(char::is_ascii_hexdigit));
        }
    }
    let records = records.into_iter();
    records.map(|(name, digits)| (name, hex(&digits))).collect()
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_prints_the_same_records_for_the_dns() {
    let gpg = Gpg::new();
    gpg.generate("Ann <ann.x+y@example.org>");
    let printed = run(&mut gpg.command(&["--export-options", "export-dane", "--export"]));
    let records = zone(&printed);
    assert_eq!(records.len(), 1, "{printed}");
    let address: Address = "ann.x+y@example.org".parse().unwrap();
    assert_eq!(Some(&records[0].0), openpgpkey_name(&address).as_ref());
    let theirs = Certificate::parse(&records[0].1).unwrap();
    assert!(theirs.for_address(&address).is_some());
    let exported = gpg.command(&["--export"]).output().unwrap().stdout;
    let known = Certificate::parse(&exported).unwrap();
    assert_eq!(theirs.fingerprint(), known.fingerprint());
    // What we would put there is what GnuPG puts there, to the octet: one user ID, each subkey, its newest binding.
    let ours = known
        .export_minimal(Some("ann.x+y@example.org"), now(), Form::Binary)
        .unwrap();
    assert_eq!(Certificate::parse(&ours).unwrap(), theirs);
    // What GnuPG exports is found where a server gives it, in both forms.
    let armored = gpg
        .command(&["--armor", "--export"])
        .output()
        .unwrap()
        .stdout;
    for body in [exported, armored] {
        let mut search = Search::new(address.clone(), &Sources::new().wkd());
        search.answer(
            Answer::Https(HttpsAnswer::Response {
                status: 200,
                location: None,
                body,
            }),
            now(),
        );
        let report = search.finish();
        let best = report.best().unwrap();
        assert_eq!(best.certificate.fingerprint(), known.fingerprint());
    }
    // Of a key with several addresses there is a record for each: GnuPG leaves all user IDs in it, and a search takes one.
    let several = ours_in(&gpg);
    let printed = run(&mut gpg.command(&["--export-options", "export-dane", "--export", &several]));
    let records = zone(&printed);
    for text in ["ann@example.org", "else@example.net"] {
        let address: Address = text.parse().unwrap();
        let name = openpgpkey_name(&address).unwrap();
        let (_, octets) = records.iter().find(|(owner, _)| *owner == name).unwrap();
        let mut search = Search::new(address, &Sources::new().dane());
        assert_eq!(search.need(), Some(Need::OpenPgpKey(name)));
        search.answer(Answer::Dns(DnsAnswer::Secure(vec![octets.clone()])), now());
        let report = search.finish();
        let view = report.best().unwrap().certificate.at(now());
        assert_eq!(
            (view.user_ids.len(), view.addresses().next()),
            (1, Some(text))
        );
    }
}

fn ours_in(gpg: &Gpg) -> String {
    let ann = ours("ann@example.org");
    gpg.import(&ann.certificate().export(Form::Binary).unwrap());
    ann.fingerprint().to_string()
}

#[test]
#[ignore = "interop: needs sq"]
fn interop_sq_has_the_same_urls() {
    let mut ran = 0;
    for local in LOCALS {
        // sq 0.27 folds all letters before it hashes; the draft folds those of ASCII.
        if local.to_lowercase() != local.to_ascii_lowercase() {
            continue;
        }
        let text = format!("{local}@example.org");
        let address: Address = text.parse().unwrap();
        for (command, variant) in [("url", Variant::Advanced), ("direct-url", Variant::Direct)] {
            let printed = run(Command::new("sq").args(["wkd", command, "--", &text]));
            // What it encodes in the query is up to it.
            let place = |url: &str| url.split('?').next().unwrap().trim().to_owned();
            assert_eq!(place(&printed), place(&url(&address, variant)), "{local}");
            ran += 1;
        }
    }
    assert!(ran > 20);
    let printed = run(Command::new("sq").args(["wkd", "url", "joe.doe@bücher.example"]));
    let (host, path) = printed.trim()["https://".len()..].split_once('/').unwrap();
    let request = parse("GET", host, &format!("/{path}")).unwrap();
    assert_eq!(request.wants.domain(), Some("xn--bcher-kva.example"));
}

#[test]
#[ignore = "interop: needs sq"]
fn interop_sq_lays_a_directory_out_as_we_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let ann = ours("Ann.X@example.org");
    let ring = folder.path().join("ring.pgp");
    fs::write(&ring, ann.certificate().export(Form::Binary).unwrap()).unwrap();
    let root = folder.path().join("web");
    fs::create_dir(&root).unwrap();
    run(Command::new("sq")
        .args(["wkd", "generate"])
        .arg(&root)
        .arg("example.org")
        .arg(&ring));
    let address: Address = "ann.x@example.org".parse().unwrap();
    let url = url(&address, Variant::Advanced);
    let path = url.split('?').next().unwrap()["https://openpgpkey.example.org/".len()..].to_owned();
    let laid = fs::read(root.join(path)).unwrap();
    let theirs = Certificate::parse(&laid).unwrap();
    assert_eq!(theirs.fingerprint(), ann.fingerprint());
    assert!(theirs.for_address(&address).is_some());
}

/// `sq` of Debian 13, as xtask unpacks it, with a home of its own.
fn sq13(home: &Path, args: &[&str]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/debian13/sq");
    let mut command = Command::new("sh");
    command.arg(program).args(args);
    command
        .env("HOME", home)
        .env("SEQUOIA_HOME", home.join("sq"));
    run(&mut command)
}

#[test]
#[ignore = "interop: needs sq13"]
fn interop_sq13_publishes_where_we_look_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let ann = ours("Ann.X@example.org");
    let address: Address = "Ann.X@example.org".parse().unwrap();
    let ring = home.join("ring.pgp");
    fs::write(&ring, ann.certificate().export(Form::Binary).unwrap()).unwrap();
    // Upper case is another name in the DNS, and the same on the web.
    let (ring, root) = (ring.to_str().unwrap(), home.join("web"));
    for (method, variant) in [("direct", Variant::Direct), ("advanced", Variant::Advanced)] {
        let root = root.join(method);
        let publish = ["network", "wkd", "publish", "--create", "--method", method];
        let what = [
            "--domain",
            "example.org",
            "--cert-file",
            ring,
            root.to_str().unwrap(),
        ];
        sq13(home, &[&publish[..], &what[..]].concat());
        let url = url(&address, variant);
        let (_, path) = url["https://".len()..].split_once('/').unwrap();
        let laid = fs::read(root.join(path.split('?').next().unwrap())).unwrap();
        let theirs = Certificate::parse(&laid).unwrap();
        assert_eq!(theirs.fingerprint(), ann.fingerprint());
        assert!(theirs.for_address(&address).is_some());
    }
    let generate = ["network", "dane", "generate", "--type", "generic"];
    let what = ["--domain", "example.org", "--cert-file", ring];
    let printed = sq13(home, &[&generate[..], &what[..]].concat());
    let record = printed
        .lines()
        .find(|line| line.contains(" TYPE61 "))
        .unwrap();
    let owner = record.split_once(". ").unwrap().0.to_ascii_lowercase();
    assert_eq!(Some(owner), openpgpkey_name(&address));
    let (_, rdata) = record.split_once("\\# ").unwrap();
    let (length, digits) = rdata.split_once(' ').unwrap();
    let octets = hex(digits.trim());
    assert_eq!(octets.len(), length.parse::<usize>().unwrap());
    let theirs = Certificate::parse(&octets).unwrap();
    assert_eq!(theirs.fingerprint(), ann.fingerprint());
}
