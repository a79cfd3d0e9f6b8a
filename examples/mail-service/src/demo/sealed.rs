//! Sealed messages: Bob seals one with a password for somebody who has only a browser. What the page does in the browser
//! is done here by this program, request for request.

use super::{
    BOB, Stage,
    client::Tls,
    http::{Answer, Pages},
};
use crate::{
    Clock, headers,
    sealing::{self, Desk, Kept, Message},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use memchr::memmem;
use record_store::AnyStore;
use std::{
    error::Error,
    io::Write,
    sync::Arc,
    time::{Duration, Instant},
};
use symmetric_seal::{
    AccessProof, GeneratedPassphrase, KdfParameters, Opener, Passphrase, StretchedKey, Words,
    link::ReaderToken,
};

const TO: &str = "carol@example.net";
const SECRET: &str = "The vault is 4711.";
const SUBJECT: &str = "The vault";
/// How long the mail to the sender may take; it comes at once.
const PATIENCE: Duration = Duration::from_secs(20);

type Evidence = Result<Vec<String>, Box<dyn Error>>;

/// Who plays, and where.
struct Scene<'a> {
    stage: &'a Stage,
    store: Arc<AnyStore>,
    clock: &'a Clock,
    pages: Pages,
}

/// For a real browser.
pub(super) struct Open {
    url: String,
    password: GeneratedPassphrase,
    fingerprint: String,
}

/// Shows it, a line each on `out`; how many lines failed, and what is left to open. None without pages.
pub(super) async fn show(
    stage: &Stage,
    clock: &Clock,
    out: &mut impl Write,
) -> Result<(usize, Option<Open>), Box<dyn Error>> {
    let Some(address) = stage.server.https().first().copied() else {
        writeln!(
            out,
            "SKIP 12 to 15 sealed messages: the pages are not part of this program; `cargo xtask demo` builds them"
        )?;
        return Ok((0, None));
    };
    let host = stage.config.sealed_host();
    let tls = Tls::for_name(&stage.certificate, &host)?;
    let scene = Scene {
        stage,
        store: Arc::new(stage.config.open_store()?),
        clock,
        pages: Pages { address, tls, host },
    };
    let mut failures = 0;
    let mut line = |number: u8, title: &str, came: Evidence| match came {
        Ok(evidence) => {
            writeln!(out, "PASS {number} {title}")?;
            evidence
                .iter()
                .try_for_each(|line| writeln!(out, "       {line}"))
        }
        Err(error) => {
            failures += 1;
            writeln!(out, "FAIL {number} {title}: {error}")
        }
    };
    let password = Passphrase::generate(Words::SEVEN)?;
    let (kept, invitation) = scene.seal(2, &password).await?;
    let title =
        "sealed: the mail to a recipient without OpenPGP holds a link, and nothing of the message";
    line(12, title, innocent(&kept, &invitation))?;
    let title = "sealed: looking at the link, as scanners of mail do, consumes nothing";
    line(13, title, scene.looks(&kept).await)?;
    let title = "sealed: a wrong password opens nothing, and the right one opens it, here and not at the server";
    line(14, title, Box::pin(scene.opens(&kept, &password)).await)?;
    let title = "sealed: the sender is told that it was opened, in his mailbox";
    line(15, title, scene.told(&kept).await)?;
    let password = Passphrase::generate(Words::SEVEN)?;
    let open = Open {
        url: scene.seal(10, &password).await?.0.url,
        password,
        fingerprint: stage.fingerprint()?,
    };
    Ok((failures, Some(open)))
}

impl Open {
    /// What to type, and where.
    pub(super) fn tell(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(
            out,
            "Browser: {}\n         password: {}\n         \
             It will warn: the certificate is the demonstration's own, with the SHA-256 fingerprint\n         {}",
            self.url,
            self.password.as_str(),
            self.fingerprint,
        )
    }
}

impl Scene<'_> {
    /// What is kept, and the mail with its link.
    async fn seal(
        &self,
        views: u8,
        password: &GeneratedPassphrase,
    ) -> Result<(Kept, String), Box<dyn Error>> {
        let mut message = Message::new(BOB, TO, SUBJECT);
        message.text = format!("Dear Carol,\n\n{SECRET}\n\nBob\n");
        message.attachments = vec![("plan.txt".into(), b"left, right, left\n".to_vec())];
        message.hint = Some("the seven words that Bob has read to you".into());
        message.views = views;
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let desk = Desk::new(&self.stage.config, store, clock)?;
        let (order, now) = (message.order()?, self.clock.now());
        let (sealed, _) = sealing::seal(&message, &password.passphrase(), now)?;
        let proof = sealed.receipt().proof_hash();
        let kept = Box::pin(desk.keep(&order, sealed.message(), proof)).await?;
        let invitation = desk.invitation(&order, &kept, None)?;
        Ok((kept, invitation))
    }

    async fn post(
        &self,
        kept: &Kept,
        what: &str,
        body: &serde_json::Value,
    ) -> Result<Answer, Box<dyn Error>> {
        let path = format!("/api/links/{}/{what}", *kept.id.to_text());
        self.pages.ask("POST", &path, &body.to_string()).await
    }

    /// What everybody with the link may know.
    async fn challenge(&self, kept: &Kept) -> Result<serde_json::Value, Box<dyn Error>> {
        self.post(kept, "challenge", &serde_json::json!({}))
            .await?
            .json()
    }

    async fn views_left(&self, kept: &Kept) -> Result<u64, Box<dyn Error>> {
        let left = self.challenge(kept).await?["views_left"].as_u64();
        Ok(left.ok_or("nothing is said of views")?)
    }

    async fn looks(&self, kept: &Kept) -> Evidence {
        let before = self.views_left(kept).await?;
        let path = format!("/s/{}", *kept.id.to_text());
        let mut evidence = Vec::new();
        for method in ["HEAD", "GET"] {
            let answer = self.pages.ask(method, &path, "").await?;
            if answer.status != 200 || memmem::find(&answer.body, SECRET.as_bytes()).is_some() {
                return Err(format!("{method} is answered by {}", answer.status).into());
            }
            let octets = answer.body.len();
            let said = format!("{method}:");
            evidence.push(format!("{said:<8} 200, {octets} octets of the page"));
        }
        match self.views_left(kept).await? {
            after if after == before => {
                evidence.push(format!("views:   {after} left, as before"));
                Ok(evidence)
            }
            after => Err(format!("{before} views were left, and are {after} now").into()),
        }
    }

    async fn opens(&self, kept: &Kept, password: &GeneratedPassphrase) -> Evidence {
        let challenge = self.challenge(kept).await?;
        let kdf = parameters(&challenge).ok_or("the challenge cannot be read")?;
        let wrong = key(&kdf, Passphrase::for_opening("the name of my first cat"))?;
        let refused = self.release(kept, wrong.0.access_proof()).await?;
        if refused.status != 403 || refused.json()?["code"] != "link.wrong-proof" {
            return Err(format!("the wrong one is answered by {}", refused.status).into());
        }
        let before = self.views_left(kept).await?;
        let (right, took) = key(&kdf, password.passphrase())?;
        let released = self.release(kept, right.access_proof()).await?;
        if released.status != 200 {
            return Err(format!("the right one is answered by {}", released.status).into());
        }
        let octets = released.body.len();
        if memmem::find(&released.body, SECRET.as_bytes()).is_some() {
            return Err("the server had it in clear".into());
        }
        let opened = Opener::for_links().open_with(released.body, &right)?;
        let content = opened.content();
        for part in [SECRET, SUBJECT, "plan.txt"] {
            if memmem::find(content, part.as_bytes()).is_none() {
                return Err(format!("{part} is not in it").into());
            }
        }
        let after = self.views_left(kept).await?;
        if after + 1 != before {
            return Err(format!("{before} views were left, and are {after} now").into());
        }
        Ok(vec![
            "wrong:   403 link.wrong-proof, and not an octet of the message".into(),
            format!(
                "right:   {octets} sealed octets; Argon2 took {} ms on this machine",
                took.as_millis()
            ),
            format!("opened:  Subject: {SUBJECT}; {SECRET}; with plan.txt"),
            format!("views:   {after} left"),
        ])
    }

    async fn release(&self, kept: &Kept, proof: &AccessProof) -> Result<Answer, Box<dyn Error>> {
        let mut octets = [0; ReaderToken::OCTETS];
        aws_lc_rs::rand::fill(&mut octets)?;
        let reader = ReaderToken::from_octets(octets);
        let body = serde_json::json!({ "proof": *proof.to_text(), "reader": *reader.to_text() });
        self.post(kept, "release", &body).await
    }

    /// Waits for the mail that tells of it.
    async fn told(&self, kept: &Kept) -> Evidence {
        let label = crate::receipts::label(&kept.id);
        let end = Instant::now() + PATIENCE;
        let mail = loop {
            let (mail, _) = self.stage.newest().await?;
            if memmem::find(&mail, label.as_bytes()).is_some() {
                break mail;
            }
            if Instant::now() > end {
                return Err("nothing has come".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        for hidden in [SECRET, SUBJECT, kept.id.to_text().as_str()] {
            if memmem::find(&mail, hidden.as_bytes()).is_some() {
                return Err("the mail says more than it may".into());
            }
        }
        let subject = super::unfolded(headers::find(&mail, "Subject").unwrap_or_default());
        let body = memmem::find(&mail, b"\r\n\r\n").map_or(0, |end| end + 4);
        let body = String::from_utf8_lossy(mail.get(body..).unwrap_or_default()).into_owned();
        let lines = body.lines().filter(|line| !line.is_empty());
        let mut evidence = vec![format!("subject: {}", subject.trim())];
        evidence.extend(lines.map(|line| format!("told:    {line}")));
        Ok(evidence)
    }
}

/// The mail says where the message is, and nothing of it.
fn innocent(kept: &Kept, invitation: &str) -> Evidence {
    let url = &kept.url;
    for hidden in [SECRET, SUBJECT, "plan.txt"] {
        if invitation.contains(hidden) {
            return Err(format!("{hidden:?} is in the mail").into());
        }
    }
    if !invitation.contains(&format!("To: <{TO}>")) {
        return Err("the mail is not for its recipient".into());
    }
    let octets = invitation.len();
    Ok(vec![
        format!("link:    {url}"),
        format!("mail:    {octets} octets; no subject, no text, no name of an attachment"),
    ])
}

/// Salt and costs of Argon2, as the page reads them.
fn parameters(challenge: &serde_json::Value) -> Option<KdfParameters> {
    let number = |name: &str| u8::try_from(challenge[name].as_u64()?).ok();
    let salt = URL_SAFE_NO_PAD.decode(challenge["salt"].as_str()?).ok()?;
    let (passes, lanes) = (number("passes")?, number("lanes")?);
    KdfParameters::new(
        salt.try_into().ok()?,
        passes,
        lanes,
        number("memory_exponent")?,
    )
    .ok()
}

/// What a password gives, and how long that took.
fn key(
    kdf: &KdfParameters,
    password: Passphrase,
) -> Result<(StretchedKey, Duration), Box<dyn Error>> {
    let start = Instant::now();
    let key = Opener::for_links().derive(kdf, &password)?;
    Ok((key, start.elapsed()))
}
