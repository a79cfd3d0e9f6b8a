//! A small DNS of its own: a signed root, zones that BIND signs and serves, and unbound to validate
//! them, all on high ports of loopback. Stopped when dropped.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How a zone is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// Not at all, and the root proves that.
    Unsigned,
    Nsec,
    Nsec3,
    /// With more rounds than a validator should compute (RFC 9276 §3.2).
    Nsec3Rounds,
    /// Signatures that ended in 2020.
    Expired,
    /// A TLSA record is changed after it was signed.
    Forged,
    /// The root names another key.
    WrongDs,
}

/// A zone below the root: its name, how it is signed, and its records without a SOA record.
pub(crate) type Zone = (&'static str, Signing, String);

pub(crate) struct World {
    /// Where the zones are served.
    pub(crate) authority: SocketAddr,
    /// Where they are validated.
    pub(crate) resolver: SocketAddr,
    /// The key of the root, as a zone file has it.
    pub(crate) anchor: String,
    servers: Vec<Child>,
    folder: TempDir,
}

impl World {
    pub(crate) fn start(zones: &[Zone]) -> Self {
        let resolver = free_address(Ipv4Addr::LOCALHOST.into());
        Self::start_at(zones, resolver)
    }

    /// With the validating resolver at a given address.
    pub(crate) fn start_at(zones: &[Zone], resolver: SocketAddr) -> Self {
        let folder = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let authority = free_address(Ipv4Addr::LOCALHOST.into());
        let (mut root, mut served) = (String::new(), String::new());
        for (name, signing, records) in zones {
            let (file, ds) = zone(folder.path(), name, *signing, records);
            writeln!(root, "{name} NS ns.{name}\nns.{name} A 127.0.0.1\n{ds}").unwrap();
            serve(&mut served, name, &file);
        }
        let (file, _) = zone(folder.path(), ".", Signing::Nsec, &root);
        serve(&mut served, ".", &file);
        let anchor = fs::read_to_string(folder.path().join("root.key")).unwrap();
        let mut world = Self {
            authority,
            resolver,
            anchor,
            servers: Vec::new(),
            folder,
        };
        world.start_named(&served);
        world.start_unbound(zones);
        world
    }

    fn start_named(&mut self, served: &str) {
        let folder = self.folder.path();
        let (ip, port) = (self.authority.ip(), self.authority.port());
        let config = format!(
            "options {{ directory \"{}\"; listen-on port {port} {{ {ip}; }}; listen-on-v6 {{ none; }};\n\
             recursion no; dnssec-validation no; pid-file none; session-keyfile none; notify no;\n\
             lock-file none; }};\ncontrols {{ }};\n{served}",
            folder.display()
        );
        let file = folder.join("named.conf");
        fs::write(&file, config).unwrap();
        let mut named = Command::new("/usr/sbin/named");
        named.arg("-g").arg("-c").arg(file);
        // It listens before it knows its zones.
        self.run(named, "named.log", |log| log.contains("all zones loaded"));
    }

    fn start_unbound(&mut self, zones: &[Zone]) {
        let folder = self.folder.path();
        let (ip, port) = (self.resolver.ip(), self.resolver.port());
        let mut config = format!(
            "server:\n interface: {ip}@{port}\n port: {port}\n access-control: 127.0.0.0/8 allow\n\
             do-daemonize: no\n chroot: \"\"\n username: \"\"\n directory: \"{folder}\"\n pidfile: \"\"\n\
             use-syslog: no\n logfile: \"\"\n val-log-level: 2\n num-threads: 1\n do-ip6: no\n\
             module-config: \"validator iterator\"\n trust-anchor-file: \"{folder}/root.key\"\n\
             do-not-query-localhost: no\n val-nsec3-keysize-iterations: \"1024 200\"\n\
             remote-control:\n control-enable: no\n",
            folder = folder.display()
        );
        for zone in zones.iter().map(|zone| zone.0).chain(["."]) {
            let (ip, port) = (self.authority.ip(), self.authority.port());
            writeln!(
                config,
                "stub-zone:\n name: \"{zone}\"\n stub-addr: {ip}@{port}"
            )
            .unwrap();
        }
        let file = folder.join("unbound.conf");
        fs::write(&file, config).unwrap();
        let mut unbound = Command::new("/usr/sbin/unbound");
        unbound.arg("-d").arg("-c").arg(file);
        let resolver = self.resolver;
        self.run(unbound, "unbound.log", |_| {
            TcpStream::connect(resolver).is_ok()
        });
    }

    /// Starts a server, and waits until it is ready, which its log may say.
    fn run(&mut self, mut command: Command, log: &str, ready: impl Fn(&str) -> bool) {
        let log = self.folder.path().join(log);
        let file = fs::File::create(&log).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        let mut child = command.spawn().unwrap();
        eventually(&format!("{command:?}"), || {
            let said = fs::read_to_string(&log).unwrap();
            if let Ok(Some(status)) = child.try_wait() {
                panic!("{status}: {said}");
            }
            ready(&said)
        });
        self.servers.push(child);
    }

    /// What the validating resolver said of itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("unbound.log")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for server in &mut self.servers {
            server.kill().ok();
            server.wait().ok();
        }
    }
}

fn serve(config: &mut String, name: &str, file: &Path) {
    let file = file.display();
    writeln!(
        config,
        "zone \"{name}\" {{ type primary; file \"{file}\"; }};"
    )
    .unwrap();
}

/// Writes a zone and signs it; gives its file, and what its parent has to say of its key.
fn zone(folder: &Path, name: &str, signing: Signing, records: &str) -> (PathBuf, String) {
    let label = name.trim_end_matches('.');
    let label = if label.is_empty() { "root" } else { label };
    let plain = folder.join(format!("{label}.zone"));
    let ns = if name == "." { "ns.nsec." } else { "ns" };
    let mut text =
        format!("$ORIGIN {name}\n$TTL 300\n@ SOA {ns} hostmaster 1 7200 600 86400 60\n@ NS {ns}\n");
    if name != "." {
        text.push_str("ns A 127.0.0.1\n");
    }
    text.push_str(records);
    if signing == Signing::Unsigned {
        fs::write(&plain, text).unwrap();
        return (plain, String::new());
    }
    let key = key(folder, name);
    let public = fs::read_to_string(folder.join(format!("{key}.key"))).unwrap();
    if name == "." {
        let records = public.lines().filter(|line| !line.starts_with(';'));
        fs::write(folder.join("root.key"), records.collect::<String>()).unwrap();
    }
    fs::write(&plain, text + &public).unwrap();
    let signed = folder.join(format!("{label}.signed"));
    let mut sign = Command::new("dnssec-signzone");
    sign.current_dir(folder)
        .args(["-q", "-P", "-z", "-o", name]);
    match signing {
        Signing::Nsec3 => sign.args(["-3", "-"]),
        Signing::Nsec3Rounds => sign.args(["-3", "-", "-H", "150"]),
        Signing::Expired => sign.args(["-s", "20200101000000", "-e", "20200201000000"]),
        _ => &mut sign,
    };
    output(sign.arg("-f").arg(&signed).arg(&plain).arg(&key));
    if signing == Signing::Forged {
        // The first line of the digest of a TLSA record: no signature looks like that.
        let text = fs::read_to_string(&signed).unwrap();
        let (from, to) = ("AA".repeat(18), "BB".repeat(18));
        assert!(text.contains(&from), "no TLSA record to forge in {text}");
        fs::write(&signed, text.replace(&from, &to)).unwrap();
    }
    let named = match signing {
        Signing::WrongDs => self::key(folder, name),
        _ => key,
    };
    let mut ds = Command::new("dnssec-dsfromkey");
    let ds = output(ds.current_dir(folder).args(["-2", &named]));
    (signed, ds)
}

/// Makes a key that signs everything; gives the name of its files.
fn key(folder: &Path, zone: &str) -> String {
    let mut keygen = Command::new("dnssec-keygen");
    keygen.current_dir(folder);
    keygen.args(["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", zone]);
    output(&mut keygen).trim().to_owned()
}

pub(crate) fn output(command: &mut Command) -> String {
    let out = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// BIND, unbound and Postfix take no port 0: one that was free a moment ago, for UDP and TCP.
pub(crate) fn free_address(ip: IpAddr) -> SocketAddr {
    loop {
        let tcp = TcpListener::bind((ip, 0)).unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// Waits for a foreign program.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < give_up, "{what}: not within a minute");
        std::thread::yield_now();
    }
}
