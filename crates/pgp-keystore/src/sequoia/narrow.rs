//! What is left of a certificate for one address: what others put into it stays behind.

use super::openpgp;
use openpgp::Cert;
use openpgp::packet::{Packet, Signature, UserID};

use super::Certificate;
use super::guard::caught;
use crate::Address;

impl Certificate {
    /// Of it only the user IDs with this address, and what its own key has verifiably signed; `None` if it has no such user
    /// ID. What a directory gives for an address proves nothing about any other one, and is not to be taken for it.
    ///
    /// A user ID is bound by a signature of the certificate's own key, be that expired or revoked: see
    /// [`at`](Self::at). Addresses are compared by [`Address::is_same_as`].
    #[must_use]
    pub fn for_address(&self, address: &Address) -> Option<Self> {
        let has = |user_id: &UserID| {
            let own = user_id.email().ok().flatten();
            own.and_then(|own| own.parse().ok())
                .is_some_and(|own: Address| own.is_same_as(address))
        };
        caught(|| {
            let (cert, names) = narrowed(&self.cert, has)?;
            (names > 0).then_some(Self { cert })
        })?
    }

    /// Of it only what its own key has verifiably signed, and no images. `None` if nothing can be made of that.
    pub(crate) fn bound(&self) -> Option<Self> {
        caught(|| narrowed(&self.cert, |_| true).map(|(cert, _)| Self { cert }))?
    }

    /// How many user IDs there are, whether they count or not.
    pub(crate) fn user_ids(&self) -> usize {
        self.cert.userids().count()
    }
}

/// The certificate, and how many user IDs it has.
fn narrowed(cert: &Cert, keep: impl Fn(&UserID) -> bool) -> Option<(Cert, usize)> {
    let packet = |signature: &Signature| Packet::from(signature.clone());
    let primary = cert.primary_key();
    let mut packets = vec![Packet::from(primary.key().clone())];
    packets.extend(primary.self_revocations().map(packet));
    packets.extend(primary.self_signatures().map(packet));
    let mut names = 0;
    for user_id in cert.userids().filter(|user_id| keep(user_id.userid())) {
        let own: Vec<Packet> = user_id
            .self_revocations()
            .chain(user_id.self_signatures())
            .map(packet)
            .collect();
        if own.is_empty() {
            continue;
        }
        names += 1;
        packets.push(user_id.userid().clone().into());
        packets.extend(own);
    }
    for subkey in cert.keys().subkeys() {
        let own: Vec<Packet> = subkey
            .self_revocations()
            .chain(subkey.self_signatures())
            .map(packet)
            .collect();
        if !own.is_empty() {
            packets.push(subkey.key().clone().into());
            packets.extend(own);
        }
    }
    let cert = Cert::from_packets(packets.into_iter()).ok()?;
    Some((cert, names))
}
