//! Servers on loopback, for the demonstration and for tests: they record every octet that is sent to them. One speaks version 3
//! of the API of Have I Been Pwned about breaches that are made up; any other is a function.

use crate::limits::lock;
use axum::http::{HeaderValue, Request, Response, StatusCode, header::RETRY_AFTER};
use breach_check::PasswordHash;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The only key that the service of breaches takes.
pub const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Most octets of a request.
const MOST: usize = 16 * 1024;

type Answer = dyn Fn(&Request<()>) -> Response<Vec<u8>> + Send + Sync;

/// A server without TLS, until it is dropped.
pub struct Peer {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
    work: JoinHandle<()>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Peer {
    /// Listens, and answers GET so.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(
        answer: impl Fn(&Request<()>) -> Response<Vec<u8>> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answer, record): (Arc<Answer>, _) = (Arc::new(answer), heard.clone());
        let work = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, record) = (answer.clone(), record.clone());
                tokio::spawn(async move {
                    // Who hangs up has had enough.
                    let _ = serve(stream, &*answer, &record).await;
                });
            }
        });
        Ok(Self {
            address,
            heard,
            work,
        })
    }

    /// Its address, as the beginning of a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every octet that has come, as text.
    #[must_use]
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&lock(&self.heard)).into_owned()
    }
}

async fn serve(mut stream: TcpStream, answer: &Answer, record: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut head = Vec::new();
    loop {
        let mut octets = [0; 1024];
        let count = stream.read(&mut octets).await?;
        let octets = octets.get(..count).unwrap_or_default();
        lock(record).extend_from_slice(octets);
        head.extend_from_slice(octets);
        if count == 0 || head.len() > MOST {
            return Ok(());
        }
        // Nobody here sends the next one before the answer.
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let Some(request) = request(&head) else {
            return Ok(());
        };
        let response = answer(&request);
        head.clear();
        let (parts, body) = response.into_parts();
        let mut octets = format!("HTTP/1.1 {} Said\r\n", parts.status.as_u16()).into_bytes();
        for (name, value) in &parts.headers {
            if name == "content-length" {
                continue;
            }
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                octets.extend_from_slice(part);
            }
        }
        let length = format!("content-length: {}\r\n\r\n", body.len());
        octets.extend_from_slice(length.as_bytes());
        octets.extend_from_slice(&body);
        stream.write_all(&octets).await?;
    }
}

fn request(head: &[u8]) -> Option<Request<()>> {
    let mut lines = str::from_utf8(head).ok()?.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        request = request.header(name, value.trim());
    }
    request.body(()).ok()
}

/// What a service of breaches knows. A handle: copies know the same.
#[derive(Clone, Debug)]
pub struct Breaches(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    breaches: Vec<Value>,
    /// Which address is in which of them.
    accounts: BTreeMap<String, Vec<String>>,
    k_anonymity: bool,
    /// Statuses of the next answers, with the seconds that are to be waited.
    refusals: Vec<(u16, Option<u16>)>,
    /// The paths that were asked for.
    asked: Vec<String>,
}

impl Default for Breaches {
    fn default() -> Self {
        let world = World {
            breaches: Vec::new(),
            accounts: BTreeMap::new(),
            k_anonymity: true,
            refusals: Vec::new(),
            asked: Vec::new(),
        };
        let breaches = Self(Arc::new(Mutex::new(world)));
        breaches.add("Teapots", |_| {});
        breaches
    }
}

impl Breaches {
    /// There is one more breach, newer than the others; `change` what is to be said of it otherwise than usual.
    pub fn add(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut world = lock(&self.0);
        let day = world.breaches.len() + 1;
        let mut one = json!({
            "Name": name, "Title": name, "Domain": "shop.example", "BreachDate": "2026-02-03",
            "AddedDate": format!("2026-05-{day:02}T00:00:00Z"),
            "ModifiedDate": format!("2026-05-{day:02}T00:00:00Z"), "PwnCount": 4711,
            "Description": "Made up.", "DataClasses": ["Email addresses", "Password hashes"],
            "IsVerified": true, "IsFabricated": false, "IsSensitive": false, "IsRetired": false,
            "IsSpamList": false, "IsMalware": false, "IsStealerLog": false
        });
        change(&mut one);
        world.breaches.push(one);
    }

    /// This address is in these breaches.
    pub fn put(&self, address: &str, names: &[&str]) {
        let mut world = lock(&self.0);
        let of = world.accounts.entry(address.to_owned()).or_default();
        of.extend(names.iter().map(|name| (*name).to_owned()));
    }

    /// Whether the plan has k-anonymity.
    pub fn has_k_anonymity(&self, has: bool) {
        lock(&self.0).k_anonymity = has;
    }

    /// The next request is answered with this status, and with `Retry-After` if there are seconds.
    pub fn refuse(&self, status: u16, retry_after: Option<u16>) {
        lock(&self.0).refusals.push((status, retry_after));
    }

    /// The paths that were asked for since the last time.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0).asked)
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer(&self, request: &Request<()>) -> Response<Vec<u8>> {
        let mut world = lock(&self.0);
        let path = request.uri().path();
        world.asked.push(path.to_owned());
        if !world.refusals.is_empty() {
            let (status, after) = world.refusals.remove(0);
            let mut response = said(status, &json!({ "statusCode": status }));
            if let Some(after) = after {
                let after = HeaderValue::from(after);
                response.headers_mut().insert(RETRY_AFTER, after);
            }
            return response;
        }
        let key = request.headers().get("hibp-api-key");
        let has_key = key.is_some_and(|key| key.as_bytes() == KEY.as_bytes());
        let (status, body) = world.say(path, has_key);
        said(status, &body)
    }

    /// A server of it; `Peer::url` and `/api/v3` is the base.
    ///
    /// # Errors
    /// No port is free.
    pub async fn serve(&self) -> io::Result<Peer> {
        let breaches = self.clone();
        Peer::start(move |request| breaches.answer(request)).await
    }
}

fn said(status: u16, body: &Value) -> Response<Vec<u8>> {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

impl World {
    fn say(&self, path: &str, has_key: bool) -> (u16, Value) {
        let path = path.strip_prefix("/api/v3/").unwrap_or_default();
        match path {
            // The newest stands last.
            "latestbreach" => (200, self.breaches.last().cloned().unwrap_or_default()),
            "breaches" => (200, json!(self.breaches)),
            _ if !has_key => (401, json!({ "statusCode": 401 })),
            "subscription/status" => (
                200,
                json!({
                    "SubscriptionName": "Made up", "SubscribedUntil": "2030-01-01T00:00:00Z",
                    "Rpm": 60_000, "DomainSearchMaxBreachedAccounts": 0,
                    "IncludesStealerLogs": false, "IncludesKAnon": self.k_anonymity
                }),
            ),
            "subscribeddomains" => (200, json!([])),
            _ => match path.strip_prefix("breachedaccount/range/") {
                Some(range) if self.k_anonymity => (200, self.range(range)),
                _ => (403, json!({ "statusCode": 403 })),
            },
        }
    }

    /// Those whose hashes begin so, and somebody else.
    fn range(&self, range: &str) -> Value {
        let stranger = json!({ "hashSuffix": "0".repeat(34), "websites": ["Teapots"] });
        let of = self.accounts.iter().filter_map(|(address, names)| {
            let hash = PasswordHash::sha1(address).hex().to_string();
            let suffix = hash.strip_prefix(range)?;
            Some(json!({ "hashSuffix": suffix, "websites": names }))
        });
        std::iter::once(stranger).chain(of).collect()
    }
}
