use crate::Limits;

/// What an account may hold, so that nobody floods it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Most certificates, its own keys among them. Default 2,000.
    pub max_certificates: u32,
    /// Most octets of all certificates together. Default 32 MiB.
    pub max_octets: u64,
    /// Most addresses with a pinned certificate. Default 10,000.
    pub max_peers: u32,
    /// Most keys of its own. Default 64.
    pub max_keys: usize,
    /// For each import and each certificate: [`Limits::max_certificate`] is the most octets of one.
    pub limits: Limits,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            max_certificates: 2_000,
            max_octets: 32 << 20,
            max_peers: 10_000,
            max_keys: 64,
            limits: Limits::default(),
        }
    }
}
