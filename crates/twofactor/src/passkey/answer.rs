//! What the browser says. It is looked at as far as it can be without knowing what was asked.

use std::fmt;

use super::{CredentialId, Unusable, webauthn};

/// Most octets of an answer: what browsers give for a request without attestation is some 1,500, with the longest
/// identifiers and keys some 6,000.
pub const MAX_ANSWER: usize = 16 * 1024;

/// What `navigator.credentials.create` gave, in JSON.
#[derive(Clone)]
pub struct Attestation(pub(super) webauthn::Created);

/// What `navigator.credentials.get` gave, in JSON.
#[derive(Clone)]
pub struct Assertion {
    pub(super) got: webauthn::Got,
    credential: CredentialId,
}

impl Attestation {
    /// Reads it, at most [`MAX_ANSWER`] octets. Members that the standard may add are passed over.
    ///
    /// # Errors
    /// [`Unusable::TooLong`], [`Unusable::Malformed`].
    pub fn parse(json: &str) -> Result<Self, Unusable> {
        webauthn::Created::parse(short(json)?)
            .map(Self)
            .ok_or(Unusable::Malformed)
    }
}

impl Assertion {
    /// Reads it, at most [`MAX_ANSWER`] octets. Members that the standard may add are passed over.
    ///
    /// # Errors
    /// [`Unusable::TooLong`], [`Unusable::Malformed`].
    pub fn parse(json: &str) -> Result<Self, Unusable> {
        let got = webauthn::Got::parse(short(json)?).ok_or(Unusable::Malformed)?;
        let credential = CredentialId::new(got.credential()).ok_or(Unusable::Malformed)?;
        Ok(Self { got, credential })
    }

    /// Which passkey it says it is of, to find that one.
    #[must_use]
    pub fn credential(&self) -> &CredentialId {
        &self.credential
    }
}

fn short(json: &str) -> Result<&str, Unusable> {
    match json.len() <= MAX_ANSWER {
        true => Ok(json),
        false => Err(Unusable::TooLong),
    }
}

/// Without the content.
impl fmt::Debug for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attestation(..)")
    }
}

/// Without the content.
impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion(..)")
    }
}
