use std::{fmt, net::IpAddr, str::FromStr};

/// A domain name: a sequence of labels, compared without ASCII case (RFC 1035 §2.3.3, RFC 4343).
///
/// Labels are octets, not text: what an SPF macro makes of a local part is a legal question to the
/// DNS. A name has at most 127 labels of 1 to 63 octets, and at most 255 octets on the wire
/// (RFC 1035 §2.3.4). It is always absolute: no search list ever applies to it.
///
/// ```
/// use mail_dns::Name;
/// let name: Name = "Mail.Example.".parse()?;
/// assert_eq!(name.to_string(), "mail.example");
/// assert_eq!(name.parent().map(|n| n.to_string()).as_deref(), Some("example"));
/// # Ok::<(), mail_dns::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Wire form without the final empty label, letters in lower case.
    wire: Box<[u8]>,
}

/// Why some text is not a domain name.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Two dots in a row, or a dot at the beginning.
    #[error("empty label in a domain name")]
    EmptyLabel,
    /// A label of more than 63 octets (RFC 1035 §2.3.4).
    #[error("label of more than 63 octets in a domain name")]
    LabelTooLong,
    /// More than 255 octets on the wire (RFC 1035 §2.3.4).
    #[error("domain name of more than 255 octets")]
    TooLong,
    /// A Unicode name that IDNA (UTS #46) does not allow.
    #[error("internationalized domain name not allowed by IDNA")]
    Idna,
}

/// Octets of the wire form, without the final empty label.
const MAX_WIRE: usize = 254;

/// Octets of Unicode text that may be converted: no name that fits the wire needs as many.
const MAX_UNICODE: usize = 4096;

impl Name {
    /// The root, `.`.
    pub fn root() -> Self {
        Self {
            wire: Box::default(),
        }
    }

    /// Splits at every dot; one final dot is ignored, `""` and `"."` are the root. Octets other
    /// than the dot are taken as they are: no escapes, no IDNA.
    ///
    /// # Errors
    /// [`NameError`], but never [`NameError::Idna`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, NameError> {
        let octets = octets.strip_suffix(b".").unwrap_or(octets);
        if octets.is_empty() {
            return Ok(Self::root());
        }
        // With a dot in front the text is as long as the wire form: where that has a length, there
        // is a dot.
        let mut wire = Vec::with_capacity(octets.len() + 1);
        wire.push(b'.');
        wire.extend_from_slice(octets);
        wire.make_ascii_lowercase();
        let mut length = 0;
        let fits = wire.len() <= MAX_WIRE;
        let legal = fits
            && wire.iter_mut().rev().all(|octet| {
                if *octet != b'.' {
                    length += 1;
                    return true;
                }
                *octet = length;
                (1..=63).contains(&std::mem::take(&mut length))
            });
        if !legal {
            // Says what is wrong.
            return Self::from_labels(octets.split(|&o| o == b'.'));
        }
        Ok(Self { wire: wire.into() })
    }

    /// Converts U-labels to A-labels (RFC 5891 by UTS #46), then as [`from_octets`](Self::from_octets).
    /// Text in US-ASCII is taken as it is, A-labels in it unchecked.
    ///
    /// # Errors
    /// [`NameError`]; [`NameError::TooLong`] also for more than 4,096 octets of Unicode.
    pub fn from_unicode(text: &str) -> Result<Self, NameError> {
        if text.is_ascii() {
            return Self::from_octets(text.as_bytes());
        }
        // The conversion takes time that grows with the square of the length.
        if text.len() > MAX_UNICODE {
            return Err(NameError::TooLong);
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| NameError::Idna)?;
        let name = Self::from_octets(ascii.as_bytes())?;
        // UTS #46 drops what is invisible; a name of nothing else must not become the root.
        if name.is_root() {
            return Err(NameError::EmptyLabel);
        }
        Ok(name)
    }

    /// Joins labels, the leftmost first. Labels may hold any octet, the dot too.
    ///
    /// # Errors
    /// [`NameError`], but never [`NameError::Idna`].
    pub fn from_labels<L: AsRef<[u8]>>(
        labels: impl IntoIterator<Item = L>,
    ) -> Result<Self, NameError> {
        let mut wire = Vec::with_capacity(32);
        for label in labels {
            let label = label.as_ref();
            let len = u8::try_from(label.len()).ok().filter(|&len| len <= 63);
            match len.ok_or(NameError::LabelTooLong)? {
                0 => return Err(NameError::EmptyLabel),
                len => wire.push(len),
            }
            wire.extend_from_slice(label);
            if wire.len() > MAX_WIRE {
                return Err(NameError::TooLong);
            }
        }
        // No length is mistaken for a letter: it is at most 63, and `A` is 65.
        wire.make_ascii_lowercase();
        Ok(Self { wire: wire.into() })
    }

    /// The name that holds the PTR records of an address (RFC 1035 §3.5, RFC 3596 §2.5).
    pub fn reverse(address: IpAddr) -> Self {
        let mut wire = Vec::with_capacity(74);
        let mut push = |label: &[u8]| {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label);
        };
        match address {
            IpAddr::V4(v4) => {
                for octet in v4.octets().iter().rev() {
                    push(octet.to_string().as_bytes());
                }
                push(b"in-addr");
            }
            IpAddr::V6(v6) => {
                for octet in v6.octets().iter().rev() {
                    for nibble in [octet & 15, octet >> 4] {
                        push(&[b"0123456789abcdef"[usize::from(nibble)]]);
                    }
                }
                push(b"ip6");
            }
        }
        push(b"arpa");
        Self { wire: wire.into() }
    }

    /// Labels from the leftmost to the one below the root.
    pub fn labels(&self) -> Labels<'_> {
        Labels(&self.wire)
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.wire.is_empty()
    }

    /// The name without its leftmost label; none above the root.
    pub fn parent(&self) -> Option<Self> {
        let first = usize::from(*self.wire.first()?);
        Some(Self {
            wire: self.wire.get(first + 1..)?.into(),
        })
    }

    /// Whether this name is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        let mut rest = self.labels();
        loop {
            if rest.0 == &*other.wire {
                return true;
            }
            if rest.next().is_none() {
                return false;
            }
        }
    }

    /// This name with a label, or several joined by dots, put in front.
    ///
    /// # Errors
    /// As [`from_octets`](Self::from_octets).
    pub fn prefixed(&self, labels: &str) -> Result<Self, NameError> {
        let front = Self::from_octets(labels.as_bytes())?;
        if front.wire.len() + self.wire.len() > MAX_WIRE {
            return Err(NameError::TooLong);
        }
        Ok(Self {
            wire: [&*front.wire, &*self.wire].concat().into(),
        })
    }
}

/// The labels of a [`Name`], as octets in lower case.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&len, rest) = self.0.split_first()?;
        let (label, rest) = rest.split_at_checked(usize::from(len))?;
        self.0 = rest;
        Some(label)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::from_unicode(text)
    }
}

/// Presentation form without the final dot; the root is `.`. Octets that are not printable ASCII,
/// and a dot or backslash inside a label, are escaped (RFC 1035 §5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for (i, label) in self.labels().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            for run in label.chunk_by(|a, b| is_plain(*a) && is_plain(*b)) {
                match (run, std::str::from_utf8(run)) {
                    ([first, ..], Ok(text)) if is_plain(*first) => f.write_str(text)?,
                    ([octet @ (b'.' | b'\\')], _) => write!(f, "\\{}", char::from(*octet))?,
                    _ => run.iter().try_for_each(|octet| write!(f, "\\{octet:03}"))?,
                }
            }
        }
        Ok(())
    }
}

/// Whether an octet stands for itself in the presentation form.
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_graphic() && !matches!(octet, b'.' | b'\\')
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn case_and_final_dot_do_not_count() {
        assert_eq!(name("Mail.EXAMPLE."), name("mail.example"));
        assert_eq!(name("."), Name::root());
        assert_eq!(Name::root().to_string(), ".");
    }

    #[test]
    fn sizes_are_those_of_rfc1035() {
        let label = "a".repeat(63);
        assert!(Name::from_octets(label.as_bytes()).is_ok());
        assert_eq!(
            Name::from_octets("a".repeat(64).as_bytes()),
            Err(NameError::LabelTooLong)
        );
        let longest = [&*label, &*label, &*label, &"a".repeat(61)].join(".");
        assert!(Name::from_octets(longest.as_bytes()).is_ok());
        let longer = [&*label, &*label, &*label, &"a".repeat(62)].join(".");
        assert_eq!(
            Name::from_octets(longer.as_bytes()),
            Err(NameError::TooLong)
        );
        for empty in ["..", ".a", "a..b", "a.."] {
            assert_eq!(
                Name::from_octets(empty.as_bytes()),
                Err(NameError::EmptyLabel),
                "{empty}"
            );
        }
    }

    #[test]
    fn within_counts_whole_labels() {
        assert!(name("a.b.example").is_within(&name("b.example")));
        assert!(name("b.example").is_within(&name("b.example")));
        assert!(!name("ab.example").is_within(&name("b.example")));
        assert!(name("example").is_within(&Name::root()));
        assert!(!Name::root().is_within(&name("example")));
    }

    #[test]
    fn reverse_names() {
        let v4 = Name::reverse("192.0.2.1".parse().unwrap());
        assert_eq!(v4.to_string(), "1.2.0.192.in-addr.arpa");
        let v6 = Name::reverse("2001:db8::cb01".parse().unwrap());
        assert_eq!(
            v6.to_string(),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }

    #[test]
    fn unicode_becomes_a_labels() {
        assert_eq!(name("Bücher.example").to_string(), "xn--bcher-kva.example");
        assert_eq!(
            Name::from_unicode("\u{2260}\u{ffff}.example"),
            Err(NameError::Idna)
        );
        // The dots of other scripts, and upper case, are those of US-ASCII.
        assert_eq!(
            name("B\u{dc}CHER\u{3002}Example\u{ff0e}"),
            name("xn--bcher-kva.example")
        );
    }

    #[test]
    fn invisible_text_is_not_the_root() {
        for nothing in ["\u{ad}", "\u{200b}", "\u{ad}.", "\u{3002}"] {
            assert_eq!(
                Name::from_unicode(nothing),
                Err(NameError::EmptyLabel),
                "{nothing:?}"
            );
        }
        assert_eq!(
            Name::from_unicode("\u{ad}.example"),
            Err(NameError::EmptyLabel)
        );
    }

    #[test]
    fn long_text_is_not_even_converted() {
        let label = "\u{fc}".repeat(1000);
        let long = [&*label; 5].join(".");
        assert_eq!(Name::from_unicode(&long), Err(NameError::TooLong));
        // Within the bound it is IDNA, or the wire, that refuses.
        assert!(Name::from_unicode(&label).is_err());
        let most = vec!["\u{fc}".repeat(20); 9].join(".");
        assert!(Name::from_unicode(&most).is_ok());
    }

    #[test]
    fn odd_octets_are_kept_and_escaped() {
        let name = Name::from_labels([&b"a.b"[..], b"\x00\xff\\"]).unwrap();
        assert_eq!(name.to_string(), "a\\.b.\\000\\255\\\\");
        assert_eq!(name.parent().unwrap().labels().count(), 1);
    }
}
