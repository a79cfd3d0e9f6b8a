use std::{
    ffi::OsString,
    net::IpAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

pub(crate) const USAGE: &str = "usage: msg-check [--zone ZONE.json] [--ip ADDR] [--helo NAME] \
[--mail-from ADDR] [--at UNIXTIME] [--json] [MESSAGE.eml]";

pub(crate) const HELP: &str = "\
usage: msg-check [--zone ZONE.json] [--ip ADDR] [--helo NAME] [--mail-from ADDR] [--at UNIXTIME] [--json] [MESSAGE.eml]

Judges a message by SPF, DKIM and DMARC and says why. Without a message, SPF alone.

  MESSAGE.eml       the message; - is standard input
  --zone ZONE.json  answers to DNS questions, instead of the system's resolver: an object of names,
                    each with a list of records such as [\"TXT\", [\"v=spf1 -all\"]], [\"A\", \"192.0.2.1\"],
                    [\"MX\", 10, \"mx.example.org\"], [\"PTR\", \"host\"], [\"CNAME\", \"host\"], [\"TIMEOUT\"]
  --ip ADDR         address of the SMTP client; without it there is no SPF
  --helo NAME       what the client said in HELO or EHLO
  --mail-from ADDR  what it said in MAIL FROM; empty or <> for the null reverse-path
  --at UNIXTIME     judge as of then, in seconds since 1970
  --json            print JSON

exit status: 0 a verdict, 1 no verdict, 2 a mistake in the usage
";

#[derive(Debug)]
pub(crate) enum Command {
    Check(Arguments),
    Help,
}

#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) zone: Option<PathBuf>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) helo: String,
    pub(crate) mail_from: String,
    pub(crate) at: Option<SystemTime>,
    pub(crate) json: bool,
    pub(crate) message: Option<PathBuf>,
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut rest = arguments;
    let mut found = Arguments::default();
    let mut only_files = false;
    while let Some(argument) = rest.next() {
        let text = argument
            .to_str()
            .filter(|text| text.starts_with('-') && *text != "-");
        let Some(option) = text.filter(|_| !only_files) else {
            if found.message.replace(argument.into()).is_some() {
                return Err("more than one message".to_owned());
            }
            continue;
        };
        let (name, inline) = match option.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (option, None),
        };
        let mut path = || {
            inline
                .clone()
                .or_else(|| rest.next())
                .ok_or_else(|| format!("{name} needs a value"))
        };
        let mut value = || {
            let value = path()?.into_string();
            value.map_err(|_| format!("the value of {name} is not UTF-8"))
        };
        match name {
            "--zone" => found.zone = Some(path()?.into()),
            "--ip" => {
                let value = value()?;
                let ip = value
                    .parse()
                    .map_err(|_| format!("not an address: {value}"))?;
                found.ip = Some(ip);
            }
            "--helo" => found.helo = value()?,
            "--mail-from" => found.mail_from = without_brackets(&value()?).to_owned(),
            "--at" => found.at = Some(time(&value()?)?),
            "--json" if inline.is_none() => found.json = true,
            "-h" | "--help" if inline.is_none() => return Ok(Command::Help),
            "--" if inline.is_none() => only_files = true,
            _ => return Err(format!("unknown option {option}")),
        }
    }
    let stdin = |path: &Option<PathBuf>| path.as_ref().is_some_and(|p| p.as_os_str() == "-");
    if stdin(&found.zone) && stdin(&found.message) {
        return Err("standard input can be read once".to_owned());
    }
    if found.message.is_none() && found.ip.is_none() {
        return Err("neither a message nor --ip: nothing to judge".to_owned());
    }
    Ok(Command::Check(found))
}

fn time(text: &str) -> Result<SystemTime, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    let time = seconds.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    time.ok_or_else(|| format!("not a time in seconds since 1970: {text}"))
}

fn without_brackets(path: &str) -> &str {
    let inner = path
        .strip_prefix('<')
        .and_then(|path| path.strip_suffix('>'));
    inner.unwrap_or(path)
}
