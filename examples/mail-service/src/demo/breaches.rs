//! Breaches: a password that others know is refused, and Dora is told that her address was found. Both services that are asked
//! are on loopback, and what they know is made up.

use super::{
    Stage, client,
    forms::Browser,
    peers::{Breaches, KEY, Peer},
};
use crate::{Accounts, Chosen, Clock, Config, Language, Opens, Server, new_password, secret_file};
use breach_check::{
    Answer, End, HashKind, Http, HttpFault, PasswordHash, Range,
    addresses::Address,
    ranges::{self, Base, Completeness, Download, Keeper, Kept, Start},
};
use std::{error::Error, io::Write, path::Path, sync::Arc, time::Duration};
use zeroize::Zeroizing;

const DORA: &str = "dora@b.test";
/// Long, easy to remember, and known to others.
const BREACHED: &str = "seven grey herons at dusk";
const FRESH: &str = "my kettle hums in a minor key";
/// How often it is tried whether her mail is there, and how long it is waited in between.
const TRIES: usize = 1200;
const BETWEEN: Duration = Duration::from_millis(50);

type Evidence = Result<Vec<String>, Box<dyn Error>>;

/// Shows it, a line each on `out`; how many lines failed.
pub(super) async fn show(
    stage: &Stage,
    folder: &Path,
    clock: &Clock,
    out: &mut impl Write,
) -> Result<usize, Box<dyn Error>> {
    writeln!(out, "\nBreaches:")?;
    let scene = Scene::new(stage, folder, clock).await?;
    // By the password that she has until now.
    let told = scene.address().await;
    let mut failures = 0;
    for (number, title, came) in [
        (
            27,
            "breaches: a password that others know is refused, and five characters of its hash were sent",
            scene.password().await,
        ),
        (
            28,
            "breaches: Dora is told by mail where her address was found, and six characters of its hash were sent",
            told,
        ),
    ] {
        match came {
            Ok(evidence) => {
                writeln!(out, "PASS {number} {title}")?;
                for line in evidence {
                    writeln!(out, "       {line}")?;
                }
            }
            Err(error) => {
                failures += 1;
                writeln!(out, "FAIL {number} {title}: {error}")?;
            }
        }
    }
    scene.server.shut_down().await;
    Ok(failures)
}

struct Scene {
    server: Server,
    config: Config,
    password: Zeroizing<String>,
    ranges: Peer,
    breaches: Peer,
}

impl Scene {
    /// A service of its own, with Dora's account.
    async fn new(stage: &Stage, folder: &Path, clock: &Clock) -> Result<Self, Box<dyn Error>> {
        let server = range_server(&folder.join("ranges")).await?;
        let ranges = Peer::start(move |request| server.answer(request)).await?;
        let world = Breaches::default();
        world.put(DORA, &["Teapots"]);
        let breaches = world.serve().await?;
        let key_file = folder.join("breach-api-key");
        secret_file::write_new(&key_file, &format!("{KEY}\n"))?;

        let mut config = stage.config.clone();
        config.data_dir = folder.join("breaches");
        config.web.port = None;
        config.password.ranges = Some(ranges.url());
        config.breach_alerts.service = Some(format!("{}/api/v3", breaches.url()));
        config.breach_alerts.key_file = Some(key_file);
        config.prepare()?;
        let password = new_password()?;
        let accounts = Accounts::new(Arc::new(config.open_store()?));
        let chosen = Chosen::unchecked(&password);
        accounts.add(DORA, &chosen, clock.now()).await?;
        Ok(Self {
            server: Box::pin(Server::start(config.clone(), clock.clone())).await?,
            config,
            password,
            ranges,
            breaches,
        })
    }

    fn tls(&self, name: &str) -> Result<client::Tls, Box<dyn Error>> {
        client::Tls::for_name(&self.config.data_dir.join("certificate.pem"), name)
    }

    async fn password(&self) -> Evidence {
        let refused = match self.server.https().first() {
            Some(https) => {
                let host = self.config.site_host();
                let mut browser = Browser::new(*https, self.tls(&host)?, host);
                self.on_the_page(&mut browser).await?
            }
            // Without the pages, as `user password` asks.
            None => self.by_the_rules().await?,
        };
        let heard = self.ranges.heard();
        let mut sent: Vec<_> = heard
            .lines()
            .filter(|line| line.starts_with("GET "))
            .collect();
        sent.dedup();
        for word in [BREACHED, FRESH] {
            let hash = PasswordHash::sha1(word);
            if !sent.contains(&&*format!("GET /range/{} HTTP/1.1", hash.range())) {
                return Err(format!("{sent:?} were sent").into());
            }
            leaves(&heard, &hash, 5)?;
        }
        Ok(vec![
            format!("refused: {refused}"),
            format!("sent:    {}; nothing else of a password", sent.join(", ")),
        ])
    }

    /// Dora tries the password that is known, and then another one.
    async fn on_the_page(&self, browser: &mut Browser) -> Result<String, Box<dyn Error>> {
        const PAGE: &str = "/account/password";
        browser.get("/login").await?;
        let login = [("user", DORA), ("password", &**self.password)];
        browser.post("/login", &login).await?;
        let change = |new| [("password", &**self.password), ("new", new), ("again", new)];
        browser.get(PAGE).await?;
        let refused = browser.post(PAGE, &change(BREACHED)).await?;
        let (status, why) = (refused.status, refused.inner("new-error"));
        let why = why.ok_or_else(|| format!("status {status}, and no reason"))?;
        let taken = browser.post(PAGE, &change(FRESH)).await?;
        match (status, taken.status, why.contains("breach")) {
            (422, 200, true) => Ok(format!("status {status}: {why}")),
            (_, other, _) => Err(format!("status {status}, then {other}: {why}").into()),
        }
    }

    async fn by_the_rules(&self) -> Result<String, Box<dyn Error>> {
        let (rules, alone) = (self.server.logins().rules(), Opens::Alone);
        let Err(why) = rules.choose(DORA, BREACHED, alone).await else {
            return Err("it was accepted".into());
        };
        rules.choose(DORA, FRESH, alone).await?;
        let reasons = why.guidance(Language::English).join(" ");
        Ok(format!("{}: {reasons}", why.code()))
    }

    async fn address(&self) -> Evidence {
        let pop3s = *self.server.pop3s().first().ok_or("no POP3S")?;
        let tls = self.tls("localhost")?;
        let mut mail = None;
        for _ in 0..TRIES {
            // A mailbox without mail has no newest message.
            if let Ok((found, _)) = client::fetch(pop3s, &tls, DORA, &self.password).await {
                mail = Some(found);
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        let mail = String::from_utf8(mail.ok_or("no mail has come")?)?;
        let line = |start: &str| {
            let line = mail.lines().find(|line| line.starts_with(start));
            line.map(str::to_owned)
                .ok_or_else(|| format!("no {start:?} in {mail}"))
        };
        let (subject, breach, lost) = (
            line("Subject: ")?,
            line("> Breach: Teapots")?,
            line("> What was lost: ")?,
        );
        let (heard, address) = (self.breaches.heard(), Address::parse(DORA)?);
        let sent = format!("GET /api/v3/breachedaccount/range/{} ", address.range());
        if !heard.contains(&sent) {
            return Err(format!("{sent:?} was not sent").into());
        }
        leaves(&heard, &PasswordHash::sha1(DORA), 6)?;
        if heard.contains("dora") || heard.contains("b.test") {
            return Err("the address was sent".into());
        }
        Ok(vec![
            format!("mail:    {subject}"),
            format!("         {breach}; {}", lost.trim_start_matches("> ")),
            format!("sent:    {sent}and nothing else of the address"),
        ])
    }
}

/// No more of a hash was sent than so many characters from its beginning.
fn leaves(heard: &str, hash: &PasswordHash, most: usize) -> Result<(), Box<dyn Error>> {
    let (heard, hex) = (heard.to_uppercase(), hash.hex());
    let parts = (0..hex.len().saturating_sub(most)).filter_map(|at| hex.get(at..=at + most));
    match parts.into_iter().find(|part| heard.contains(part)) {
        None => Ok(()),
        Some(_) => Err("more of a hash was sent".into()),
    }
}

/// A range service from kept ranges, as who runs one has it.
async fn range_server(folder: &Path) -> Result<ranges::Server, Box<dyn Error>> {
    let wanted = [BREACHED, FRESH].map(|word| PasswordHash::sha1(word).range());
    let base = Base::new("http://127.0.0.1")?;
    // Two ranges are too few to say how long one must be.
    let all = Completeness::unchecked();
    let mut keeper = Keeper::open(folder, HashKind::Sha1, all, Start::Resume)?;
    let download = Download::new(MadeUp, base, "demonstration", tokio::time::sleep)?;
    let report = download.run(&mut keeper, wanted.to_vec(), |_| {}).await?;
    match report.is_complete() {
        true => Ok(ranges::Server::new(Kept::open(folder)?)),
        false => Err("the ranges were not kept".into()),
    }
}

/// Ranges in which one hash is that of a password, and some are of nothing.
struct MadeUp;

impl Http for MadeUp {
    async fn send(&self, request: axum::http::Request<()>, _: usize) -> Result<Answer, HttpFault> {
        let range = request.uri().path().rsplit('/').next();
        let range = range.and_then(Range::from_hex).ok_or(HttpFault::Refused)?;
        let mut lines: Vec<String> = (0..16_u8)
            .map(|n| format!("{n:X}{}:{}", "0".repeat(34), n + 1))
            .collect();
        let hash = PasswordHash::sha1(BREACHED);
        if hash.range() == range {
            let suffix = hash.hex().get(5..).unwrap_or_default().to_owned();
            lines.push(format!("{suffix}:4711"));
        }
        lines.sort();
        let body = lines.join("\r\n").into_bytes();
        Ok(Answer::new(axum::http::Response::new(body), End::Length))
    }
}
