//! A corpus of keys as real people have them, made by a real GnuPG: with photos, flooded, without some of their secrets.
#![cfg(all(unix, feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use common::gpg::{Gpg, PASSPHRASE, now};
use common::limits;
use common::store::{LASTS, certificate, dump, id, kind, passphrase, setup, store};
use pgp_keystore::custody::{Custody, Session};
use pgp_keystore::store::{Account, Done, Inline, Query, Quotas, Store, StoreError};
use pgp_keystore::{
    Certificate, Error, Fingerprint, Form, Generate, Key, Limits, Passphrase, Profile, Protection,
    Reason, Secret, State, Unlocked, Use, import, sign_detached,
};
use pollster::block_on;
use record_store::{Memory, Records};

/// A JPEG of one grey dot (ITU-T T.81): one table of each kind, in which each code has one bit.
fn jpeg() -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| {
        let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        [&[0xff, marker], &length[..], body].concat()
    };
    let huffman = |class: u8| [&[class, 1][..], &[0; 15], &[0]].concat();
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
        segment(0xc4, &huffman(0x00)),
        segment(0xc4, &huffman(0x10)),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        // No difference, end of block, and ones to the end of the octet.
        vec![0x3f, 0xff, 0xd9],
    ]
    .concat()
}

fn holds(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}

fn binary(certificate: &Certificate) -> Vec<u8> {
    certificate.export(Form::Binary).unwrap()
}

/// An account with a session, at the real time.
fn open<R: Records>(account: &Account<'_, R, Inline>) -> Arc<Session> {
    block_on(account.create(setup(), now())).unwrap();
    block_on(account.unlock(&passphrase(), LASTS, now())).unwrap()
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_photos_are_kept_merged_and_left_out_of_what_is_minimal() {
    let (gpg, jpeg) = (Gpg::new(), jpeg());
    let of = gpg.generate("ann", "ed25519", "sign,cert", "1y");
    gpg.add(&of, "cv25519", "encrypt");
    let plain = gpg.run(&["--export", "ann"], b"");
    let path = gpg.file("ann.jpg", &jpeg);
    let commands = format!("addphoto\n{path}\nsave\n");
    gpg.run(
        &["--command-fd", "0", "--edit-key", &of],
        commands.as_bytes(),
    );
    let whole = gpg.run(&["--export", "ann"], b"");
    assert!(holds(&whole, &jpeg) && !holds(&plain, &jpeg));

    // It comes in, and out again as it was; what is shown of a certificate does not know it.
    let parse = |octets: &[u8]| Certificate::parse(octets).unwrap();
    let (with, without) = (parse(&whole), parse(&plain));
    assert!(holds(&binary(&with), &jpeg));
    assert_eq!(with.at(now()).user_ids.len(), 1);
    assert_eq!(with.at(now()).reason, Reason::Valid);
    assert_eq!(parse(&binary(&with)), with);
    // Merged in either order it is there, once.
    for merged in [
        without.merge(&with).unwrap(),
        with.merge(&without).unwrap(),
        with.merge(&with).unwrap(),
    ] {
        assert_eq!(merged, with);
        assert_eq!(binary(&merged).len(), binary(&with).len());
    }
    // Who only writes to her needs no photo.
    for address in [None, Some("ann@example.org")] {
        let minimal = with.export_minimal(address, now(), Form::Binary).unwrap();
        assert!(!holds(&minimal, &jpeg) && minimal.len() < plain.len() + 200);
        assert_eq!(parse(&minimal).at(now()).reason, Reason::Valid);
    }
    // It counts as a name and by its octets, so that it cannot be used to go over a limit.
    let (mut names, mut octets) = (limits(), limits());
    names.max_user_ids = 1;
    octets.max_certificate = plain.len() + jpeg.len() / 2;
    for limits in [names, octets] {
        assert!(Certificate::parse_with(&plain, &limits).is_ok());
        let over = Certificate::parse_with(&whole, &limits).unwrap_err();
        assert!(matches!(over, Error::Limit { .. }), "{over}");
    }

    // With the secret key, into an account; a longer life is that of the photo, too, and GnuPG still shows it.
    let secret = gpg.run(&["--export-secret-keys", "ann"], b"");
    assert!(holds(
        &Key::parse(&secret).unwrap().export(Form::Binary).unwrap(),
        &jpeg
    ));
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let session = open(&ann);
    // The certificate without the photo is there before: what came later is merged.
    block_on(ann.import(plain, now())).unwrap();
    let done = block_on(ann.import(whole, now())).unwrap().taken[0].done;
    assert_eq!(done, Done::Updated);
    let pass = Passphrase::from(PASSPHRASE);
    let key = ann.import_key(&session, secret, Some(&pass), Custody::Passphrase, now());
    let key = block_on(key).unwrap();
    let until = now() + 1000 * common::DAY;
    let extend = move |key: &mut Unlocked| key.set_expiry(Some(until), now());
    block_on(ann.edit(&session, key, extend, now())).unwrap();
    let stored = block_on(ann.certificate(key, now())).unwrap().unwrap();
    let other = Gpg::new();
    other.run(&["--import"], &binary(&stored));
    assert_eq!(other.listed("uat", "ann").len(), 1);
    let args = ["--with-colons", "--check-signatures", "ann"];
    let checked = String::from_utf8(other.run(&args, b"")).unwrap();
    let bad = checked.lines().filter(|line| line.starts_with("sig:"));
    let bad: Vec<_> = bad.filter(|line| !line.starts_with("sig:!")).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(holds(&other.run(&["--export"], b""), &jpeg));
}

/// So many user IDs, each signed by so many others: 5,000 signatures.
const USER_IDS: usize = 50;
const SIGNERS: usize = 100;

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_five_thousand_signatures_of_others_are_left_outside() {
    let gpg = Gpg::new();
    let of = gpg.generate("bob", "ed25519", "sign,cert", "never");
    gpg.add(&of, "cv25519", "encrypt");
    for n in 1..USER_IDS {
        let user_id = format!("bob <bob{n}@example.org>");
        gpg.run(&["--quick-add-uid", &of, &user_id], b"");
    }
    let before = gpg.run(&["--export", "bob"], b"");
    let signers = (0..SIGNERS).map(|n| {
        let key = "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: sign\nExpire-Date: 0";
        format!("{key}\nName-Real: signer{n}\n%no-protection\n%commit\n")
    });
    let signers = gpg.file("signers", signers.collect::<String>().as_bytes());
    gpg.run(&["--generate-key", &signers], b"");
    let by = gpg.listed("fpr", "signer");
    assert_eq!(by.len(), SIGNERS);
    let mut args: Vec<&str> = by.iter().flat_map(|by| ["-u", by]).collect();
    args.extend(["--quick-sign-key", &of]);
    gpg.run(&args, b"");
    let flooded = gpg.run(&["--export", "bob"], b"");
    // Each of the 5,000 has at least 100 octets.
    assert!(flooded.len() > before.len() + USER_IDS * SIGNERS * 100);
    // Larger than a certificate may be; what is Bob's own is not.
    assert!(flooded.len() > limits().max_certificate);

    // In memory: as if nobody had signed it.
    let own = Certificate::parse(&before).unwrap();
    let taken = Certificate::parse(&flooded).unwrap();
    assert_eq!(taken, own);
    assert_eq!(binary(&taken).len(), binary(&own).len());
    let view = taken.at(now());
    assert_eq!(view.reason, Reason::Valid);
    assert_eq!(view.addresses().count(), USER_IDS);
    assert_eq!(view.keys_for(Use::Encrypt).count(), 1);

    // In a store: as many octets as without them, whatever the order, and within a quota that is smaller than the flood.
    let mut quotas = Quotas::default();
    quotas.max_octets = u64::try_from(before.len() + 1_000).unwrap();
    assert!(quotas.max_octets < u64::try_from(flooded.len()).unwrap() / 10);
    let stored = |imports: &[&Vec<u8>]| -> usize {
        let records = Arc::new(Memory::new());
        let store = Store::new(Arc::clone(&records), Inline).with_quotas(quotas.clone());
        let ann = store.account(id("ann"));
        for (at, octets) in imports.iter().enumerate() {
            let report = block_on(ann.import((*octets).clone(), now())).unwrap();
            let done = if at == 0 {
                Done::Added
            } else {
                Done::Unchanged
            };
            assert_eq!(report.taken[0].done, done);
            assert!(report.refused.is_empty());
        }
        let found = Query::Address(format!("bob{}@example.org", USER_IDS - 1));
        assert_eq!(block_on(ann.find(&found, now())).unwrap().len(), 1);
        dump(&records).iter().map(|(_, value)| value.len()).sum()
    };
    let clean = stored(&[&before]);
    assert_eq!(stored(&[&flooded]), clean);
    assert_eq!(stored(&[&before, &flooded]), clean);
    assert_eq!(stored(&[&flooded, &flooded, &before]), clean);

    // The mutation: were they its own, they would be counted, and the certificate refused. And so is what has more packets
    // than are looked at.
    let mut few = Limits::default();
    few.max_packets = USER_IDS * SIGNERS;
    let refused = import(&flooded, &few).unwrap().refused;
    assert!(matches!(refused[0].error, Error::Limit { .. }));
    few = Limits::default();
    few.max_signatures = USER_IDS;
    let refused = import(&before, &few).unwrap().refused;
    assert!(matches!(refused[0].error, Error::Limit { .. }));
    // A flooded one beside others does not keep them out.
    let ring = [flooded, certificate("carol")].concat();
    let both = import(&ring, &limits()).unwrap();
    assert_eq!((both.certificates.len(), both.refused.len()), (2, 0));
}

fn imported<R: Records>(
    ann: &Account<'_, R, Inline>,
    session: &Arc<Session>,
    octets: Vec<u8>,
) -> Fingerprint {
    let pass = Passphrase::from(PASSPHRASE);
    let import = ann.import_key(session, octets, Some(&pass), Custody::Passphrase, now());
    block_on(import).unwrap()
}

/// What an account of these exports has as its defaults, to sign and to encrypt, though the one to be judged was chosen for
/// both; and whether that one could sign.
fn chosen(judged: Vec<u8>) -> (Fingerprint, [Option<Fingerprint>; 2], bool) {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let session = open(&ann);
    let of = imported(&ann, &session, judged);
    for purpose in [Use::Sign, Use::Encrypt] {
        block_on(ann.set_default(purpose, None, Some(of), now())).unwrap();
    }
    let sign = |keys: &[&Unlocked]| sign_detached(keys[0], b"", now(), Form::Binary).is_ok();
    let signs = block_on(ann.with_keys(&session, &[of], sign, now())).unwrap();
    let get = |purpose| block_on(ann.default_key(purpose, None, now())).unwrap();
    let alone = [get(Use::Sign), get(Use::Encrypt)];
    // With another key beside it, that one does what this one cannot.
    let new = Generate::new(Profile::Compat, now()).user_id("<ann@example.org>");
    let other = block_on(ann.generate(&session, new, Custody::Passphrase, now())).unwrap();
    let or_other = |default: Option<Fingerprint>| Some(default.unwrap_or(other));
    assert_eq!(get(Use::Sign), or_other(alone[0]));
    assert_eq!(get(Use::Encrypt), or_other(alone[1]));
    (of, alone, signs)
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_a_key_whose_signing_secret_is_elsewhere_is_no_default_to_sign() {
    let gpg = Gpg::new();
    let of = gpg.generate("bob", "ed25519", "sign,cert", "never");
    gpg.add(&of, "cv25519", "encrypt");
    let whole = gpg.run(&["--export-secret-keys", "bob"], b"");
    let subkeys = gpg.run(&["--export-secret-subkeys", "bob"], b"");
    // The primary key signs, and its secret is not in the export.
    let (of, defaults, signs) = chosen(subkeys.clone());
    assert_eq!((defaults, signs), ([None, Some(of)], false));
    // Of the encryption subkey alone, by its keygrip: what is taken away is not exported.
    let grips = gpg.listed("grp", "bob");
    let kept = fs::read(gpg.secret_file(&grips[1])).unwrap();
    fs::remove_file(gpg.secret_file(&grips[1])).unwrap();
    let primary = gpg.run(&["--export-secret-keys", "bob"], b"");
    let (_, defaults, signs) = chosen(primary);
    assert_eq!((defaults, signs), ([Some(of), None], true));
    fs::write(gpg.secret_file(&grips[1]), kept).unwrap();
    // The mutation: all of it does both.
    let (_, defaults, signs) = chosen(whole.clone());
    assert_eq!((defaults, signs), ([Some(of); 2], true));

    // What was a stub is there when it comes in later; and gone with the key.
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let session = open(&ann);
    let stubs = || {
        let all = dump(&records);
        all.iter().filter(|(key, _)| kind(key) == "stubs").count()
    };
    let get = || block_on(ann.default_key(Use::Sign, None, now())).unwrap();
    imported(&ann, &session, subkeys.clone());
    assert_eq!((stubs(), get()), (1, None));
    imported(&ann, &session, whole);
    assert_eq!((stubs(), get()), (0, Some(of)));
    // Less than there is takes nothing away.
    imported(&ann, &session, subkeys.clone());
    assert_eq!((stubs(), get()), (0, Some(of)));
    block_on(ann.remove(of, now())).unwrap();
    imported(&ann, &session, subkeys);
    assert_eq!(stubs(), 1);
    block_on(ann.remove(of, now())).unwrap();
    assert_eq!(stubs(), 0);
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_a_key_on_a_smartcard_is_no_default() {
    let gpg = Gpg::new();
    let of = gpg.generate("bob", "ed25519", "sign,cert", "never");
    gpg.add(&of, "cv25519", "encrypt");
    // As it is after `keytocard`: the agent knows the card's number in the place of the secret.
    let path = gpg.secret_file(&gpg.listed("grp", "bob")[0]);
    // Some of its octets may be no text: each is a character.
    let secret: String = fs::read(&path)
        .unwrap()
        .into_iter()
        .map(char::from)
        .collect();
    let (public, _) = secret.split_once("(protected ").unwrap();
    let public = public.replace("protected-private-key", "shadowed-private-key");
    let card = "(shadowed t1-v1 (#D2760001240102000006123456780000# OPENPGP.1))))\n";
    let octets: Vec<u8> = (public + card).chars().map(|c| c as u8).collect();
    fs::write(&path, octets).unwrap();
    let export = gpg.run(&["--export-secret-keys", "bob"], b"");
    let key = Key::parse(&export).unwrap();
    let secrets: Vec<Secret> = key.at(now()).keys.iter().map(|k| k.secret).collect();
    assert!(matches!(secrets[..], [Secret::Card, Secret::Protected(_)]));
    let (bob, defaults, signs) = chosen(export.clone());
    assert_eq!(bob.to_string(), of);
    assert_eq!((defaults, signs), ([None, Some(bob)], false));

    // The stub with the card's number goes out as it came.
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let session = open(&ann);
    imported(&ann, &session, export);
    let protection = Protection::GnuPg(PASSPHRASE.into());
    let out = ann.export_key(&session, bob, protection, Form::Binary, now());
    let out = block_on(out).unwrap();
    let number = [
        0xd2, 0x76, 0, 1, 0x24, 1, 2, 0, 0, 6, 0x12, 0x34, 0x56, 0x78,
    ];
    assert!(holds(&out, &number));
    assert_eq!(
        Key::parse(&out).unwrap().at(now()).keys[0].secret,
        Secret::Card
    );

    // With stubs alone there is nothing to keep.
    let path = gpg.secret_file(&gpg.listed("grp", "bob")[1]);
    fs::remove_file(path).unwrap();
    let stubs = gpg.run(&["--export-secret-keys", "bob"], b"");
    let pass = Passphrase::from(PASSPHRASE);
    let none = ann.import_key(&session, stubs, Some(&pass), Custody::Passphrase, now());
    assert!(matches!(
        block_on(none),
        Err(StoreError::Core(Error::NoSecret { .. }))
    ));
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_a_keyring_of_all_kinds_comes_into_an_account() {
    let gpg = Gpg::new();
    let mut keys = Vec::new();
    for (name, algorithm) in [
        ("rsa", "rsa2048"),
        ("dsa", "dsa2048"),
        ("edd", "ed25519"),
        ("nist", "nistp256"),
        ("pool", "brainpoolP256r1"),
        ("koblitz", "secp256k1"),
    ] {
        keys.push((name, gpg.generate(name, algorithm, "sign,cert", "1y")));
    }
    let past = ["--faked-system-time", "20200101T000000"];
    let old = [
        &past[..],
        &["--quick-generate-key", "eve <eve@example.org>"],
        &["ed25519", "sign,cert", "10d"],
    ];
    gpg.run(&old.concat(), b"");
    let revoked = gpg.generate("rev", "ed25519", "sign,cert", "never");
    let revocation = gpg.path(&format!("openpgp-revocs.d/{revoked}.rev"));
    let revocation = fs::read_to_string(revocation).unwrap();
    gpg.run(
        &["--import"],
        revocation.replace(":-----", "-----").as_bytes(),
    );
    for n in 0..5 {
        let user_id = format!("edd <edd{n}@example.org>");
        gpg.run(&["--quick-add-uid", &keys[2].1, &user_id], b"");
    }
    gpg.run(
        &["--quick-revoke-uid", &keys[2].1, "edd <edd4@example.org>"],
        b"",
    );

    let ring = gpg.run(&["--armor", "--export"], b"");
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let report = block_on(ann.import(ring, now())).unwrap();
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    assert_eq!(report.taken.len(), 8);
    let at = |address: &str, when: SystemTime| {
        let query = Query::Address(address.into());
        let found = block_on(ann.certificates(&query, when)).unwrap();
        assert_eq!(found.len(), 1, "{address}");
        found[0].at(when)
    };
    // Each is found, and what it is worth is said with a reason: on no backend is anything else than these.
    for (name, of) in &keys {
        let view = at(&format!("{name}@example.org"), now());
        assert_eq!(view.fingerprint.to_string(), *of);
        let algorithm = view.keys[0].algorithm;
        let here = pgp_keystore::supports(pgp_keystore::Capability::Public(algorithm));
        let reason = if here.is_ok() {
            Reason::Valid
        } else {
            Reason::Unsupported
        };
        assert_eq!(view.reason, reason, "{name} {algorithm}");
    }
    assert_eq!(at("eve@example.org", now()).reason, Reason::Expired);
    assert_eq!(at("rev@example.org", now()).reason.state(), State::Revoked);
    // GnuPG dates a revocation a second after what it revokes, if both are made in the same one.
    let soon = now() + Duration::from_secs(5);
    let edd = at("edd3@example.org", soon);
    assert_eq!((edd.user_ids.len(), edd.addresses().count()), (6, 5));
    // A revoked user ID still leads there, and is not believed.
    let gone = at("edd4@example.org", soon);
    assert!(
        gone.addresses()
            .all(|address| address != "edd4@example.org")
    );
}
