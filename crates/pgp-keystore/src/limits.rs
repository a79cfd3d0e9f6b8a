//! Bounds on hostile input. Each is checked before the work that it bounds.

/// Bounds on what is read. Going over one is [`Error::Limit`](crate::Error::Limit), or in an import a refusal of that one
/// certificate.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most octets of an import, armor included. Default 8 MiB.
    pub max_import: usize,
    /// Most certificates and keys of an import. Default 10,000.
    pub max_certificates: usize,
    /// Most octets of one certificate, without the certifications of others, which are not kept. Default 256 KiB.
    pub max_certificate: usize,
    /// Most packets of one certificate as it arrives, certifications of others included. Default 20,000.
    pub max_packets: usize,
    /// Most user IDs and user attributes of one certificate. Default 100.
    pub max_user_ids: usize,
    /// Most subkeys of one certificate. Default 50.
    pub max_subkeys: usize,
    /// Most signatures of one certificate that may be its own. Default 500.
    pub max_signatures: usize,
    /// Most octets of one user ID. Default 1 KiB.
    pub max_user_id: usize,
    /// Most octets of a message as it arrives. Default 64 MiB.
    pub max_message: usize,
    /// Most octets of its content, however well it was compressed. Default 64 MiB.
    pub max_plaintext: usize,
    /// Most signatures of a message that are looked at. Default 32.
    pub max_message_signatures: usize,
    /// Most packets before the container of a message, one for each recipient, when it is asked whom it is for. Default
    /// 4,096.
    pub max_recipients: usize,
    /// Most keys of a message that are tried: encrypted session keys times secret keys. Default 64.
    pub max_session_keys: usize,
    /// Most octets of the header of a mail, or of one of its parts. Default 256 KiB.
    pub max_mime_header: usize,
    /// Most fields of such a header: they are compared with each other. Default 1,000.
    pub max_mime_fields: usize,
    /// Most parts of a mail. Default 1,000.
    pub max_mime_parts: usize,
    /// Most parts of a mail inside each other. Default 20; more than 100 is never followed.
    pub max_mime_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_import: 8 << 20,
            max_certificates: 10_000,
            max_certificate: 256 << 10,
            max_packets: 20_000,
            max_user_ids: 100,
            max_subkeys: 50,
            max_signatures: 500,
            max_user_id: 1 << 10,
            max_message: 64 << 20,
            max_plaintext: 64 << 20,
            max_message_signatures: 32,
            max_recipients: 4_096,
            max_session_keys: 64,
            max_mime_header: 256 << 10,
            max_mime_fields: 1_000,
            max_mime_parts: 1_000,
            max_mime_depth: 20,
        }
    }
}
