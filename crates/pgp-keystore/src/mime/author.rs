//! Whom a message says that it is from.

use super::entity::Entity;
use super::kind::size;
use super::lines::canonical;
use super::{MimeError, address};
use crate::Limits;

/// The address of `From`, as it stands there, if there is exactly one field with exactly one address. Anybody can write it.
///
/// # Errors
///
/// [`MimeError::Malformed`] if the message can be read in more than one way; [`MimeError::Limit`].
pub fn author(message: &[u8], limits: &Limits) -> Result<Option<String>, MimeError> {
    size(message, limits)?;
    let message = canonical(message)?;
    let entity = Entity::parse(&message, limits)?;
    let mut fields = entity.fields.iter().filter(|field| field.is("From"));
    Ok(match (fields.next(), fields.next()) {
        (Some(from), None) => address::only(from.value),
        _ => None,
    })
}
