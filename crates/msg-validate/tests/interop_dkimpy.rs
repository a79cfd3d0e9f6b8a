//! DKIM beside dkimpy, Debian's python3-dkim: each signs for the other. `cargo xtask interop dkimpy` runs these.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::STANDARD};
use mail_dns::Zone;
use msg_validate::Limits;
use msg_validate::dkim::{self, Canonicalization, DkimReason, DkimResult, Signer, SigningKey};

/// Folds, runs of white space, white space and empty lines at ends. No white space before a colon: dkimpy refuses that.
const MESSAGE: &str = "Received: from a.example.org by mx.example.net;\r\n\tMon, 1 Jan 2024 00:00:01 +0000\r\n\
    From: Joe SixPack  <joe@example.org>\r\nTo: Suzie Q\r\n  <suzie@example.net> \r\n\
    SUBJECT:  Is \t dinner ready? \r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\
    Message-ID: <1@example.org>\r\n\r\nHi  there,\t\twe won \t \r\n\r\n the  game.\r\n.\r\n\t\r\n\r\n\r\n";

/// Octets of header and body that are signed, and what they become.
const CHANGES: [(&str, &str); 3] = [
    ("dinner", "dinneR"),
    ("the  game", "the  gome"),
    ("joe@", "jof@"),
];

const CANONICALIZATIONS: [Canonicalization; 2] =
    [Canonicalization::Relaxed, Canonicalization::Simple];

const SCRIPT: &str = r#"
import dkim, sys
message = sys.stdin.buffer.read()
if sys.argv[1] == "sign":
    key, algorithm, header, body = (arg.encode() for arg in sys.argv[2:])
    field = dkim.sign(message, b"s", b"example.org", key, canonicalize=(header, body), signature_algorithm=algorithm)
    sys.stdout.buffer.write(field + message)
else:
    answer = lambda name, timeout=5: sys.argv[2].encode() if name == b"s._domainkey.example.org." else None
    print("pass" if dkim.verify(message, dnsfunc=answer) else "fail")
"#;

#[test]
#[ignore = "interop: needs dkimpy"]
fn interop_dkimpy_rsa_signatures_of_either_pass_with_the_other() {
    let pem = include_str!("data/dkim-rsa2048.pem");
    both_ways("rsa-sha256", pem, || SigningKey::from_pem(pem).unwrap());
}

#[test]
#[ignore = "interop: needs dkimpy"]
fn interop_dkimpy_ed25519_signatures_of_either_pass_with_the_other() {
    let seed = [7; 32];
    both_ways("ed25519-sha256", &STANDARD.encode(seed), || {
        SigningKey::from_ed25519_seed(&seed).unwrap()
    });
}

/// `peer_key` is the key as dkimpy wants it.
fn both_ways(algorithm: &str, peer_key: &str, key: impl Fn() -> SigningKey) {
    let record = key().record().to_string();
    for header in CANONICALIZATIONS {
        for body in CANONICALIZATIONS {
            let (h, b) = (word(header), word(body));
            let theirs = python(&["sign", peer_key, algorithm, h, b], MESSAGE);
            assert!(theirs.contains(&format!("a={algorithm}; c={h}/{b}")));
            judge(&theirs, &record);

            let signer = Signer::new("example.org", "s", key()).unwrap();
            let signer = signer.canonicalized(header, body);
            let field = signer.sign(MESSAGE.as_bytes(), SystemTime::now()).unwrap();
            judge(&format!("{field}{MESSAGE}"), &record);
        }
    }
}

/// Both pass the message, and neither with one octet changed.
fn judge(signed: &str, record: &str) {
    assert_eq!(ours(signed, record), DkimReason::Valid, "{signed}");
    assert_eq!(python(&["verify", record], signed), "pass\n", "{signed}");
    for (from, to) in CHANGES {
        let changed = signed.replacen(from, to, 1);
        assert_ne!(changed, signed);
        let reason = ours(&changed, record);
        assert!(
            matches!(reason, DkimReason::BodyHash | DkimReason::Signature),
            "{reason:?}: {changed}"
        );
        assert_eq!(python(&["verify", record], &changed), "fail\n", "{changed}");
    }
}

fn ours(signed: &str, record: &str) -> DkimReason {
    let zone = Zone::new().txt("s._domainkey.example.org", record).unwrap();
    let (now, limits) = (SystemTime::now(), Limits::default());
    let reports = dkim::verify(signed.as_bytes(), now, &limits, |query| zone.answer(query));
    let [report] = &*reports else {
        panic!("not one signature: {reports:?}");
    };
    let valid = report.reason() == DkimReason::Valid;
    assert_eq!(report.result() == DkimResult::Pass, valid);
    report.reason()
}

/// Debian's own Python: another one that comes first in the PATH does not see Debian's modules.
fn python(args: &[&str], input: &str) -> String {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "dkimpy failed");
    String::from_utf8(output.stdout).unwrap()
}

fn word(canonicalization: Canonicalization) -> &'static str {
    match canonicalization {
        Canonicalization::Relaxed => "relaxed",
        Canonicalization::Simple => "simple",
    }
}
