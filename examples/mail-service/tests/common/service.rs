//! The real program: a child process with a folder, a configuration and a zone of its own, on ports of its choice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::pop3::Pop3;
use super::{PATIENCE, Peer, eventually};

/// The account.
pub(crate) const USER: &str = "bob@b.test";
/// Its password.
pub(crate) const PASSWORD: &str = "two lanterns over the harbour";

/// With which a service of breaches is asked.
pub(crate) const BREACH_KEY: &str = "0123456789abcdef0123456789abcdef";

/// What the tests' domains publish: a.test sends from loopback, bank.test sends nothing from here.
const ZONE: &str = r#"{
  "a.test": [["MX", 10, "mail.a.test"], ["TXT", ["v=spf1 ip4:127.0.0.0/8 -all"]]],
  "_dmarc.a.test": [["TXT", ["v=DMARC1; p=reject"]]],
  "client.a.test": [["A", "127.0.0.1"], ["TXT", ["v=spf1 a -all"]]],
  "b.test": [["MX", 10, "mail.b.test"]],
  "silent.test": [["TIMEOUT"]],
  "bank.test": [["MX", 10, "mail.bank.test"], ["TXT", ["v=spf1 ip4:192.0.2.1 -all"]]],
  "_dmarc.bank.test": [["TXT", ["v=DMARC1; p=reject"]]]
}"#;

/// Whether the store syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// As always.
    Full,
    /// The mutation: a store that leaves it to the system.
    Off,
}

/// Settings other than the defaults.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    limits: String,
    sync: Sync,
    resolver: String,
    store: String,
    account: Account,
    secure: String,
    tls: String,
    /// Whether the server has a key-encryption key.
    kek: bool,
    alarm: String,
    password: String,
    breach_alerts: String,
}

/// Whether the service's account is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Account {
    /// It is made.
    New,
    /// It is.
    There,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: String::new(),
            sync: Sync::Full,
            resolver: "{ zone = \"zone.json\" }".into(),
            store: "sqlite:mail.db".into(),
            account: Account::New,
            secure: String::new(),
            tls: String::new(),
            kek: false,
            alarm: "wrap".into(),
            breach_alerts: String::new(),
            password: String::new(),
        }
    }
}

impl Options {
    pub(crate) fn connections(self, most: usize) -> Self {
        self.limit("connections", most)
    }

    pub(crate) fn connections_per_address(self, most: usize) -> Self {
        self.limit("connections_per_address", most)
    }

    pub(crate) fn message_octets(self, most: usize) -> Self {
        self.limit("message_octets", most)
    }

    pub(crate) fn errors(self, most: usize) -> Self {
        self.limit("errors", most)
    }

    pub(crate) fn sync(mut self, sync: Sync) -> Self {
        self.sync = sync;
        self
    }

    pub(crate) fn validation_seconds(self, most: usize) -> Self {
        self.limit("validation_seconds", most)
    }

    /// Asks this server instead of the zone.
    pub(crate) fn dns_server(mut self, address: SocketAddr) -> Self {
        self.resolver = format!("{{ servers = [\"{address}\"] }}");
        self
    }

    /// Every account has an address in secure.b.test, too.
    pub(crate) fn secure(mut self) -> Self {
        self.secure = "secure = { \"secure.b.test\" = \"b.test\" }\n".into();
        self
    }

    /// The profile of TLS.
    pub(crate) fn profile(mut self, profile: &str) -> Self {
        writeln!(self.tls, "profile = \"{profile}\"").unwrap();
        self
    }

    /// Certificate and key, beside the configuration.
    pub(crate) fn certificate(mut self, certificate: &Path, key: &Path) -> Self {
        let (certificate, key) = (certificate.display(), key.display());
        writeln!(self.tls, "certificate = \"{certificate}\"\nkey = \"{key}\"").unwrap();
        self
    }

    /// The server can use keys of its users.
    #[allow(dead_code)] // of the tests of OpenPGP
    pub(crate) fn kek(mut self) -> Self {
        self.kek = true;
        self
    }

    /// Who knows breached passwords, and what else is in that section.
    #[allow(dead_code)] // of the tests of safety
    pub(crate) fn password(mut self, settings: &str) -> Self {
        self.password = settings.into();
        self
    }

    /// What becomes of mail that raises the alarm.
    #[allow(dead_code)] // of the tests of OpenPGP
    pub(crate) fn alarm(mut self, alarm: &str) -> Self {
        self.alarm = alarm.into();
        self
    }

    /// Asks this service about breaches; the key is that of [`BREACH_KEY`].
    #[allow(dead_code)] // of the tests of breach alerts
    pub(crate) fn breach_alerts(mut self, service: &str) -> Self {
        self.breach_alerts = format!("service = \"{service}\"\nkey_file = \"breach-key\"\n");
        self
    }

    /// Keeps everything there.
    pub(crate) fn store(mut self, location: &str) -> Self {
        self.store = location.into();
        self
    }

    /// Keeps everything there, where others do, too.
    pub(crate) fn join(mut self, location: &str) -> Self {
        self.account = Account::There;
        self.store(location)
    }

    fn limit(mut self, name: &str, most: usize) -> Self {
        writeln!(self.limits, "{name} = {most}").unwrap();
        self
    }

    fn toml(&self) -> String {
        let pragmas = match self.sync {
            Sync::Full => "",
            Sync::Off => "PRAGMA synchronous = OFF",
        };
        let kek = match self.kek {
            true => "kek = \"server.kek\"",
            false => "",
        };
        let alarm = &self.alarm;
        format!(
            "hostname = \"mail.b.test\"\n\
             alarm = \"{alarm}\"\n\
             data_dir = \"data\"\n\
             store = \"{}\"\n\
             domains = [\"b.test\"]\n\
             postmaster = \"{USER}\"\n\
             resolver = {}\n\
             danger_store_pragmas = \"{pragmas}\"\n\
             {}\
             [tls]\n{}\
             [openpgp]\n{kek}\n\
             [breach_alerts]\n{}\
             [password]\n{}\n\
             [listen]\n\
             smtp = [\"127.0.0.1:0\"]\n\
             pop3s = [\"127.0.0.1:0\"]\n\
             [log]\n\
             filter = \"warn\"\n\
             [limits]\n{}",
            self.store,
            self.resolver,
            self.secure,
            self.tls,
            self.breach_alerts,
            self.password,
            self.limits
        )
    }
}

/// The service; killed when it is dropped.
pub(crate) struct Service {
    child: Child,
    smtp: SocketAddr,
    pop3: SocketAddr,
    lines: Mutex<Receiver<String>>,
    folder: tempfile::TempDir,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(&Options::default())
    }

    pub(crate) fn start_with(options: &Options) -> Self {
        Self::start_under(Command::new("env"), options)
    }

    /// Started by another program, which gets the command line as its last arguments and the folder of the data in
    /// `$DATA`, and must `exec`.
    pub(crate) fn start_under(wrapper: Command, options: &Options) -> Self {
        Self::build(wrapper, options, |_| {})
    }

    /// Started when what the configuration names lies beside it.
    #[allow(dead_code)] // of the tests of safety
    pub(crate) fn start_after(options: &Options, prepare: impl FnOnce(&Path)) -> Self {
        Self::build(Command::new("env"), options, prepare)
    }

    fn build(mut wrapper: Command, options: &Options, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("zone.json"), ZONE).unwrap();
        std::fs::write(folder.path().join("mail-service.toml"), options.toml()).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        prepare(folder.path());
        wrapper.env("DATA", folder.path().join("data"));
        wrapper.arg(env!("CARGO_BIN_EXE_mail-service"));
        // All nodes of a store have the same, and so has whoever restores it.
        factor_keys(&folder.path().join("data.second-factor-keys"));
        private(&folder.path().join("breach-key"), BREACH_KEY);
        if options.account == Account::New {
            add_user(folder.path(), USER);
        }
        if options.kek {
            let mut make = Command::new(env!("CARGO_BIN_EXE_mail-service"));
            make.args(["key", "kek", "--config"])
                .arg(folder.path().join("mail-service.toml"));
            assert!(make.output().unwrap().status.success());
        }
        let (child, smtp, pop3, lines) = spawn(&mut wrapper, folder.path());
        Self {
            child,
            smtp,
            pop3,
            lines: Mutex::new(lines),
            folder,
        }
    }

    /// Another account, with the same password.
    pub(crate) fn add_user(&self, address: &str) {
        add_user(self.folder.path(), address);
    }

    /// Starts it again, without a wrapper, on the same folder. The ports are new.
    pub(crate) fn restart(&mut self) {
        self.child.wait().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
        let (child, smtp, pop3, lines) = spawn(&mut command, self.folder.path());
        (self.child, self.smtp, self.pop3) = (child, smtp, pop3);
        self.lines = Mutex::new(lines);
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("mail-service.toml")
    }

    /// SIGKILL, now.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
    }

    /// SIGTERM: asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Waits for a line of the log with these words.
    pub(crate) fn warned(&self, words: &str) -> bool {
        loop {
            match self.lines.lock().unwrap().recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return true,
                Ok(line) => println!("{line}"),
                Err(_) => return false,
            }
        }
    }

    /// SIGHUP: asks it to read its certificates again.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn pop3(&self) -> SocketAddr {
        self.pop3
    }

    /// Its name, for which its certificate is good.
    #[expect(clippy::unused_self)] // whose name it is
    pub(crate) fn name(&self) -> &'static str {
        "mail.b.test"
    }

    /// Where its files lie.
    #[allow(dead_code)] // of the tests of second factors
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What a client must trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.data().join("certificate.pem")
    }

    /// One login; `Err` is the server's refusal.
    pub(crate) fn try_login(&self) -> Result<Pop3, String> {
        Pop3::login(self.pop3, USER, PASSWORD).unwrap()
    }

    /// Logs in. A session whose connection was just dropped may hold the lock for a moment longer.
    pub(crate) fn login(&self) -> Pop3 {
        let mut session = None;
        eventually("the maildrop opens", || match self.try_login() {
            Ok(open) => {
                session = Some(open);
                true
            }
            Err(refused) => {
                assert!(refused.starts_with("[IN-USE]"), "{refused}");
                false
            }
        });
        session.unwrap()
    }
}

impl Peer for Service {
    fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn stored(&self) -> Vec<String> {
        Mailbox::default().fetch(self)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
        // What nobody waited for is shown with the test.
        for line in self.lines.lock().unwrap().try_iter() {
            println!("{line}");
        }
    }
}

/// A reader of the mailbox, who takes each message once, by its unique id.
#[derive(Default)]
pub(crate) struct Mailbox {
    seen: BTreeSet<String>,
}

impl Mailbox {
    /// What is new. What was there once must be there still.
    pub(crate) fn fetch(&mut self, service: &Service) -> Vec<String> {
        let mut session = service.login();
        let there = session.uidl().unwrap();
        let ids: BTreeSet<String> = there.iter().map(|(_, id)| id.clone()).collect();
        let gone: Vec<_> = self.seen.difference(&ids).collect();
        assert!(gone.is_empty(), "{gone:?} are gone");
        let new = there.iter().filter(|(_, id)| !self.seen.contains(id));
        let messages = new.map(|(number, _)| session.retr(*number).unwrap());
        let messages = messages.collect();
        session.command("QUIT").unwrap().unwrap();
        self.seen = ids;
        messages
    }

    /// Deletes what is there.
    pub(crate) fn clear(&mut self, service: &Service) {
        let mut session = service.login();
        for (number, _) in session.uidl().unwrap() {
            session.command(&format!("DELE {number}")).unwrap().unwrap();
        }
        session.command("QUIT").unwrap().unwrap();
        self.seen.clear();
    }
}

/// A file of keys of second factors, as the first start makes one.
fn factor_keys(file: &Path) {
    let text = format!(
        "letterlock-second-factor-keys-1\nindex 1\n1 {}\n",
        "07".repeat(32)
    );
    private(file, &text);
}

/// A new file that nobody else can read.
fn private(file: &Path, text: &str) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn add_user(folder: &Path, address: &str) {
    let mut add = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    add.args(["user", "add", address, "--password-stdin", "--config"])
        .arg(folder.join("mail-service.toml"));
    let mut add = add
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let password = format!("{PASSWORD}\n");
    add.stdin
        .take()
        .unwrap()
        .write_all(password.as_bytes())
        .unwrap();
    assert!(add.wait().unwrap().success());
}

/// Starts `serve` and waits until it says where it listens.
fn spawn(
    command: &mut Command,
    folder: &Path,
) -> (Child, SocketAddr, SocketAddr, Receiver<String>) {
    command
        .arg("serve")
        .arg("--config")
        .arg(folder.join("mail-service.toml"));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    relay(child.stdout.take().unwrap(), sender.clone());
    relay(child.stderr.take().unwrap(), sender);
    let (mut smtp, mut pop3, mut said) = (None, None, String::new());
    loop {
        let line = lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("not ready, but this:\n{said}"));
        smtp = smtp.or_else(|| address(&line, "listening smtp "));
        pop3 = pop3.or_else(|| address(&line, "listening pop3s "));
        if line == "ready" {
            break;
        }
        said = said + &line + "\n";
    }
    (child, smtp.unwrap(), pop3.unwrap(), lines)
}

/// Reads to the end, so that the child never waits for a reader; what nobody waits for is shown with the test.
fn relay(from: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Err(late) = to.send(line) {
                println!("{}", late.0);
            }
        }
    });
}

/// The address in a line that says what listens there.
fn address(line: &str, what: &str) -> Option<SocketAddr> {
    line.strip_prefix(what)?.parse().ok()
}
