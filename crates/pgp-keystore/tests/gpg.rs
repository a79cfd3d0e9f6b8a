//! GnuPG as a peer, both directions, with what is expected to fail listed as such.
#![cfg(all(unix, feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::gpg::{Gpg, PASSPHRASE, now};
use common::limits;
use pgp_keystore::{
    Algorithm, Capability, Certificate, Error, Form, Generate, Key, Limits, Passphrase, Profile,
    Protection, Reason, Recipient, Revocation, Secret, State, Unlocked, Use, decrypt, import,
    plan_send, sign_cleartext, sign_detached, sign_inline, supports, verify, verify_detached,
};

const TEXT: &[u8] = b"Dear Bob,\nit is me.\n";

fn public(gpg: &Gpg, name: &str) -> Certificate {
    Certificate::parse(&gpg.run(&["--export", name], b"")).unwrap()
}

fn secret(gpg: &Gpg, name: &str) -> Key {
    Key::parse(&gpg.run(&["--armor", "--export-secret-keys", name], b"")).unwrap()
}

fn ours(profile: Profile) -> Unlocked {
    let new = Generate::new(profile, now()).user_id("Ann <ann@example.org>");
    new.create().unwrap().key
}

fn recipient<'a>(certificate: &'a Certificate) -> Recipient<'a> {
    Recipient::new("x@example.org", [certificate])
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_reads_what_compat_writes() {
    let (gpg, mut ann) = (Gpg::new(), ours(Profile::Compat));
    ann.add_user_id("Ann B <ann@example.net>", now()).unwrap();
    ann.set_expiry(Some(now() + 90 * common::DAY), now())
        .unwrap();
    let locked = ann.lock(&Protection::GnuPg(PASSPHRASE.into())).unwrap();
    gpg.run(&["--import"], &locked.export(Form::Armored).unwrap());
    let listed = gpg.run(&["--with-colons", "--list-secret-keys"], b"");
    let listed = String::from_utf8(listed).unwrap();
    assert_eq!(listed.matches("\nuid:").count(), 2, "{listed}");
    assert_eq!(listed.matches("\nssb:").count(), 2, "{listed}");

    // Signatures of ours.
    let content = gpg.file("content", TEXT);
    let signature = sign_detached(&ann, TEXT, now(), Form::Armored).unwrap();
    let signature = gpg.file("signature", &signature);
    gpg.run(&["--verify", &signature, &content], b"");
    let changed = gpg.file("changed", b"Dear Bob,\nit is not me.\n");
    assert!(gpg.fails(&["--verify", &signature, &changed], b""));
    let inline = sign_inline(&ann, TEXT, now(), Form::Binary).unwrap();
    assert_eq!(gpg.run(&["--decrypt"], &inline), TEXT);
    let clear = sign_cleartext(&ann, "it is me\n", now()).unwrap();
    gpg.run(&["--verify"], &clear);

    // Messages of ours to a key of ours in GnuPG's hands, and what it signs with it.
    let certificate = ann.certificate();
    let plan = plan_send(&[recipient(&certificate)], now());
    let sealed = plan
        .encrypt(TEXT, Some(&ann), now(), Form::Armored)
        .unwrap();
    assert_eq!(gpg.run(&["--decrypt"], &sealed), TEXT);
    let theirs = gpg.run(&["--detach-sign"], TEXT);
    let result = verify_detached(TEXT, &theirs, &[&certificate], now(), &limits()).unwrap();
    assert_eq!(result.state(), Some(State::Valid));
    let theirs = gpg.run(&["--encrypt", "--sign", "-r", "ann@example.net"], TEXT);
    let opened = decrypt(&theirs, &[&ann], &[&certificate], now(), &limits()).unwrap();
    assert_eq!(opened.content.as_slice(), TEXT);
    assert_eq!(opened.verification.state(), Some(State::Valid));

    // Changes of ours after the import.
    let old = ann
        .at(now())
        .keys_for(Use::Encrypt)
        .next()
        .unwrap()
        .fingerprint;
    ann.rotate_subkey(Use::Encrypt, Profile::Compat, None, now())
        .unwrap();
    ann.rotate_subkey(Use::Sign, Profile::Compat, None, now())
        .unwrap();
    ann.revoke_user_id("Ann <ann@example.org>", "", now())
        .unwrap();
    let updated = ann.certificate().export(Form::Armored).unwrap();
    gpg.run(&["--import"], &updated);
    let theirs = gpg.run(&["--encrypt", "-r", "ann@example.net"], TEXT);
    let opened = decrypt(&theirs, &[&ann], &[], now(), &limits()).unwrap();
    assert_ne!(opened.by.1, old);
    let signature = gpg.file(
        "new",
        &sign_detached(&ann, TEXT, now(), Form::Binary).unwrap(),
    );
    gpg.run(&["--verify", &signature, &content], b"");
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_takes_the_revocation_made_at_birth_and_we_take_gpgs() {
    let gpg = Gpg::new();
    let ann = Generate::new(Profile::Compat, now())
        .user_id("Ann")
        .create()
        .unwrap();
    gpg.run(
        &["--import"],
        &ann.key.certificate().export(Form::Armored).unwrap(),
    );
    gpg.run(
        &["--import"],
        &ann.revocation.export(Form::Armored).unwrap(),
    );
    let listed = gpg.run(&["--with-colons", "--list-keys"], b"");
    assert!(String::from_utf8_lossy(&listed).contains("pub:r:"));

    let fingerprint = gpg.generate("bob", "ed25519", "default", "never");
    let made = gpg.path(&format!("openpgp-revocs.d/{fingerprint}.rev"));
    // GnuPG puts a colon before the armor, lest somebody import it by mistake.
    let made = fs::read_to_string(made)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    let revocation = Revocation::parse(made.as_bytes()).unwrap();
    let bob = public(&gpg, "bob").revoke_with(&revocation).unwrap();
    assert_eq!(bob.at(now()).reason.state(), State::Revoked);
}

/// Expected failures: GnuPG 2.2 knows neither version 6 nor the post-quantum algorithms.
#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_refuses_version_6_as_expected() {
    for profile in common::profiles()
        .into_iter()
        .filter(|p| *p != Profile::Compat)
    {
        let (gpg, ann) = (Gpg::new(), ours(profile));
        let public = ann.certificate().export(Form::Armored).unwrap();
        gpg.output(&["--import"], &public);
        let listed = gpg.run(&["--with-colons", "--list-keys"], b"");
        assert!(
            !String::from_utf8_lossy(&listed).contains("pub:"),
            "{profile}: no longer fails"
        );
    }
}

/// GnuPG's algorithm for the primary key and the subkey, and ours.
const CORPUS: &[(&str, &str, Algorithm, Algorithm)] = &[
    ("rsa2048", "rsa2048", Algorithm::Rsa, Algorithm::Rsa),
    ("rsa3072", "rsa3072", Algorithm::Rsa, Algorithm::Rsa),
    ("rsa4096", "rsa4096", Algorithm::Rsa, Algorithm::Rsa),
    (
        "ed25519",
        "cv25519",
        Algorithm::LegacyEd25519,
        Algorithm::LegacyX25519,
    ),
    ("nistp256", "nistp256", Algorithm::Ecdsa, Algorithm::Ecdh),
    ("nistp384", "nistp384", Algorithm::Ecdsa, Algorithm::Ecdh),
    ("nistp521", "nistp521", Algorithm::Ecdsa, Algorithm::Ecdh),
    ("dsa2048", "elg1024", Algorithm::Dsa, Algorithm::ElGamal),
    ("dsa3072", "elg2048", Algorithm::Dsa, Algorithm::ElGamal),
];

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_keys_of_each_algorithm_are_imported_and_used() {
    for (primary, subkey, signs, encrypts) in CORPUS {
        imported_and_used(primary, subkey, *signs, *encrypts);
    }
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_keys_on_brainpool_curves_are_used_or_said_to_be_unsupported() {
    let (signs, encrypts) = (Algorithm::EcdsaBrainpool, Algorithm::EcdhBrainpool);
    for curve in ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"] {
        imported_and_used(curve, curve, signs, encrypts);
    }
}

/// Expected: no backend of ours has this curve, nor has RFC 9580.
#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_keys_on_a_curve_that_nobody_has_are_said_to_be_unsupported() {
    let (curve, none) = ("secp256k1", Algorithm::Unknown);
    assert!(supports(Capability::Public(none)).is_err());
    imported_and_used(curve, curve, none, none);
}

fn imported_and_used(primary: &str, subkey: &str, signs: Algorithm, encrypts: Algorithm) {
    let gpg = Gpg::new();
    let fingerprint = gpg.generate("bob", primary, "sign,cert", "1y");
    gpg.run(
        &["--quick-add-key", &fingerprint, subkey, "encrypt", "1y"],
        b"",
    );
    let key = secret(&gpg, "bob");
    assert_eq!(key.fingerprint().to_string(), fingerprint);
    let view = key.at(now());
    if supports(Capability::Public(signs)).is_err() {
        // Expected: Brainpool on all backends but OpenSSL. What cannot be verified does not count, and says why.
        assert_eq!(view.reason, Reason::Unsupported, "{primary}");
        let bob = key.unlock(&PASSPHRASE.into()).unwrap();
        let error = sign_detached(&bob, TEXT, now(), Form::Binary).unwrap_err();
        let why = Reason::Unsupported;
        assert!(matches!(error, Error::Unusable { why: said, .. } if said == why));
        return;
    }
    assert_eq!(view.reason, Reason::Valid, "{primary}");
    assert_eq!(view.addresses().collect::<Vec<_>>(), ["bob@example.org"]);
    // GnuPG exports with SHA-1: it is to be protected anew.
    let weak = Secret::Protected(pgp_keystore::Kdf::Weak);
    assert!(view.keys.iter().all(|k| k.secret == weak), "{view:?}");
    assert_eq!(
        key.unlock(&Passphrase::from("wrong")).unwrap_err(),
        Error::WrongPassphrase
    );
    let bob = key.unlock(&PASSPHRASE.into()).unwrap();

    let certificate = public(&gpg, "bob");
    assert_eq!(bob.certificate(), certificate);
    for (args, name) in [
        (&["--detach-sign"][..], "binary"),
        (&["--textmode", "--detach-sign"], "text"),
    ] {
        let theirs = gpg.run(args, TEXT);
        let result = verify_detached(TEXT, &theirs, &[&certificate], now(), &limits()).unwrap();
        assert_eq!(result.state(), Some(State::Valid), "{primary} {name}");
    }
    for args in [&["--sign"][..], &["--clearsign"]] {
        let theirs = gpg.run(args, TEXT);
        let (content, result) = verify(&theirs, &[&certificate], now(), &limits()).unwrap();
        assert_eq!(result.state(), Some(State::Valid), "{primary} {args:?}");
        assert_eq!(content.trim_ascii_end(), TEXT.trim_ascii_end());
    }

    let content = gpg.file("content", TEXT);
    match (
        sign_detached(&bob, TEXT, now(), Form::Binary),
        supports(Capability::Secret(signs)),
    ) {
        (Ok(signature), Ok(())) => {
            let signature = gpg.file("signature", &signature);
            gpg.run(&["--verify", &signature, &content], b"");
        }
        // Expected: not in constant time on crypto-rust.
        (Err(Error::Unsupported(said)), Err(expected)) => assert_eq!(said, expected),
        (got, expected) => panic!("{primary}: {got:?}, {expected:?}"),
    }
    let sealed = gpg.run(&["--encrypt", "-r", "bob"], TEXT);
    match (
        decrypt(&sealed, &[&bob], &[], now(), &limits()),
        supports(Capability::Secret(encrypts)),
    ) {
        (Ok(opened), Ok(())) => assert_eq!(opened.content.as_slice(), TEXT),
        // Expected: no backend has ElGamal, and RSA is not in constant time on crypto-rust.
        (Err(Error::Unsupported(said)), Err(expected)) => assert_eq!(said, expected),
        (got, expected) => panic!("{subkey}: {got:?}, {expected:?}"),
    }
    let plan = plan_send(&[recipient(&certificate)], now());
    match supports(Capability::Public(encrypts)) {
        Ok(()) => {
            let sealed = plan.encrypt(TEXT, None, now(), Form::Armored).unwrap();
            assert_eq!(gpg.run(&["--decrypt"], &sealed), TEXT, "{subkey}");
        }
        // Expected: ElGamal is out of date, and no backend of ours has it.
        Err(_) => {
            let why = plan.entries()[0].passed_over[0].reason;
            assert!(
                matches!(why, Reason::WeakAlgorithm | Reason::Unsupported),
                "{why}"
            );
        }
    }
    // What GnuPG had is protected anew, and GnuPG still reads it if it shall.
    let again = bob.lock(&Protection::GnuPg("other".into())).unwrap();
    let other = Gpg::new();
    other.run(
        &["--import", "--passphrase", "other"],
        &again.export(Form::Binary).unwrap(),
    );
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_exports_without_the_primary_secret_sign_and_decrypt() {
    let gpg = Gpg::new();
    let fingerprint = gpg.generate("bob", "ed25519", "cert", "never");
    gpg.run(
        &["--quick-add-key", &fingerprint, "ed25519", "sign", "never"],
        b"",
    );
    gpg.run(
        &[
            "--quick-add-key",
            &fingerprint,
            "cv25519",
            "encrypt",
            "never",
        ],
        b"",
    );
    let export = gpg.run(&["--export-secret-subkeys", "bob"], b"");
    let key = Key::parse(&export).unwrap();
    let secrets: Vec<Secret> = key.at(now()).keys.iter().map(|k| k.secret).collect();
    let weak = Secret::Protected(pgp_keystore::Kdf::Weak);
    assert_eq!(secrets, [Secret::Stub, weak, weak]);
    let mut bob = key.unlock(&PASSPHRASE.into()).unwrap();
    let signature = sign_detached(&bob, TEXT, now(), Form::Binary).unwrap();
    let (content, signature) = (gpg.file("content", TEXT), gpg.file("signature", &signature));
    gpg.run(&["--verify", &signature, &content], b"");
    let sealed = gpg.run(&["--encrypt", "-r", "bob"], TEXT);
    assert!(decrypt(&sealed, &[&bob], &[], now(), &limits()).is_ok());
    // What only the primary key can do is refused.
    let error = bob.set_expiry(None, now()).unwrap_err();
    assert!(matches!(error, Error::NoSecret { .. }), "{error}");
    // What we export of it, GnuPG takes.
    let again = bob.lock(&Protection::GnuPg(PASSPHRASE.into())).unwrap();
    assert_eq!(again.at(now()).keys[0].secret, Secret::Stub);
    let other = Gpg::new();
    other.run(&["--import"], &again.export(Form::Armored).unwrap());
    assert_eq!(other.run(&["--decrypt"], &sealed), TEXT);
    // With the primary secret at hand it is whole again.
    let whole = again.merge_key(&secret(&gpg, "bob")).unwrap();
    assert!(
        whole
            .at(now())
            .keys
            .iter()
            .all(|k| matches!(k.secret, Secret::Protected(_)))
    );
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_keyrings_with_expired_revoked_and_certified_keys_are_read() {
    let gpg = Gpg::new();
    let ann = gpg.generate("ann", "ed25519", "default", "never");
    gpg.run(&["--quick-add-uid", &ann, "Ann <ann@example.net>"], b"");
    gpg.run(&["--quick-add-uid", &ann, "Ann <ann@old.example>"], b"");
    gpg.run(&["--quick-revoke-uid", &ann, "Ann <ann@old.example>"], b"");
    let bob = gpg.generate("bob", "ed25519", "default", "never");
    let mut certifiers = Vec::new();
    for name in ["c1", "c2", "c3"] {
        let own = gpg.generate(name, "ed25519", "default", "never");
        gpg.run(&["--quick-sign-key", "-u", &own, &ann], b"");
        certifiers.push(own);
    }
    // A past in which a key of ten days was made.
    let past = ["--faked-system-time", "20200101T000000"];
    gpg.run(
        &[
            &past[..],
            &["--quick-generate-key", "eve", "ed25519", "default", "10d"],
        ]
        .concat(),
        b"",
    );
    let revocation = gpg.path(&format!("openpgp-revocs.d/{bob}.rev"));
    let revocation = fs::read_to_string(revocation)
        .unwrap()
        .replace(":-----", "-----");
    gpg.run(&["--import"], revocation.as_bytes());

    let ring = gpg.run(&["--export"], b"");
    let imported = import(&ring, &Limits::default()).unwrap();
    assert!(imported.refused.is_empty(), "{:?}", imported.refused);
    assert_eq!(imported.certificates.len(), 6);
    let find = |of: &str| {
        let found = imported
            .certificates
            .iter()
            .find(|c| c.fingerprint().to_string() == of);
        found.unwrap().clone()
    };
    let of_ann = find(&ann).at(now());
    assert_eq!(of_ann.addresses().count(), 2);
    assert_eq!(
        of_ann
            .user_ids
            .iter()
            .filter(|u| u.reason.state() == State::Revoked)
            .count(),
        1
    );
    assert_eq!(find(&bob).at(now()).reason.state(), State::Revoked);
    let reasons: Vec<Reason> = imported
        .certificates
        .iter()
        .map(|c| c.at(now()).reason)
        .collect();
    assert_eq!(
        reasons.iter().filter(|r| **r == Reason::Expired).count(),
        1,
        "{reasons:?}"
    );
    // The certifications of others are left out.
    let small = find(&ann).export(Form::Binary).unwrap();
    let large = gpg.run(&["--export", "ann"], b"");
    assert!(small.len() + 3 * 100 < large.len());
    // Armored, and the secrets of all.
    let armored = gpg.run(&["--armor", "--export-secret-keys"], b"");
    assert_eq!(import(&armored, &Limits::default()).unwrap().keys.len(), 6);
}
