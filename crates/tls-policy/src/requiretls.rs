//! REQUIRETLS and `TLS-Required: No` on the wire (RFC 8689): the EHLO keyword, the parameter of MAIL
//! FROM and the header field, read and written. What they come to is a [`Wish`](crate::Wish)
//! for [`decide`](crate::decide).
//!
//! ```
//! use tls_policy::Wish;
//! use tls_policy::requiretls::{Channel, Offer, header_wish, mail_wish};
//!
//! // A server that keeps REQUIRETLS offers it over TLS, and reads it from MAIL FROM.
//! let offer = Offer::by_server(Channel::Tls);
//! assert_eq!(offer.keyword(), Some("REQUIRETLS"));
//! let asked = mail_wish("BODY=8BITMIME REQUIRETLS", offer)?;
//! // The header field does not count then.
//! let field = header_wish(b"Subject: x\r\nTLS-Required: No\r\n").unwrap_or_default();
//! assert_eq!(field, Wish::TlsRequiredNo);
//! assert_eq!(asked.and(field), Wish::RequireTls);
//! # Ok::<(), tls_policy::requiretls::ParameterError>(())
//! ```

mod field;
mod parameter;

pub use field::{FIELD, FieldError, MAX_HEADER, field, header_wish};
pub use parameter::{
    Channel, KEYWORD, KeywordError, MAX_PARAMETERS, Offer, ParameterError, mail_wish,
};
