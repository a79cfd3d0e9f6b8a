//! Peers that speak the Stateless OpenPGP command line, of whatever age.

use std::path::PathBuf;
use std::process::Command;

use pgp_keystore::Profile;
use tempfile::TempDir;

use crate::ours::Ours;
use crate::{BACKEND, Did, Peer, report};

/// A program, and what it calls our profiles.
pub(crate) struct Sop {
    program: Vec<String>,
    profiles: [Option<&'static str>; 3],
}

impl Sop {
    /// One of Debian, written before there were profiles.
    pub(crate) fn of_debian(program: &str) -> Self {
        Self {
            program: vec![program.into()],
            profiles: [None; 3],
        }
    }

    fn is_of(&self, backend: &str) -> bool {
        let said = self.run(&Folder::new(None), &["version", "--extended"], b"");
        said.is_ok_and(|said| String::from_utf8_lossy(&said).contains(backend))
    }

    fn run(&self, folder: &Folder, args: &[&str], input: &[u8]) -> Did<Vec<u8>> {
        let (program, first) = self.program.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(first).args(args).current_dir(folder.0.path());
        command.env("HOME", folder.0.path());
        report::run(&mut command, input)
    }
}

fn debian_tools() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools"))
}

pub(crate) fn rsop_of_debian_13() -> Sop {
    let program = debian_tools().join("debian13/rsop");
    Sop {
        program: vec!["sh".into(), program.display().to_string()],
        profiles: [
            Some("draft-koch-eddsa-for-openpgp-00"),
            Some("rfc9580"),
            None,
        ],
    }
}

/// Of the Rust registry, with post-quantum keys.
pub(crate) fn rsop_12() -> Sop {
    let program = debian_tools().join("rsop12/bin/rsop");
    Sop {
        program: vec![program.display().to_string()],
        profiles: [
            Some("draft-koch-eddsa-for-openpgp-00"),
            Some("rfc9580"),
            Some("rfc9980"),
        ],
    }
}

/// The example of our crate with our own backend, which cargo builds together with the tests of the whole workspace.
pub(crate) fn ours() -> Sop {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = target.map_or_else(beside_this_test, |target| target.join("debug"));
    let program = folder
        .join("examples")
        .join(format!("sop{}", std::env::consts::EXE_SUFFIX));
    let sop = Sop {
        program: vec![program.display().to_string()],
        profiles: [Some("compat"), Some("modern"), Some("post-quantum")],
    };
    if !program.exists() || !sop.is_of(&pgp_keystore::backend()) {
        let built = Command::new(env!("CARGO"))
            .args(["build", "-q", "-p", "pgp-keystore", "--example", "sop"])
            .args(["--features", &format!("{BACKEND},store")])
            .status();
        assert!(built.unwrap().success());
        assert!(sop.is_of(&pgp_keystore::backend()));
    }
    sop
}

fn beside_this_test() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path
}

/// Files for one call. One of the programs looks at the first five letters of each name.
struct Folder(TempDir);

impl Folder {
    fn new(ours: Option<&Ours>) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        if let Some(ours) = ours {
            folder.put("key.asc", &ours.key);
            folder.put("cert.asc", &ours.certificate);
        }
        folder
    }

    fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.0.path().join(name), octets).unwrap();
    }
}

/// A valid signature is a line with the fingerprint of the certificate.
fn is_told(verified: &str, ours: &Ours) -> Did<()> {
    match verified.to_uppercase().contains(&ours.fingerprint) {
        true => Ok(()),
        false => Err(format!("verified: {verified:?}")),
    }
}

impl Peer for Sop {
    fn version(&mut self) -> String {
        let said = self.run(&Folder::new(None), &["version"], b"").unwrap();
        let said = String::from_utf8(said).unwrap();
        said.lines().next().unwrap().trim().into()
    }

    fn import(&mut self, ours: &Ours) -> Did<Vec<u8>> {
        self.run(&Folder::new(None), &["extract-cert"], &ours.key)
    }

    fn export(&mut self, profile: Profile) -> Did<Vec<u8>> {
        let at = crate::PROFILES.iter().position(|p| *p == profile).unwrap();
        let profile = self.profiles[at].map(|name| format!("--profile={name}"));
        let mut args = vec!["generate-key"];
        args.extend(profile.as_deref());
        args.push("Peer <peer@example.net>");
        self.run(&Folder::new(None), &args, b"")
    }

    fn encrypt(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        let folder = Folder::new(Some(ours));
        let args = ["encrypt", "--no-armor", "--sign-with=key.asc", "cert.asc"];
        self.run(&folder, &args, content)
    }

    fn decrypt(&mut self, ours: &Ours, message: &[u8]) -> Did<Vec<u8>> {
        let folder = Folder::new(Some(ours));
        // As it was called before it became `--verifications-out`, which remains its other name.
        let args = [
            "decrypt",
            "--verify-out=verified",
            "--verify-with=cert.asc",
            "key.asc",
        ];
        let content = self.run(&folder, &args, message)?;
        let verified =
            std::fs::read_to_string(folder.0.path().join("verified")).unwrap_or_default();
        is_told(&verified, ours)?;
        Ok(content)
    }

    fn sign(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        self.run(
            &Folder::new(Some(ours)),
            &["sign", "--no-armor", "key.asc"],
            content,
        )
    }

    fn verify(&mut self, ours: &Ours, content: &[u8], signature: &[u8]) -> Did<()> {
        let folder = Folder::new(Some(ours));
        folder.put("signature", signature);
        let said = self.run(&folder, &["verify", "signature", "cert.asc"], content)?;
        is_told(&String::from_utf8_lossy(&said), ours)
    }
}
