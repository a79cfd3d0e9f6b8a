use super::*;
use crate::fixture::{ACCOUNT, Fixture};
use pgp_keystore::{Generate, Profile, Unlocked};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200)
}

fn alice() -> Unlocked {
    let new = Generate::new(Profile::Compat, now()).user_id("Alice <alice@a.test>");
    new.create().unwrap().key
}

const PLAIN: &str = "From: <alice@a.test>\r\nTo: <joe@b.test>\r\nSubject: x\r\n\r\nIt is me.\r\n";

fn signed(by: &Unlocked) -> Vec<u8> {
    let prefer = mime::PreferEncrypt::NoPreference;
    let field = mime::autocrypt(&by.certificate(), "alice@a.test", prefer, now()).unwrap();
    mime::sign(format!("{field}{PLAIN}").as_bytes(), by, now()).unwrap()
}

async fn told(openpgp: &OpenPgp, message: Vec<u8>, time: Duration) -> Option<Told> {
    let (message, accounts) = (Arc::new(message), [ACCOUNT.into()]);
    let grade = Grade::Plausible;
    let mut told = openpgp
        .signatures(&message, &accounts, grade, time, now())
        .await;
    assert_eq!(told.len(), 1);
    told.pop().unwrap()
}

/// Mail goes on when its time is over; and with time it is verified.
#[tokio::test]
async fn what_is_not_verified_in_time_is_told_as_that() {
    let fixture = Fixture::new(|_| {}).await;
    let openpgp = &fixture.service.openpgp;
    let message = signed(&alice());
    let late = told(openpgp, message.clone(), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(late.field, "unknown; reason=pgp.timeout");
    assert_eq!(late.alarm, None);
    let in_time = told(openpgp, message, Duration::from_secs(600))
        .await
        .unwrap();
    assert!(in_time.field.starts_with("valid; "), "{in_time:?}");
    // Most mail is not looked at.
    let plain = told(openpgp, PLAIN.into(), Duration::ZERO).await;
    assert_eq!(plain, None);
}

#[tokio::test]
async fn what_is_larger_than_the_limit_is_told_as_that() {
    let fixture = Fixture::new(|_| {}).await;
    let most = Limits::default().max_message;
    let mut message = signed(&alice());
    message.resize(most + 1, b'x');
    let told = told(&fixture.service.openpgp, message, Duration::from_secs(600)).await;
    assert_eq!(told.unwrap().field, "unknown; reason=pgp.not-checked");
}

/// A certificate in a quoted-printable part, which wraps its lines and encodes its equal signs.
#[test]
fn a_certificate_is_found_in_a_part_however_it_is_encoded() {
    let alice = alice();
    let armor = alice.certificate().export(Form::Armored).unwrap();
    let armor = String::from_utf8(armor).unwrap().replace('\n', "\r\n");
    let quoted = armor.replace('=', "=3D");
    let wrapped: String = quoted
        .lines()
        .map(|line| match line.split_at_checked(40) {
            Some((one, two)) if !line.starts_with("--") => format!("{one}=\r\n{two}\r\n"),
            _ => format!("{line}\r\n"),
        })
        .collect();
    for part in [armor, quoted, wrapped] {
        let message = format!("Content-Type: application/pgp-keys\r\n\r\n{part}");
        let found = brought(message.as_bytes(), &Limits::default());
        assert_eq!(found.len(), 1, "{message}");
        assert_eq!(found[0].fingerprint(), alice.fingerprint());
    }
    // However many there are.
    let block = alice.certificate().export(Form::Armored).unwrap();
    let found = brought(&block.repeat(100), &Limits::default());
    assert_eq!(found.len(), MOST_BROUGHT);
}

#[test]
fn what_is_wrapped_is_inside_octet_by_octet() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let octets: Vec<u8> = (0..=255).cycle().take(5_000).collect();
    let wrapped = String::from_utf8(wrapped(&octets, now()).unwrap()).unwrap();
    let encoded = wrapped.split("base64\r\n\r\n").nth(1).unwrap();
    let encoded = encoded.split("--letterlock-").next().unwrap();
    let encoded = encoded.replace("\r\n", "");
    assert_eq!(STANDARD.decode(encoded).unwrap(), octets);
    assert!(wrapped.lines().all(|line| line.len() <= 78));
}

/// Only what is signed as it is shown, by whom it says, begins with "valid".
#[test]
fn nothing_else_is_called_valid() {
    let (trust, since) = (Trust::FirstUse, now());
    let pinned = alice().fingerprint();
    let all = [
        Whose::Pinned { trust, since },
        Whose::Changed {
            pinned,
            trust,
            since,
        },
        Whose::Claimed,
        Whose::Stranger,
    ];
    let words = |verdict| all.map(|whose| state(verdict, whose));
    assert_eq!(
        words(Verdict::Signed),
        ["valid", "changed", "valid", "stranger"]
    );
    let differs = words(Verdict::SenderDiffers);
    assert_eq!(differs, ["valid", "changed", "stranger", "stranger"]);
    assert_eq!(words(Verdict::Partly), ["partly"; 4]);
    assert_eq!(words(Verdict::HeadersDiffer), ["partly"; 4]);
}
