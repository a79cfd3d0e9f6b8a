//! Prints the TLSA records of a certificate or a key, as lines of a zone file; and what could be better about them.
//!
//! Exit status: 0 printed, 1 printed, but clients would deliver nothing, 2 bad input.

use dane_tlsa::{
    Crypto, Identity, LintOptions, Parameters, References, Severity, ZoneLine, lint_with, owner,
};
use mail_dns::Name;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{PemObject, SectionKind},
};
use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

const USAGE: &str = "\
usage: tlsa-publish --host NAME [--port N] [--ttl SECONDS] [--parameters \"3 1 1\"]... FILE.pem

Prints TLSA records as lines of a zone file, and on standard error what lint finds about them.

  FILE.pem          certificates as the server sends them, its own one first; or a key, public or private
  --host NAME       the host of the MX record, for SMTP
  --port N          the port; 25 without this
  --ttl SECONDS     the TTL of the records; the zone's default without this
  --parameters P    usage, selector and matching type; \"3 1 1\" without this. With usage 0 or 2 the record
                    names the last certificate of the file
";

struct Arguments {
    host: Name,
    port: u16,
    ttl: Option<u32>,
    parameters: Vec<Parameters>,
    file: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        return print(USAGE);
    }
    match parse(arguments).and_then(|arguments| publish(&arguments)) {
        Ok((lines, true)) => print(&lines),
        Ok((lines, false)) => {
            print(&lines);
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("tlsa-publish: {why}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: Vec<String>) -> Result<Arguments, String> {
    let (mut host, mut port, mut ttl, mut file) = (None, 25, None, None);
    let mut parameters = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| format!("{argument} wants a value"))
        };
        let bad = |text: &str| format!("{argument} {text}: not understood");
        match &*argument {
            "--host" => {
                let text = value()?;
                host = Some(text.parse().map_err(|_| bad(&text))?);
            }
            "--port" => {
                let text = value()?;
                port = text.parse().map_err(|_| bad(&text))?;
            }
            "--ttl" => {
                let text = value()?;
                // RFC 2181 §8: at most 31 bits.
                let seconds = text.parse().ok().filter(|s| *s <= i32::MAX as u32);
                ttl = Some(seconds.ok_or_else(|| bad(&text))?);
            }
            "--parameters" => {
                let text = value()?;
                parameters.push(text.parse().map_err(|_| bad(&text))?);
            }
            option if option.starts_with('-') => return Err(format!("no such option: {option}")),
            path if file.replace(PathBuf::from(path)).is_some() => {
                return Err("more than one file".into());
            }
            _ => {}
        }
    }
    if parameters.is_empty() {
        parameters.push(Parameters::DANE_EE);
    }
    Ok(Arguments {
        host: host.ok_or("no --host")?,
        port,
        ttl,
        parameters,
        file: file.ok_or("no file")?,
    })
}

/// The lines, and whether clients would deliver.
fn publish(arguments: &Arguments) -> Result<(String, bool), String> {
    let crypto = Crypto::aws_lc_rs();
    let identity = read(&arguments.file)?;
    let owner = owner(arguments.port, &arguments.host).map_err(|error| error.to_string())?;
    let (mut lines, mut records) = (String::new(), Vec::new());
    for parameters in &arguments.parameters {
        let record = identity.record(*parameters, &crypto);
        let record = record.map_err(|error| format!("{parameters}: {error}"))?;
        let line = ZoneLine::new(&owner, &record);
        let line = arguments.ttl.map_or(line, |ttl| line.ttl(ttl));
        lines += &format!("{line}\n");
        records.push(record);
    }
    if identity.chain().is_empty() {
        return Ok((lines, true)); // a key alone: there is no chain to look at
    }
    let mut options = LintOptions::default();
    options.names = References::from_names([&arguments.host]).ok();
    #[allow(clippy::disallowed_methods)] // a program has a clock
    let now = SystemTime::now();
    let findings = lint_with(&records, identity.chain(), now, &crypto, &options);
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    let good = findings.iter().all(|f| f.severity() != Severity::Error);
    Ok((lines, good))
}

/// Certificates, or else a key. If there are both, they belong together.
fn read(path: &Path) -> Result<Identity, String> {
    let told = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let octets = std::fs::read(path).map_err(|error| told(&error))?;
    let (mut chain, mut key) = (Vec::new(), None);
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&octets) {
        let (kind, der) = section.map_err(|error| told(&error))?;
        match kind {
            SectionKind::Certificate => chain.push(CertificateDer::from(der)),
            SectionKind::PublicKey => key = Some(der),
            _ => {
                if let Some(private) = PrivateKeyDer::from_pem(kind, der) {
                    key = Some(public(&private).map_err(|why| told(&why))?);
                }
            }
        }
    }
    let of_key = key.map(|spki| Identity::from_key(&spki)).transpose();
    let of_key = of_key.map_err(|error| told(&error))?;
    if chain.is_empty() {
        return of_key.ok_or_else(|| told(&"neither a certificate nor a key"));
    }
    let of_chain = Identity::from_chain(chain).map_err(|error| told(&error))?;
    let crypto = Crypto::aws_lc_rs();
    let own = of_chain.record(Parameters::DANE_EE, &crypto);
    let own = own.map_err(|error| told(&error))?;
    match of_key.is_none_or(|key| key.is_named_by(&own, &crypto)) {
        true => Ok(of_chain),
        false => Err(told(&"the key is not that of the first certificate")),
    }
}

/// The public half of a private key.
fn public(private: &PrivateKeyDer<'_>) -> Result<Vec<u8>, String> {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(private);
    let key = key.map_err(|error| error.to_string())?;
    let spki = key
        .public_key()
        .ok_or("a private key without a public one")?;
    Ok(spki.to_vec())
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tlsa-publish: {error}");
            ExitCode::FAILURE
        }
    }
}
