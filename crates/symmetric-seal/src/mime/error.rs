/// Why something cannot stand in a mail.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    /// The address is no `local@domain` of RFC 5322 §3.4.1 without quotes, or longer than 254 octets.
    #[error("not an address")]
    Address,
    /// A name or subject has a control character, or more than 998 octets.
    #[error("not a line of text")]
    Line,
    /// The name of a file is empty, longer than 255 octets, or has a separator of paths or a control character.
    #[error("not the name of a file")]
    FileName,
    /// The media type is not of the form `type/subtype`, or is one that holds other parts.
    #[error("not a media type for an attachment")]
    MediaType,
    /// The link is no `https` URL of at most 1000 visible ASCII characters.
    #[error("not an https link")]
    Link,
    /// The domain of the message identifier is none.
    #[error("not a domain")]
    Domain,
    /// More than 100 attachments.
    #[error("too many attachments")]
    Attachments,
}
