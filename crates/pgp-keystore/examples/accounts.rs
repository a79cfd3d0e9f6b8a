//! The keys of many accounts in a file: `cargo run -p pgp-keystore --features crypto-openssl,store --example accounts -- help`.

use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use pgp_keystore::custody::{AccountId, Cost, Custody, KekFile, RecoveryKey, Session, Setup};
use pgp_keystore::store::{Account, Inline, Query, Store};
use pgp_keystore::{
    Certificate, Fingerprint, Form, Generate, Limits, Passphrase, Profile, Protection, Trust,
    Unlocked, Use, decrypt, sign_detached,
};
use pollster::block_on;
use record_store::AnyStore;

const HELP: &str = "\
accounts kek FILE                                  a new key-encryption key for the server; keep it out of backups of the store
accounts create ACCOUNT                            prints the recovery key, once
accounts generate ACCOUNT passphrase|server USERID a key; who can open it
accounts import ACCOUNT FILE                       certificates, as many as there are
accounts import-key ACCOUNT passphrase|server FILE a key; PGP_KEY_PASSPHRASE opens it
accounts keys ACCOUNT                              the account's own keys
accounts find ACCOUNT WHAT                         by address, fingerprint or key ID
accounts trust ACCOUNT ADDRESS FINGERPRINT         the user has compared fingerprints
accounts plan ACCOUNT ADDRESS...                   whom a message can be encrypted to, with what, and why
accounts encrypt ACCOUNT FILE OUT ADDRESS...       by that plan, signed by the account's key
accounts decrypt ACCOUNT FILE OUT                  with the account's keys
accounts sign ACCOUNT FILE OUT                     by the account's key
accounts export-key ACCOUNT FINGERPRINT OUT        protected by PGP_KEY_PASSPHRASE, as GnuPG reads it
accounts passphrase ACCOUNT                        to PGP_NEW_PASSPHRASE
accounts recover ACCOUNT                           to PGP_NEW_PASSPHRASE, with the recovery key in PGP_RECOVERY
accounts publish ACCOUNT FINGERPRINT ADDRESS       in the Web Key Directory of all accounts; that the address is theirs, you know
accounts withdraw ACCOUNT ADDRESS                  publishes nothing for the address any more
accounts log ACCOUNT                               what was changed
The store is PGP_STORE (sqlite:FILE, or postgres://... in a build with that), the server's key the file PGP_KEK.
The account is opened by PGP_PASSPHRASE, or by the server where that is not set.
";

const LASTS: Duration = Duration::from_secs(60);

type Outcome<T = ()> = Result<T, Box<dyn Error>>;
type Mine<'a> = Account<'a, AnyStore, Inline>;

// A program may look at the clock; the library does not.
#[allow(clippy::disallowed_methods)]
fn main() -> Outcome {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["kek", file] => {
            KekFile::create(Path::new(file))?;
            Ok(())
        }
        [command, account, args @ ..] => {
            let store = Store::new(AnyStore::open(&variable("PGP_STORE")?)?, Inline);
            let store = match env::var("PGP_KEK") {
                Ok(file) => store.with_kek(Arc::new(KekFile::open(Path::new(&file))?)),
                Err(_) => store,
            };
            let account = store.account(AccountId::new(*account)?);
            block_on(run(&account, command, args, SystemTime::now()))
        }
        _ => {
            print!("{HELP}");
            Ok(())
        }
    }
}

async fn run(account: &Mine<'_>, command: &str, args: &[&str], now: SystemTime) -> Outcome {
    match (command, args) {
        ("create", []) => {
            let setup = Setup::new().passphrase(passphrase("PGP_PASSPHRASE")?);
            let recovery = account.create(setup, now).await?;
            println!("{}", *recovery.text());
        }
        ("generate", [custody, user_id]) => {
            let session = session(account, now).await?;
            let new = Generate::new(Profile::Modern, now).user_id(*user_id);
            let of = account
                .generate(&session, new, custody_of(custody)?, now)
                .await?;
            println!("{of}");
        }
        ("import", [file]) => {
            let report = account.import(read(file)?, now).await?;
            for taken in report.taken {
                println!("{} {:?}", taken.certificate, taken.done);
            }
            for refused in report.refused {
                println!("refused: {}", refused.error);
            }
        }
        ("import-key", [custody, file]) => {
            let session = session(account, now).await?;
            let (custody, octets) = (custody_of(custody)?, read(file)?);
            let open = passphrase("PGP_KEY_PASSPHRASE").ok();
            let of = account
                .import_key(&session, octets, open.as_ref(), custody, now)
                .await?;
            println!("{of}");
        }
        ("keys", []) => {
            for own in account.keys(now).await? {
                println!("{} custody {}", own.certificate, own.custody);
            }
            for purpose in [Use::Sign, Use::Encrypt] {
                if let Some(of) = account.default_key(purpose, None, now).await? {
                    println!("{purpose:?}: {of}");
                }
            }
        }
        ("find", [what]) => {
            for certificate in account.certificates(&query(what), now).await? {
                let view = certificate.at(now);
                println!("{} {}", view.fingerprint, view.reason);
                for user_id in &view.user_ids {
                    println!("  {}: {}", user_id.text, user_id.reason);
                }
            }
        }
        ("trust", [address, of]) => {
            account
                .set_trust(address, of.parse()?, Trust::Verified, now)
                .await?;
        }
        ("publish", [of, address]) => account.publish(of.parse()?, address, now).await?,
        ("withdraw", [address]) => {
            if !account.withdraw(address, now).await? {
                return Err("nothing was published".into());
            }
        }
        ("plan", addresses) => {
            plan(account, addresses, now).await?;
        }
        ("encrypt", [file, out, addresses @ ..]) => {
            let plan = plan(account, addresses, now).await?;
            let session = session(account, now).await?;
            let content = read(file)?;
            let encrypt = move |keys: &[&Unlocked]| {
                plan.encrypt(&content, keys.first().copied(), now, Form::Armored)
            };
            let own = [signing(account, now).await?];
            write(
                out,
                &account.with_keys(&session, &own, encrypt, now).await??,
            )?;
        }
        ("decrypt", [file, out]) => {
            let session = session(account, now).await?;
            let (message, known) = (read(file)?, all(account, now).await?);
            let open = move |keys: &[&Unlocked]| {
                let certificates: Vec<&Certificate> = known.iter().collect();
                decrypt(&message, keys, &certificates, now, &Limits::default())
            };
            let all = passphrase("PGP_PASSPHRASE").is_ok();
            let keys = account.keys(now).await?;
            let mine = keys
                .iter()
                .filter(|own| all || own.custody == Custody::Server);
            let own: Vec<Fingerprint> = mine.map(|own| own.certificate).collect();
            let opened = account.with_keys(&session, &own, open, now).await??;
            for check in &opened.verification.signatures {
                eprintln!("{:?}: {}", check.signer, check.reason);
            }
            write(out, &opened.content)?;
        }
        ("sign", [file, out]) => {
            let session = session(account, now).await?;
            let content = read(file)?;
            let sign = move |keys: &[&Unlocked]| {
                let signatures = keys
                    .iter()
                    .map(|key| sign_detached(key, &content, now, Form::Armored));
                signatures.collect::<Result<Vec<_>, _>>()
            };
            let own = [signing(account, now).await?];
            let signatures = account.with_keys(&session, &own, sign, now).await??;
            write(out, &signatures.concat())?;
        }
        ("export-key", [of, out]) => {
            let session = session(account, now).await?;
            let protection = Protection::GnuPg(passphrase("PGP_KEY_PASSPHRASE")?);
            let of = of.parse()?;
            let key = account
                .export_key(&session, of, protection, Form::Armored, now)
                .await?;
            write(out, &key)?;
        }
        ("passphrase", []) => {
            let session = session(account, now).await?;
            let new = passphrase("PGP_NEW_PASSPHRASE")?;
            account
                .change_passphrase(&session, &new, Cost::default(), now)
                .await?;
        }
        ("recover", []) => {
            let recovery: RecoveryKey = variable("PGP_RECOVERY")?.parse()?;
            let session = account.unlock_with_recovery(&recovery, LASTS, now).await?;
            let new = passphrase("PGP_NEW_PASSPHRASE")?;
            account
                .change_passphrase(&session, &new, Cost::default(), now)
                .await?;
        }
        ("log", []) => {
            for entry in account.log(None, 1000, now).await? {
                let of = entry
                    .certificate
                    .map(|of| of.to_string())
                    .unwrap_or_default();
                println!("{} {} {of}", entry.number, entry.event);
            }
        }
        _ => return Err(HELP.into()),
    }
    Ok(())
}

async fn session(account: &Mine<'_>, now: SystemTime) -> Outcome<Arc<Session>> {
    Ok(match passphrase("PGP_PASSPHRASE") {
        Ok(passphrase) => account.unlock(&passphrase, LASTS, now).await?,
        Err(_) => account.unlock_by_server(LASTS, now).await?,
    })
}

async fn signing(account: &Mine<'_>, now: SystemTime) -> Outcome<Fingerprint> {
    let key = match passphrase("PGP_PASSPHRASE") {
        Ok(_) => account.default_key(Use::Sign, None, now).await?,
        Err(_) => {
            account
                .default_key_in(Custody::Server, Use::Sign, None, now)
                .await?
        }
    };
    Ok(key.ok_or("the account has no key that signs")?)
}

/// Shows the plan.
async fn plan(
    account: &Mine<'_>,
    addresses: &[&str],
    now: SystemTime,
) -> Outcome<pgp_keystore::Plan> {
    let planned = account.plan_send(addresses, now).await?;
    for (entry, known) in planned.plan.entries().iter().zip(&planned.known) {
        eprintln!("{entry} ({})", known.trust);
        for (other, _) in known.pin.iter().flat_map(|pin| &pin.alarms) {
            eprintln!("  ALARM: {other} was seen for this address, too");
        }
    }
    Ok(planned.plan)
}

async fn all(account: &Mine<'_>, now: SystemTime) -> Outcome<Vec<Certificate>> {
    let mut certificates = Vec::new();
    for of in account.list(None, 1000, now).await? {
        certificates.extend(account.certificate(of, now).await?);
    }
    Ok(certificates)
}

fn query(what: &str) -> Query {
    match (what.parse(), what.parse()) {
        (Ok(fingerprint), _) => Query::Fingerprint(fingerprint),
        (_, Ok(key_id)) => Query::KeyId(key_id),
        _ => Query::Address(what.to_owned()),
    }
}

fn custody_of(text: &str) -> Outcome<Custody> {
    match text {
        "passphrase" => Ok(Custody::Passphrase),
        "server" => Ok(Custody::Server),
        _ => Err(HELP.into()),
    }
}

fn passphrase(name: &str) -> Outcome<Passphrase> {
    Ok(Passphrase::new(variable(name)?))
}

fn variable(name: &str) -> Outcome<String> {
    env::var(name).map_err(|_| format!("{name} is not set").into())
}

fn read(file: &str) -> Outcome<Vec<u8>> {
    if file == "-" {
        let mut octets = Vec::new();
        std::io::stdin().read_to_end(&mut octets)?;
        return Ok(octets);
    }
    fs::read(file).map_err(|error| format!("{file}: {error}").into())
}

fn write(file: &str, octets: &[u8]) -> Outcome {
    match file {
        "-" => Ok(std::io::stdout().write_all(octets)?),
        file => fs::write(file, octets).map_err(|error| format!("{file}: {error}").into()),
    }
}
