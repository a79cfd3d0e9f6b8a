//! Beside a real GnuPG: what it exports moves in, what we export and write it reads, what it writes we read and verify.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use mail_service::openpgp::Opener;
use pgp_keystore::mime;
use pgp_keystore::{Certificate, Limits, Unlocked};

use crate::common::service::USER;
use crate::world::{field, folder, keys, now, pass, run, service};

const ALICE: &str = "alice@a.test";
const PASSPHRASE: &str = "of gpg";

struct Gpg(tempfile::TempDir);

impl Gpg {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(home)
    }

    fn run(&self, passphrase: &str, args: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .env("GNUPGHOME", self.0.path())
            .args(["--batch", "--yes", "--no-tty", "--trust-model", "always"])
            .args(["--pinentry-mode", "loopback", "--passphrase", passphrase])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {args:?}: {said}");
        [output.stdout, output.stderr].concat()
    }

    /// On these octets.
    fn on(&self, passphrase: &str, octets: &[u8], args: &[&str]) -> String {
        let file = self.0.path().join("input");
        fs::write(&file, octets).unwrap();
        let said = self.run(passphrase, &[args, &[file.to_str().unwrap()]].concat());
        // Notations have octets of any kind.
        String::from_utf8_lossy(&said).into_owned()
    }

    fn key(user_id: &str) -> Self {
        let gpg = Self::new();
        let new = ["--quick-generate-key", user_id, "rsa2048", "default", "1y"];
        gpg.run(PASSPHRASE, &new);
        let key = gpg.run("", &["--with-colons", "--list-keys", user_id]);
        let key = String::from_utf8(key).unwrap();
        let of = key
            .lines()
            .find_map(|l| l.strip_prefix("fpr:::::::::"))
            .unwrap();
        let add = [
            "--quick-add-key",
            of.trim_end_matches(':'),
            "rsa2048",
            "encr",
        ];
        gpg.run(PASSPHRASE, &add);
        gpg
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut kill = Command::new("gpgconf");
        kill.env("GNUPGHOME", self.0.path());
        let _ = kill.args(["--kill", "gpg-agent"]).output();
    }
}

fn armor(message: &str) -> &str {
    let from = message.find("-----BEGIN PGP MESSAGE").unwrap();
    let end = "-----END PGP MESSAGE-----\r\n";
    let to = message.find(end).unwrap() + end.len();
    &message[from..to]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs gpg"]
async fn interop_gpg_a_key_moves_in_and_out_and_the_older_message_opens() {
    let service = service();
    let folder = folder(&service);
    let gpg = Gpg::key("Bob <bob@b.test>");
    let letter = "Content-Type: text/plain\r\n\r\nFrom long ago.\r\n";
    let args = ["--armor", "--output", "-", "--encrypt", "--recipient", USER];
    let old = gpg.on("", letter.as_bytes(), &args);
    let export = gpg.run(PASSPHRASE, &["--export-secret-keys", USER]);
    fs::write(folder.join("bob.pgp"), export).unwrap();
    let import = ["key", "import", USER, "bob.pgp"];
    run(&folder, &import, "wrong\n").refused("passphrase");
    let said = run(&folder, &import, &format!("{PASSPHRASE}\n")).done();
    let of = said.trim().strip_suffix(" key").unwrap().to_owned();
    // A newer one becomes the default, and the older one still decrypts.
    run(&folder, &["key", "generate", USER], "").done();
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let session = bob.open(&Opener::Server).await.unwrap();
    let received = bob
        .account()
        .decrypt(&session, old.into_bytes(), None, now())
        .await
        .unwrap();
    assert!(received.opened.content.ends_with(b"From long ago.\r\n"));
    // Out again, to another gpg, which opens and signs with it.
    let other = Gpg::new();
    let args = ["key", "export", USER, &of, "--secret"];
    let secret = run(&folder, &args, "under way\n").done();
    other.on("under way", secret.as_bytes(), &["--import"]);
    let args = [
        "--armor",
        "--output",
        "-",
        "--local-user",
        USER,
        "--clearsign",
    ];
    other.on("under way", b"it is me\n", &args);
    let public = run(&folder, &["key", "export", USER, &of], "").done();
    let third = Gpg::new();
    let said = third.on("", public.as_bytes(), &["--import", "--status-fd", "1"]);
    assert!(said.contains(&format!("IMPORT_OK 1 {of}")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs gpg"]
async fn interop_gpg_reads_what_is_encrypted_here_and_verifies_who_signed() {
    let service = service();
    let folder = folder(&service);
    let alice = Gpg::key("Alice <alice@a.test>");
    let bob_key = run(&folder, &["key", "generate", USER, "--name", "Bob"], "").done();
    let public = run(&folder, &["key", "export", USER, "--minimal"], "").done();
    alice.on("", public.as_bytes(), &["--import"]);
    let export = alice.run("", &["--export", ALICE]);
    fs::write(folder.join("alice.pgp"), export).unwrap();
    run(&folder, &["key", "import", USER, "alice.pgp"], "").done();
    let letter = format!(
        "From: <{USER}>\nTo: <{ALICE}>\nSubject: Lunch\n\nAt noon, in the Gr\u{fc}ner Baum?\n"
    );
    let letter = letter.replace(
        "Subject",
        "Content-Type: text/plain; charset=utf-8\nSubject",
    );
    fs::write(folder.join("m.eml"), letter).unwrap();
    let args = ["encrypt", "m.eml", "--from", USER, "--to", ALICE];
    let sealed = run(&folder, &args, "").done();
    let decrypt = ["--status-fd", "1", "--decrypt"];
    let said = alice.on(PASSPHRASE, armor(&sealed).as_bytes(), &decrypt);
    assert!(
        said.contains("Subject: Lunch") && said.contains("] GOODSIG "),
        "{said}"
    );
    assert!(said.contains(&format!(" {}", bob_key.trim())), "{said}");
    // And a signature alone.
    let signed = run(&folder, &["sign", "m.eml", "--from", USER], "").done();
    let boundary = signed.split("boundary=\"").nth(1).unwrap();
    let boundary = format!("--{}", boundary.split('"').next().unwrap());
    let mut parts = signed.split(&boundary).skip(1);
    let entity = parts.next().unwrap().strip_prefix("\r\n").unwrap();
    let entity = entity.strip_suffix("\r\n").unwrap();
    let signature = parts.next().unwrap();
    let signature = &signature[signature.find("-----BEGIN").unwrap()..];
    let file = alice.0.path().join("signature.asc");
    fs::write(&file, signature).unwrap();
    let verify = ["--status-fd", "1", "--verify", file.to_str().unwrap()];
    let said = alice.on("", entity.as_bytes(), &verify);
    assert!(said.contains("] GOODSIG "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "interop: needs gpg"]
async fn interop_gpg_what_it_encrypts_and_signs_is_read_and_verified_here() {
    let service = service();
    let folder = folder(&service);
    let alice = Gpg::key("Alice <alice@a.test>");
    run(&folder, &["key", "generate", USER], "").done();
    let public = run(&folder, &["key", "export", USER, "--minimal"], "").done();
    alice.on("", public.as_bytes(), &["--import"]);
    let export = alice.run("", &["--export", ALICE]);
    fs::write(folder.join("alice.pgp"), &export).unwrap();
    run(&folder, &["key", "import", USER, "alice.pgp"], "").done();
    // Signed: verified on the way in, with the key that was imported.
    let entity = "Content-Type: text/plain\r\n\r\nIt is me.\r\n";
    let args = [
        "--armor",
        "--digest-algo",
        "SHA512",
        "--output",
        "-",
        "--detach-sign",
    ];
    let signature = alice.on(PASSPHRASE, entity.as_bytes(), &args);
    let head =
        format!("From: Alice <{ALICE}>\r\nTo: <{USER}>\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n");
    let signed = format!(
        "{head}Content-Type: multipart/signed; micalg=pgp-sha512;\r\n \
         protocol=\"application/pgp-signature\"; boundary=\"=-=\"\r\n\r\n--=-=\r\n{entity}\r\n--=-=\r\n\
         Content-Type: application/pgp-signature\r\n\r\n{}\r\n--=-=--\r\n",
        signature.replace('\n', "\r\n")
    );
    let seen = pass(&service, ALICE, &signed);
    let told = field(&seen, "Letterlock-Signature").unwrap();
    assert!(told.starts_with("valid; reason=mime.signed; by="), "{told}");
    // The mutation: one flipped letter.
    let seen = pass(&service, ALICE, &signed.replace("It is me", "It is we"));
    let told = field(&seen, "Letterlock-Signature").unwrap();
    assert!(told.starts_with("bad; reason=pgp.altered"), "{told}");
    assert!(
        field(&seen, "Subject")
            .unwrap()
            .starts_with("[Warning: signature]")
    );
    // Encrypted and signed: opened with the account's key.
    let args = [
        "--armor",
        "--output",
        "-",
        "--sign",
        "--encrypt",
        "--recipient",
        USER,
    ];
    let sealed = alice.on(PASSPHRASE, entity.as_bytes(), &args);
    let message = format!(
        "{head}Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"=-=\"\r\n\r\n\
         --=-=\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--=-=\r\n\
         Content-Type: application/octet-stream\r\n\r\n{}\r\n--=-=--\r\n",
        sealed.replace('\n', "\r\n")
    );
    let pgp = keys(&service);
    let bob = pgp.keyring(USER).await.unwrap();
    let own = bob.own().await.unwrap()[0].certificate.fingerprint;
    let session = bob.open(&Opener::Server).await.unwrap();
    let certificate = Certificate::parse(&export).unwrap();
    let signer = certificate.fingerprint();
    let open = move |keys: &[&Unlocked]| {
        mime::decrypt(
            message.as_bytes(),
            keys,
            &[&certificate],
            now(),
            &Limits::default(),
        )
        .unwrap()
    };
    let account = bob.account();
    let opened = account
        .with_keys(&session, &[own], open, now())
        .await
        .unwrap();
    assert_eq!(opened.sender, mime::Sender::Named(signer));
    assert!(opened.content.ends_with(b"It is me.\r\n"));
}
