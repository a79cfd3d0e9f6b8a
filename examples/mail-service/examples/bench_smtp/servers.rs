//! Both servers, on loopback ports of their own, their data side by side on one disk.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::letter::{Letter, TO};
use crate::pop3::Pop3;

const PASSWORD: &str = "two lanterns over the harbour";

/// A server whose cost is measured.
pub(crate) trait Server {
    fn name(&self) -> &'static str;
    fn address(&self) -> SocketAddr;
    /// The process whose tree does the work.
    fn root(&self) -> u32;
    /// Waits until nothing is left to do.
    fn settle(&self) -> Outcome;
}

/// The service: validates, syncs, delivers.
pub(crate) struct MailService {
    child: Child,
    address: SocketAddr,
    pop3: SocketAddr,
}

impl MailService {
    /// Starts the program of the release build.
    pub(crate) fn start(program: &Path, folder: &Path, letter: &Letter) -> Outcome<Self> {
        fs::create_dir_all(folder)?;
        let config = folder.join("mail-service.toml");
        fs::write(folder.join("zone.json"), &letter.zone)?;
        fs::write(
            &config,
            "hostname = \"mail.b.test\"\ndata_dir = \"data\"\ndomains = [\"b.test\"]\n\
             resolver = { zone = \"zone.json\" }\n\
             [listen]\nsmtp = [\"127.0.0.1:0\"]\npop3s = [\"127.0.0.1:0\"]\n\
             [log]\nformat = \"json\"\n",
        )?;
        let mut add = Command::new(program);
        add.args(["user", "add", TO, "--password-stdin", "--config"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut add = add.spawn()?;
        if let Some(mut stdin) = add.stdin.take() {
            writeln!(stdin, "{PASSWORD}")?;
        }
        if !add.wait()?.success() {
            return Err("the account could not be made".into());
        }
        let mut serve = Command::new(program);
        serve
            .args(["serve", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("log"))?);
        let mut child = serve.spawn()?;
        let mut said = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut listens = |protocol: &str| -> Outcome<SocketAddr> {
            let line = said.next().ok_or("the service ended")??;
            let address = line.strip_prefix(&format!("listening {protocol} "));
            Ok(address.ok_or_else(|| line.clone())?.parse()?)
        };
        let (address, pop3) = (listens("smtp")?, listens("pop3s")?);
        Ok(Self {
            child,
            address,
            pop3,
        })
    }

    /// Reads the mailbox as its owner does: so many messages, and each as Verified.
    pub(crate) fn all_verified(&self, messages: usize) -> Outcome {
        let mut session = Pop3::login(self.pop3, TO, PASSWORD)??;
        let (stored, _) = session.stat()?;
        let mut verified = 0;
        for number in 1..=stored {
            let header = session.lines(&format!("TOP {number} 0"))??;
            let is_verified = |line: &String| line == "Letterlock-Verdict: verified";
            verified += usize::from(header.iter().any(is_verified));
        }
        match (stored, verified) == (messages, messages) {
            true => Ok(()),
            false => Err(format!(
                "{messages} messages were sent, {stored} arrived, {verified} of them Verified"
            )
            .into()),
        }
    }
}

impl Server for MailService {
    fn name(&self) -> &'static str {
        "mail-service"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn root(&self) -> u32 {
        self.child.id()
    }

    fn settle(&self) -> Outcome {
        // 250 means stored.
        Ok(())
    }
}

impl Drop for MailService {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Postfix: syncs its queue file, validates nothing, and discards.
pub(crate) struct Postfix {
    folder: PathBuf,
    address: SocketAddr,
    master: u32,
}

impl Postfix {
    pub(crate) fn start(folder: &Path) -> Outcome<Self> {
        let (queue, data, config) = (
            folder.join("queue"),
            folder.join("data"),
            folder.join("etc"),
        );
        for dir in [&queue, &data, &config] {
            fs::create_dir_all(dir)?;
        }
        checked(Command::new("chown").arg("postfix").arg(&data))?;
        // Postfix takes no port 0: one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        fs::write(config.join("main.cf"), main_cf(folder))?;
        fs::write(config.join("master.cf"), master_cf(address))?;
        checked(Command::new("postfix").arg("-c").arg(&config).arg("start"))?;
        let pid = queue.join("pid/master.pid");
        until("Postfix has started", || Ok(pid.exists()))?;
        let master = fs::read_to_string(&pid)?.trim().parse()?;
        let started = Self {
            folder: folder.into(),
            address,
            master,
        };
        until("Postfix listens", || {
            Ok(std::net::TcpStream::connect(address).is_ok())
        })?;
        Ok(started)
    }
}

impl Server for Postfix {
    fn name(&self) -> &'static str {
        "Postfix, discard"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn root(&self) -> u32 {
        self.master
    }

    fn settle(&self) -> Outcome {
        until("the queue is empty", || {
            let mut left = 0;
            for queue in ["maildrop", "incoming", "active", "deferred"] {
                left += files(&self.folder.join("queue").join(queue))?;
            }
            Ok(left == 0)
        })
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let mut stop = Command::new("postfix");
        stop.arg("-c").arg(self.folder.join("etc")).arg("stop");
        // What it says is of no use to anybody.
        stop.output().ok();
    }
}

fn main_cf(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {folder}/queue\n\
         data_directory = {folder}/data\n\
         maillog_file = {folder}/postfix.log\n\
         maillog_file_prefixes = {folder}\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         myhostname = mail.b.test\n\
         mydestination =\n\
         mynetworks = 127.0.0.0/8\n\
         smtpd_peername_lookup = no\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n\
         smtpd_client_connection_count_limit = 0\n\
         smtpd_client_connection_rate_limit = 0\n\
         default_transport = discard:\n\
         alias_maps =\n\
         alias_database =\n"
    )
}

fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         showq unix n - n - - showq\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}

fn files(dir: &Path) -> Outcome<usize> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Ok(0);
    };
    let mut count = 0;
    for entry in entries {
        let path = entry?.path();
        count += if path.is_dir() { files(&path)? } else { 1 };
    }
    Ok(count)
}

fn checked(command: &mut Command) -> Outcome {
    let out = command.output()?;
    if out.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&out.stderr)).into())
}

fn until(what: &str, mut condition: impl FnMut() -> Outcome<bool>) -> Outcome {
    let give_up = Instant::now() + Duration::from_secs(120);
    while !condition()? {
        if Instant::now() > give_up {
            return Err(format!("waited in vain: {what}").into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
