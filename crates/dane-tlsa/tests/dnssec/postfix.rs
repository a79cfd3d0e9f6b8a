//! Postfix with DANE as the sender: it delivers to a server whose TLSA record we made, and to no other.

use crate::world::{Signing, World, eventually, free_address, output};
use dane_tlsa::{CertificateUsage, MatchingType, Selector, Tlsa};
use rcgen::PublicKeyData;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Where Postfix finds the validating resolver, whose port it cannot choose.
const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

/// Where the server is: not an address that Postfix takes for its own.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A server that takes mail over STARTTLS, and keeps it.
struct Server {
    address: SocketAddr,
    record: Tlsa,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(["mx.mail".to_owned()]).unwrap();
        let key = made.signing_key.subject_public_key_info();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key);
        let record = Tlsa::new(
            CertificateUsage::DaneEe,
            Selector::Spki,
            MatchingType::Sha256,
            digest.as_ref(),
        );
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let chain = vec![made.cert.der().clone()];
        let config = Arc::new(config.with_single_cert(chain, key.unwrap()).unwrap());
        let listener = TcpListener::bind((SERVER, 0)).unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            record: record.unwrap(),
            taken: Arc::default(),
        };
        let taken = Arc::clone(&server.taken);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that does not like the certificate goes away in the middle.
                serve(stream.unwrap(), &config, &taken).ok();
            }
        });
        server
    }
}

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    taken: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut plain = BufReader::new(stream);
    plain.get_mut().write_all(b"220 mx.mail ESMTP\r\n")?;
    let mut line = String::new();
    loop {
        line.clear();
        if plain.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end() {
            "STARTTLS" => break,
            hello if hello.starts_with("EHLO ") => {
                plain
                    .get_mut()
                    .write_all(b"250-mx.mail\r\n250 STARTTLS\r\n")?;
            }
            // Nothing is taken in clear text.
            _ => plain.get_mut().write_all(b"530 5.7.0 STARTTLS first\r\n")?,
        }
    }
    plain.get_mut().write_all(b"220 go\r\n")?;
    let tls = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut tls = BufReader::new(StreamOwned::new(tls, plain.into_inner()));
    loop {
        line.clear();
        if tls.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.trim_end() {
            "DATA" => {
                tls.get_mut().write_all(b"354 go\r\n")?;
                let mut message = String::new();
                while !message.ends_with("\r\n.\r\n") {
                    if tls.read_line(&mut message)? == 0 {
                        return Ok(());
                    }
                }
                taken.lock().unwrap().push(message);
                b"250 2.0.0 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        tls.get_mut().write_all(reply)?;
    }
}

/// A Postfix of its own, in a mount namespace where it sees our resolver. Stopped when dropped.
struct Postfix {
    folder: TempDir,
    address: SocketAddr,
}

impl Postfix {
    fn start(port: u16) -> Self {
        // Postfix's own user has to enter the folder.
        let folder = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let at = folder.path();
        for dir in ["queue", "data", "etc"] {
            fs::create_dir(at.join(dir)).unwrap();
        }
        output(Command::new("chown").arg("postfix").arg(at.join("data")));
        let resolv = at.join("resolv.conf");
        // glibc hides the AD bit from programs without this word.
        fs::write(
            &resolv,
            format!("nameserver {RESOLVER}\noptions trust-ad\n"),
        )
        .unwrap();
        let address = free_address(Ipv4Addr::LOCALHOST.into());
        fs::write(
            at.join("etc/main.cf"),
            main_cf(&at.display().to_string(), port),
        )
        .unwrap();
        fs::write(at.join("etc/master.cf"), master_cf(address)).unwrap();
        let postfix = Self { folder, address };
        let mut start = Command::new("unshare");
        start.args(["-m", "sh", "-ec"]);
        start.arg("mount --bind \"$1\" /etc/resolv.conf; exec /usr/sbin/postfix -c \"$2\" start");
        start
            .arg("sh")
            .arg(resolv)
            .arg(postfix.folder.path().join("etc"));
        output(&mut start);
        eventually("Postfix listens", || TcpStream::connect(address).is_ok());
        postfix
    }

    /// Hands in a message; gives what Postfix's log says of its fate.
    fn send(&self, subject: &str) -> String {
        let before = self.log().len();
        let mut stream = BufReader::new(TcpStream::connect(self.address).unwrap());
        let mut say = |text: &str, code: &str| {
            stream.get_mut().write_all(text.as_bytes()).unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "{text}: {line}");
        };
        say("", "220");
        say("HELO a.test\r\n", "250");
        say("MAIL FROM:<a@a.test>\r\n", "250");
        say("RCPT TO:<b@d.mail>\r\n", "250");
        say("DATA\r\n", "354");
        say(&format!("Subject: {subject}\r\n\r\nHi.\r\n.\r\n"), "250");
        say("QUIT\r\n", "221");
        let new = || self.log().get(before..).unwrap_or_default().to_owned();
        eventually("Postfix has a result", || new().contains(" status="));
        new()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let mut stop = Command::new("/usr/sbin/postfix");
        stop.arg("-c").arg(self.folder.path().join("etc"));
        // What it says is of no use to anybody.
        stop.arg("stop").output().ok();
    }
}

fn main_cf(folder: &str, port: u16) -> String {
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {folder}/queue\n\
         data_directory = {folder}/data\n\
         maillog_file = {folder}/log\n\
         maillog_file_prefixes = {folder}\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         myhostname = mail.a.test\n\
         mydestination =\n\
         mynetworks = 127.0.0.0/8\n\
         smtpd_peername_lookup = no\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n\
         default_transport = smtp:d.mail:{port}\n\
         smtp_dns_support_level = dnssec\n\
         smtp_tls_security_level = dane\n\
         smtp_tls_loglevel = 1\n\
         alias_maps =\n\
         alias_database =\n"
    )
}

/// A process of the sender serves one message: it remembers TLSA records as long as they live.
fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         smtp unix - - n - - smtp -o max_use=1\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}

/// The domain `d.mail`, whose host has this record.
fn publish(record: &Tlsa, port: u16) -> World {
    let mail = format!("d MX 10 mx\nmx A {SERVER}\n_{port}._tcp.mx TLSA {record}\n");
    let zones = [
        ("nsec.", Signing::Nsec, String::new()),
        ("mail.", Signing::Nsec, mail),
    ];
    World::start_at(&zones, SocketAddr::new(IpAddr::V4(RESOLVER), 53))
}

#[test]
#[ignore = "interop: needs bind9, unbound, postfix, unshare, root"]
fn interop_dane_postfix_delivers_by_our_record_and_refuses_another() {
    let (server, other) = (Server::start(), Server::start());
    let port = server.address.port();

    let world = publish(&server.record, port);
    let postfix = Postfix::start(port);
    let log = postfix.send("by DANE");
    assert!(
        log.contains("Verified TLS connection established to mx.mail"),
        "{log}"
    );
    assert!(log.contains("status=sent (250 2.0.0 taken)"), "{log}");
    let taken = || server.taken.lock().unwrap().clone();
    assert_eq!(taken().len(), 1);
    assert!(
        taken()[0].contains("\r\nSubject: by DANE\r\n"),
        "{:?}",
        taken()
    );

    // The same server, and the record of another one.
    drop(world);
    let _world = publish(&other.record, port);
    let log = postfix.send("swapped");
    assert!(log.contains("status=deferred"), "{log}");
    assert!(log.contains("no matching DANE TLSA records"), "{log}");
    assert_eq!(taken().len(), 1);
}
