//! Where the certificate of an address is looked for, and what is there:
//! `cargo run -p pgp-keystore --features crypto-openssl,discovery --example lookup -- help`.
//!
//! The library has no HTTP client, so this program shows how to give it one: here, curl. The DNS is not asked, as that wants a
//! validating resolver. Whoever lets strangers choose the addresses has to keep the client to global hosts, too.

use std::error::Error;
use std::io::Read;
use std::net::ToSocketAddrs;
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;
use std::{env, fs};

use pgp_keystore::discovery::{
    DnsAnswer, Fetch, Get, HttpsAnswer, Need, Search, Sources, questions,
};
use pgp_keystore::{Address, Form, wkd};

const HELP: &str = "\
lookup where ADDRESS              the places, the strongest first
lookup find ADDRESS [OUT]         searches directory and keys.openpgp.org, by curl; OUT takes the best certificate
lookup path ADDRESS               what a Web Key Directory serves the certificate under
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
    match args {
        ["where", address] => {
            let sources = Sources::new().wkd().dane().vks("keys.openpgp.org".parse()?);
            for (source, need) in questions(&address.parse()?, &sources) {
                match need {
                    Need::Https(get) => println!("{source}: {}", get.url()),
                    Need::OpenPgpKey(name) => println!("{source}: {name}. OPENPGPKEY"),
                }
            }
            Ok(())
        }
        ["path", address] => {
            let address: Address = address.parse()?;
            println!("{}hu/{}", wkd::PREFIX, wkd::hash(address.local_part()));
            Ok(())
        }
        ["find", address, out @ ..] if out.len() < 2 => {
            let sources = Sources::new().wkd().vks("keys.openpgp.org".parse()?);
            let search = Search::run(address.parse()?, &sources, &Curl, now);
            let report = pollster::block_on(search);
            print!("{report}");
            match (out, report.best()) {
                ([out], Some(best)) => Ok(fs::write(out, best.certificate.export(Form::Binary)?)?),
                (_, Some(_)) => Ok(()),
                (_, None) => Err("nothing that can be used".into()),
            }
        }
        _ => Err(HELP.into()),
    }
}

/// curl, as a client that follows nothing and waits twenty seconds.
struct Curl;

impl Fetch for Curl {
    async fn https(&self, get: &Get) -> HttpsAnswer {
        match (get.host(), 443).to_socket_addrs() {
            Ok(addresses) if addresses.len() > 0 => {}
            Ok(_) => return HttpsAnswer::NoHost,
            // The standard library tells the two apart in words only.
            Err(error) if error.to_string().contains("not known") => return HttpsAnswer::NoHost,
            Err(_) => return HttpsAnswer::Failed,
        }
        curl(get).unwrap_or(HttpsAnswer::Failed)
    }

    async fn openpgpkey(&self, _name: &str) -> DnsAnswer {
        DnsAnswer::Failed
    }
}

fn curl(get: &Get) -> Option<HttpsAnswer> {
    let mut child = Command::new("curl")
        .args([
            "--silent",
            "--proto",
            "=https",
            "--max-time",
            "20",
            "--max-redirs",
            "0",
        ])
        .args([
            "--write-out",
            "%{stderr}%{http_code} %{redirect_url}",
            "--",
            get.url(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut body = Vec::new();
    let one_more = u64::try_from(get.max_octets()).ok()? + 1;
    let read = child.stdout.take()?.take(one_more).read_to_end(&mut body);
    if read.is_err() || body.len() > get.max_octets() {
        child.kill().ok()?;
        child.wait().ok()?;
        return read.is_ok().then_some(HttpsAnswer::TooLarge);
    }
    let mut said = String::new();
    child.stderr.take()?.read_to_string(&mut said).ok()?;
    if !child.wait().ok()?.success() {
        return None;
    }
    let (status, location) = said
        .trim()
        .split_once(' ')
        .unwrap_or_else(|| (said.trim(), ""));
    Some(HttpsAnswer::Response {
        status: status.parse().ok()?,
        location: (!location.is_empty()).then(|| location.to_owned()),
        body,
    })
}
