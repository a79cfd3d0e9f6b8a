//! Keys, certificates, ports, and programs that end with their test.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use rustls_pki_types::CertificateDer;
use tempfile::TempDir;
use tls_audit::{Net, Roots, Service, Target, examine};
use tls_policy::audit::Protocol;

pub(crate) const HOST: &str = "mail.a.test";

/// A folder that a server's own user may enter.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new()
        .permissions(PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// What kind of key, and for which name.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Ecdsa,
    Rsa2048,
}

/// A certificate that is its own authority: its file, the file of its key, and itself.
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) der: CertificateDer<'static>,
}

pub(crate) fn identity(folder: &Path, kind: Key, name: &str) -> Identity {
    let key = match kind {
        Key::Ecdsa => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        Key::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    };
    let key = key.unwrap();
    let params = CertificateParams::new([name.to_string()]).unwrap();
    let cert = params.self_signed(&key).unwrap();
    let file = |suffix: &str, text: &str| {
        let path = folder.join(format!("{}.{suffix}", name.replace('*', "star")));
        fs::write(&path, text).unwrap();
        path
    };
    Identity {
        key: file("key", &key.serialize_pem()),
        cert: file("pem", &cert.pem()),
        der: cert.der().clone(),
    }
}

/// An authority that has nothing to do with anybody.
pub(crate) fn stranger() -> CertificateDer<'static> {
    identity(folder().path(), Key::Ecdsa, "authority.test").der
}

/// A group of 1024 bits, as weak as they are.
pub(crate) fn dh1024(folder: &Path) -> PathBuf {
    let path = folder.join("dh1024.pem");
    let made = Command::new("openssl")
        .args(["dhparam", "-dsaparam", "-out"])
        .arg(&path)
        .arg("1024")
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    path
}

/// One that was free a moment ago: most servers take no port 0.
pub(crate) fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

pub(crate) fn run(command: &mut Command) {
    let out = command
        .output()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    assert!(out.status.success(), "{command:?}: {out:?}");
}

/// A server in the foreground, ended with its children when dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|why| panic!("{command:?}: {why}"));
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first, because some have children that only they can end.
        let pid = self.0.id().to_string();
        let asked = Command::new("kill").arg(pid).status();
        if !asked.is_ok_and(|status| status.success()) {
            self.0.kill().ok();
        }
        self.0.wait().ok();
    }
}

/// Until somebody listens there: the kernel's answer is waited for, in as many tries as it takes.
pub(crate) fn listening(address: SocketAddr) {
    for _ in 0..100_000 {
        if TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("nobody listens at {address}");
}

pub(crate) fn target(address: SocketAddr, protocol: Protocol) -> Target {
    Target {
        host: HOST.into(),
        protocol,
        address,
    }
}

/// The whole audit of a service, trusting these authorities.
pub(crate) fn audit(target: &Target, roots: &[&CertificateDer<'static>]) -> Service {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let net = Net::new(Duration::from_secs(20), Duration::ZERO);
    let roots = Roots::new(roots.iter().map(|der| (*der).clone()));
    runtime.block_on(examine(&net, target, 400, &roots, SystemTime::now()))
}
