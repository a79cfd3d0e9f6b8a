use std::fmt;

/// An enhanced status code (RFC 3463 §2), as it stands in a report to the sender: `4.7.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    class: u8,
    subject: u8,
    detail: u8,
}

impl Status {
    /// RFC 3463 §3.4: the DNS could not be asked.
    pub(crate) const DNS_FAILED: Self = Self::new(4, 4, 3);
    /// RFC 3463 §3.5: a store of our own could not be read.
    pub(crate) const STORE_FAILED: Self = Self::new(4, 3, 0);
    /// RFC 3463 §3.6: invalid command arguments.
    pub(crate) const INVALID_ARGUMENTS: Self = Self::new(5, 5, 4);
    /// RFC 3463 §3.8: TLS is wanted and was not offered.
    pub(crate) const NO_TLS: Self = Self::new(4, 7, 4);
    /// RFC 3463 §3.8: TLS did not come about, or did not authenticate the peer.
    pub(crate) const NOT_VERIFIED: Self = Self::new(4, 7, 5);
    /// X.7.10 of the registry that RFC 5248 began: encryption needed. RFC 8689 §4.2.1 uses it too.
    pub(crate) const ENCRYPTION_NEEDED: Self = Self::new(5, 7, 10);
    /// RFC 8689 §4.2.1: REQUIRETLS support required.
    pub(crate) const REQUIRETLS_NEEDED: Self = Self::new(5, 7, 30);

    const fn new(class: u8, subject: u8, detail: u8) -> Self {
        Self {
            class,
            subject,
            detail,
        }
    }

    /// Whether a later try may help (RFC 3463 §2: class 4).
    pub fn is_temporary(self) -> bool {
        self.class == 4
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}
