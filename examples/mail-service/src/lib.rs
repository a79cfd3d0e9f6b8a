//! A small but real mail service: SMTP in, every message judged, stored durably, POP3 out; and SMTP out, as far as a
//! connection is what it must be.
//!
//! The policy lies in the crates (`msg-validate`, `dane-tlsa`, `tls-policy`, `record-store`, `mail-dns`); this crate wires
//! them to sockets. `README.md` tells how to run it, this page how it is made:
//!
//! ```text
//! smtp::server ── smtp::session, smtp::command, smtp::data      pure: octets in, replies out
//!      │
//!   inbound ──── judge (msg-validate over dns) ── notice         judged, stamped, wrapped
//!      │
//!   mailbox, accounts (record-store)                             one commit, then 250
//!      │
//! pop3::server ── pop3::session ── login ── auth                 Argon2 on threads of its own
//! login ── second_factor (twofactor)                             one budget for every door; app passwords; mail to users
//! breach_alerts (breach-check) ── notice, mailbox                who is in a breach is told by mail, and on the site
//! accounts, login ── password (breach-check)                     which may be chosen; which must be changed
//! web ── login, symmetric-seal ── receipts                       HTTPS: the pages of sealed messages; mail to senders
//! sealing ── post ── mailbox, outbound                           a sealed message is kept, its link mailed
//!
//! outbound ── route, facts, decide (tls-policy) ── attempt ── transaction     one letter, tried once
//! ```

// The futures of the key store stand deep in each other.
#![recursion_limit = "256"]

#[cfg(not(any(
    feature = "crypto-openssl",
    feature = "crypto-nettle",
    feature = "crypto-rust"
)))]
compile_error!(
    "choose who does the cryptography of OpenPGP: --features crypto-openssl, crypto-nettle or crypto-rust"
);

mod accounts;
mod auth;
mod breach_alerts;
mod clock;
mod config;
pub mod demo;
mod directory;
mod disk;
mod dns;
mod domain;
#[cfg(test)]
mod fixture;
mod headers;
mod inbound;
mod judge;
mod limits;
pub mod log;
mod login;
mod mailbox;
mod notice;
pub mod openpgp;
pub mod outbound;
mod password;
pub mod pop3;
mod post;
pub mod receipts;
pub mod sealing;
mod second_factor;
mod secret_file;
mod secure;
mod service;
mod sessions;
pub mod smtp;
mod tls;
mod web;
mod wire;

pub use accounts::{Accounts, Error as AccountError};
pub use auth::new_password;
pub use breach_alerts::Error as BreachAlertsError;
pub use clock::Clock;
pub use config::{
    Alarm, BreachAlerts as BreachAlertsConfig, Config, Dnssec, Error as ConfigError, Language,
    Limits, Listen, Location, Log, LogFormat, OpenPgp as OpenPgpConfig, Outbound as OutboundConfig,
    Password as PasswordConfig, Profile, Resolver, SecondFactor as SecondFactorConfig, StoreError,
    Switch, Tls, Web, make_private,
};
pub use dns::Error as DnsError;
pub use inbound::Error as SettingError;
pub use judge::SecondOpinionError;
pub use password::{Chosen, Error as PasswordError, Opens, Rules, Unfit};
pub use second_factor::{
    AppPasswords, Care, CareError, Error as SecondFactorError, Keys, TakenOff,
};
pub use secure::{Secure, SecureError};
pub use service::{Error, Server};
pub use smtp::command::Address;
pub use tls::Error as TlsError;
pub use web::Error as WebError;
