//! What is read of a server: answers, and everything that is none.

use tls_policy::probe::{
    Alert, ClientHello, Exchange, Extension, Failure, Flight, Group, Outcome, ReadError, Reader,
    SignatureScheme, Suite, Version,
};

use crate::sim::{RETRY, message};

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, 3, 3, high, low], body].concat()
}

fn handshake(messages: &[Vec<u8>]) -> Vec<u8> {
    record(22, &messages.concat())
}

/// A ServerHello with these extensions.
fn hello(version: u16, suite: u16, compression: u8, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(compression);
    if !extensions.is_empty() {
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
    }
    message(2, &body)
}

fn certificate() -> Vec<u8> {
    message(11, &[0, 0, 5, 0, 0, 2, 0x30, 0])
}

/// P-256, signed with rsa_pss_rsae_sha256.
const CURVE: [u8; 11] = [3, 0, 23, 2, 4, 5, 8, 4, 0, 1, 9];

fn read_of(offer: ClientHello, octets: &[u8]) -> Option<Outcome> {
    Reader::new(offer).push(octets)
}

fn tls12() -> ClientHello {
    ClientHello::new(Version::Tls12)
}

fn flight(outcome: Option<Outcome>) -> Flight {
    match outcome {
        Some(Outcome::Answered(flight)) => *flight,
        other => panic!("{other:?}"),
    }
}

fn wrong(octets: &[u8], why: ReadError) {
    let outcome = Some(Outcome::Failed(Failure::Malformed(why)));
    assert_eq!(read_of(tls12(), octets), outcome, "{octets:02x?}");
    // However it comes.
    let mut reader = Reader::new(tls12());
    let slowly = octets.iter().find_map(|octet| reader.push(&[*octet]));
    assert_eq!(slowly, outcome, "one octet at a time: {octets:02x?}");
}

#[test]
fn a_whole_flight_of_tls12_is_read() {
    let octets = handshake(&[
        hello(0x303, 0xC02F, 0, &[0xFF, 1, 0, 1, 0, 0, 23, 0, 0]),
        certificate(),
        message(12, &CURVE),
        message(14, &[]),
    ]);
    let flight = flight(read_of(tls12(), &octets));
    assert_eq!(
        (flight.version, flight.suite),
        (Version::Tls12, Suite::new(0xC02F))
    );
    assert_eq!(flight.extensions, [0xFF01, 23]);
    assert_eq!(flight.certificates, [vec![0x30, 0]]);
    let (group, scheme) = (Group::SECP256R1, Some(SignatureScheme::new(0x0804)));
    assert_eq!(flight.exchange, Some(Exchange::Curve { group, scheme }));
    assert!(!flight.compressed && !flight.retry && !flight.stapled);
}

#[test]
fn primes_are_measured_in_bits() {
    for (prime, bits) in [
        (vec![0x80; 128], 1024),
        (vec![0x01, 0xFF], 9),
        ([vec![0; 3], vec![0x7F; 2]].concat(), 15),
    ] {
        let mut body = u16::try_from(prime.len()).unwrap().to_be_bytes().to_vec();
        body.extend(&prime);
        body.extend([0, 1, 2, 0, 1, 3, 4, 1, 0, 1, 9]);
        let octets = handshake(&[
            hello(0x303, 0x0033, 0, &[]),
            certificate(),
            message(12, &body),
            message(14, &[]),
        ]);
        let scheme = Some(SignatureScheme::new(0x0401));
        assert_eq!(
            flight(read_of(tls12(), &octets)).exchange,
            Some(Exchange::Prime { bits, scheme })
        );
    }
}

#[test]
fn tls13_ends_with_its_first_message() {
    let mut retry = hello(
        0x303,
        0x1301,
        0,
        &[0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 29, 0, 44, 0, 3, 0, 1, 9],
    );
    retry[6..38].copy_from_slice(&RETRY);
    let flight = flight(read_of(
        ClientHello::new(Version::Tls13),
        &handshake(&[retry]),
    ));
    assert_eq!((flight.version, flight.retry), (Version::Tls13, true));
    assert_eq!(flight.group, Some(Group::X25519));
}

#[test]
fn alerts_are_refusals_and_warnings_are_passed_over() {
    let outcome = read_of(tls12(), &[21, 3, 1, 0, 2, 2, 40]);
    assert_eq!(outcome, Some(Outcome::Alert(Alert::HANDSHAKE_FAILURE)));
    let warning = [21, 3, 1, 0, 2, 1, 112];
    let octets = [&warning[..], &[21, 3, 1, 0, 2, 2, 70]].concat();
    assert_eq!(
        read_of(tls12(), &octets),
        Some(Outcome::Alert(Alert::PROTOCOL_VERSION))
    );
    assert_eq!(
        read_of(tls12(), &[21, 3, 1, 0, 2, 1, 0]),
        Some(Outcome::Failed(Failure::Closed))
    );
    wrong(&warning.repeat(Reader::MAX_WARNINGS + 1), ReadError::Alert);
    wrong(&[21, 3, 1, 0, 2, 3, 40], ReadError::Alert);
    wrong(&[21, 3, 1, 0, 1, 2], ReadError::Alert);
    wrong(&[21, 3, 1, 0, 4, 2, 40, 2, 40], ReadError::Alert);
}

#[test]
fn a_connection_that_is_closed_says_whether_there_was_anything() {
    assert_eq!(
        Reader::new(tls12()).closed(),
        Outcome::Failed(Failure::Closed)
    );
    let mut reader = Reader::new(tls12());
    assert_eq!(reader.push(&[22]), None);
    assert_eq!(reader.closed(), Outcome::Failed(Failure::Broken));
}

#[test]
fn what_is_not_tls_is_seen_at_once() {
    for text in [
        "220 mail.example.org ESMTP\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "* BYE\r\n",
        "\0",
    ] {
        wrong(text.as_bytes(), ReadError::NotTls);
    }
    // Application data and ChangeCipherSpec have no place before the end of the flight.
    wrong(&[23, 3, 3, 0, 1, 0], ReadError::NotTls);
    wrong(&[20, 3, 3, 0, 1, 1], ReadError::NotTls);
}

#[test]
fn records_have_limits() {
    wrong(&[22, 3, 3, 0, 0], ReadError::Record);
    wrong(&[22, 3, 3, 0x40, 1], ReadError::Record);
    wrong(&[22, 2, 0, 0, 1], ReadError::Record);
}

#[test]
fn what_was_not_offered_is_not_taken() {
    let of = |messages: &[Vec<u8>]| handshake(messages);
    wrong(&of(&[hello(0x304, 0xC02F, 0, &[])]), ReadError::Message);
    wrong(
        &of(&[hello(0x305, 0xC02F, 0, &[])]),
        ReadError::VersionNotOffered,
    );
    wrong(
        &of(&[hello(0x303, 0xC02F, 0, &[0, 43, 0, 2, 3, 4])]),
        ReadError::VersionNotOffered,
    );
    wrong(
        &of(&[hello(0x303, 0x1301, 0, &[])]),
        ReadError::SuiteNotOffered,
    );
    wrong(
        &of(&[hello(0x303, 0x0000, 0, &[])]),
        ReadError::SuiteNotOffered,
    );
    // TLS 1.1 has no AEAD.
    wrong(
        &of(&[hello(0x302, 0xC02F, 0, &[])]),
        ReadError::SuiteNotOffered,
    );
    wrong(
        &of(&[hello(0x303, 0xC02F, 1, &[])]),
        ReadError::CompressionNotOffered,
    );
    wrong(
        &of(&[hello(0x303, 0xC02F, 0, &[0, 15, 0, 1, 1])]),
        ReadError::ExtensionNotOffered,
    );
    let curve = |octets: [u8; 11]| {
        [
            hello(0x303, 0xC02F, 0, &[]),
            certificate(),
            message(12, &octets),
        ]
    };
    wrong(
        &of(&curve([3, 1, 0, 2, 4, 5, 8, 4, 0, 1, 9])),
        ReadError::GroupNotOffered,
    );
    wrong(
        &of(&curve([3, 0, 23, 2, 4, 5, 9, 9, 0, 1, 9])),
        ReadError::SchemeNotOffered,
    );
    // The same with the offer.
    let offer = tls12().with_compression().with_extensions(Extension::ALL);
    let octets = of(&[
        hello(0x303, 0x002F, 1, &[0, 15, 0, 1, 1]),
        certificate(),
        message(14, &[]),
    ]);
    assert!(flight(read_of(offer, &octets)).compressed);
}

#[test]
fn messages_have_their_order_and_come_once() {
    let good = hello(0x303, 0xC02F, 0, &[]);
    let done = || message(14, &[]);
    for messages in [
        vec![certificate()],
        vec![done()],
        vec![good.clone(), good.clone()],
        vec![good.clone(), certificate(), certificate()],
        vec![
            good.clone(),
            certificate(),
            message(12, &CURVE),
            message(12, &CURVE),
        ],
        vec![
            good.clone(),
            certificate(),
            message(12, &CURVE),
            certificate(),
        ],
        vec![message(0, &[])],
        vec![good.clone(), message(4, &[])],
        // Something after the end, in the same record.
        vec![
            good.clone(),
            certificate(),
            message(12, &CURVE),
            done(),
            done(),
        ],
    ] {
        wrong(&handshake(&messages), ReadError::Order);
    }
    // Static RSA has no ServerKeyExchange.
    let octets = handshake(&[
        hello(0x303, 0x002F, 0, &[]),
        certificate(),
        message(12, &CURVE),
    ]);
    wrong(&octets, ReadError::Order);
}

#[test]
fn nothing_is_left_out() {
    // No key exchange, no certificate, and ServerHelloDone with something in it.
    for messages in [
        vec![
            hello(0x303, 0xC02F, 0, &[]),
            certificate(),
            message(14, &[]),
        ],
        vec![
            hello(0x303, 0xC02F, 0, &[]),
            message(12, &CURVE),
            message(14, &[]),
        ],
        vec![hello(0x303, 0x002F, 0, &[]), message(14, &[])],
        vec![
            hello(0x303, 0x002F, 0, &[]),
            certificate(),
            message(14, &[1]),
        ],
    ] {
        wrong(&handshake(&messages), ReadError::Message);
    }
}

#[test]
fn messages_are_read_to_their_end_and_not_beyond() {
    let good = hello(0x303, 0xC02F, 0, &[0, 23, 0, 0]);
    let body = good[4..].to_vec();
    for cut in 0..body.len() {
        // Without its extensions it is whole.
        if cut == body.len() - 6 {
            continue;
        }
        wrong(&handshake(&[message(2, &body[..cut])]), ReadError::Message);
    }
    wrong(
        &handshake(&[message(2, &[&body[..], &[0]].concat())]),
        ReadError::Message,
    );
    for length in 0..CURVE.len() {
        let messages = [good.clone(), certificate(), message(12, &CURVE[..length])];
        wrong(&handshake(&messages), ReadError::Message);
    }
    let twice = hello(0x303, 0xC02F, 0, &[0, 23, 0, 0, 0, 23, 0, 0]);
    wrong(&handshake(&[twice]), ReadError::Message);
    for chain in [&[0, 0, 1][..], &[0, 0, 3, 0, 0, 0], &[0, 0, 4, 0, 0, 2, 1]] {
        wrong(
            &handshake(&[good.clone(), message(11, chain)]),
            ReadError::Message,
        );
    }
}

#[test]
fn nobody_can_make_it_keep_more_than_its_limits() {
    // A message that says that it is endless.
    wrong(
        &handshake(&[vec![11, 0xFF, 0xFF, 0xFF]]),
        ReadError::TooLong,
    );
    let chain = [0, 0, 1, 0].repeat(Reader::MAX_CERTIFICATES + 1);
    let length = u32::try_from(chain.len()).unwrap().to_be_bytes();
    let body = [&length[1..], &chain].concat();
    wrong(
        &handshake(&[hello(0x303, 0x002F, 0, &[]), message(11, &body)]),
        ReadError::TooLong,
    );
    // Records of one octet for ever, in a message that is never whole.
    let mut reader = Reader::new(tls12());
    let first = record(22, &[11, 1, 0x80, 0]);
    assert_eq!(reader.push(&first), None);
    let mut sent = first.len();
    let outcome = loop {
        assert!(sent <= 2 * Reader::MAX_OCTETS, "it takes everything");
        let drop = record(22, &[0]);
        sent += drop.len();
        if let Some(outcome) = reader.push(&drop) {
            break outcome;
        }
    };
    assert_eq!(
        outcome,
        Outcome::Failed(Failure::Malformed(ReadError::TooLong))
    );
}

#[test]
fn ssl2_is_read_however_it_is_cut() {
    let octets = [0x80, 11, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
    let mut slowly = Reader::new(ClientHello::ssl2());
    let slowly = octets.iter().find_map(|octet| slowly.push(&[*octet]));
    assert!(flight(slowly).ssl2);
    assert!(flight(read_of(ClientHello::ssl2(), &octets)).ssl2);
    wrong(&octets, ReadError::NotTls);
}
