//! The one module that names webauthn-rs. What it keeps and stores is JSON, whose members are its own; of those only the
//! ones are touched that grow: passkeys and attestation. A release that calls them otherwise fails tests, and fails closed.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{
    PublicKeyCredential, RegisterPublicKeyCredential, SecurityKey, SecurityKeyAuthentication,
    SecurityKeyRegistration, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use super::Unusable;

/// A relying party.
#[derive(Clone, Debug)]
pub(super) struct Site(Webauthn);

/// A registration that has begun, without the passkeys that it excludes.
#[derive(Clone)]
pub(super) struct Creating {
    json: Vec<u8>,
    state: SecurityKeyRegistration,
}

/// A login that has begun, without the passkeys that it asks for.
#[derive(Clone)]
pub(super) struct Getting {
    json: Vec<u8>,
    state: Value,
}

/// A public key, and what was last seen of it.
#[derive(Clone)]
pub(super) struct Credential(SecurityKey);

/// An answer to a registration.
#[derive(Clone)]
pub(super) struct Created(RegisterPublicKeyCredential);

/// An answer to a login.
#[derive(Clone)]
pub(super) struct Got {
    answer: PublicKeyCredential,
    cross_origin: bool,
}

/// A login that was right.
pub(super) struct Seen {
    pub(super) credential: Credential,
    pub(super) changed: bool,
    pub(super) user_verified: bool,
}

impl Site {
    pub(super) fn new(id: &str, name: &str, origins: &[Url], timeout: Duration) -> Option<Self> {
        let (first, more) = origins.split_first()?;
        let begun = WebauthnBuilder::new(id, first).ok()?;
        let begun = begun.rp_name(name).timeout(timeout);
        let with = more
            .iter()
            .fold(begun, |with, origin| with.append_allowed_origin(origin));
        with.build().ok().map(Self)
    }

    /// What webauthn-rs calls a security key is what any authenticator can be after a password: verification is
    /// preferred, and synchronised ones are welcome.
    pub(super) fn create<'a>(
        &self,
        user: [u8; 16],
        account: &str,
        have: impl Iterator<Item = &'a Credential>,
    ) -> Option<(String, Creating)> {
        let have = have.map(|known| known.0.cred_id().clone()).collect();
        let user = Uuid::from_bytes(user);
        let begun =
            self.0
                .start_securitykey_registration(user, account, account, Some(have), None, None);
        let (mut options, state) = begun.ok()?;
        // A phone does as well, and of the extensions none is looked at.
        options.public_key.hints = None;
        options.public_key.extensions = None;
        let mut state = serde_json::to_value(&state).ok()?;
        *state.pointer_mut("/rs/exclude_credentials")? = json!([]);
        let state = Creating::from_json(&serde_json::to_vec(&state).ok()?)?;
        Some((serde_json::to_string(&options).ok()?, state))
    }

    pub(super) fn created(
        &self,
        begun: &Creating,
        answer: &Created,
    ) -> Result<Credential, Unusable> {
        let made = self
            .0
            .finish_securitykey_registration(&answer.0, &begun.state);
        let made = made.map_err(|why| unusable(&why))?;
        Credential::bare(&made).ok_or(Unusable::Algorithm)
    }

    pub(super) fn get<'a>(
        &self,
        have: impl Iterator<Item = &'a Credential>,
    ) -> Option<(String, Getting)> {
        let have: Vec<_> = have.map(|known| known.0.clone()).collect();
        let (mut options, state) = self.0.start_securitykey_authentication(&have).ok()?;
        options.public_key.hints = None;
        let mut state = serde_json::to_value(&state).ok()?;
        *state.pointer_mut("/ast/credentials")? = json!([]);
        let state = Getting::from_json(&serde_json::to_vec(&state).ok()?)?;
        Some((serde_json::to_string(&options).ok()?, state))
    }

    pub(super) fn got(
        &self,
        begun: &Getting,
        known: &Credential,
        answer: &Got,
    ) -> Result<Seen, Unusable> {
        let state = begun.with(known).ok_or(Unusable::Malformed)?;
        let seen = self
            .0
            .finish_securitykey_authentication(&answer.answer, &state);
        let seen = seen.map_err(|why| unusable(&why))?;
        let mut key = known.0.clone();
        let changed = key.update_credential(&seen).ok_or(Unusable::Unknown)?;
        Ok(Seen {
            credential: Credential(key),
            changed,
            user_verified: seen.user_verified(),
        })
    }
}

impl Creating {
    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        Some(Self {
            json: json.to_vec(),
            state: serde_json::from_slice(json).ok()?,
        })
    }

    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }
}

impl Getting {
    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        let state: Value = serde_json::from_slice(json).ok()?;
        // Read, so that it can be.
        serde_json::from_value::<SecurityKeyAuthentication>(state.clone()).ok()?;
        state.pointer("/ast/credentials")?.as_array()?;
        Some(Self {
            json: json.to_vec(),
            state,
        })
    }

    pub(super) fn json(&self) -> &[u8] {
        &self.json
    }

    fn with(&self, known: &Credential) -> Option<SecurityKeyAuthentication> {
        let credential = serde_json::to_value(&known.0).ok()?;
        let mut state = self.state.clone();
        *state.pointer_mut("/ast/credentials")? = json!([credential.get("cred")?]);
        serde_json::from_value(state).ok()
    }
}

impl Credential {
    /// Without what came along about the authenticator.
    fn bare(made: &SecurityKey) -> Option<Self> {
        let mut credential = serde_json::to_value(made).ok()?;
        *credential.pointer_mut("/cred/attestation")? =
            json!({ "data": "None", "metadata": "None" });
        serde_json::from_value(credential).ok().map(Self)
    }

    pub(super) fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self)
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Nothing in it can fail to be written; nothing at all would not be read.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    pub(super) fn id(&self) -> &[u8] {
        self.0.cred_id()
    }

    pub(super) fn is_backed_up(&self) -> bool {
        let written = serde_json::to_value(&self.0).ok();
        let flag = written.and_then(|json| json.pointer("/cred/backup_state")?.as_bool());
        flag.unwrap_or_default()
    }
}

const KIND: &str = "public-key";

impl Created {
    pub(super) fn parse(json: &str) -> Option<Self> {
        let answer: RegisterPublicKeyCredential = serde_json::from_str(json).ok()?;
        (answer.type_ == KIND).then_some(Self(answer))
    }
}

impl Got {
    pub(super) fn parse(json: &str) -> Option<Self> {
        let answer: PublicKeyCredential = serde_json::from_str(json).ok()?;
        let client: Value = serde_json::from_slice(&answer.response.client_data_json).ok()?;
        let cross_origin = match client.get("crossOrigin") {
            None => false,
            Some(said) => said.as_bool()?,
        };
        (answer.type_ == KIND).then_some(Self {
            answer,
            cross_origin,
        })
    }

    pub(super) fn credential(&self) -> &[u8] {
        &self.answer.raw_id
    }

    /// Whose it is, if the authenticator says so.
    pub(super) fn user(&self) -> Option<&[u8]> {
        let user = self.answer.get_user_unique_id();
        user.filter(|user| !user.is_empty())
    }

    /// Which webauthn-rs asks about at registration only.
    pub(super) fn is_cross_origin(&self) -> bool {
        self.cross_origin
    }
}

fn unusable(why: &WebauthnError) -> Unusable {
    match why {
        WebauthnError::InvalidClientDataType => Unusable::Ceremony,
        WebauthnError::MismatchedChallenge => Unusable::Challenge,
        WebauthnError::InvalidRPOrigin => Unusable::Origin,
        WebauthnError::CredentialCrossOrigin => Unusable::CrossOrigin,
        WebauthnError::InvalidRPIDHash => Unusable::RelyingParty,
        WebauthnError::UserNotPresent => Unusable::NotPresent,
        WebauthnError::UserNotVerified => Unusable::NotVerified,
        WebauthnError::CredentialNotFound => Unusable::Unknown,
        WebauthnError::AuthenticationFailure | WebauthnError::SignatureInvalid => {
            Unusable::Signature
        }
        WebauthnError::CredentialPossibleCompromise => Unusable::Copied,
        WebauthnError::CredentialBackupEligibilityInconsistent
        | WebauthnError::CredentialMayNotBeHardwareBound => Unusable::Backup,
        WebauthnError::CredentialAlteredAlgFromRequest
        | WebauthnError::CredentialInsecureCryptography
        | WebauthnError::COSEKeyInvalidType
        | WebauthnError::COSEKeyInvalidAlgorithm
        | WebauthnError::COSEKeyEDUnsupported
        | WebauthnError::COSEKeyECDSAXYInvalid
        | WebauthnError::COSEKeyECDSAInvalidCurve
        | WebauthnError::COSEKeyEDDSAXInvalid
        | WebauthnError::COSEKeyEDDSAInvalidCurve
        | WebauthnError::COSEKeyRSANEInvalid
        | WebauthnError::EcdsaPointInvalid
        | WebauthnError::RsaParametersInvalid
        | WebauthnError::SshPublicKeyEDUnsupported => Unusable::Algorithm,
        WebauthnError::ParseBase64Failure(_)
        | WebauthnError::ParseCBORFailure(_)
        | WebauthnError::ParseJSONFailure(_)
        | WebauthnError::ParseNOMFailure
        | WebauthnError::ParseInsufficientBytesAvailable
        | WebauthnError::COSEKeyInvalidCBORValue
        | WebauthnError::MissingAttestationCredentialData => Unusable::Malformed,
        // All that is left is about attestation.
        _ => Unusable::Attestation,
    }
}
