use mail_dns::Name;
use rustls_pki_types::{DnsName, ServerName};

/// The names that a server's certificate may have, in order (RFC 7672 §3.2.2): the first is the TLSA
/// base domain, which is also what SNI asks for (RFC 7672 §8.1); after it for SMTP the domain that
/// the mail is for, and the name that an alias of that domain stands for.
///
/// Usage 3 has no need of them. At least one, and at most [`MAX`](Self::MAX).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct References {
    base: ServerName<'static>,
    /// All of them, the one above included.
    names: Vec<ServerName<'static>>,
}

/// Why some names are no reference identifiers.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// No name at all.
    #[error("no reference identifier")]
    None,
    /// More than [`References::MAX`].
    #[error("more reference identifiers than 16")]
    TooMany,
    /// What is no name of a host, or an IP address.
    #[error("reference identifier that is no host name")]
    NotAHost,
}

impl References {
    /// Names of one server; RFC 7672 §3.2.2 has at most four.
    pub const MAX: usize = 16;

    /// From texts. U-labels become A-labels, a final dot does not count.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<Self, ReferenceError> {
        let names = names.into_iter().map(|name| {
            let name: Result<Name, _> = name.as_ref().parse();
            host(&name.map_err(|_| ReferenceError::NotAHost)?)
        });
        Self::collect(names)
    }

    /// From names.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn from_names<'a>(
        names: impl IntoIterator<Item = &'a Name>,
    ) -> Result<Self, ReferenceError> {
        Self::collect(names.into_iter().map(host))
    }

    fn collect(
        names: impl Iterator<Item = Result<ServerName<'static>, ReferenceError>>,
    ) -> Result<Self, ReferenceError> {
        let mut all = Vec::new();
        for name in names {
            let name = name?;
            if all.len() == Self::MAX {
                return Err(ReferenceError::TooMany);
            }
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Ok(Self {
            base: all.first().ok_or(ReferenceError::None)?.clone(),
            names: all,
        })
    }

    /// The first: the TLSA base domain.
    pub fn base_domain(&self) -> &ServerName<'static> {
        &self.base
    }

    /// The names, in order.
    pub fn names(&self) -> &[ServerName<'static>] {
        &self.names
    }
}

fn host(name: &Name) -> Result<ServerName<'static>, ReferenceError> {
    let text = name.to_string();
    let host = DnsName::try_from(text).map_err(|_| ReferenceError::NotAHost)?;
    // What has only digits at its end is an address, whoever writes it.
    let numeric = name
        .labels()
        .last()
        .is_none_or(|l| l.iter().all(u8::is_ascii_digit));
    match numeric {
        true => Err(ReferenceError::NotAHost),
        false => Ok(ServerName::DnsName(host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_and_come_once() {
        let names = References::new(["MX.example.org.", "b\u{fc}cher.example", "mx.example.org"]);
        let names = names.unwrap();
        let texts: Vec<_> = names.names().iter().map(ServerName::to_str).collect();
        assert_eq!(texts, ["mx.example.org", "xn--bcher-kva.example"]);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["", ".", "192.0.2.1", "a b", "*.example", "a..b", "::1"] {
            assert_eq!(
                References::new([bad]),
                Err(ReferenceError::NotAHost),
                "{bad}"
            );
        }
        assert_eq!(References::new([""; 0]), Err(ReferenceError::None));
        let many = (0..17).map(|i| format!("h{i}.example"));
        assert_eq!(References::new(many), Err(ReferenceError::TooMany));
    }
}
