//! What is typed after `mail-service key`.

use crate::terminal::DAY;
use clap::{Subcommand, ValueEnum};
use pgp_keystore::{Fingerprint, Profile, RevocationReason, custody::Custody};
use std::{
    error::Error,
    path::PathBuf,
    time::{Duration, SystemTime},
};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the file of the server's key-encryption key, which `openpgp.kek` names. Keep it out of the store's backups.
    Kek,
    /// Make a key for an account.
    Generate {
        /// The account.
        address: String,
        /// A name, to stand before the address.
        #[arg(long)]
        name: Option<String>,
        /// Who can read it.
        #[arg(long, value_enum, default_value_t = WantedProfile::Compat)]
        profile: WantedProfile,
        #[command(flatten)]
        ends: Ends,
        #[arg(long, value_enum, default_value_t = WantedCustody::Server)]
        custody: WantedCustody,
    },
    /// Take in what a file holds: keys, as GnuPG exports them, and certificates of others.
    Import {
        /// The account.
        address: String,
        /// The file, armored or binary.
        file: PathBuf,
        #[arg(long, value_enum, default_value_t = WantedCustody::Server)]
        custody: WantedCustody,
    },
    /// List the keys of an account, and what each is used for.
    List {
        /// The account.
        address: String,
        /// The certificates of others, too.
        #[arg(long)]
        all: bool,
    },
    /// Write a key or a certificate to standard output, or to a file.
    Export {
        /// The account.
        address: String,
        /// Which; none: the one that others encrypt to.
        fingerprint: Option<Fingerprint>,
        #[command(flatten)]
        what: What,
        /// The file, which must not exist.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Revoke a key, for ever.
    Revoke {
        /// The account.
        address: String,
        /// Which.
        fingerprint: Fingerprint,
        /// Why.
        #[arg(long, value_enum, required_unless_present = "stored")]
        reason: Option<WantedReason>,
        /// Why, in words that others can read.
        #[arg(long, default_value = "")]
        words: String,
        /// By the revocation that was made with the key, if its passphrase is lost. It says `compromised`.
        #[arg(long, conflicts_with_all = ["reason", "words"])]
        stored: bool,
    },
    /// Move the end of a key, and of all of its subkeys.
    Extend {
        /// The account.
        address: String,
        /// Which.
        fingerprint: Fingerprint,
        #[command(flatten)]
        ends: Ends,
    },
    /// Say which key is used for what. The others go on decrypting.
    Default {
        /// The account.
        address: String,
        /// Which.
        fingerprint: Fingerprint,
        /// For what.
        #[arg(long = "use", value_enum)]
        purpose: WantedUse,
    },
    /// Publish a key in the Web Key Directory, for everybody to find by the account's address.
    Publish {
        /// The account.
        address: String,
        /// Which.
        fingerprint: Fingerprint,
    },
    /// Publish it no more.
    Withdraw {
        /// The account.
        address: String,
    },
    /// Say that a certificate is that of an address: its fingerprint was compared. Ends the alarm about another one.
    Trust {
        /// The account.
        address: String,
        /// Of whom.
        of: String,
        /// Which.
        fingerprint: Fingerprint,
    },
    /// Show what is known of the certificate of an address.
    Pin {
        /// The account.
        address: String,
        /// Of whom.
        of: String,
    },
    /// Encrypt mail that comes in to the account's key before it is stored.
    Incoming {
        /// The account.
        address: String,
        /// Whether; none: say how it is.
        set: Option<WantedSwitch>,
    },
    /// Give the account another passphrase. What it opens need not be changed.
    Passphrase {
        /// The account.
        address: String,
        /// By the recovery key, if there was none, or it is lost.
        #[arg(long)]
        recovery: bool,
    },
    /// Let the server open what is in its custody, for an account that was set up without that.
    Serve {
        /// The account.
        address: String,
    },
}

/// When a key ends.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Ends {
    /// Days until it ends. Default: 730.
    #[arg(long)]
    days: Option<u64>,
    /// It does not end.
    #[arg(long)]
    never: bool,
}

impl Ends {
    pub(super) fn at(&self, now: SystemTime) -> Result<Option<SystemTime>, Box<dyn Error>> {
        if self.never {
            return Ok(None);
        }
        let days = Duration::from_secs(self.days.unwrap_or(730).saturating_mul(DAY));
        let end = now.checked_add(days).ok_or("so many days cannot be")?;
        Ok(Some(end))
    }
}

/// What of a key.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct What {
    /// The whole certificate. This is the default.
    #[arg(long)]
    pub(super) public: bool,
    /// What others need to write to the account, and no more.
    #[arg(long)]
    pub(super) minimal: bool,
    /// The secret key, under a passphrase of its own, as GnuPG reads it.
    #[arg(long)]
    pub(super) secret: bool,
    /// The secret key, its passphrase strengthened by Argon2, which GnuPG cannot read.
    #[arg(long)]
    pub(super) secret_argon2: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WantedProfile {
    /// Everybody, GnuPG 2.2 among them.
    Compat,
    /// Programs that know RFC 9580.
    Modern,
    /// Programs that know RFC 9980; also against quantum computers.
    Pq,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WantedCustody {
    /// The server can use it: to sign what the account sends.
    Server,
    /// Only the owner's passphrase opens it.
    Passphrase,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WantedReason {
    /// Others may have it: all that it ever signed is in doubt.
    Compromised,
    /// There is another one.
    Superseded,
    /// It is no longer used.
    Retired,
    /// None is given: all that it ever signed is in doubt.
    Unspecified,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WantedUse {
    Sign,
    Encrypt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WantedSwitch {
    On,
    Off,
}

impl From<WantedProfile> for Profile {
    fn from(wanted: WantedProfile) -> Self {
        match wanted {
            WantedProfile::Compat => Self::Compat,
            WantedProfile::Modern => Self::Modern,
            WantedProfile::Pq => Self::PostQuantum,
        }
    }
}

impl From<WantedCustody> for Custody {
    fn from(wanted: WantedCustody) -> Self {
        match wanted {
            WantedCustody::Server => Self::Server,
            WantedCustody::Passphrase => Self::Passphrase,
        }
    }
}

impl From<WantedReason> for RevocationReason {
    fn from(wanted: WantedReason) -> Self {
        match wanted {
            WantedReason::Compromised => Self::Compromised,
            WantedReason::Superseded => Self::Superseded,
            WantedReason::Retired => Self::Retired,
            WantedReason::Unspecified => Self::Unspecified,
        }
    }
}
