//! A message file, signed, encrypted, verified and decrypted as PGP/MIME: `cargo run -p pgp-keystore --features crypto-rust
//! --example mail -- help`

use std::env;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use pgp_keystore::mime::{self, HeaderPolicy, PreferEncrypt, Protected, Verdict};
use pgp_keystore::{Certificate, Key, Limits, Passphrase, Recipient, Unlocked, plan_send};

const HELP: &str = "\
mail inspect MESSAGE                        what it is
mail sign KEY MESSAGE OUT
mail encrypt KEY MESSAGE OUT CERT...        signed with KEY, to all of these
mail verify MESSAGE CERT...                 what its signature is worth; fails unless it is the sender's
mail decrypt KEY MESSAGE OUT CERT...        as it is to be shown, and what its signature is worth
mail autocrypt CERT ADDRESS                 the header field
Keys and certificates are those of the example `keys`, or of `gpg --export`. A passphrase is taken from PGP_PASSPHRASE.
MESSAGE and OUT may be `-`.
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
        ["inspect", message] => {
            let found = mime::inspect(&read(message)?, &limits)?;
            println!("{:?}", found.kind);
            for part in found.inside {
                println!("  part {:?}: {:?}", part.path, part.kind);
            }
        }
        ["sign", key, message, out] => {
            write(out, &mime::sign(&read(message)?, &unlocked(key)?, now)?)?;
        }
        ["encrypt", key, message, out, certificates @ ..] => {
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
            let signer = unlocked(key)?;
            let message = read(message)?;
            let policy = HeaderPolicy::default();
            write(
                out,
                &mime::encrypt(&message, &plan, Some(&signer), policy, now)?,
            )?;
        }
        ["verify", message, certificates @ ..] => {
            let certificates = all(certificates)?;
            let by: Vec<&Certificate> = certificates.iter().collect();
            let found = mime::verify(&read(message)?, &by, now, &limits)?;
            for part in &found.parts {
                for check in &part.verification.signatures {
                    println!("part {:?}: {:?}: {}", part.path, check.signer, check.reason);
                }
            }
            show(&found.headers);
            println!("{}", found.verdict());
            if found.verdict() != Verdict::Signed {
                return Err("not signed by the sender".into());
            }
        }
        ["decrypt", key, message, out, certificates @ ..] => {
            let certificates = all(certificates)?;
            let by: Vec<&Certificate> = certificates.iter().collect();
            let key = unlocked(key)?;
            let opened = mime::decrypt(&read(message)?, &[&key], &by, now, &limits)?;
            show(&opened.headers);
            eprintln!("{}", opened.verdict());
            write(out, opened.message())?;
        }
        ["autocrypt", certificate, address] => {
            let certificate = self::certificate(certificate)?;
            print!(
                "{}",
                mime::autocrypt(&certificate, address, PreferEncrypt::Mutual, now)?
            );
        }
        ["help"] => print!("{HELP}"),
        _ => return Err(HELP.into()),
    }
    Ok(())
}

fn show(headers: &Protected) {
    for field in &headers.fields {
        let note = match field.is_confidential() {
            true => ", confidential",
            false => "",
        };
        eprintln!(
            "{}: {} ({:?}{note})",
            field.name, field.value, field.outside
        );
    }
}

fn unlocked(file: &str) -> Result<Unlocked, Box<dyn Error>> {
    let passphrase = env::var("PGP_PASSPHRASE").map_err(|_| "PGP_PASSPHRASE is not set")?;
    Ok(Key::parse(&read(file)?)?.unlock(&Passphrase::new(passphrase))?)
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
