/// Makes the reasons, each with its stable code and a sentence.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $code:literal $text:literal,)+) => {
        /// Why a message is not opened, whatever the password is.
        ///
        /// Unless a reason says otherwise it is found before anything is computed from a password.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum Refusal {
            $($(#[$doc])* #[error($text)] $name,)+
        }

        impl Refusal {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// A stable code, such as `seal.argon2-memory`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

refusals! {
    /// Neither OpenPGP packets nor an armor begins here.
    NotOpenPgp "seal.not-openpgp" "no OpenPGP message",
    /// A packet in the legacy format of RFC 9580 §4.2.2.
    LegacyFormat "seal.legacy-format" "packet in the legacy format",
    /// A packet without a length (RFC 9580 §4.2.2.4).
    IndeterminateLength "seal.indeterminate-length" "packet of indeterminate length",
    /// Partial lengths where RFC 9580 §4.2.1.4 does not allow them.
    PartialLength "seal.partial-length" "partial lengths in a packet that may not have them",
    /// A first part of fewer than 512 octets (RFC 9580 §4.2.1.4).
    ShortFirstPart "seal.short-first-part" "first part of a packet is shorter than 512 octets",
    /// A packet that has no place in a sealed message, such as a marker or a signature.
    UnexpectedPacket "seal.unexpected-packet" "packet that has no place in a sealed message",
    /// Something is encrypted for a public key.
    PublicKey "seal.public-key" "message is encrypted for a public key",
    /// A second packet with a session key.
    SecondSessionKey "seal.second-session-key" "more than one session key packet",
    /// A session key packet of another version than 6.
    SessionKeyVersion "seal.session-key-version" "session key packet is not of version 6",
    /// A session key packet whose lengths are not those of AES-256 with Argon2 (85 octets for GCM).
    SessionKeyLength "seal.session-key-length" "session key packet of another length",
    /// Encrypted data of another version than 2: without AEAD.
    DataVersion "seal.data-version" "encrypted data is not of version 2",
    /// Another cipher than AES-256.
    Cipher "seal.cipher" "cipher is not AES-256",
    /// Another mode than GCM, or OCB without the feature `ocb`, or two modes.
    Mode "seal.mode" "mode of encryption is not supported",
    /// The password is not stretched by Argon2.
    S2k "seal.s2k" "password is not stretched by Argon2",
    /// Parameters that Argon2 does not have (RFC 9580 §3.7.1.4).
    Argon2 "seal.argon2" "impossible parameters of Argon2",
    /// More memory than [`Limits::max_memory_kib`](crate::Limits::max_memory_kib).
    Argon2Memory "seal.argon2-memory" "Argon2 would take more memory than is allowed",
    /// More passes than [`Limits::max_passes`](crate::Limits::max_passes).
    Argon2Passes "seal.argon2-passes" "Argon2 would take more passes than are allowed",
    /// More lanes than [`Limits::max_lanes`](crate::Limits::max_lanes).
    Argon2Lanes "seal.argon2-lanes" "Argon2 would take more lanes than are allowed",
    /// More passes times memory than [`Limits::max_work_mib`](crate::Limits::max_work_mib).
    Argon2Work "seal.argon2-work" "Argon2 would take more work than is allowed",
    /// None of the profiles that have a name, where one of them must be.
    NoProfile "seal.no-profile" "parameters of Argon2 are none of the named profiles",
    /// A chunk size that RFC 9580 §5.13.2 does not have, or more than the limit.
    ChunkSize "seal.chunk-size" "chunks are larger than is allowed",
    /// The message is longer than [`Limits::max_message`](crate::Limits::max_message). A stream that does not announce
    /// its length is refused when it gets there.
    MessageTooLong "seal.message-too-long" "message is longer than is allowed",
    /// The content is longer than [`Limits::max_plaintext`](crate::Limits::max_plaintext). Found while decrypting.
    PlaintextTooLong "seal.plaintext-too-long" "content is longer than is allowed",
    /// The message ends too early. In a stream this is found at its end; inside the encryption, while decrypting.
    Truncated "seal.truncated" "message ends too early",
    /// Something follows the message. In a stream this is found at its end.
    TrailingData "seal.trailing-data" "something follows the message",
    /// The armor is malformed (RFC 9580 §6.2). In a stream this is found where it is.
    Armor "seal.armor" "malformed armor",
    /// More lines of header than [`Limits::MAX_ARMOR_HEADERS`](crate::Limits::MAX_ARMOR_HEADERS) in the armor.
    ArmorHeaders "seal.armor-headers" "too many lines of header in the armor",
    /// A line of the armor with more octets than [`Limits::MAX_ARMOR_LINE`](crate::Limits::MAX_ARMOR_LINE).
    ArmorLine "seal.armor-line" "line of the armor is too long",
    /// Compressed data inside the encryption. Found while decrypting.
    Compressed "seal.compressed" "content is compressed",
    /// Another message inside the encryption. Found while decrypting.
    Nested "seal.nested" "message inside a message",
    /// Literal data that is malformed, or of a kind that RFC 9580 §5.9 does not have. Found while decrypting.
    Literal "seal.literal" "malformed literal data",
    /// The parameters of Argon2 are others than those of the key at hand.
    OtherParameters "seal.other-parameters" "message was sealed with other parameters than the key at hand",
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        let codes: HashSet<_> = Refusal::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        assert!(codes.iter().all(|code| code.starts_with("seal.")));
    }
}
