use dane_tlsa::{CertificateUsage, EndEntityNames, MatchingType, References, Selector, Tlsa};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

pub(crate) const USAGE: &str = "usage: tlsa-check --host NAME [--reference NAME]... --tlsa \"3 1 1 HEX\"... [--any-usage] \
[--roots FILE] [--no-name-check] [--at UNIXTIME] [--json] CHAIN.pem";

pub(crate) const HELP: &str = "\
usage: tlsa-check --host NAME [--reference NAME]... --tlsa \"3 1 1 HEX\"... [--any-usage]
                  [--roots FILE] [--no-name-check] [--at UNIXTIME] [--json] CHAIN.pem

Judges the certificates of a server by TLSA records, which are taken for secure.

  CHAIN.pem         the server's certificate, and then those that lead to it
  --host NAME       the name that the records belong to; the first that the certificate may have
  --reference NAME  another one that it may have, such as the domain that the mail is for
  --tlsa RECORD     one TLSA record, as in a zone file: usage, selector, matching type, data
  --any-usage       usages 0 and 1 too, which are not for SMTP
  --roots FILE      certificates of public authorities (PEM), for usages 0 and 1
  --no-name-check   usage 3 does not look at names, as SMTP has it
  --at UNIXTIME     judge as of then, in seconds since 1970
  --json            print JSON

exit status: 0 a verdict, 2 bad input
";

#[derive(Debug)]
pub(crate) enum Command {
    Check(Arguments),
    Help,
}

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) references: References,
    /// With the texts that they were read from.
    pub(crate) records: Vec<(Tlsa, String)>,
    pub(crate) any_usage: bool,
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) names: EndEntityNames,
    pub(crate) at: Option<SystemTime>,
    pub(crate) json: bool,
    pub(crate) end_entity: CertificateDer<'static>,
    pub(crate) intermediates: Vec<CertificateDer<'static>>,
}

pub(crate) fn parse(mut rest: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let (mut host, mut references, mut records) = (None, Vec::new(), Vec::new());
    let (mut any_usage, mut json, mut only_files) = (false, false, false);
    let mut names = EndEntityNames::Checked;
    let (mut at, mut roots, mut chain) = (None, None, None);
    while let Some(argument) = rest.next() {
        let text = argument.to_str().filter(|text| text.starts_with('-'));
        let Some(option) = text.filter(|_| !only_files) else {
            if chain.replace(PathBuf::from(argument)).is_some() {
                return Err("more than one chain".to_owned());
            }
            continue;
        };
        let (name, inline) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let mut value = || match &inline {
            Some(inline) => Ok(inline.clone()),
            None => {
                let value = rest.next().map(OsString::into_string);
                let value = value.ok_or_else(|| format!("{name} needs a value"))?;
                value.map_err(|_| format!("the value of {name} is not UTF-8"))
            }
        };
        match name {
            "--host" => {
                if host.replace(value()?).is_some() {
                    return Err("more than one --host: others are --reference".to_owned());
                }
            }
            "--reference" => references.push(value()?),
            "--tlsa" => {
                let text = value()?;
                let record: Tlsa = text.parse().map_err(|why| format!("{text:?}: {why}"))?;
                records.push((record, text.trim().to_owned()));
            }
            "--roots" => roots = Some(PathBuf::from(value()?)),
            "--at" => {
                let text = value()?;
                let seconds = text.parse().ok().map(Duration::from_secs);
                let time = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(seconds));
                at = Some(time.ok_or_else(|| format!("no time: {text:?}"))?);
            }
            flag if inline.is_some() => {
                return Err(format!("{flag} takes no value, or is unknown"));
            }
            "--any-usage" => any_usage = true,
            "--no-name-check" => names = EndEntityNames::Ignored,
            "--json" => json = true,
            "--help" | "-h" => return Ok(Command::Help),
            "--" => only_files = true,
            unknown => return Err(format!("unknown option {unknown}")),
        }
    }
    let host = host.ok_or("no --host")?;
    if records.is_empty() {
        return Err("no --tlsa".to_owned());
    }
    let names_of_server = std::iter::once(host).chain(references);
    let references = References::new(names_of_server).map_err(|why| why.to_string())?;
    let mut chain = certificates(&chain.ok_or("no chain")?)?;
    let intermediates = chain.split_off(1);
    Ok(Command::Check(Arguments {
        references,
        records,
        any_usage,
        roots: roots.map_or_else(|| Ok(Vec::new()), |path| certificates(&path))?,
        names,
        at,
        json,
        end_entity: chain.remove(0),
        intermediates,
    }))
}

/// The certificates in a file: at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let fault = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read(path).map_err(|why| fault(&why))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|why| fault(&why))?;
    if all.is_empty() {
        return Err(fault(&"no certificate in it"));
    }
    match all.iter().position(|der| !is_certificate(der)) {
        Some(at) => Err(fault(&format!("number {} is no certificate", at + 1))),
        None => Ok(all),
    }
}

/// What has the form of a certificate could be the data of a record.
fn is_certificate(der: &[u8]) -> bool {
    let usage = CertificateUsage::DaneEe;
    let record = Tlsa::new(usage, Selector::Cert, MatchingType::Full, der);
    record.is_ok_and(|record| record.usability(dane_tlsa::Protocol::Smtp).is_ok())
}
