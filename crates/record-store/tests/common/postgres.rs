//! A PostgreSQL server of one's own: a temporary cluster, an unprivileged user, a high port on loopback.
//!
//! The binaries are those of the Debian package `postgresql`. Whoever starts a server keeps the thread: the server
//! ends with it, even if the thread is killed.
#![allow(dead_code)] // each test program uses a part

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A cluster, and its server unless that is stopped.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Child>,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings (`max_connections=200`) beside ours.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        give_away(folder.path());
        let data = folder.path().join("data");
        let made = unprivileged(&program("initdb"))
            .args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8"])
            .args(["--locale", "C", "-D"])
            .arg(&data)
            .output()
            .expect("PostgreSQL is not installed");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {said}");
        let mut postgres = Self {
            folder,
            port: 0,
            settings: settings.iter().map(|&setting| setting.into()).collect(),
            server: None,
        };
        // Somebody else may take the free port in between.
        let started = (0..5).any(|_| {
            postgres.port = free_port();
            postgres.try_start()
        });
        assert!(started, "the server does not start");
        postgres
    }

    /// Starts the server that was stopped, at the same port.
    pub(crate) fn restart(&mut self) {
        assert!(self.try_start(), "the server does not start again");
    }

    fn try_start(&mut self) -> bool {
        let mut command = unprivileged(&program("postgres"));
        command.arg("-D").arg(self.data());
        let own = [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".into(),
            format!("unix_socket_directories={}", self.folder.path().display()),
            "max_connections=60".into(),
            "shared_buffers=32MB".into(),
        ];
        for setting in own.iter().chain(&self.settings) {
            command.arg("-c").arg(setting);
        }
        let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = lines(server.stderr.take().unwrap());
        let ready = log
            .iter()
            .any(|line| line.contains("ready to accept connections"));
        match ready {
            true => self.server = Some(server),
            false => drop(server.wait()),
        }
        ready
    }

    /// `pg_ctl stop -m immediate`: as if the power had failed.
    pub(crate) fn stop_immediately(&mut self) {
        self.stop("immediate");
    }

    pub(crate) fn stop(&mut self, mode: &str) {
        let stopped = unprivileged(&program("pg_ctl"))
            .args(["stop", "-m", mode, "-D"])
            .arg(self.data())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(stopped.success());
        if let Some(mut server) = self.server.take() {
            server.wait().unwrap();
        }
    }

    /// Sends a signal (`STOP`, `CONT`) to all processes of the server.
    pub(crate) fn signal(&self, signal: &str) {
        let server = self.server.as_ref().unwrap().id();
        let all = std::iter::once(server).chain(children(server));
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .args(all.map(|process| process.to_string()))
            .stderr(Stdio::null()) // one may have ended meanwhile
            .status();
        assert!(sent.is_ok());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Over TCP, in clear text.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same database behind another port.
    pub(crate) fn url_at(&self, port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
    }

    /// A new, empty database, over TCP in clear text.
    pub(crate) fn database(&self, name: &str) -> String {
        self.sql(&format!("CREATE DATABASE {name}"));
        let port = self.port;
        format!("postgres://postgres@127.0.0.1:{port}/{name}?sslmode=disable")
    }

    /// Over the Unix socket.
    pub(crate) fn url_of_socket(&self, database: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let folder = folder.replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{database}", self.port)
    }

    /// The client program, connected to a database.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", "postgres", "-d", database])
            .args(["-p", &self.port.to_string(), "-h"])
            .arg(self.folder.path());
        psql
    }

    /// Runs SQL; what it gives, without decoration.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.sql_in("postgres", sql)
    }

    pub(crate) fn sql_in(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database).args(["-c", sql]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().into()
    }

    /// The CPU time of all processes of the server until now, in seconds. Those that ended count, too.
    pub(crate) fn cpu(&self) -> f64 {
        let server = self.server.as_ref().unwrap().id();
        let own = times(server);
        let ticks: u64 = children(server).map(|child| times(child)[0]).sum();
        (own[0] + own[1] + ticks) as f64 / 100.0 // USER_HZ
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let quit = Command::new("kill")
                .args(["-QUIT", &server.id().to_string()])
                .status();
            let _ = (quit, server.wait());
        }
    }
}

/// A program of the server, which Debian keeps out of the path.
pub(crate) fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<_> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin").join(name)))
        .filter(|program| program.is_file())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// PostgreSQL refuses to run as root. The server dies with the thread that started it.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args([
            "--reuid",
            "postgres",
            "--regid",
            "postgres",
            "--clear-groups",
        ]);
    }
    command.arg("--").arg(program).current_dir("/");
    command
}

/// Lets the unprivileged user write there.
pub(crate) fn give_away(path: &Path) {
    if is_root() {
        let done = Command::new("chown")
            .arg("postgres:postgres")
            .arg(path)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "chown");
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Reads to the end, so that the writer never waits.
fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if std::env::var_os("RECORD_STORE_POSTGRES_LOG").is_some() {
                eprintln!("{line}");
            }
            let _ = sender.send(line);
        }
    });
    receiver
}

fn children(of: u32) -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes.filter_map(move |entry| {
        let process = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let parent: u32 = stat(process)?.get(1)?.parse().ok()?;
        (parent == of).then_some(process)
    })
}

/// Own and waited-for children's CPU time, in ticks.
fn times(process: u32) -> [u64; 2] {
    let fields = stat(process).unwrap_or_default();
    let field = |number: usize| fields.get(number).and_then(|f| f.parse().ok()).unwrap_or(0);
    [field(11) + field(12), field(13) + field(14)]
}

/// The fields of `/proc/PID/stat` after the name, the state first.
fn stat(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
