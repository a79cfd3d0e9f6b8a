//! What leaves: certificates whole and small, keys as protected as they are.

use std::io::Write;
use std::time::SystemTime;

use super::openpgp;
use openpgp::Cert;
use openpgp::armor::{Kind, Writer};
use openpgp::cert::prelude::*;
use openpgp::packet::key::{PublicParts, SecretKeyMaterial, UnspecifiedRole};
use openpgp::packet::{Key as KeyPacket, Packet, Signature};
use openpgp::serialize::SerializeInto;
use openpgp::types::RevocationStatus;

use super::{address, algorithm_of, fingerprint_of, policy, refused, supports, views};
use crate::{Capability, Error, Form, Reason};

/// A part of a message or key, as armor calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A certificate.
    Public,
    /// A key.
    Secret,
    /// A detached signature.
    Signature,
    /// Anything signed or encrypted.
    Message,
}

impl Part {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Public => Kind::PublicKey,
            Self::Secret => Kind::SecretKey,
            Self::Signature => Kind::Signature,
            Self::Message => Kind::Message,
        }
    }
}

pub(super) fn public(cert: &Cert, form: Form) -> Result<Vec<u8>, Error> {
    let doing = "writing a certificate";
    let octets = if cert.exportable() {
        cert.export_to_vec().map_err(refused(doing))?
    } else if is_beyond_this_build(cert) {
        // The library would leave out all that it cannot verify, which is all of it. Others can.
        let leaves = |packet: &Packet| match packet {
            Packet::Signature(signature) => signature.exportable().is_ok(),
            _ => true,
        };
        let packets = cert.clone().into_packets().filter(leaves);
        let octets = packets.map(|packet| packet.to_vec().map_err(refused(doing)));
        octets.collect::<Result<Vec<_>, Error>>()?.concat()
    } else {
        return Err(Error::Unusable {
            fingerprint: fingerprint_of(cert.primary_key().key()),
            why: Reason::Unbound,
        });
    };
    formed(octets, Part::Public, form, &[])
}

fn is_beyond_this_build(cert: &Cert) -> bool {
    supports(Capability::Public(algorithm_of(cert.primary_key().key()))).is_err()
}

pub(super) fn secret(cert: &Cert, form: Form) -> Result<Vec<u8>, Error> {
    let tsk = cert.as_tsk();
    // A transferable secret key starts with a secret key packet (RFC 9580 §10.2); where the primary secret is not here,
    // GnuPG's stub stands for it.
    let tsk = match cert.primary_key().key().has_secret() {
        true => tsk,
        false => tsk.emit_secret_key_stubs(true),
    };
    let octets = match cert.exportable() {
        true => tsk.export_to_vec(),
        // What is one's own is not lost because this build cannot verify it.
        false => tsk.to_vec(),
    };
    let octets = octets.map_err(refused("writing a key"))?;
    formed(octets, Part::Secret, form, &[])
}

pub(super) fn minimal(
    cert: &Cert,
    address: Option<&str>,
    now: SystemTime,
    form: Form,
) -> Result<Vec<u8>, Error> {
    let policy = policy(now);
    let primary = cert.primary_key().key();
    let why = views::validity(cert, &policy, now);
    let unusable = |why| Error::Unusable {
        fingerprint: fingerprint_of(primary),
        why,
    };
    if why != Reason::Valid {
        return Err(unusable(why));
    }
    let valid = cert
        .with_policy(&policy, now)
        .map_err(|_| unusable(Reason::Unbound))?;
    let mut packets = vec![Packet::from(primary.clone())];
    let mut keep = |signature: &Signature| packets.push(signature.clone().into());
    if let Ok(direct) = valid.direct_key_signature() {
        keep(direct);
    }
    let user_id = chosen(&valid, address)?;
    if let Some(user_id) = user_id {
        packets.push(user_id.userid().clone().into());
        packets.push(user_id.binding_signature().clone().into());
    }
    for subkey in valid.keys().subkeys().alive().revoked(false) {
        packets.push(subkey.key().clone().into());
        packets.push(subkey.binding_signature().clone().into());
    }
    let small = Cert::from_packets(packets.into_iter());
    public(&small.map_err(refused("writing a certificate"))?, form)
}

fn chosen<'a>(
    valid: &ValidCert<'a>,
    address: Option<&str>,
) -> Result<Option<ValidUserIDAmalgamation<'a>>, Error> {
    let revoked = |u: &ValidUserIDAmalgamation<'_>| {
        matches!(u.revocation_status(), RevocationStatus::Revoked(_))
    };
    let Some(address) = address else {
        return Ok(valid.primary_userid().ok().filter(|u| !revoked(u)));
    };
    let has = |u: &ValidUserIDAmalgamation<'_>| same_address(u.userid(), address);
    let found = valid.userids().find(|u| has(u) && !revoked(u));
    found.map(Some).ok_or(Error::NoSuch {
        what: "valid user ID",
    })
}

/// Whether a user ID has an address, both normalised.
pub(super) fn same_address(user_id: &openpgp::packet::UserID, wanted: &str) -> bool {
    address::of(user_id).is_some_and(|has| address::normalized(wanted) == Some(has))
}

pub(super) fn formed(
    octets: Vec<u8>,
    part: Part,
    form: Form,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, Error> {
    if form == Form::Binary {
        return Ok(octets);
    }
    let doing = "writing armor";
    let writer = Writer::with_headers(Vec::new(), part.kind(), headers.iter().copied());
    let mut writer = writer.map_err(refused(doing))?;
    writer.write_all(&octets).map_err(refused(doing))?;
    writer.finalize().map_err(refused(doing))
}

/// A secret's octets as they are written, to choose the same of two in any order.
pub(super) fn material(key: &KeyPacket<PublicParts, UnspecifiedRole>) -> Vec<u8> {
    let secret = key.clone().parts_into_secret().ok();
    let packet = secret.map(|key| match key.secret() {
        // All unprotected forms of a secret are the same secret.
        SecretKeyMaterial::Unencrypted(_) => Vec::new(),
        SecretKeyMaterial::Encrypted(_) => {
            let packet = Packet::SecretSubkey(key.role_into_subordinate());
            packet.to_vec().unwrap_or_default()
        }
    });
    packet.unwrap_or_default()
}
