//! Keys and messages in files: `cargo run -p pgp-keystore --features crypto-openssl --example keys -- help`.

use std::error::Error;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use pgp_keystore::{
    Certificate, Form, Generate, Key, Limits, Passphrase, Profile, Protection, Recipient, Use,
    decrypt, import, plan_send, sign_detached, verify_detached,
};

const HELP: &str = "\
keys generate compat|modern|postquantum USERID OUT   a key, and OUT.rev, which revokes it
keys show FILE                                       what it is, key by key
keys public KEY OUT                                  its certificate
keys minimal CERT OUT [ADDRESS]                      its certificate as small as can be
keys extend KEY DAYS                                 all that is not revoked ends so many days from now
keys passphrase KEY                                  from PGP_PASSPHRASE to PGP_NEW_PASSPHRASE
keys sign KEY FILE OUT                               a detached signature
keys verify FILE SIGNATURE CERT...                   whose it is, and what it is worth
keys encrypt FILE OUT CERT...                        to all of these
keys decrypt KEY FILE OUT [CERT...]                  and what its signatures are worth
A passphrase is taken from PGP_PASSPHRASE. OUT may be `-`.
";

type Outcome = Result<(), Box<dyn Error>>;

// A program may look at the clock; the library does not.
#[allow(clippy::disallowed_methods)]
fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args, SystemTime::now()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str], now: SystemTime) -> Outcome {
    let limits = Limits::default();
    match args {
        ["generate", profile, user_id, out] => {
            let profile = match *profile {
                "compat" => Profile::Compat,
                "modern" => Profile::Modern,
                "postquantum" => Profile::PostQuantum,
                _ => return Err(HELP.into()),
            };
            let new = Generate::new(profile, now).user_id(*user_id).create()?;
            let protection = match profile {
                Profile::Compat => Protection::GnuPg(passphrase("PGP_PASSPHRASE")?),
                _ => Protection::Argon2(passphrase("PGP_PASSPHRASE")?),
            };
            write(out, &new.key.lock(&protection)?.export(Form::Armored)?)?;
            write(
                &format!("{out}.rev"),
                &new.revocation.export(Form::Armored)?,
            )?;
            eprintln!("{}", new.key.fingerprint());
        }
        ["show", file] => {
            let imported = import(&read(file)?, &limits)?;
            let keys = imported.keys.iter().map(|key| key.at(now));
            let certificates = imported
                .certificates
                .iter()
                .map(|certificate| certificate.at(now));
            for view in keys.chain(certificates) {
                println!("{} {}", view.fingerprint, view.reason);
                for user_id in &view.user_ids {
                    println!("  {}: {}", user_id.text, user_id.reason);
                }
                for key in &view.keys {
                    println!(
                        "  {} {} {:?}, secret {:?}",
                        key.fingerprint, key.algorithm, key.uses, key.secret
                    );
                    println!("    {}", key.reason);
                }
            }
            for refused in imported.refused {
                println!("refused: {}", refused.error);
            }
        }
        ["public", key, out] => {
            write(
                out,
                &Key::parse(&read(key)?)?
                    .certificate()
                    .export(Form::Armored)?,
            )?;
        }
        ["minimal", file, out, address @ ..] => {
            let small =
                certificate(file)?.export_minimal(address.first().copied(), now, Form::Armored)?;
            write(out, &small)?;
        }
        ["extend", file, days] => {
            let passphrase = passphrase("PGP_PASSPHRASE")?;
            let mut key = Key::parse(&read(file)?)?.unlock(&passphrase)?;
            let days: u32 = days.parse()?;
            key.set_expiry(now.checked_add(Duration::from_secs(86_400) * days), now)?;
            write(
                file,
                &key.lock(&Protection::GnuPg(passphrase))?
                    .export(Form::Armored)?,
            )?;
        }
        ["passphrase", file] => {
            let new = Protection::GnuPg(passphrase("PGP_NEW_PASSPHRASE")?);
            let key = Key::parse(&read(file)?)?
                .change_passphrase(&passphrase("PGP_PASSPHRASE")?, &new)?;
            write(file, &key.export(Form::Armored)?)?;
        }
        ["sign", key, file, out] => {
            let key = Key::parse(&read(key)?)?.unlock(&passphrase("PGP_PASSPHRASE")?)?;
            write(out, &sign_detached(&key, &read(file)?, now, Form::Armored)?)?;
        }
        ["verify", file, signature, certificates @ ..] => {
            let certificates = all(certificates)?;
            let by: Vec<&Certificate> = certificates.iter().collect();
            let result = verify_detached(&read(file)?, &read(signature)?, &by, now, &limits)?;
            for check in &result.signatures {
                println!("{:?}: {}", check.signer, check.reason);
            }
            if result.valid().next().is_none() {
                return Err("no valid signature".into());
            }
        }
        ["encrypt", file, out, certificates @ ..] => {
            let certificates = all(certificates)?;
            let to = certificates.iter().map(|certificate| {
                let view = certificate.at(now);
                let address = view.addresses().next().unwrap_or("somebody").to_owned();
                Recipient::new(address, [certificate])
            });
            let plan = plan_send(&to.collect::<Vec<_>>(), now);
            for entry in plan.entries() {
                eprintln!("{entry}");
            }
            eprintln!("container {:?}, {:?}", plan.container(), plan.secrecy());
            write(out, &plan.encrypt(&read(file)?, None, now, Form::Armored)?)?;
        }
        ["decrypt", key, file, out, certificates @ ..] => {
            let key = Key::parse(&read(key)?)?.unlock(&passphrase("PGP_PASSPHRASE")?)?;
            let certificates = all(certificates)?;
            let by: Vec<&Certificate> = certificates.iter().collect();
            let opened = decrypt(&read(file)?, &[&key], &by, now, &limits)?;
            for check in &opened.verification.signatures {
                eprintln!("{:?}: {}", check.signer, check.reason);
            }
            let encrypts = key
                .at(now)
                .keys_for(Use::Encrypt)
                .any(|k| k.fingerprint == opened.by.1);
            if !encrypts {
                eprintln!("to a key that is no longer used: {}", opened.by.1);
            }
            write(out, &opened.content)?;
        }
        ["help"] => print!("{HELP}"),
        _ => return Err(HELP.into()),
    }
    Ok(())
}

fn passphrase(name: &str) -> Result<Passphrase, Box<dyn Error>> {
    let given = env::var(name).map_err(|_| format!("{name} is not set"))?;
    Ok(Passphrase::new(given))
}

fn certificate(file: &str) -> Result<Certificate, Box<dyn Error>> {
    Ok(Certificate::parse(&read(file)?)?)
}

fn all(files: &[&str]) -> Result<Vec<Certificate>, Box<dyn Error>> {
    files.iter().map(|file| certificate(file)).collect()
}

fn read(file: &str) -> Result<Vec<u8>, Box<dyn Error>> {
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
