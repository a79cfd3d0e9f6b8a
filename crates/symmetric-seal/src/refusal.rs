//! To be replaced by the codec's.
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// x
    Argon2,
}
