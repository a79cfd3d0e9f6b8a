use super::*;
use std::io::Write as _;
use std::time::Duration;

const RANGE: &str = "5BAA6";
const PASSWORD: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
const LESS: &str = "003D68EB55068C33ACE09247EE4C639306B";
const MORE: &str = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn answer(status: u16, fields: &[(&str, &str)], body: impl Into<Vec<u8>>, end: End) -> Answer {
    let mut response = http::Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    Answer::new(response.body(body.into()).unwrap(), end)
}

fn read(answer: &Answer) -> Result<Suffixes, Error> {
    Suffixes::of(HashKind::Sha1, Range::from_hex(RANGE).unwrap(), answer)
}

fn plain(text: &str) -> Result<Suffixes, Error> {
    read(&answer(200, &[], text, End::Length))
}

#[test]
fn a_whole_answer_tells_what_was_seen() {
    let text = format!("{LESS}:3\r\n{PASSWORD}:9659365\r\n{MORE}:18446744073709551615");
    let zipped = answer(
        200,
        &[("content-encoding", "gzip")],
        gzip(text.as_bytes()),
        End::Stream,
    );
    let endings = [text.clone(), format!("{text}\r\n"), text.replace('\r', "")];
    let mut all: Vec<_> = endings.iter().map(|text| plain(text).unwrap()).collect();
    all.push(plain(&text.to_lowercase()).unwrap());
    all.push(read(&zipped).unwrap());
    for suffixes in all {
        let hash = PasswordHash::sha1("password");
        let seen = suffixes.sighting(&hash);
        assert_eq!(seen, Sighting::Seen(CountClass::MAX));
        let hex = format!("{RANGE}{LESS}");
        let less = PasswordHash::from_hex(HashKind::Sha1, &hex).unwrap();
        let class = CountClass::of(3).unwrap();
        assert_eq!(suffixes.sighting(&less), Sighting::Seen(class));
        let hex = format!("{RANGE}{}0", &LESS[1..]);
        let absent = PasswordHash::from_hex(HashKind::Sha1, &hex).unwrap();
        assert_eq!(suffixes.sighting(&absent), Sighting::NotSeen);
        let elsewhere = PasswordHash::sha1("x");
        let unknown = Sighting::Unknown(Unknown::NoAnswer);
        assert_eq!(suffixes.sighting(&elsewhere), unknown);
        assert_eq!(suffixes.sighting(&PasswordHash::ntlm("password")), unknown);
        assert_eq!(suffixes.text(), text);
        assert_eq!(*suffixes.hashes().nth(1).unwrap().0.hex(), *hash.hex());
    }
}

#[test]
fn ntlm_has_shorter_lines() {
    let hash = PasswordHash::ntlm("password");
    let hex = hash.hex();
    let text = format!("{}:7", &hex[5..]);
    let suffixes = Suffixes::read(HashKind::Ntlm, hash.range(), text.as_bytes()).unwrap();
    assert_eq!(
        suffixes.sighting(&hash),
        Sighting::Seen(CountClass::of(7).unwrap())
    );
    assert_eq!(*suffixes.hashes().next().unwrap().0.hex(), *hex);
    assert_eq!(suffixes.text(), text);
    let sha1 = Suffixes::read(HashKind::Sha1, hash.range(), text.as_bytes());
    assert_eq!(sha1, Err(NotWhole::Line { line: 1 }));
}

#[test]
fn padding_is_not_seen_wherever_it_stands() {
    let text = format!("{MORE}:0\r\n{LESS}:2\r\n{PASSWORD}:0\r\n{LESS}:0\r\n");
    let suffixes = plain(&text).unwrap();
    assert_eq!(suffixes.len(), 1);
    let hash = PasswordHash::sha1("password");
    assert_eq!(suffixes.sighting(&hash), Sighting::NotSeen);
    assert!(plain(&format!("{MORE}:0")).unwrap().is_empty());
}

#[test]
fn whatever_is_not_whole_is_refused() {
    let good = format!("{LESS}:3\r\n{PASSWORD}:9659365\r\n");
    let zipped = gzip(good.as_bytes());
    let length = zipped.len();
    let mut crc = zipped.clone();
    crc[length - 8] ^= 1;
    let mut size = zipped.clone();
    size[length - 1] ^= 1;
    let twice = [zipped.clone(), zipped.clone()].concat();
    let coded = |body: Vec<u8>| answer(200, &[("content-encoding", "gzip")], body, End::Length);
    let line = |line| Error::NotWhole(NotWhole::Line { line });
    let broken = |what| Error::NotWhole(what);
    let ok = |text: &str| answer(200, &[], text, End::Length);
    let two = [("content-encoding", "gzip"), ("content-encoding", "gzip")];
    for (answer, error) in [
        (
            answer(200, &[], &*good, End::Closed),
            broken(NotWhole::Unframed),
        ),
        (
            answer(206, &[], &*good, End::Length),
            broken(NotWhole::Status(206)),
        ),
        (
            answer(304, &[], "", End::Length),
            broken(NotWhole::Status(304)),
        ),
        (
            answer(302, &[], &*good, End::Length),
            broken(NotWhole::Status(302)),
        ),
        (
            answer(404, &[], "", End::Length),
            broken(NotWhole::Status(404)),
        ),
        (
            answer(500, &[], &*good, End::Length),
            broken(NotWhole::Status(500)),
        ),
        (
            answer(429, &[("retry-after", "7")], &*good, End::Length),
            Error::Busy {
                after: Some(Duration::from_secs(7)),
            },
        ),
        (
            answer(
                503,
                &[("retry-after", "Sat, 28 Nov 2026 08:00:00 GMT")],
                "",
                End::Length,
            ),
            Error::Busy { after: None },
        ),
        (
            answer(200, &[("content-encoding", "br")], &*good, End::Length),
            broken(NotWhole::Coding),
        ),
        (
            answer(200, &two, &*zipped, End::Length),
            broken(NotWhole::Coding),
        ),
        (coded(good.clone().into_bytes()), broken(NotWhole::Gzip)),
        (coded(crc), broken(NotWhole::Gzip)),
        (coded(size), broken(NotWhole::Gzip)),
        (coded(twice), broken(NotWhole::Gzip)),
        (coded([&*zipped, b"x"].concat()), broken(NotWhole::Gzip)),
        (
            coded(gzip(&[b'0'; MAX_ANSWER + 1])),
            broken(NotWhole::TooLong),
        ),
        (coded(gzip(b"")), broken(NotWhole::Empty)),
        (
            answer(200, &[], vec![b'0'; MAX_ANSWER + 1], End::Length),
            broken(NotWhole::TooLong),
        ),
        (ok(""), broken(NotWhole::Empty)),
        (ok("\r\n"), line(1)),
        (ok("<html>"), line(1)),
        (ok(&format!("{good}\r\n")), line(3)),
        (ok(&format!("{LESS}:3\r\n{PASSWORD}")), line(2)),
        (ok(&format!("{LESS}:3\r\n{PASSWORD}:")), line(2)),
        (ok(&format!("{LESS}:3\r\n{}:1", &PASSWORD[1..])), line(2)),
        (ok(&format!("{LESS}:3\r\n0{PASSWORD}:1")), line(2)),
        (ok(&format!("{LESS}:3\r\r\n")), line(1)),
        (ok(&format!("{LESS}:-3")), line(1)),
        (ok(&format!("{LESS}:+3")), line(1)),
        (ok(&format!("{LESS}: 3")), line(1)),
        (ok(&format!("{LESS}:18446744073709551616")), line(1)),
        (ok(&format!("{LESS}:000000000000000000001")), line(1)),
        (
            ok(&format!("{PASSWORD}:1\n{LESS}:1")),
            broken(NotWhole::Order { line: 2 }),
        ),
        (
            ok(&format!("{PASSWORD}:1\n{PASSWORD}:1")),
            broken(NotWhole::Order { line: 2 }),
        ),
    ] {
        assert_eq!(read(&answer), Err(error), "{answer:?}");
    }
    // Cut anywhere, the gzip stream is none.
    for cut in 0..length {
        assert_eq!(
            read(&coded(zipped[..cut].to_vec())),
            Err(broken(NotWhole::Gzip)),
            "{cut}"
        );
    }
    assert!(read(&coded(zipped)).is_ok());
}

#[test]
fn an_etag_is_kept_if_it_can_be_sent_again() {
    let etag = |value: &str| {
        let mut fields = HeaderMap::new();
        fields.insert(ETAG, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        etag(&fields).is_some()
    };
    assert!(etag("\"a\"") && etag("W/\"a\"") && etag("\"\""));
    let long = format!("\"{}\"", "x".repeat(MAX_ETAG - 1));
    for bad in ["", "a", "\"", "\"a", "\"a b\"", "\"a\"b\"", "\"ä\"", &long] {
        assert!(!etag(bad), "{bad}");
    }
}
