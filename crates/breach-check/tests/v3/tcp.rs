//! The service on loopback, written by hand, and as small a client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use breach_check::{Answer, End, Http, HttpFault};

use super::{Fault, World};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) world: Arc<Mutex<World>>,
    /// Every octet that came.
    pub(crate) sent: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    pub(crate) fn start(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (world, sent) = (Arc::new(Mutex::new(world)), Arc::new(Mutex::default()));
        let (known, record) = (Arc::clone(&world), Arc::clone(&sent));
        std::thread::spawn(move || {
            // Those that wait for the rest are kept, so that it never comes.
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                kept.extend(serve(stream, &known, &record));
            }
        });
        Self {
            address,
            world,
            sent,
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// What has come since the last time, as text.
    pub(crate) fn sent(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.sent.lock().unwrap())).unwrap()
    }
}

fn serve(
    mut stream: TcpStream,
    world: &Mutex<World>,
    record: &Mutex<Vec<u8>>,
) -> Option<TcpStream> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let (mut path, mut key, mut agent) = (String::new(), None, String::new());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        record.lock().unwrap().extend(line.as_bytes());
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next()?.to_owned();
        } else if let Some((name, value)) = line.split_once(": ") {
            match name {
                "hibp-api-key" => key = Some(value.to_owned()),
                "user-agent" => value.clone_into(&mut agent),
                _ => {}
            }
        } else if line.is_empty() {
            break;
        }
    }
    let (fault, (status, body)) = {
        let mut world = world.lock().unwrap();
        let fault = world.faults.pop_front().flatten();
        (fault, world.answer(&path, key.as_deref(), &agent))
    };
    let mut body = body.to_string().into_bytes();
    let half = body.len() / 2;
    let mut head = format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n");
    let mut length = Some(body.len());
    let mut is_kept = false;
    match fault {
        None => {}
        Some(Fault::Status(other, after)) => {
            head = format!("HTTP/1.1 {other} Said\r\n");
            if let Some(after) = after {
                head.push_str(&format!("retry-after: {after}\r\n"));
            }
        }
        Some(Fault::Short) => body.truncate(half),
        Some(Fault::Slow) => {
            body.truncate(half);
            is_kept = true;
        }
        Some(Fault::Cut) => {
            body.truncate(half);
            length = None;
        }
        Some(Fault::Closed) => length = None,
        Some(Fault::Broken) => {
            body.truncate(half);
            length = Some(half);
        }
        Some(Fault::Other) => {
            body = b"\"no\"".to_vec();
            length = Some(body.len());
        }
        Some(Fault::Long) => {
            body = vec![b' '; 9 * 1024 * 1024];
            length = Some(body.len());
        }
    }
    if let Some(length) = length {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    // Who had enough hangs up.
    stream.write_all(&body).ok()?;
    is_kept.then_some(stream)
}

/// Longer than any answer takes that comes, on a busy machine; what never comes costs a test as much.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client for one request a connection.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    /// Mutation: sends what follows after the path.
    pub(crate) adds: &'static str,
}

impl Http for Tcp {
    async fn send(&self, request: http::Request<()>, limit: usize) -> Result<Answer, HttpFault> {
        let authority = request.uri().authority().unwrap().to_string();
        let mut stream = TcpStream::connect(&authority).map_err(|_| HttpFault::Unreachable)?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let path = request.uri().path_and_query().unwrap();
        let mut head = format!("GET {path}{} HTTP/1.1\r\nhost: {authority}\r\n", self.adds);
        for (name, value) in request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        head.push_str("connection: close\r\n\r\n");
        stream
            .write_all(head.as_bytes())
            .map_err(|_| HttpFault::Unreachable)?;
        let mut lines = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            match lines.read_line(&mut line) {
                Ok(1..) => Ok(line.trim_end().to_owned()),
                _ => Err(HttpFault::Unreachable),
            }
        };
        let status: u16 = line()?.split(' ').nth(1).unwrap().parse().unwrap();
        let mut response = http::Response::builder().status(status);
        let mut length = None;
        loop {
            let line = line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            if name == "content-length" {
                length = Some(value.parse::<u64>().unwrap());
            }
            response = response.header(name, value);
        }
        if length.is_some_and(|length| length > limit as u64) {
            return Err(HttpFault::TooLong { most: limit });
        }
        let mut body = Vec::new();
        let read = lines
            .take(length.unwrap_or(limit as u64))
            .read_to_end(&mut body);
        read.map_err(|_| HttpFault::TimedOut)?;
        let end = match length {
            None => End::Closed,
            Some(length) if length == body.len() as u64 => End::Length,
            Some(_) => return Err(HttpFault::Unreachable),
        };
        Ok(Answer::new(response.body(body).unwrap(), end))
    }
}
