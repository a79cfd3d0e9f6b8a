//! OpenSSL and sslscan against our servers on loopback: they find what the profile allows, and
//! nothing else. `cargo xtask interop openssl sslscan` runs this.

use crate::support::{Ca, HOST, everything, now};
use rcgen::PKCS_RSA_SHA256;
use rustls::{ServerConfig, ServerConnection, Stream};
use std::{
    collections::BTreeSet,
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use tls_policy::rustls::{Certificates, Profile, Tickets};

/// Shakes hands with everybody who comes, says hello and hangs up.
struct Server {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(profile: Profile) -> Self {
        let ca = Ca::new();
        let ecdsa = ca.issue(&[HOST]);
        let rsa = ca.issue_with(&[HOST], &PKCS_RSA_SHA256, |_| {});
        let sources = [ecdsa.source(), rsa.source()];
        let sources = &sources[..if profile == Profile::Bsi { 1 } else { 2 }];
        let certificates = Certificates::new(profile, Arc::new(everything()), sources, now());
        let config = Arc::new(certificates.unwrap()).server_config(Tickets::None);
        let config = Arc::new(config.unwrap());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let ends = Arc::clone(&ends);
            move || {
                for stream in listener.incoming() {
                    if ends.load(Ordering::Acquire) {
                        return;
                    }
                    let config = Arc::clone(&config);
                    thread::spawn(move || serve(stream.unwrap(), config));
                }
            }
        });
        let thread = Some(thread);
        Self {
            address,
            ends,
            thread,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What becomes of it is the peer's to say.
fn serve(mut stream: TcpStream, config: Arc<ServerConfig>) {
    let limit = Some(Duration::from_secs(30));
    stream.set_read_timeout(limit).unwrap();
    let mut tls = ServerConnection::new(config).unwrap();
    let mut both = Stream::new(&mut tls, &mut stream);
    if both.write_all(b"hello\r\n").is_ok() {
        tls.send_close_notify();
    }
    let _ = tls.complete_io(&mut stream);
}

/// Whether `openssl s_client` with these arguments comes to an end of the handshake.
fn connects(server: &Server, args: &str) -> bool {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &server.address.to_string()])
        .args(["-servername", HOST, "-brief"])
        .args(args.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    // Refused by the client itself, it would prove nothing.
    for own in [
        "no ciphers available",
        "Error with command",
        "Usage",
        "no cipher match",
    ] {
        assert!(!text.contains(own), "{args}: {text}");
    }
    let done = text.contains("CONNECTION ESTABLISHED");
    assert!(
        done || text.contains("alert") || text.contains("error"),
        "{args}: {text}"
    );
    done
}

#[test]
#[ignore = "interop: needs openssl"]
fn interop_openssl_finds_only_what_the_profile_allows() {
    let servers = [Server::start(Profile::Normal), Server::start(Profile::Bsi)];
    let old = "-cipher ALL:@SECLEVEL=0";
    let cases: &[(&str, [bool; 2])] = &[
        ("", [true, true]),
        ("-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", [true, true]),
        ("-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", [true, true]),
        (
            "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
            [true, false],
        ),
        (
            "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256",
            [false, false],
        ),
        ("-tls1_3 -groups P-256", [true, true]),
        ("-tls1_3 -groups P-384", [true, true]),
        ("-tls1_3 -groups X25519", [true, false]),
        ("-tls1_3 -groups P-521", [false, false]),
        ("-tls1_3 -groups X448", [false, false]),
        ("-tls1_3 -groups ffdhe3072", [false, false]),
        ("-tls1_2 -groups P-256", [true, true]),
        // With an ECDSA certificate it wants the curve of that among the groups, too.
        (
            "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384 -groups X25519",
            [true, false],
        ),
        (
            "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384 -groups P-521",
            [false, false],
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
            [true, true],
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
            [true, true],
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305",
            [true, false],
        ),
        ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", [true, false]),
        ("-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", [true, false]),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", [false, false]),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA", [false, false]),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM", [false, false]),
        ("-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384", [false, false]),
        ("-tls1_2 -cipher AES256-GCM-SHA384", [false, false]),
        ("-tls1_2 -cipher AES128-SHA", [false, false]),
        ("-tls1_1", [false, false]),
        ("-tls1", [false, false]),
    ];
    for (args, wanted) in cases {
        let args = match args.starts_with("-tls1_1") || *args == "-tls1" {
            true => format!("{args} {old}"),
            false => (*args).to_owned(),
        };
        let found = [0, 1].map(|at| connects(&servers[at], &args));
        assert_eq!(found, *wanted, "{args}");
    }
}

/// `sslversion cipher` and `sslversion group` of all that it accepts; of groups it tries those of TLS
/// 1.3 where there is TLS 1.3.
fn scan(server: &Server) -> (BTreeSet<String>, BTreeSet<String>) {
    let output = Command::new("sslscan")
        .args(["--xml=-", "--no-colour", "--show-sigs", "--no-heartbleed"])
        .arg(format!("--sni-name={HOST}"))
        .arg(server.address.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("<ssltest"),
        "{output:?}"
    );
    let of = |tag: &str, name: &str| {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| line.starts_with(tag));
        let found = lines.map(|line| {
            let version = attribute(line, "sslversion").unwrap_or_default();
            format!("{version} {}", attribute(line, name).unwrap())
        });
        found.collect()
    };
    for version in [
        "ssl\" version=\"2",
        "ssl\" version=\"3",
        "tls\" version=\"1.0",
        "tls\" version=\"1.1",
    ] {
        let off = format!("<protocol type=\"{version}\" enabled=\"0\"");
        assert!(text.contains(&off), "{off}: {text}");
    }
    for version in ["1.2", "1.3"] {
        let on = format!("<protocol type=\"tls\" version=\"{version}\" enabled=\"1\"");
        assert!(text.contains(&on), "{on}: {text}");
    }
    (of("<cipher", "cipher"), of("<group", "name"))
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_finds_only_what_the_profile_allows() {
    let (suites, groups) = scan(&Server::start(Profile::Bsi));
    let list = |all: &[&str]| {
        all.iter()
            .map(|&one| one.to_owned())
            .collect::<BTreeSet<_>>()
    };
    let bsi = [
        "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLSv1.3 TLS_AES_128_GCM_SHA256",
        "TLSv1.3 TLS_AES_256_GCM_SHA384",
    ];
    assert_eq!(suites, list(&bsi));
    let nist = [
        "TLSv1.3 secp256r1 (NIST P-256)",
        "TLSv1.3 secp384r1 (NIST P-384)",
    ];
    assert_eq!(groups, list(&nist));

    let (suites, groups) = scan(&Server::start(Profile::Normal));
    let mut normal = list(&bsi);
    normal.extend(list(&[
        "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256",
        "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384",
        "TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305",
        "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256",
    ]));
    assert_eq!(suites, normal);
    let mut all = list(&nist);
    all.extend(list(&["TLSv1.3 x25519"]));
    assert_eq!(groups, all);
}
