//! Certificates in headers: Autocrypt Level 1.

use std::fmt;

use super::address::{addresses, is_address};
use super::entity::Entity;
use super::field::{Field, unfolded};
use super::kind::size;
use super::lines::canonical;
use super::transfer::from_base64;
use super::{MimeError, address};
use crate::Limits;

/// Most octets of a header that is written or read, as Autocrypt Level 1 has it.
pub const MAX_AUTOCRYPT: usize = 10 << 10;

/// What a sender would rather have.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PreferEncrypt {
    /// Nothing is said.
    #[default]
    NoPreference,
    /// Encrypted, if the other one wants it, too: `mutual`.
    Mutual,
}

/// What an Autocrypt header says. It came with the mail: it is worth as much as the mail's own header, and no more.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Autocrypt {
    /// Whose it is said to be: of a header the address of `From`, of gossip one of `To`, `Cc` or `Reply-To`.
    pub address: String,
    /// What they prefer; of gossip nothing.
    pub prefer_encrypt: PreferEncrypt,
    /// The octets of the certificate, not read yet.
    pub keydata: Vec<u8>,
}

impl Autocrypt {
    /// Reads the certificate.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) if it is none, [`Error::Limit`](crate::Error::Limit).
    #[cfg(feature = "_backend")]
    pub fn certificate(&self, limits: &Limits) -> Result<crate::Certificate, crate::Error> {
        crate::Certificate::parse_with(&self.keydata, limits)
    }
}

impl fmt::Debug for Autocrypt {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autocrypt")
            .field("prefer_encrypt", &self.prefer_encrypt)
            .field("keydata", &self.keydata.len())
            .finish_non_exhaustive()
    }
}

/// Writes the field `Autocrypt` for an address: with what others need of the certificate and nothing else. It is folded, and
/// ends with a line end.
///
/// # Errors
///
/// [`MimeError::AutocryptTooLarge`], such as of post-quantum certificates; [`MimeError::Address`];
/// [`MimeError::OpenPgp`] if the certificate does not count or has no valid user ID of this address.
#[cfg(feature = "_backend")]
pub fn autocrypt(
    certificate: &crate::Certificate,
    address: &str,
    prefer: PreferEncrypt,
    now: std::time::SystemTime,
) -> Result<String, MimeError> {
    let attributes = match prefer {
        PreferEncrypt::NoPreference => "",
        PreferEncrypt::Mutual => " prefer-encrypt=mutual;",
    };
    write("Autocrypt", certificate, address, attributes, now)
}

/// Writes the field `Autocrypt-Gossip`: to be put into a message that is encrypted to several, for each of them, so that they can
/// answer all. [`encrypt`](super::encrypt) lets it stand inside only.
///
/// # Errors
///
/// As [`autocrypt`].
#[cfg(feature = "_backend")]
pub fn autocrypt_gossip(
    certificate: &crate::Certificate,
    address: &str,
    now: std::time::SystemTime,
) -> Result<String, MimeError> {
    write("Autocrypt-Gossip", certificate, address, "", now)
}

#[cfg(feature = "_backend")]
fn write(
    name: &str,
    certificate: &crate::Certificate,
    address: &str,
    attributes: &str,
    now: std::time::SystemTime,
) -> Result<String, MimeError> {
    // What stands in an attribute must not end it.
    if !is_address(address) || address.contains([';', '"', ' ']) {
        return Err(MimeError::Address);
    }
    let keydata = certificate.export_minimal(Some(address), now, crate::Form::Binary)?;
    let mut out = format!("{name}: addr={address};{attributes} keydata=\r\n");
    for line in super::transfer::to_base64(&keydata, 76).split_inclusive(|&octet| octet == b'\n') {
        out.push(' ');
        out.push_str(&String::from_utf8_lossy(line));
    }
    match out.len() > MAX_AUTOCRYPT {
        true => Err(MimeError::AutocryptTooLarge {
            octets: out.len(),
            limit: MAX_AUTOCRYPT,
        }),
        false => Ok(out),
    }
}

/// Reads the Autocrypt header of a message: that of the sender, if there is exactly one. What breaks a rule of Level 1 is as if
/// it were not there: an unknown attribute that is critical, another address than that of `From`, several of `From`, more than
/// 10 KiB, a report.
///
/// # Errors
///
/// [`MimeError::Malformed`] if the message can be read in more than one way; [`MimeError::Limit`].
pub fn read_autocrypt(message: &[u8], limits: &Limits) -> Result<Option<Autocrypt>, MimeError> {
    size(message, limits)?;
    let message = canonical(message)?;
    let entity = Entity::parse(&message, limits)?;
    if entity.content_type.essence == "multipart/report" {
        return Ok(None);
    }
    let mut from = entity.fields.iter().filter(|field| field.is("From"));
    let (Some(from), None) = (from.next(), from.next()) else {
        return Ok(None);
    };
    let Some(from) = address::only(from.value) else {
        return Ok(None);
    };
    let fields = entity.fields.iter().filter(|field| field.is("Autocrypt"));
    let mut good = fields.filter_map(|field| parse(field, Place::Header));
    let mine = good.next().filter(|header| same(&header.address, &from));
    // Of two nobody knows which one counts.
    Ok(match good.next() {
        Some(_) => None,
        None => mine,
    })
}

/// Reads the gossip in what was encrypted: [`Decrypted::content`](super::Decrypted::content). Each address is one of `To`,
/// `Cc` or `Reply-To` there, and of two for one address the first counts; 64 are read at most.
///
/// # Errors
///
/// As [`read_autocrypt`].
pub fn read_gossip(payload: &[u8], limits: &Limits) -> Result<Vec<Autocrypt>, MimeError> {
    const MOST: usize = 64;
    size(payload, limits)?;
    let payload = canonical(payload)?;
    let entity = Entity::parse(&payload, limits)?;
    let to = |field: &&Field<'_>| field.is("To") || field.is("Cc") || field.is("Reply-To");
    let to = entity.fields.iter().filter(to);
    let to: Vec<String> = to
        .filter_map(|field| addresses(field.value))
        .flatten()
        .collect();
    let mut found: Vec<Autocrypt> = Vec::new();
    for field in entity
        .fields
        .iter()
        .filter(|f| f.is("Autocrypt-Gossip"))
        .take(MOST)
    {
        let Some(gossip) = parse(field, Place::Gossip) else {
            continue;
        };
        let known = found
            .iter()
            .any(|other| same(&other.address, &gossip.address));
        if !known && to.iter().any(|address| same(address, &gossip.address)) {
            found.push(gossip);
        }
    }
    Ok(found)
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Gossip,
}

/// `name=value`, separated by semicolons.
fn parse(field: &Field<'_>, place: Place) -> Option<Autocrypt> {
    if field.raw.len() > MAX_AUTOCRYPT {
        return None;
    }
    let value = unfolded(field.value);
    let value = str::from_utf8(&value).ok()?;
    let (mut addr, mut keydata, mut prefer) = (None, None, None);
    for attribute in value.split(';').map(str::trim) {
        if attribute.is_empty() {
            continue;
        }
        let (name, value) = attribute.split_once('=')?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let slot = match name {
            "addr" => &mut addr,
            "keydata" => &mut keydata,
            "prefer-encrypt" => &mut prefer,
            // All others are critical.
            _ if name.starts_with('_') => continue,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let address = addr.filter(|addr| is_address(addr))?.to_owned();
    let keydata = from_base64(keydata?.as_bytes()).filter(|data| !data.is_empty())?;
    let prefer_encrypt = match (place, prefer) {
        (Place::Header, Some("mutual")) => PreferEncrypt::Mutual,
        // Any other value says nothing; and what others prefer is theirs to say.
        _ => PreferEncrypt::NoPreference,
    };
    Some(Autocrypt {
        address,
        prefer_encrypt,
        keydata,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Option<Autocrypt> {
        let message = format!("{header}\r\n\r\nHello\r\n");
        read_autocrypt(message.as_bytes(), &Limits::default()).unwrap()
    }

    const FROM: &str = "From: Ann <ann@example.org>\r\n";

    #[test]
    fn one_header_of_the_sender_is_read() {
        for (header, prefer) in [
            (
                "Autocrypt: addr=ann@example.org; keydata=YWI=",
                PreferEncrypt::NoPreference,
            ),
            (
                "autocrypt:addr=ANN@example.org;prefer-encrypt=mutual;\r\n keydata=Y\r\n W I=",
                PreferEncrypt::Mutual,
            ),
            (
                "Autocrypt: _more=x; addr = ann@example.org; prefer-encrypt=never; keydata=YWI=;",
                PreferEncrypt::NoPreference,
            ),
        ] {
            let found = read(&format!("{FROM}{header}")).expect(header);
            assert_eq!(
                (found.keydata.as_slice(), found.prefer_encrypt),
                (&b"ab"[..], prefer)
            );
            assert!(!format!("{found:?}").contains("ann"));
        }
    }

    #[test]
    fn what_breaks_a_rule_is_as_if_it_were_not_there() {
        let good = "Autocrypt: addr=ann@example.org; keydata=YWI=";
        let large = format!(
            "Autocrypt: addr=ann@example.org; keydata={}",
            "YWJj".repeat(2_600)
        );
        for header in [
            "Autocrypt: addr=bob@example.org; keydata=YWI=",
            "Autocrypt: addr=ann@example.org; critical=x; keydata=YWI=",
            "Autocrypt: addr=ann@example.org; keydata=",
            "Autocrypt: addr=ann@example.org; keydata=%%%",
            "Autocrypt: addr=ann@example.org; addr=ann@example.org; keydata=YWI=",
            "Autocrypt: addr=ann@example.org",
            "Autocrypt: keydata=YWI=",
            "Autocrypt: addr=ann; keydata=YWI=",
            "Autocrypt: addr=ann@example.org; x; keydata=YWI=",
            &large,
            &format!("{good}\r\n{good}"),
            &format!("{good}\r\nFrom: ann@example.org"),
            &format!("{good}\r\nContent-Type: multipart/report; boundary=b"),
        ] {
            assert_eq!(read(&format!("{FROM}{header}")), None, "{header}");
        }
        assert_eq!(
            read(&format!("From: ann@example.org, b@example.org\r\n{good}")),
            None
        );
        // The mutation: with none of it, it is read.
        assert!(read(&format!("{FROM}{good}")).is_some());
        // One that is not valid does not stand in the way of one that is.
        assert!(read(&format!("{FROM}Autocrypt: x\r\n{good}")).is_some());
    }

    #[test]
    fn gossip_is_about_those_it_was_sent_to() {
        let payload = "To: Bob <bob@example.net>\r\nCc: carol@example.com\r\n\
            Autocrypt-Gossip: addr=bob@example.net; prefer-encrypt=mutual; keydata=YWI=\r\n\
            Autocrypt-Gossip: addr=bob@example.net; keydata=YWJj\r\n\
            Autocrypt-Gossip: addr=mallory@example.org; keydata=YWI=\r\n\
            Autocrypt-Gossip: addr=carol@example.com; keydata=YWI=\r\n\r\n";
        let found = read_gossip(payload.as_bytes(), &Limits::default()).unwrap();
        let of: Vec<_> = found
            .iter()
            .map(|g| (g.address.as_str(), g.keydata.len()))
            .collect();
        assert_eq!(of, [("bob@example.net", 2), ("carol@example.com", 2)]);
        assert!(
            found
                .iter()
                .all(|g| g.prefer_encrypt == PreferEncrypt::NoPreference)
        );
    }
}
