//! `mail-service key`: the OpenPGP keys of an account, made, taken in, looked after and given out. Passphrases and recovery
//! keys come from the terminal, or line by line from standard input; never from the command line, which others can read.

mod arguments;
mod show;

pub(crate) use arguments::Command;

use crate::terminal::{self, new_secret, secret};
use arguments::{WantedSwitch, WantedUse, What};
use mail_service::{
    Care, Clock, Config, Switch,
    openpgp::{self, Keyring, OpenPgp, Opener, Wanted},
};
use pgp_keystore::{
    Fingerprint, Form, Imported, Key, Limits, Passphrase, Protection, RevocationReason, Secret,
    Trust, Unlocked, Use,
    custody::{Cost, Custody, RecoveryKey, Session},
};
use std::{error::Error, io, sync::Arc, time::SystemTime};

type Done = Result<(), Box<dyn Error>>;

/// Does it.
pub(crate) async fn run(config: &Config, command: Command) -> Done {
    if let Command::Kek = command {
        let place = openpgp::make_kek(config)?;
        println!("{}", place.display());
        eprintln!("Keep it out of the backups of the store, and have a copy of it elsewhere.");
        return Ok(());
    }
    let clock = Clock::system();
    let store = terminal::open(config).await?;
    let pgp = OpenPgp::new(config, store.clone(), clock.clone())?;
    let now = clock.now();
    match command {
        Command::Kek => {}
        Command::Generate {
            address,
            name,
            profile,
            ends,
            custody,
        } => {
            let keyring = pgp.keyring(&address).await?;
            let mut wanted = Wanted::new(profile.into());
            (wanted.name, wanted.expires) = (name, ends.at(now)?);
            let session = ready(&keyring, custody.into()).await?;
            let key = keyring.generate(&session, &wanted, custody.into()).await?;
            println!("{key}");
        }
        Command::Import {
            address,
            file,
            custody,
        } => {
            let octets = zeroize::Zeroizing::new(terminal::read(&file)?);
            let keyring = pgp.keyring(&address).await?;
            import(&keyring, &octets, custody.into(), now).await?;
        }
        Command::List { address, all } => {
            let keyring = pgp.keyring(&address).await?;
            show::own(&keyring, now, &mut io::stdout()).await?;
            if all {
                show::others(&keyring, now, &mut io::stdout()).await?;
            }
        }
        Command::Export {
            address,
            fingerprint,
            what,
            out,
        } => {
            let keyring = pgp.keyring(&address).await?;
            if what.secret || what.secret_argon2 {
                // Where there is a second factor, nothing less opens what is secret.
                let care = Care::new(config, store, clock);
                care.ask(&address, secret).await?;
            }
            let octets = export(&keyring, fingerprint, &what, now).await?;
            terminal::write(out.as_deref(), &octets)?;
        }
        Command::Revoke {
            address,
            fingerprint,
            reason,
            words,
            stored,
        } => {
            let keyring = pgp.keyring(&address).await?;
            let Some(reason) = reason.filter(|_| !stored) else {
                keyring.revoke_by_birth(fingerprint).await?;
                return Ok(());
            };
            let why = RevocationReason::from(reason);
            let revoke = move |key: &mut Unlocked| key.revoke(why, &words, now).map(drop);
            edit(&keyring, fingerprint, revoke, now).await?;
        }
        Command::Extend {
            address,
            fingerprint,
            ends,
        } => {
            let keyring = pgp.keyring(&address).await?;
            let end = ends.at(now)?;
            let extend = move |key: &mut Unlocked| key.set_expiry(end, now);
            edit(&keyring, fingerprint, extend, now).await?;
        }
        Command::Default {
            address,
            fingerprint,
            purpose,
        } => {
            let purpose = match purpose {
                WantedUse::Sign => Use::Sign,
                WantedUse::Encrypt => Use::Encrypt,
            };
            let keyring = pgp.keyring(&address).await?;
            let set = keyring
                .account()
                .set_default(purpose, None, Some(fingerprint), now);
            set.await?;
        }
        Command::Publish {
            address,
            fingerprint,
        } => pgp.keyring(&address).await?.publish(fingerprint).await?,
        Command::Withdraw { address } => {
            if !pgp.keyring(&address).await?.withdraw().await? {
                return Err(format!("{address} publishes nothing").into());
            }
        }
        Command::Trust {
            address,
            of,
            fingerprint,
        } => {
            let keyring = pgp.keyring(&address).await?;
            let account = keyring.account();
            account
                .set_trust(&of, fingerprint, Trust::Verified, now)
                .await?;
        }
        Command::Pin { address, of } => {
            let keyring = pgp.keyring(&address).await?;
            let pin = keyring.account().pin(&of, now).await?;
            show::pin(pin.as_ref(), now, &mut io::stdout())?;
        }
        Command::Incoming { address, set } => {
            let keyring = pgp.keyring(&address).await?;
            match set {
                Some(WantedSwitch::On) => keyring.set_incoming(Switch::On).await?,
                Some(WantedSwitch::Off) => keyring.set_incoming(Switch::Off).await?,
                None => println!("{}", show::switch(keyring.incoming().await?)),
            }
        }
        Command::Passphrase { address, recovery } => {
            let keyring = pgp.keyring(&address).await?;
            let session = match recovery {
                true => {
                    let recovery: RecoveryKey = secret("Recovery key: ")?.parse()?;
                    keyring.open_by_recovery(&recovery).await?
                }
                false => keyring.open(&by_passphrase("Passphrase: ")?).await?,
            };
            let new = passphrase(&new_secret("New passphrase: ")?);
            let change = keyring
                .account()
                .change_passphrase(&session, &new, Cost::default(), now);
            change.await?;
        }
        Command::Serve { address } => {
            let keyring = pgp.keyring(&address).await?;
            let session = keyring.open(&by_passphrase("Passphrase: ")?).await?;
            keyring.account().allow_server(&session, now).await?;
        }
    }
    Ok(())
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::from(text)
}

pub(crate) fn by_passphrase(prompt: &str) -> Result<Opener, Box<dyn Error>> {
    Ok(Opener::Passphrase(passphrase(&secret(prompt)?)))
}

/// A session for new keys in this custody; the first time the account is set up, and its recovery key told.
async fn ready(keyring: &Keyring<'_>, custody: Custody) -> Result<Arc<Session>, Box<dyn Error>> {
    let opener = match custody {
        Custody::Server => Opener::Server,
        Custody::Passphrase if keyring.is_set_up().await? => by_passphrase("Passphrase: ")?,
        Custody::Passphrase => Opener::Passphrase(passphrase(&new_secret("New passphrase: ")?)),
    };
    let new = match &opener {
        Opener::Passphrase(passphrase) => Some(passphrase),
        _ => None,
    };
    if let Some(recovery) = keyring.set_up(custody, new).await? {
        eprintln!(
            "recovery key: {}\nWrite it down: it opens the keys of {} if all else fails, and is not shown again.",
            *recovery.text(),
            keyring.address()
        );
    }
    Ok(keyring.open(&opener).await?)
}

/// A session that opens this key.
pub(crate) async fn session(
    keyring: &Keyring<'_>,
    of: Fingerprint,
) -> Result<Arc<Session>, Box<dyn Error>> {
    let opener = match keyring.custody(of).await? {
        Custody::Server => Opener::Server,
        Custody::Passphrase => by_passphrase("Passphrase: ")?,
    };
    Ok(keyring.open(&opener).await?)
}

async fn edit(
    keyring: &Keyring<'_>,
    of: Fingerprint,
    edit: impl FnOnce(&mut Unlocked) -> Result<(), pgp_keystore::Error> + Send + 'static,
    now: SystemTime,
) -> Done {
    let session = session(keyring, of).await?;
    Ok(keyring.account().edit(&session, of, edit, now).await?)
}

/// Keys and certificates; each is told when it is stored.
async fn import(keyring: &Keyring<'_>, octets: &[u8], custody: Custody, now: SystemTime) -> Done {
    let Imported {
        keys,
        certificates,
        refused,
        ..
    } = pgp_keystore::import(octets, &Limits::default())?;
    let mut failed = refused.len();
    for refused in refused {
        let of = refused.fingerprint.map(|of| format!("{of}: "));
        eprintln!("refused: {}{}", of.unwrap_or_default(), refused.error);
    }
    if !keys.is_empty() {
        let session = ready(keyring, custody).await?;
        for key in keys {
            let of = take_key(keyring, &session, &key, custody, now).await?;
            println!("{of} key");
            if !key.at(now).addresses().any(|at| at == keyring.address()) {
                eprintln!("note: {of} does not name {}", keyring.address());
            }
        }
    }
    for certificate in certificates {
        let report = keyring
            .account()
            .import(certificate.export(Form::Binary)?, now)
            .await?;
        for taken in report.taken {
            println!(
                "{} certificate, {}",
                taken.certificate,
                show::done(taken.done)
            );
        }
        for refused in report.refused {
            failed += 1;
            eprintln!("refused: {}: {}", certificate.fingerprint(), refused.error);
        }
    }
    match failed {
        0 => Ok(()),
        some => Err(format!("{some} of them were not taken in").into()),
    }
}

async fn take_key(
    keyring: &Keyring<'_>,
    session: &Arc<Session>,
    key: &Key,
    custody: Custody,
    now: SystemTime,
) -> Result<Fingerprint, Box<dyn Error>> {
    let locked = |key: &pgp_keystore::KeyView| matches!(key.secret, Secret::Protected(_));
    let opens = match key.at(now).keys.iter().any(locked) {
        true => {
            let prompt = format!("Passphrase of {}: ", key.fingerprint());
            Some(passphrase(&secret(&prompt)?))
        }
        false => None,
    };
    let octets = key.export(Form::Binary)?;
    let take = keyring
        .account()
        .import_key(session, octets, opens.as_ref(), custody, now);
    Ok(take.await?)
}

async fn export(
    keyring: &Keyring<'_>,
    of: Option<Fingerprint>,
    what: &What,
    now: SystemTime,
) -> Result<zeroize::Zeroizing<Vec<u8>>, Box<dyn Error>> {
    let of = match of {
        Some(of) => of,
        None => keyring.default_key(Use::Encrypt).await?,
    };
    if what.secret || what.secret_argon2 {
        let session = session(keyring, of).await?;
        let new = passphrase(&new_secret("Passphrase of the export: ")?);
        let protection = match what.secret {
            true => Protection::GnuPg(new),
            false => Protection::Argon2(new),
        };
        let export = keyring
            .account()
            .export_key(&session, of, protection, Form::Armored, now);
        return Ok(export.await?);
    }
    let certificate = keyring.account().certificate(of, now).await?;
    let certificate = certificate.ok_or("there is no such certificate")?;
    let octets = match what.minimal {
        true => certificate.export_minimal(Some(keyring.address()), now, Form::Armored)?,
        false => certificate.export(Form::Armored)?,
    };
    Ok(octets.into())
}
