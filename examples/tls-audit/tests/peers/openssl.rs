//! `openssl s_server` in odd ways, and sslscan as the oracle.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use tls_policy::audit::Protocol;

use crate::sslscan::{
    Difference,
    Side::{Ours, Sslscans},
    compare,
};
use crate::world::{
    HOST, Key, Running, audit, dh1024, folder, free_port, identity, listening, target,
};

fn server(folder: &Path, kind: Key, options: &[&str]) -> (Running, SocketAddr) {
    let identity = identity(folder, kind, HOST);
    let address = free_port();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-www", "-quiet", "-accept"]);
    command.arg(address.to_string());
    command.arg("-cert").arg(identity.cert);
    command.arg("-key").arg(identity.key);
    let running = Running::start(command.args(options));
    listening(address);
    (running, address)
}

/// OpenSSL's own choice.
const CURVES: [&str; 5] = [
    "TLS 1.2 group 0x0017",
    "TLS 1.2 group 0x0018",
    "TLS 1.2 group 0x0019",
    "TLS 1.2 group 0x001D",
    "TLS 1.2 group 0x001E",
];

fn agrees(kind: Key, options: &[&str], differences: &[Difference]) {
    let folder = folder();
    let (_running, address) = server(folder.path(), kind, options);
    let target = target(address, Protocol::Https);
    let service = audit(&target, &[]);
    compare(&target, &service, differences);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_everything_that_openssl_has() {
    let folder = folder();
    let dh = dh1024(folder.path());
    let options = [
        "-cipher",
        "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
        "-min_protocol",
        "TLSv1",
        "-dhparam",
        dh.to_str().unwrap(),
    ];
    agrees(Key::Rsa2048, &options, &[]);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_the_defaults_of_openssl() {
    agrees(Key::Rsa2048, &[], &[]);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_an_ecdsa_server() {
    // `openssl s_client -tls1_2 -curves X25519` fails there, too, and `-curves X25519:P-256` gets X25519.
    let curve =
        "sslscan offers a curve without the certificate's, and OpenSSL then has no certificate";
    let scheme =
        "sslscan asks with RSA in mind; `openssl s_client -sigalgs ECDSA+SHA224` and so on agree";
    let differences = [
        (Ours, "TLS 1.2 group 0x0018", curve),
        (Ours, "TLS 1.2 group 0x0019", curve),
        (Ours, "TLS 1.2 group 0x001D", curve),
        (Ours, "TLS 1.2 group 0x001E", curve),
        (Ours, "TLS 1.2 signature 0x0303", scheme),
        (Ours, "TLS 1.2 signature 0x0403", scheme),
        (Ours, "TLS 1.2 signature 0x0503", scheme),
        (Ours, "TLS 1.2 signature 0x0603", scheme),
    ];
    agrees(Key::Ecdsa, &[], &differences);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_tls13_alone() {
    agrees(Key::Ecdsa, &["-tls1_3"], &[]);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_static_rsa_alone() {
    let options = ["-tls1_2", "-cipher", "kRSA"];
    let why = "nobody signs anything there; sslscan counts what a handshake does not fail with";
    let codes = [
        "TLS 1.2 signature 0x0301",
        "TLS 1.2 signature 0x0401",
        "TLS 1.2 signature 0x0501",
        "TLS 1.2 signature 0x0601",
        "TLS 1.2 signature 0x0804",
        "TLS 1.2 signature 0x0805",
        "TLS 1.2 signature 0x0806",
    ];
    agrees(
        Key::Rsa2048,
        &options,
        &codes.map(|code| (Sslscans, code, why)),
    );
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_brainpool() {
    let options = [
        "-tls1_2",
        "-curves",
        "brainpoolP256r1:brainpoolP384r1:P-521",
    ];
    agrees(Key::Rsa2048, &options, &[]);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_every_curve_of_openssl() {
    let all = [
        "sect163k1",
        "sect163r1",
        "sect163r2",
        "sect193r1",
        "sect193r2",
        "sect233k1",
        "sect233r1",
        "sect239k1",
        "sect283k1",
        "sect283r1",
        "sect409k1",
        "sect409r1",
        "sect571k1",
        "sect571r1",
        "secp160k1",
        "secp160r1",
        "secp160r2",
        "secp192k1",
        "prime192v1",
        "secp224k1",
        "secp224r1",
        "secp256k1",
        "P-256",
        "P-384",
        "P-521",
        "brainpoolP256r1",
        "brainpoolP384r1",
        "brainpoolP512r1",
        "X25519",
        "X448",
    ];
    let curves = all.join(":");
    let options = ["-curves", &curves, "-cipher", "DEFAULT:@SECLEVEL=0"];
    agrees(Key::Rsa2048, &options, &[]);
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_the_servers_own_order() {
    let options = [
        "-serverpref",
        "-cipher",
        "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256",
    ];
    let why = "sslscan offers static RSA beside, and this server prefers it";
    agrees(
        Key::Rsa2048,
        &options,
        &CURVES.map(|curve| (Ours, curve, why)),
    );
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_agrees_about_anonymous_and_null() {
    let options = ["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"];
    let why = "sslscan finds curves only where there is a certificate";
    agrees(
        Key::Rsa2048,
        &options,
        &CURVES.map(|curve| (Ours, curve, why)),
    );
}
