//! Domain names as they are compared.

use mail_dns::Name;

/// A domain in A-labels and lower case.
pub(crate) fn canonical(domain: &str) -> Option<String> {
    let name = Name::from_unicode(domain).ok()?;
    (!name.is_root()).then(|| name.to_string())
}
