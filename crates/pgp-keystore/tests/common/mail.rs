//! Mail that the tests of `mime` share.
#![allow(clippy::unwrap_used, dead_code)]

use pgp_keystore::mime::{
    self, HeaderPolicy, MimeError, Verdict, Verified, decrypt, encrypt, sign, verify,
};
use pgp_keystore::{Profile, Unlocked, plan_send};

use super::{days, key, limits, to};

pub(crate) const MESSAGE: &str = "Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n\
    From: Ann <ann@example.org>\r\n\
    To: Bob <bob@example.org>\r\n\
    Bcc: Carol <carol@example.org>\r\n\
    Subject: Dinner plans\r\n\
    Keywords: dinner\r\n\
    Message-ID: <1@example.org>\r\n\
    Content-Type: text/plain; charset=\"utf-8\"\r\n\
    Content-Transfer-Encoding: 8bit\r\n\
    \r\n\
    Grüße, \r\n\
    From Ann\r\n";

pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

pub(crate) fn signed() -> (Unlocked, String) {
    let ann = key(Profile::Compat, "ann");
    let message = text(&sign(MESSAGE.as_bytes(), &ann, days(1)).unwrap());
    (ann, message)
}

pub(crate) fn verified(message: &str, by: &Unlocked) -> Result<Verified, MimeError> {
    verify(message.as_bytes(), &[&by.certificate()], days(1), &limits())
}

pub(crate) fn verdict(message: &str, by: &Unlocked) -> Verdict {
    verified(message, by).unwrap().verdict()
}

pub(crate) fn sealed(message: &str, policy: HeaderPolicy) -> (Unlocked, Unlocked, String) {
    let (ann, bob) = (key(Profile::Compat, "ann"), key(Profile::Modern, "bob"));
    let certificate = bob.certificate();
    let plan = plan_send(&[to("bob", &certificate)], days(1));
    let sealed = encrypt(message.as_bytes(), &plan, Some(&ann), policy, days(1)).unwrap();
    (ann, bob, text(&sealed))
}

pub(crate) fn opened(
    message: &str,
    ann: &Unlocked,
    bob: &Unlocked,
) -> Result<mime::Decrypted, MimeError> {
    let by = ann.certificate();
    decrypt(message.as_bytes(), &[bob], &[&by], days(1), &limits())
}
