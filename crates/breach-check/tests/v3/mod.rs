//! A service that speaks version 3: as a function, in this process, and as a server on loopback that records every octet.
#![allow(dead_code)] // each test uses some of it

#[cfg(feature = "store")]
pub(crate) mod run;
pub(crate) mod tcp;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use breach_check::addresses::{Address, ApiKey, Client, Service};
use breach_check::{Answer, End, Http, HttpFault};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const AGENT: &str = "letterlock-test";

pub(crate) fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + second)
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// SHA-1, by another library than the crate's own code path: the name of the range is checked against it.
pub(crate) fn sha1(text: &str) -> String {
    let hash = breach_check::PasswordHash::sha1(text);
    hash.hex().to_string()
}

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Status(u16, Option<u64>),
    /// Half of the octets that were announced, and then the end of the connection.
    Short,
    /// Half of the octets, and nobody says how many there were to be.
    Cut,
    /// Half of the octets that were announced, and the connection stays.
    Slow,
    /// No JSON.
    Broken,
    /// More than anybody wants.
    Long,
    /// JSON, but of another kind.
    Other,
    /// Whole, and ended by the end of the connection.
    Closed,
}

/// What the service knows.
pub(crate) struct World {
    pub(crate) rpm: u64,
    pub(crate) k_anonymity: bool,
    pub(crate) stealer_logs: bool,
    pub(crate) domains: Vec<String>,
    pub(crate) breaches: Vec<Value>,
    /// Which address is in which breaches.
    pub(crate) accounts: BTreeMap<String, Vec<String>>,
    /// Strangers in each range.
    pub(crate) padding: usize,
    /// For the next requests; `None` is none.
    pub(crate) faults: VecDeque<Option<Fault>>,
    /// The paths that were asked for.
    pub(crate) asked: Vec<String>,
}

pub(crate) fn breach(name: &str, added: &str) -> Value {
    json!({
        "Name": name, "Title": format!("{name} & Sons"), "Domain": format!("{name}.example"),
        "BreachDate": "2013-10-04", "AddedDate": added, "ModifiedDate": added, "PwnCount": 17,
        "Description": "<p>Something was lost.</p>", "LogoPath": "https://logos.example/x.png",
        "Attribution": null, "DisclosureUrl": null,
        "DataClasses": ["Email addresses", "Passwords"], "IsVerified": true, "IsFabricated": false,
        "IsSensitive": false, "IsRetired": false, "IsSpamList": false, "IsMalware": false,
        "IsSubscriptionFree": false, "IsStealerLog": false
    })
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            rpm: 60,
            k_anonymity: true,
            stealer_logs: false,
            domains: Vec::new(),
            breaches: vec![breach("Adobe", "2013-12-04T00:00:00Z")],
            accounts: BTreeMap::new(),
            padding: 20,
            faults: VecDeque::new(),
            asked: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, added: &str, flag: Option<&str>) -> Self {
        self.add(name, added, flag);
        self
    }

    pub(crate) fn add(&mut self, name: &str, added: &str, flag: Option<&str>) {
        let mut one = breach(name, added);
        if let Some(flag) = flag {
            one[flag] = json!(flag != "IsVerified");
        }
        self.breaches.push(one);
    }

    pub(crate) fn in_breaches(mut self, address: &str, names: &[&str]) -> Self {
        self.put(address, names);
        self
    }

    pub(crate) fn put(&mut self, address: &str, names: &[&str]) {
        let of = self.accounts.entry(address.to_owned()).or_default();
        of.extend(names.iter().map(|name| (*name).to_owned()));
    }

    fn aliases(&self, domain: &str) -> Value {
        let of = self.accounts.iter().filter_map(|(address, names)| {
            let (local, at) = address.rsplit_once('@').unwrap();
            (at == domain && !names.is_empty()).then(|| (local.to_owned(), json!(names)))
        });
        Value::Object(of.collect())
    }

    fn range(&self, prefix: &str) -> Value {
        // What is sensitive is not shown here, and strangers are.
        let mut entries: Vec<_> = (0..self.padding)
            .map(|n| {
                let suffix = &sha1(&format!("{prefix}{n}"))[6..];
                json!({ "hashSuffix": suffix, "websites": ["Adobe", "Unheard"] })
            })
            .collect();
        for (address, names) in &self.accounts {
            let hash = sha1(address);
            if hash.starts_with(prefix) {
                entries.push(json!({ "hashSuffix": &hash[6..], "websites": names }));
            }
        }
        json!(entries)
    }

    /// The answer to a request for this path, whose key and agent are these.
    pub(crate) fn answer(&mut self, path: &str, key: Option<&str>, agent: &str) -> (u16, Value) {
        self.asked.push(path.to_owned());
        let no = |status: u16| (status, json!({ "statusCode": status, "message": "No." }));
        if agent.is_empty() {
            return no(403);
        }
        let parts: Vec<&str> = path.trim_start_matches("/api/v3/").split('/').collect();
        match parts[..] {
            ["latestbreach"] => (200, self.latest()),
            ["breaches"] => (200, json!(self.breaches)),
            ["breach", name] => match self.breaches.iter().find(|one| one["Name"] == name) {
                Some(one) => (200, one.clone()),
                None => no(404),
            },
            _ if key != Some(KEY) => no(401),
            ["subscription", "status"] => (200, self.plan()),
            ["subscribeddomains"] => {
                let one = |name: &String| json!({ "DomainName": name, "PwnCount": null });
                (200, json!(self.domains.iter().map(one).collect::<Vec<_>>()))
            }
            ["breachedaccount", "range", prefix] if self.k_anonymity => (200, self.range(prefix)),
            ["breachedaccount", "range", _] => no(403),
            ["breachedaccount", whole] => match self.accounts.get(&decoded(whole)) {
                Some(names) if !names.is_empty() => {
                    let one = |name: &String| json!({ "Name": name });
                    (200, json!(names.iter().map(one).collect::<Vec<_>>()))
                }
                _ => no(404),
            },
            ["breacheddomain", name] if self.domains.iter().any(|one| one == name) => {
                match self.aliases(name) {
                    Value::Object(all) if all.is_empty() => no(404),
                    all => (200, all),
                }
            }
            ["stealerlogsbyemail" | "stealerlogsbywebsitedomain", of] if self.stealer_logs => {
                (200, json!([format!("of {}", decoded(of))]))
            }
            ["stealerlogsbyemaildomain", _] if self.stealer_logs => {
                (200, json!({ "ann": ["site.example"] }))
            }
            _ => no(403),
        }
    }

    fn latest(&self) -> Value {
        let added = |one: &&Value| one["AddedDate"].as_str().unwrap().to_owned();
        self.breaches.iter().max_by_key(added).unwrap().clone()
    }

    fn plan(&self) -> Value {
        json!({
            "SubscriptionName": "Pro 2", "Description": "A plan.",
            "SubscribedUntil": "2027-05-30T00:00:00Z", "Rpm": self.rpm,
            "DomainSearchMaxBreachedAccounts": 50000, "MaxBreachedDomains": null,
            "IncludesStealerLogs": self.stealer_logs, "IncludesBulkDomainAdd": false,
            "IncludesAutoSubdomainVerification": false, "IncludesCustomerDomains": false,
            "IncludesKAnon": self.k_anonymity
        })
    }
}

fn decoded(part: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            octets.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            octets.push(first);
            rest = after;
        }
    }
    String::from_utf8(octets).unwrap()
}

/// The service, in this process.
#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Arc<Mutex<World>>);

impl Fake {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

impl Http for Fake {
    async fn send(&self, request: http::Request<()>, limit: usize) -> Result<Answer, HttpFault> {
        let mut world = self.0.lock().unwrap();
        let fault = world.faults.pop_front().flatten();
        let header = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap());
        let agent = header("user-agent").unwrap_or_default();
        let (status, body) = world.answer(request.uri().path(), header("hibp-api-key"), agent);
        let mut body = body.to_string().into_bytes();
        let (mut status, mut end, mut retry) = (status, End::Length, None);
        match fault {
            None => {}
            Some(Fault::Status(other, after)) => (status, retry) = (other, after),
            Some(Fault::Short) => return Err(HttpFault::Unreachable),
            Some(Fault::Slow) => return Err(HttpFault::TimedOut),
            Some(Fault::Long) => return Err(HttpFault::TooLong { most: limit }),
            Some(Fault::Cut) => {
                body.truncate(body.len() / 2);
                end = End::Closed;
            }
            Some(Fault::Broken) => body.truncate(body.len() / 2),
            Some(Fault::Other) => body = b"{\"message\":[\"other\"]}".to_vec(),
            Some(Fault::Closed) => end = End::Closed,
        }
        let mut response = http::Response::builder().status(status);
        if let Some(retry) = retry {
            response = response.header("retry-after", retry);
        }
        Ok(Answer::new(response.body(body).unwrap(), end))
    }
}

pub(crate) fn service(base: &str) -> Service {
    Service::new(base, ApiKey::new(KEY).unwrap(), AGENT).unwrap()
}

pub(crate) fn client(fake: &Fake) -> Client<Fake> {
    Client::new(fake.clone(), service("https://breaches.example/api/v3"))
}
