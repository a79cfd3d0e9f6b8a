//! The server of the range API: what it answers, what padding hides, and that a foreign client reads it.
#![allow(missing_docs, clippy::unwrap_used)]

mod ranges_peer;

use std::collections::BTreeMap;
use std::path::Path;

use breach_check::ranges::{
    Base, Client, Completeness, Download, Keeper, Kept, KeptError, Padding, Server, Start, Suffixes,
};
use breach_check::{
    Answer, CountClass, End, HashKind, Http, HttpFault, PasswordHash, Range, Sighting,
};
use http::{Request, Response};
use ranges_peer::{gzip, text};

fn range(number: u32) -> Range {
    Range::new(number).unwrap()
}

/// Serves these texts, as the service does.
struct Texts(Vec<(Range, String)>);

impl Http for Texts {
    async fn send(&self, request: Request<()>, _: usize) -> Result<Answer, HttpFault> {
        let path = request.uri().path();
        let found = self
            .0
            .iter()
            .find(|(range, _)| path.ends_with(&range.to_string()));
        let response = match found {
            Some((_, text)) => Response::builder()
                .header("content-encoding", "gzip")
                .body(gzip(text.as_bytes())),
            None => Response::builder().status(500).body(Vec::new()),
        };
        Ok(Answer::new(response.unwrap(), End::Stream))
    }
}

/// A folder with these ranges.
fn kept(path: &Path, kind: HashKind, texts: Vec<(Range, String)>) -> Kept {
    let all = Completeness::unchecked();
    let mut keeper = Keeper::open(path, kind, all, Start::Resume).unwrap();
    let ranges: Vec<_> = texts.iter().map(|(range, _)| *range).collect();
    let base = Base::new("https://example.org").unwrap();
    let download = Download::new(Texts(texts), base, "example", |_| std::future::ready(()));
    let download = download.unwrap();
    let report = pollster::block_on(download.run(&mut keeper, ranges, |_| {})).unwrap();
    assert!(report.is_complete());
    Kept::open(path).unwrap()
}

const FULL: u32 = 0x5BAA6;
const FULL_NAME: &str = "5BAA6.gz";
const EMPTY: u32 = 7;

fn server(path: &Path) -> Server {
    let texts = vec![
        (range(FULL), text(HashKind::Sha1, range(FULL), 700)),
        (range(EMPTY), String::new()),
    ];
    Server::new(kept(path, HashKind::Sha1, texts))
}

fn ask(server: &Server, method: &str, path: &str, fields: &[(&str, &str)]) -> Response<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    server.answer(&request.body(()).unwrap())
}

fn field<'a>(response: &'a Response<Vec<u8>>, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[test]
fn it_answers_as_the_service_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let whole = ask(&server, "GET", "/range/5BAA6", &[]);
    assert_eq!(whole.status(), 200);
    let full = text(HashKind::Sha1, range(FULL), 700);
    assert_eq!(whole.body(), full.as_bytes());
    assert_eq!(field(&whole, "content-length"), full.len().to_string());
    assert_eq!(field(&whole, "cache-control"), "private, no-cache");
    let etag = field(&whole, "etag");
    assert!(etag.starts_with('"') && etag.len() == 34, "{etag}");
    for path in ["/range/5baa6", "/range/5BaA6?mode=sha1"] {
        let same = ask(&server, "GET", path, &[]);
        assert_eq!((same.status(), same.body()), (whole.status(), whole.body()));
    }
    let head = ask(&server, "HEAD", "/range/5BAA6", &[]);
    assert_eq!(
        (head.status(), head.headers()),
        (whole.status(), whole.headers())
    );
    assert_eq!(head.body(), b"");
    let zipped = ask(
        &server,
        "GET",
        "/range/5BAA6",
        &[("accept-encoding", "br, gzip;q=0.5")],
    );
    assert_eq!(zipped.body(), &gzip(full.as_bytes()));
    assert_eq!(field(&zipped, "content-encoding"), "gzip");
    assert_ne!(field(&zipped, "etag"), etag);
    for refused in ["gzip;q=0", "gzip; q=0.000", "br", "x-gzip", ""] {
        let plain = ask(
            &server,
            "GET",
            "/range/5BAA6",
            &[("accept-encoding", refused)],
        );
        assert_eq!(plain.body(), full.as_bytes(), "{refused}");
    }
    let padding = ("add-padding", "true");
    let padded = ask(&server, "GET", "/range/5BAA6", &[padding]);
    for tag in [
        etag,
        field(&zipped, "etag"),
        field(&padded, "etag"),
        &format!("\"x\", {etag}"),
    ] {
        for fields in [
            &[("if-none-match", tag)][..],
            &[("if-none-match", tag), padding],
        ] {
            let known = ask(&server, "GET", "/range/5BAA6", fields);
            assert_eq!(
                (known.status(), &known.body()[..]),
                (304.try_into().unwrap(), &[][..])
            );
        }
        let other = ask(&server, "GET", "/range/00007", &[("if-none-match", tag)]);
        assert_eq!(other.status(), 200);
    }
}

#[test]
fn what_it_cannot_answer_it_never_calls_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    for (method, path, status) in [
        // Not 404 and not 200: some take these for "not seen".
        ("GET", "/range/00008", 503),
        ("GET", "/range/5BAA", 400),
        ("GET", "/range/5BAA61", 400),
        ("GET", "/range/5BAAG", 400),
        ("GET", "/range/", 400),
        ("GET", "/range/5BAA6/", 400),
        ("GET", "/range/5BAA6?mode=ntlm", 400),
        ("GET", "/range/5BAA6?mode=md5", 400),
        ("GET", "/", 404),
        ("GET", "/range", 404),
        ("GET", "//range/5BAA6", 404),
        ("GET", "/../range/5BAA6", 404),
        ("POST", "/range/5BAA6", 405),
        ("OPTIONS", "/range/5BAA6", 405),
    ] {
        let response = ask(&server, method, path, &[("add-padding", "true")]);
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(field(&response, "cache-control"), "no-store");
        assert_eq!(field(&response, "etag"), "");
    }
    // A file that is damaged anywhere, cut, or gone.
    let file = folder.path().join(&FULL_NAME[..3]).join(FULL_NAME);
    let octets = std::fs::read(&file).unwrap();
    let mut damages = vec![Vec::new(), octets[..octets.len() / 2].to_vec()];
    for at in (10..octets.len()).step_by(97) {
        let mut damaged = octets.clone();
        damaged[at] ^= 4;
        damages.push(damaged);
    }
    // Well-formed, and too short.
    let few = text(HashKind::Sha1, range(FULL), 500);
    damages.push(gzip(few.as_bytes()));
    let strict = Completeness::percent(80).unwrap();
    drop(Keeper::open(folder.path(), HashKind::Sha1, strict, Start::Resume).unwrap());
    let kept = Kept::open(folder.path()).unwrap();
    for damaged in damages {
        std::fs::write(&file, damaged).unwrap();
        let read = kept.suffixes(range(FULL));
        assert!(matches!(read, Err(KeptError::Damaged(_))), "{read:?}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ask(&server, "GET", "/range/5BAA6", &[]).status(), 503);
    std::fs::write(&file, octets).unwrap();
    assert_eq!(ask(&server, "GET", "/range/5BAA6", &[]).status(), 200);
    assert!(matches!(
        Kept::open(folder.path().join("x")),
        Err(KeptError::NoTable)
    ));
}

/// Numbers that are the same each time.
fn random(mut state: u64) -> impl FnMut(&mut [u8]) -> std::io::Result<()> {
    move |octets| {
        for some in octets.chunks_mut(4) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let random = (state >> 32).to_be_bytes();
            some.copy_from_slice(&random[8 - some.len()..]);
        }
        Ok(())
    }
}

const ANSWERS: usize = 300;

/// How often an answer has so many lines.
fn lengths(server: &Server, number: u32, answers: usize) -> BTreeMap<usize, usize> {
    let mut lengths = BTreeMap::new();
    let mut random = random(1);
    for _ in 0..answers {
        let request = Request::builder().uri(format!("/range/{}", range(number)));
        let request = request.header("add-padding", "true").body(()).unwrap();
        let response = server.answer_with(&request, &mut random);
        let text = String::from_utf8(response.into_body()).unwrap();
        *lengths.entry(text.split("\r\n").count()).or_default() += 1;
    }
    lengths
}

/// As likely to have each number of lines from 800 to 1,000.
fn is_even(lengths: &BTreeMap<usize, usize>) -> bool {
    let within = lengths.keys().all(|lines| (800..=1_000).contains(lines));
    // In four quarters about 75.
    let quarter = |n: usize| -> usize {
        lengths
            .range(800 + n * 50..850 + n * 50)
            .map(|(_, n)| n)
            .sum()
    };
    within && lengths.len() > 130 && (0..4).all(|n| (45..110).contains(&quarter(n)))
}

#[test]
fn padding_has_the_same_length_whatever_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let (full, empty) = (
        lengths(&server, FULL, ANSWERS),
        lengths(&server, EMPTY, ANSWERS),
    );
    assert!(is_even(&full), "{full:?}");
    assert!(is_even(&empty), "{empty:?}");
    // What is padding is told by its count, and nothing of the range is missing.
    let response = ask(&server, "GET", "/range/5BAA6", &[("add-padding", "true")]);
    assert!(field(&response, "etag").starts_with("W/\""));
    let read = Suffixes::read(HashKind::Sha1, range(FULL), response.body()).unwrap();
    assert_eq!(read.text(), text(HashKind::Sha1, range(FULL), 700));
    let text = String::from_utf8(response.into_body()).unwrap();
    let lines: Vec<_> = text.split("\r\n").collect();
    assert!(lines.is_sorted() && lines.iter().all(|line| line.as_bytes()[35] == b':'));
    // By chance: not the same again.
    let again = ask(&server, "GET", "/range/5BAA6", &[("add-padding", "true")]);
    assert_ne!(text.as_bytes(), again.body());
}

#[test]
fn mutation_padding_that_is_added_to_what_is_there_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let even = lengths(&server(folder.path()), EMPTY, ANSWERS);
    let added: BTreeMap<_, _> = even.iter().map(|(lines, n)| (lines + 100, *n)).collect();
    let only: BTreeMap<_, _> = [(800, ANSWERS)].into();
    let upper: BTreeMap<_, _> = even.range(850..).map(|(lines, n)| (*lines, *n)).collect();
    assert!(is_even(&even) && !is_even(&added) && !is_even(&only) && !is_even(&upper));
}

#[test]
fn where_ranges_are_longer_all_are_padded_beyond_the_longest() {
    let folder = tempfile::tempdir().unwrap();
    let texts = [(1, 2_000), (2, 1_500), (3, 0)];
    let texts = texts.map(|(n, lines)| (range(n), text(HashKind::Sha1, range(n), lines)));
    let server = Server::new(kept(folder.path(), HashKind::Sha1, texts.to_vec()));
    for number in 1..=3 {
        let lengths = lengths(&server, number, 40);
        assert!(lengths.keys().all(|lines| (2_000..=2_200).contains(lines)));
        assert!(lengths.len() > 20, "{lengths:?}");
    }
}

#[test]
fn without_randomness_there_is_no_padded_answer() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let request = Request::builder()
        .uri("/range/5BAA6")
        .header("add-padding", "true");
    let request = request.body(()).unwrap();
    let none = |_: &mut [u8]| Err(std::io::Error::other("none"));
    assert_eq!(server.answer_with(&request, none).status(), 503);
    let stuck = |octets: &mut [u8]| {
        octets.fill(255);
        Ok(())
    };
    assert_eq!(server.answer_with(&request, stuck).status(), 503);
}

/// The server as a client's HTTP.
struct Direct(Server);

impl Http for Direct {
    async fn send(&self, request: Request<()>, _: usize) -> Result<Answer, HttpFault> {
        Ok(Answer::new(self.0.answer(&request), End::Length))
    }
}

#[test]
fn client_and_server_of_both_kinds() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let words = ["password", "hunter2", "letmein"];
    let texts = |kind| -> Vec<_> {
        let of = |word: &&str| {
            let hash = PasswordHash::of(kind, word);
            (hash.range(), format!("{}:40", &hash.hex()[5..]))
        };
        words.iter().map(of).collect()
    };
    let sha1 = kept(one.path(), HashKind::Sha1, texts(HashKind::Sha1));
    let ntlm = kept(two.path(), HashKind::Ntlm, texts(HashKind::Ntlm));
    let server = Direct(Server::new(sha1).and(ntlm));
    let base = Base::new("https://example.org").unwrap();
    for padding in [Padding::Asked, Padding::NotAsked] {
        let client = Client::new(&server, base.clone(), "example").unwrap();
        let client = client.padding(padding).caching(2);
        for _ in 0..2 {
            for kind in [HashKind::Sha1, HashKind::Ntlm] {
                for word in words {
                    let hash = PasswordHash::of(kind, word);
                    let seen = pollster::block_on(client.lookup(&hash)).unwrap();
                    assert_eq!(seen, Sighting::Seen(CountClass::of(40).unwrap()));
                    let mut octets = hash.octets().to_vec();
                    *octets.last_mut().unwrap() ^= 1;
                    let near = PasswordHash::from_octets(kind, &octets).unwrap();
                    let seen = pollster::block_on(client.lookup(&near)).unwrap();
                    assert_eq!(seen, Sighting::NotSeen);
                }
                let unknown = pollster::block_on(client.lookup(&PasswordHash::of(kind, "else")));
                assert!(unknown.is_err());
            }
        }
    }
}

/// What the example does, in a thread.
#[cfg(feature = "fetch")]
fn listening(server: Server) -> std::net::SocketAddr {
    use http_body_util::Full;
    use hyper::{body::Bytes, server::conn::http1, service::service_fn};
    use std::{convert::Infallible, sync::Arc};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let server = Arc::new(server);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = Arc::clone(&server);
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let answer = server
                        .answer(&request)
                        .map(|body| Full::new(Bytes::from(body)));
                    std::future::ready(Ok::<_, Infallible>(answer))
                });
                let stream = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(http1::Builder::new().serve_connection(stream, service));
            }
        });
    });
    address
}

#[cfg(feature = "fetch")]
#[test]
#[ignore = "interop: needs curl"]
fn interop_curl_reads_what_the_server_says() {
    let folder = tempfile::tempdir().unwrap();
    let address = listening(server(folder.path()));
    let url = format!("http://{address}/range/5BAA6");
    let curl = |arguments: &[&str]| {
        let output = std::process::Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let full = text(HashKind::Sha1, range(FULL), 700);
    assert_eq!(curl(&[&url]), full);
    assert_eq!(curl(&["--compressed", &url]), full);
    assert_eq!(curl(&["--http1.0", &url]), full);
    let padded = curl(&["--header", "Add-Padding: true", &url]);
    assert!((800..=1_000).contains(&padded.split("\r\n").count()));
    let real: Vec<_> = padded
        .split("\r\n")
        .filter(|line| !line.ends_with(":0"))
        .collect();
    assert_eq!(real.join("\r\n"), full);
    let head = curl(&["--head", &url]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let etags = folder.path().join("etag");
    let etags = etags.to_str().unwrap();
    assert_eq!(curl(&["--etag-save", etags, &url]), full);
    let again = ["--etag-compare", etags, "--write-out", "%{http_code}", &url];
    assert_eq!(curl(&again), "304");
    let missing = url.replace("5BAA6", "00008");
    let status = curl(&[
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        &missing,
    ]);
    assert_eq!(status, "503");
}

/// Over HTTP, with our own client on the other side.
#[cfg(feature = "fetch")]
#[tokio::test]
async fn the_server_is_asked_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let address = listening(server(folder.path()));
    let fetcher = breach_check::fetch::Fetcher::loopback_without_tls();
    let base = Base::new(&format!("http://{address}")).unwrap();
    let client = Client::new(fetcher, base, "example").unwrap().caching(1);
    let hash = PasswordHash::sha1("password");
    for _ in 0..2 {
        assert_eq!(client.lookup(&hash).await, Ok(Sighting::NotSeen));
    }
}
