//! The client of the range API against servers that answer whole, short, broken, late or not at all.
#![cfg(feature = "fetch")]
#![allow(missing_docs, clippy::unwrap_used)]

mod ranges_peer;

use std::time::Duration;

use breach_check::fetch::{Fetcher, Limits};
use breach_check::ranges::{Base, Client, Error, NotWhole, Padding, Suffixes};
use breach_check::{
    Answer, CountClass, End, HashKind, Http, HttpFault, PasswordHash, Sighting, Unknown,
};
use ranges_peer::{Peer, Then, gzip, head, leaks, text, whole};

fn fetcher() -> Fetcher {
    let mut limits = Limits::default();
    limits.time = Duration::from_secs(20);
    Fetcher::loopback_without_tls().limits(limits)
}

fn client(peer: &Peer) -> Client<Fetcher> {
    Client::new(fetcher(), Base::new(&peer.url()).unwrap(), "example").unwrap()
}

/// A password that none of the ranges here has.
fn absent() -> PasswordHash {
    PasswordHash::sha1("password")
}

fn range() -> String {
    text(HashKind::Sha1, absent().range(), 500)
}

#[tokio::test]
async fn a_whole_answer_says_what_was_seen_and_what_was_not() {
    let hash = absent();
    let hex = hash.hex();
    let (before, after): (Vec<_>, Vec<_>) = (0..16).partition(|n| *n <= 1);
    let line = |n: &u8| format!("{n:X}{}:1", "0".repeat(34));
    let mut lines: Vec<_> = before.iter().map(line).collect();
    lines.push(format!("{}:40", &hex[5..]));
    lines.extend(after.iter().map(line));
    let with = lines.join("\r\n");
    for (body, fields) in [
        (with.clone().into_bytes(), &[][..]),
        (gzip(with.as_bytes()), &["content-encoding: gzip"]),
    ] {
        let peer = Peer::saying(whole("200 OK", fields, &body), Then::Next);
        let client = client(&peer);
        let class = CountClass::of(40).unwrap();
        assert_eq!(client.lookup(&hash).await, Ok(Sighting::Seen(class)));
        assert_eq!(client.sighting(&hash).await, Sighting::Seen(class));
        assert_eq!((peer.requests(), peer.connections()), (2, 1));
    }
    let chunked = [
        format!("{:x}\r\n{}\r\n", 9, &range()[..9]),
        format!(
            "{:x};x=y\r\n{}\r\n0\r\n\r\n",
            range().len() - 9,
            &range()[9..]
        ),
    ];
    for octets in [
        whole("200 OK", &[], range().as_bytes()),
        head(
            "200 OK",
            &["transfer-encoding: chunked"],
            chunked.concat().as_bytes(),
        ),
    ] {
        let peer = Peer::saying(octets, Then::Next);
        assert_eq!(client(&peer).lookup(&hash).await, Ok(Sighting::NotSeen));
    }
}

/// What the password would be missing from, and why it says nothing.
fn broken() -> Vec<(&'static str, Vec<u8>, Then)> {
    use Then::{Close, Next};
    let range = range();
    let text = range.as_bytes();
    let half = &text[..text.len() / 2];
    let at_line = &text[..range[..text.len() / 2].rfind("\r\n").unwrap()];
    let zipped = gzip(text);
    let length = zipped.len();
    let coded = &["content-encoding: gzip"][..];
    let chunked = &["transfer-encoding: chunked"][..];
    let long = format!("content-length: {}", text.len());
    let short = format!("content-length: {}", text.len() - 100);
    let mut crc = zipped.clone();
    crc[length - 8] ^= 1;
    let lines: Vec<_> = range.split("\r\n").collect();
    let descending: Vec<_> = lines.iter().rev().copied().collect();
    let chunk = |octets: &[u8]| {
        [
            format!("{:x}\r\n", octets.len()).as_bytes(),
            octets,
            b"\r\n",
        ]
        .concat()
    };
    let two_lengths = ["content-length: 5", &*long];
    vec![
        ("nothing", Vec::new(), Close),
        ("half a status line", b"HTTP/1.1 20".to_vec(), Close),
        ("no HTTP", b"220 mx.example.org ESMTP\r\n".to_vec(), Close),
        ("half a body", head("200 OK", &[&long], half), Close),
        (
            "half a body, cut at a line",
            head("200 OK", &[&long], at_line),
            Close,
        ),
        (
            "a length that is too small",
            head("200 OK", &[&short], text),
            Close,
        ),
        ("two lengths", head("200 OK", &two_lengths, text), Close),
        ("no framing, whole", head("200 OK", &[], text), Close),
        (
            "no framing, cut at a line",
            head("200 OK", &[], at_line),
            Close,
        ),
        (
            "HTTP/1.0 without framing",
            [b"HTTP/1.0 200 OK\r\n\r\n", text].concat(),
            Close,
        ),
        (
            "no last chunk",
            head("200 OK", chunked, &chunk(text)),
            Close,
        ),
        (
            "half a chunk",
            head("200 OK", chunked, &chunk(text)[..1_000]),
            Close,
        ),
        (
            "a chunk that is none",
            head("200 OK", chunked, b"xyz\r\n"),
            Close,
        ),
        (
            "unknown transfer coding",
            head("200 OK", &["transfer-encoding: gzip"], &zipped),
            Close,
        ),
        (
            "half of gzip",
            whole("200 OK", coded, &zipped[..length / 2]),
            Next,
        ),
        (
            "gzip without trailer",
            whole("200 OK", coded, &zipped[..length - 8]),
            Next,
        ),
        (
            "gzip with half a trailer",
            whole("200 OK", coded, &zipped[..length - 4]),
            Next,
        ),
        (
            "gzip with a wrong checksum",
            whole("200 OK", coded, &crc),
            Next,
        ),
        (
            "octets behind gzip",
            whole("200 OK", coded, &[&*zipped, b"\0"].concat()),
            Next,
        ),
        (
            "gzip twice",
            whole("200 OK", coded, &[&*zipped, &*zipped].concat()),
            Next,
        ),
        ("gzip that is none", whole("200 OK", coded, text), Next),
        (
            "gzip that nobody named",
            whole("200 OK", &[], &zipped),
            Next,
        ),
        (
            "another coding",
            whole("200 OK", &["content-encoding: br"], text),
            Next,
        ),
        (
            "descending",
            whole("200 OK", &[], descending.join("\r\n").as_bytes()),
            Next,
        ),
        (
            "the first line at the end",
            whole(
                "200 OK",
                &[],
                [text, b"\r\n", lines[0].as_bytes()].concat().as_slice(),
            ),
            Next,
        ),
        ("a line that is cut", whole("200 OK", &[], half), Next),
        ("empty", whole("200 OK", &[], b""), Next),
        (
            "a page",
            whole(
                "200 OK",
                &["content-type: text/html"],
                b"<html>Welcome to the hotel</html>",
            ),
            Next,
        ),
        ("no content", head("204 No Content", &[], b""), Next),
        (
            "a part",
            whole(
                "206 Partial Content",
                &["content-range: bytes 0-9/99"],
                text,
            ),
            Next,
        ),
        (
            "elsewhere",
            whole("302 Found", &["location: http://127.0.0.1/"], text),
            Next,
        ),
        (
            "unchanged, and nobody asked",
            head("304 Not Modified", &[], b""),
            Next,
        ),
        ("bad request", whole("400 Bad Request", &[], text), Next),
        ("not found", whole("404 Not Found", &[], b""), Next),
        (
            "too many",
            whole("429 Too Many Requests", &["retry-after: 2"], text),
            Next,
        ),
        (
            "an error",
            whole("500 Internal Server Error", &[], text),
            Next,
        ),
        ("busy", whole("503 Service Unavailable", &[], b""), Next),
        (
            "too long",
            whole("200 OK", &[], &vec![b'0'; 1 << 21]),
            Close,
        ),
        (
            "too long when inflated",
            whole("200 OK", coded, &gzip(&vec![b'0'; 1 << 21])),
            Next,
        ),
        (
            "a head without end",
            [b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &[b'x'; 1 << 16]].concat(),
            Close,
        ),
    ]
}

#[tokio::test]
async fn what_is_not_whole_is_unknown_and_never_not_seen() {
    let hash = absent();
    let mut faults = 0;
    for (name, octets, then) in broken() {
        let peer = Peer::saying(octets, then);
        let client = client(&peer).caching(8);
        // "A length that is too small" cuts a line, and what follows is no answer to the next question.
        for _ in 0..2 {
            let error = client.lookup(&hash).await;
            assert!(error.is_err(), "{name}: {error:?}");
            let unknown = Sighting::Unknown(Unknown::NoAnswer);
            assert_eq!(client.sighting(&hash).await, unknown, "{name}");
            faults += 1;
        }
    }
    assert!(faults > 70);
}

#[tokio::test]
async fn what_never_comes_is_unknown_at_the_deadline() {
    let range = range();
    let length = format!("content-length: {}", range.len());
    for octets in [
        Vec::new(),
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        head("200 OK", &[&length], &range.as_bytes()[..100]),
        head("200 OK", &["transfer-encoding: chunked"], b"5\r\n01234\r\n"),
        head("200 OK", &[], range.as_bytes()),
    ] {
        let peer = Peer::saying(octets, Then::Silence);
        let mut limits = Limits::default();
        limits.time = Duration::from_millis(50);
        let fetcher = Fetcher::loopback_without_tls().limits(limits);
        let base = Base::new(&peer.url()).unwrap();
        let client = Client::new(fetcher, base, "example").unwrap();
        let late = Error::Http(HttpFault::TimedOut);
        assert_eq!(client.lookup(&absent()).await, Err(late));
    }
}

#[tokio::test]
async fn errors_say_whether_to_try_again() {
    for (status, is_temporary) in [
        ("400 Bad Request", false),
        ("404 Not Found", false),
        ("408 Request Timeout", true),
        ("429 Too Many Requests", true),
        ("500 Internal Server Error", true),
        ("503 Service Unavailable", true),
    ] {
        let peer = Peer::saying(whole(status, &[], b""), Then::Next);
        let error = client(&peer).lookup(&absent()).await.unwrap_err();
        assert_eq!(error.is_temporary(), is_temporary, "{status}");
    }
    // Nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = Base::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let client = Client::new(fetcher(), base, "example").unwrap();
    let error = client.lookup(&absent()).await.unwrap_err();
    assert_eq!(error, Error::Http(HttpFault::Unreachable));
    assert!(error.is_temporary());
}

/// A client that does not care how an answer ends.
struct Careless(Fetcher);

impl Http for Careless {
    async fn send(&self, request: http::Request<()>, limit: usize) -> Result<Answer, HttpFault> {
        let answer = self.0.send(request, limit).await?;
        Ok(Answer::new(answer.response, End::Length))
    }
}

#[tokio::test]
async fn mutation_a_client_that_says_any_end_is_one_is_found_out() {
    let mut found = Vec::new();
    for (name, octets, then) in broken() {
        let peer = Peer::saying(octets, then);
        let base = Base::new(&peer.url()).unwrap();
        let client = Client::new(Careless(fetcher()), base, "example").unwrap();
        if client.sighting(&absent()).await == Sighting::NotSeen {
            found.push(name);
        }
    }
    assert_eq!(
        found,
        [
            "no framing, whole",
            "no framing, cut at a line",
            "HTTP/1.0 without framing"
        ]
    );
}

#[test]
fn mutation_a_reader_without_the_checks_would_say_not_seen() {
    // What is cut at a line is well-formed: nothing but its frame tells.
    let range = range();
    let cut = &range[..range[..range.len() / 2].rfind("\r\n").unwrap()];
    let read = Suffixes::read(HashKind::Sha1, absent().range(), cut.as_bytes());
    assert_eq!(read.unwrap().sighting(&absent()), Sighting::NotSeen);
}

#[tokio::test]
async fn the_cache_answers_after_a_304_alone() {
    let range = range();
    let peer = Peer::new(move |request, number| {
        let knows = request.contains("if-none-match: \"v1\"\r\n");
        let octets = match number {
            0 => {
                assert!(!request.contains("if-none-match"));
                whole("200 OK", &["etag: \"v1\""], range.as_bytes())
            }
            // It says 304 only to who named it.
            1 | 2 if knows => head("304 Not Modified", &["etag: \"v1\""], b""),
            3 if knows => whole("500 Internal Server Error", &[], b""),
            4 if knows => {
                let line = format!("{}:1", &absent().hex()[5..]);
                whole("200 OK", &[], line.as_bytes())
            }
            // Without an ETag nothing is kept.
            5 if !knows => head("304 Not Modified", &[], b""),
            _ => panic!("{number}: {request}"),
        };
        (octets, Then::Next)
    });
    let client = client(&peer).caching(1);
    for _ in 0..3 {
        assert_eq!(client.lookup(&absent()).await, Ok(Sighting::NotSeen));
    }
    let error = Error::NotWhole(NotWhole::Status(500));
    assert_eq!(client.lookup(&absent()).await, Err(error));
    let class = CountClass::of(1).unwrap();
    assert_eq!(client.lookup(&absent()).await, Ok(Sighting::Seen(class)));
    let error = Error::NotWhole(NotWhole::Status(304));
    assert_eq!(client.lookup(&absent()).await, Err(error));
    assert_eq!(peer.requests(), 6);
}

/// Asks for these, in all ways that there are.
async fn ask_for_all<H: Http>(hashes: &[PasswordHash], http: impl Fn() -> H, peer: &Peer) {
    for (padding, ranges) in [
        (Padding::Asked, 0),
        (Padding::NotAsked, 0),
        (Padding::Asked, 99),
    ] {
        let base = Base::new(&peer.url()).unwrap();
        let client = Client::new(http(), base, "example").unwrap();
        let client = client.padding(padding).caching(ranges);
        for hash in hashes.iter().chain(hashes) {
            client.sighting(hash).await;
        }
    }
}

fn echoing() -> Peer {
    Peer::new(|request, _| {
        let kind = match request.contains("?mode=ntlm ") {
            true => HashKind::Ntlm,
            false => HashKind::Sha1,
        };
        let text = text(kind, absent().range(), 20);
        let etag = "etag: \"v1\"";
        (whole("200 OK", &[etag], text.as_bytes()), Then::Next)
    })
}

fn some() -> Vec<PasswordHash> {
    let words = ["password", "hunter2", "correct horse", "ä", ""];
    let kinds = [HashKind::Sha1, HashKind::Ntlm];
    let of = |word| kinds.map(|kind| PasswordHash::of(kind, word));
    words.into_iter().flat_map(of).collect()
}

#[tokio::test]
async fn only_five_characters_of_a_hash_ever_leave() {
    let (peer, hashes) = (echoing(), some());
    ask_for_all(&hashes, fetcher, &peer).await;
    assert_eq!(leaks(&peer.octets(), &hashes), <[&str; 0]>::default());
    // And of all octets there is none that is not expected.
    let octets = String::from_utf8(peer.octets()).unwrap();
    let host = peer.url().replace("http://", "");
    let mut requests = 0;
    for request in octets.split_terminator("\r\n\r\n") {
        let mut lines = request.split("\r\n");
        let first = lines.next().unwrap();
        let range = first.strip_prefix("GET /range/").unwrap();
        let range = range.strip_suffix(" HTTP/1.1").unwrap();
        let range = range.strip_suffix("?mode=ntlm").unwrap_or(range);
        assert!(
            hashes.iter().any(|hash| hash.range().to_string() == range),
            "{first}"
        );
        let fields: Vec<_> = lines.collect();
        for field in &fields {
            let expected = [
                "user-agent: example",
                "accept-encoding: gzip",
                "add-padding: true",
                "if-none-match: \"v1\"",
                &format!("host: {host}"),
            ];
            assert!(expected.contains(field), "{field}");
        }
        assert!(fields.len() >= 3);
        requests += 1;
    }
    assert_eq!(requests, hashes.len() * 2 * 3);
}

/// Sends six characters.
struct Six(Fetcher, Vec<PasswordHash>);

impl Http for Six {
    async fn send(
        &self,
        mut request: http::Request<()>,
        limit: usize,
    ) -> Result<Answer, HttpFault> {
        let uri = request.uri().to_string();
        for hash in &self.1 {
            let five = format!("/range/{}", hash.range());
            let six = uri.replace(&five, &format!("/range/{}", &hash.hex()[..6]));
            if six != uri {
                *request.uri_mut() = six.parse().unwrap();
            }
        }
        self.0.send(request, limit).await
    }
}

#[tokio::test]
async fn mutation_a_client_that_sends_six_is_found_out() {
    let (peer, hashes) = (echoing(), some());
    ask_for_all(&hashes, || Six(fetcher(), some()), &peer).await;
    let leaks = leaks(&peer.octets(), &hashes);
    let sixes = hashes
        .iter()
        .filter(|h| leaks.contains(&h.hex()[..6].to_owned()));
    assert_eq!(sixes.count(), hashes.len());
}
