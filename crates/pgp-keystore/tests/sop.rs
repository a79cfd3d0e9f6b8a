//! `examples/sop` as the interoperability suite uses it: what it does, and its exit status where it does not.
#![cfg(all(feature = "_backend", feature = "store"))]
#![allow(clippy::unwrap_used)] // a test

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const BACKEND: &str = if cfg!(feature = "crypto-openssl") {
    "crypto-openssl"
} else if cfg!(feature = "crypto-nettle") {
    "crypto-nettle"
} else {
    "crypto-rust"
};

/// The statuses of `sop` that are told apart here.
const NO_SIGNATURE: i32 = 3;
const CERT_CANNOT_ENCRYPT: i32 = 17;
const MISSING_ARG: i32 = 19;
const CANNOT_DECRYPT: i32 = 29;
const UNSUPPORTED_OPTION: i32 = 37;
const BAD_DATA: i32 = 41;
const KEY_IS_PROTECTED: i32 = 67;
const UNSUPPORTED_SUBCOMMAND: i32 = 69;
const UNSUPPORTED_PROFILE: i32 = 89;

/// The example of this backend, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = target.map_or_else(beside_this_test, |target| target.join("debug"));
    let program = folder
        .join("examples")
        .join(format!("sop{}", std::env::consts::EXE_SUFFIX));
    if !is_ours(&program) {
        let features = format!("{BACKEND},store");
        let built = Command::new(env!("CARGO"))
            .args(["build", "-q", "-p", "pgp-keystore", "--example", "sop"])
            .args(["--features", &features])
            .status();
        assert!(built.unwrap().success());
        assert!(is_ours(&program));
    }
    program
}

fn beside_this_test() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path
}

fn is_ours(program: &Path) -> bool {
    let said = Command::new(program)
        .args(["version", "--extended"])
        .output();
    let backend = pgp_keystore::backend();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(&backend))
}

struct Sop(PathBuf, TempDir);

impl Sop {
    fn new() -> Self {
        let sop = Self(program(), tempfile::tempdir().unwrap());
        sop.put("secret", b"correct horse \n");
        sop.put("other", b"battery staple");
        sop
    }

    fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.1.path().join(name), octets).unwrap();
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(&self.0)
            .args(args)
            .current_dir(self.1.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever is refused reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    #[track_caller]
    fn does(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.run(args, input);
        assert!(output.status.success(), "{args:?}: {output:?}");
        output.stdout
    }

    #[track_caller]
    fn fails(&self, args: &[&str], input: &[u8], status: i32) {
        let output = self.run(args, input);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }

    /// A key and its certificate as files of these names.
    fn key(&self, args: &[&str], key: &str, certificate: &str) {
        let made = self.does(&[&["generate-key"], args].concat(), b"");
        self.put(key, &made);
        self.put(certificate, &self.does(&["extract-cert"], &made));
    }

    fn profiles(&self) -> Vec<String> {
        let list = self.does(&["list-profiles", "generate-key"], b"");
        let list = String::from_utf8(list).unwrap();
        let names = list.lines().map(|line| line.split(':').next().unwrap());
        names.map(|name| format!("--profile={name}")).collect()
    }
}

fn lines(octets: &[u8]) -> usize {
    String::from_utf8_lossy(octets).lines().count()
}

const CONTENT: &[u8] = b"Dear Bob,\r\n\0\xff\r\n";

#[test]
fn each_profile_signs_verifies_encrypts_and_decrypts() {
    let sop = Sop::new();
    let profiles = sop.profiles();
    assert!(profiles.len() >= 2, "{profiles:?}");
    for profile in &profiles {
        sop.key(&[profile, "Ann <ann@example.org>"], "ann", "ann.cert");
        sop.key(&[profile, "Bob"], "bob", "bob.cert");

        // A signature of each, in one block.
        let signatures = sop.does(&["sign", "ann", "bob"], CONTENT);
        assert!(signatures.starts_with(b"-----BEGIN PGP SIGNATURE-----\n\n"));
        sop.put("signatures", &signatures);
        let both = sop.does(&["verify", "signatures", "ann.cert", "bob.cert"], CONTENT);
        assert_eq!(lines(&both), 2);
        assert!(String::from_utf8(both).unwrap().contains(" mode:binary "));
        let one = sop.does(&["verify", "signatures", "bob.cert"], CONTENT);
        assert_eq!(lines(&one), 1);
        // The mutation: one letter.
        let verify = ["verify", "signatures", "ann.cert", "bob.cert"];
        sop.fails(&verify, b"Dear Rob,\r\n\0\xff\r\n", NO_SIGNATURE);
        let late = [
            "verify",
            "--not-before=2100-01-01",
            "signatures",
            "ann.cert",
        ];
        sop.fails(&late, CONTENT, NO_SIGNATURE);
        let early = ["verify", "--not-after=2020-01-01", "signatures", "ann.cert"];
        sop.fails(&early, CONTENT, NO_SIGNATURE);

        let encrypt = [
            "encrypt",
            "--no-armor",
            "--sign-with=ann",
            "bob.cert",
            "ann.cert",
        ];
        let message = sop.does(&encrypt, CONTENT);
        let decrypt = [
            "decrypt",
            "--verifications-out=verified",
            "--verify-with=ann.cert",
            "bob",
        ];
        assert_eq!(sop.does(&decrypt, &message), CONTENT);
        let verified = std::fs::read(sop.1.path().join("verified")).unwrap();
        assert_eq!(lines(&verified), 1);
        std::fs::remove_file(sop.1.path().join("verified")).unwrap();
        // By another's certificate it is not signed, and opens.
        let other = decrypt.map(|arg| arg.replace("ann", "bob"));
        let other = other.each_ref().map(String::as_str);
        assert_eq!(sop.does(&other, &message), CONTENT);
        let verified = std::fs::read(sop.1.path().join("verified")).unwrap();
        assert_eq!(lines(&verified), 0);
        std::fs::remove_file(sop.1.path().join("verified")).unwrap();
        let mut damaged = message.clone();
        let near_the_end = damaged.len() - 30;
        damaged[near_the_end] ^= 1;
        sop.fails(&["decrypt", "ann"], &damaged, CANNOT_DECRYPT);
        let armored = sop.does(&["encrypt", "ann.cert"], CONTENT);
        assert!(armored.starts_with(b"-----BEGIN PGP MESSAGE-----"));
        assert_eq!(sop.does(&["decrypt", "ann"], &armored), CONTENT);
        sop.fails(&["decrypt", "ann"], CONTENT, BAD_DATA);
    }
}

#[test]
fn a_password_opens_is_changed_and_is_taken_away() {
    let sop = Sop::new();
    sop.key(&["--with-key-password=secret"], "key", "cert");
    let locked = std::fs::read(sop.1.path().join("key")).unwrap();
    let message = sop.does(&["encrypt", "cert"], CONTENT);
    sop.fails(&["decrypt", "key"], &message, KEY_IS_PROTECTED);
    let decrypt = ["decrypt", "--with-key-password=secret", "key"];
    assert_eq!(sop.does(&decrypt, &message), CONTENT);
    sop.fails(&["revoke-key"], &locked, KEY_IS_PROTECTED);
    sop.fails(&["sign", "key"], CONTENT, KEY_IS_PROTECTED);
    let change = [
        "change-key-password",
        "--old-key-password=secret",
        "--new-key-password=other",
    ];
    let changed = sop.does(&change, &locked);
    sop.fails(&change, &changed, KEY_IS_PROTECTED);
    let open = ["change-key-password", "--old-key-password=other"];
    sop.put("open", &sop.does(&open, &changed));
    let signature = sop.does(&["sign", "open"], CONTENT);
    sop.put("signature", &signature);
    // It is the same key still.
    sop.does(&["verify", "signature", "cert"], CONTENT);
}

/// Of version 6 by Argon2, which takes its time.
#[test]
fn a_key_of_version_6_is_protected_and_opened() {
    let sop = Sop::new();
    let locked = ["--profile=modern", "--with-key-password=secret"];
    sop.key(&locked, "key", "cert");
    sop.fails(&["sign", "key"], CONTENT, KEY_IS_PROTECTED);
    let signature = sop.does(&["sign", "--with-key-password=secret", "key"], CONTENT);
    sop.put("signature", &signature);
    sop.does(&["verify", "signature", "cert"], CONTENT);
}

#[test]
fn what_is_revoked_neither_signs_nor_receives() {
    let sop = Sop::new();
    for profile in sop.profiles() {
        sop.key(&[&profile, "Ann"], "key", "cert");
        let key = std::fs::read(sop.1.path().join("key")).unwrap();
        sop.put("revoked", &sop.does(&["revoke-key"], &key));
        sop.put("signature", &sop.does(&["sign", "key"], CONTENT));
        sop.does(&["verify", "signature", "cert"], CONTENT);
        sop.fails(&["verify", "signature", "revoked"], CONTENT, NO_SIGNATURE);
        sop.does(&["encrypt", "cert"], CONTENT);
        sop.fails(&["encrypt", "revoked"], CONTENT, CERT_CANNOT_ENCRYPT);
        let encrypt = ["encrypt", "cert", "revoked"];
        sop.fails(&encrypt, CONTENT, CERT_CANNOT_ENCRYPT);
    }
}

#[test]
fn what_there_is_not_says_so() {
    let sop = Sop::new();
    sop.key(&["Ann"], "key", "cert");
    sop.put("session", b"9:00");
    for missing in [
        &["armor"][..],
        &["dearmor"],
        &["inline-sign", "key"],
        &["inline-verify", "cert"],
        &["inline-detach", "--signatures-out=out"],
        &["update-key"],
        &["merge-certs"],
        &["certify-userid", "--userid=Ann", "key"],
        &["validate-userid", "Ann", "cert"],
        &["no-such-command"],
    ] {
        sop.fails(missing, CONTENT, UNSUPPORTED_SUBCOMMAND);
    }
    for unsupported in [
        &["encrypt", "--with-password=secret"][..],
        &["encrypt", "--as=text", "cert"],
        &["encrypt", "--sign-with=key", "--sign-with=key", "cert"],
        &["decrypt", "--with-password=secret"],
        &["decrypt", "--with-session-key=session"],
        &["sign", "--as=text", "key"],
        &["generate-key", "--signing-only"],
        &["sign", "--no-such-option", "key"],
    ] {
        sop.fails(unsupported, CONTENT, UNSUPPORTED_OPTION);
    }
    for unknown in [
        &["generate-key", "--profile=none"][..],
        &["encrypt", "--profile=none", "cert"],
        &["list-profiles", "sign"],
    ] {
        sop.fails(unknown, b"", UNSUPPORTED_PROFILE);
    }
    for without in [&["sign"][..], &["encrypt"], &["decrypt"]] {
        sop.fails(without, CONTENT, MISSING_ARG);
    }
}

#[test]
fn what_is_of_the_wrong_kind_is_refused() {
    let sop = Sop::new();
    sop.key(&["Ann"], "key", "cert");
    let certificate = std::fs::read(sop.1.path().join("cert")).unwrap();
    sop.put("signature", &sop.does(&["sign", "key"], CONTENT));
    sop.put("text", b"nothing of that kind");
    sop.fails(&["extract-cert"], &certificate, BAD_DATA);
    sop.fails(&["sign", "cert"], CONTENT, BAD_DATA);
    sop.fails(&["sign", "text"], CONTENT, BAD_DATA);
    sop.fails(&["encrypt", "key"], CONTENT, BAD_DATA);
    sop.fails(&["verify", "signature", "key"], CONTENT, BAD_DATA);
    sop.fails(&["verify", "text", "cert"], CONTENT, BAD_DATA);
    sop.fails(&["decrypt", "cert"], CONTENT, BAD_DATA);
}
