//! Configurations for rustls 0.23, and a resolver whose certificates can be changed while it serves:
//! feature `rustls-0_23`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::time::{Duration, UNIX_EPOCH};
//! use std::sync::Arc;
//! use tls_policy::rustls::{Certificates, Profile, Source, Tickets};
//!
//! # let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()])?;
//! # let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//! # let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! let source = Source::new(chain.as_bytes(), key.as_bytes()).named(&["mx.example.org"]);
//! let certificates = Arc::new(Certificates::new(Profile::Bsi, provider, &[source], now)?);
//! let config = certificates.server_config(Tickets::None)?;
//! assert!(certificates.expiring(now).is_empty());
//! // Later, and as often as you like; what is refused leaves everything as it was.
//! assert!(certificates.replace(&[Source::new(b"", key.as_bytes())], now).is_err());
//! # assert!(config.alpn_protocols.is_empty());
//! # Ok(()) }
//! ```
//!
//! The provider is always an argument; nothing here installs or reads one for the whole process.
//! What the profiles allow is said at [`Profile`].
//!
//! # Session resumption
//!
//! A resumed session shows no certificate: what was verified once passes for as long as the ticket
//! lives, and who has the key of the tickets can read what was sent under them. So [`ClientConfigs`] and
//! [`client_config`] resume nothing where the [`Action`](crate::Action) demands that the peer be verified, and
//! otherwise only what the same configuration has begun. A server gives out no tickets, or those of
//! a ticketer that changes its keys ([`Tickets`]). Neither sends nor takes early data
//! (RFC 8446 §2.3), which can be replayed.
//!
//! # Deviations
//!
//! What rustls 0.23 cannot do, or does in its own way, held against BSI TR-02102-2 (2026-01) and
//! TR-03116-4 (2025). [`Profile::Bsi`] is what can be had of them, not all of them:
//!
//! | wanted | here |
//! |---|---|
//! | brainpoolP256r1 as one of two mandatory curves (TR-03116-4 2.2.2) | **not met**: rustls has no brainpool curve |
//! | clients send `signature_algorithms_cert` (TR-03116-4 2.3.4.2) | **not met**: rustls never sends it |
//! | no RSA PKCS#1 v1.5 in certificates (TR-02102-2) | the peer's own key has to be ECDSA; how its issuers sign is left to the verifier that you give |
//! | revocation is checked along the chain (TR-03116-4 6.1) | only if the verifier that you give does so |
//! | SecP384r1MLKEM1024, P-521, AES-CCM | not needed, and not there |
//! | the server's order of groups counts | rustls takes the client's: a client that prefers X25519 gets it from a server of [`Profile::Normal`], although both could do better |
//! | X25519MLKEM768 and SecP256r1MLKEM768 are not on the list of 2026-01 | the former is in [`Profile::Normal`] only; the latter, which is announced, in both |

mod certificates;
pub(crate) mod client;
pub(crate) mod clients;
mod expiry;
mod files;
mod identity;
mod profile;
mod verifiers;
pub(crate) mod x509;

pub use certificates::{Certificates, MAX_SOURCES, Replaced, Source, SourceError, Tickets};
pub use client::client_config;
pub use clients::{ClientConfigs, NoConfig};
pub use expiry::{Expiring, Severity};
pub use files::{Files, FilesError};
pub use identity::{IdentityError, MAX_CHAIN, MAX_PEM};
pub use profile::{Lacking, Profile};
pub use verifiers::UnauthenticatedPeer;
