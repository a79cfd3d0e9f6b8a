use std::time::Duration;

/// Bounds on hostile input, for one whole message. Going over one is a reason in the verdict.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most octets of the header section. Default 256 KiB.
    pub header_octets: usize,
    /// Most header fields. Default 1,000.
    pub header_fields: usize,
    /// Most octets of the body. Default 50 MiB.
    pub body_octets: usize,
    /// Most DKIM signatures that are verified, those aligned with From first. Default 10.
    pub signatures: usize,
    /// Most entries of a signature's `h=`. Default 100.
    pub signed_fields: usize,
    /// Most SPF terms that ask the DNS (RFC 7208 §4.6.4). Default 10; more than 100 count as 100.
    pub spf_terms: usize,
    /// Most SPF look-ups without a record (RFC 7208 §4.6.4). Default 2.
    pub spf_void_lookups: usize,
    /// Most DNS questions of all protocols together. Default 60.
    pub dns_queries: usize,
    /// How long after [`Context::now`](crate::Context::now) an [`Evaluation`](crate::Evaluation)
    /// takes answers. A [`Validator`](crate::Validator) goes by the deadline that it is given
    /// instead. Default 5 s, though RFC 7208 §4.6.4 would grant SPF alone 20: a client waits.
    pub time: Duration,
}

impl Limits {
    pub(crate) const MOST_SPF_TERMS: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_octets: 256 * 1024,
            header_fields: 1000,
            body_octets: 50 * 1024 * 1024,
            signatures: 10,
            signed_fields: 100,
            spf_terms: 10,
            spf_void_lookups: 2,
            dns_queries: 60,
            time: Duration::from_secs(5),
        }
    }
}
