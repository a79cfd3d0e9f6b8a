//! OpenPGP: Bob's keys in the service, and Alice and her forger with a real GnuPG.

use super::{
    BOB, Seen, Stage,
    client::Tls,
    gpg::{Gpg, PASSPHRASE},
    http::Pages,
    unfolded,
};
use crate::{
    Clock, Switch, headers, notice,
    openpgp::{Keyring, OpenPgp, Opener, Signing, Wanted},
};
use memchr::memmem;
use pgp_keystore::{
    Fingerprint, Limits, Passphrase, Profile, Unlocked, Use,
    custody::Custody,
    mime::{self, Kind},
    wkd,
};
use std::{error::Error, io::Write, sync::Arc};

const ALICE: &str = "alice@a.test";
const OLD: &str = "The spare key lies under the third flower pot.";

type Evidence = Result<Vec<String>, Box<dyn Error>>;

/// Who plays, and where.
struct Scene<'a> {
    stage: &'a Stage,
    clock: &'a Clock,
    bob: &'a Keyring<'a>,
    /// Bob as he was before, Alice, and somebody who has given himself her name.
    gpg: [Gpg; 3],
}

/// Shows it, a line each on `out`; how many lines failed.
pub(super) async fn show(
    gpg: Switch,
    stage: &Stage,
    clock: &Clock,
    out: &mut impl Write,
) -> Result<usize, Box<dyn Error>> {
    let version = match gpg {
        Switch::On => Gpg::version()
            .ok_or("gpg is not installed here; `cargo xtask demo` installs it where it may"),
        Switch::Off => Err("a real gpg was not asked for"),
    };
    let version = match version {
        Ok(version) => version,
        Err(why) => {
            writeln!(out, "SKIP 16 to 22 OpenPGP: {why}")?;
            return Ok(0);
        }
    };
    writeln!(out, "\nOpenPGP, beside {version}:")?;
    let pgp = OpenPgp::new(
        &stage.config,
        Arc::new(stage.config.open_store()?),
        clock.clone(),
    )?;
    let bob = pgp.keyring(BOB).await?;
    let scene = Scene {
        stage,
        clock,
        bob: &bob,
        gpg: [Gpg::new()?, Gpg::new()?, Gpg::new()?],
    };
    let [_, alice, forger] = &scene.gpg;
    alice.generate("Alice <alice@a.test>").await?;
    forger.generate("Alice <alice@a.test>").await?;
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
    let title = "OpenPGP: a key is generated for Bob, published, and found by HTTPS; gpg takes it";
    line(16, title, scene.generated().await)?;
    let title = "OpenPGP: Bob's key of a real gpg moves in, and the older message still opens";
    line(17, title, scene.imported().await)?;
    let title = "OpenPGP: a mail that Alice's gpg has signed is verified, and her key is kept";
    line(18, title, scene.signed().await)?;
    let title =
        "OpenPGP: forged in her name, signed with another key: the alarm, though SPF says yes";
    line(19, title, scene.forged().await)?;
    let title = "OpenPGP: her signed text was changed on the way: the alarm";
    line(20, title, scene.altered().await)?;
    let title = "OpenPGP: the plan of an answer says who could read it and why; her gpg reads it";
    line(21, title, scene.answered().await)?;
    let title = "OpenPGP: mail to Bob is encrypted to his key before it is stored";
    line(22, title, scene.kept_closed().await)?;
    Ok(failures)
}

impl Scene<'_> {
    fn gpgs(&self) -> (&Gpg, &Gpg, &Gpg) {
        let [bob, alice, forger] = &self.gpg;
        (bob, alice, forger)
    }

    async fn generated(&self) -> Evidence {
        let recovery = self.bob.set_up(Custody::Server, None).await?;
        let recovery = recovery.ok_or("he had keys already")?;
        let session = self.bob.open(&Opener::Server).await?;
        let mut wanted = Wanted::new(Profile::Compat);
        wanted.name = Some("Bob".into());
        let key = self
            .bob
            .generate(&session, &wanted, Custody::Server)
            .await?;
        self.bob.publish(key).await?;
        let mut evidence = vec![
            format!("key:     {key}, in the custody of the server"),
            format!(
                "shown once: the recovery key, {} signs",
                recovery.text().len()
            ),
        ];
        let Some(address) = self.stage.server.https().first().copied() else {
            evidence.push("no HTTPS: `cargo xtask demo` builds the pages".into());
            return Ok(evidence);
        };
        let host = "openpgpkey.b.test".to_owned();
        let tls = Tls::for_name(&self.stage.certificate, &host)?;
        let pages = Pages { address, tls, host };
        let path = format!("{}b.test/hu/{}?l=bob", wkd::PREFIX, wkd::hash("bob"));
        let answer = pages.ask("GET", &path, "").await?;
        if answer.status != 200 {
            return Err(format!("WKD says {}", answer.status).into());
        }
        let (_, alice, _) = self.gpgs();
        alice.on(&answer.body, &["--import"]).await?;
        has_key(alice, key).await?;
        evidence.push(format!("WKD:     https://openpgpkey.b.test{path}"));
        let octets = answer.body.len();
        evidence.push(format!(
            "gpg:     has imported its {octets} octets, the same key"
        ));
        Ok(evidence)
    }

    async fn imported(&self) -> Evidence {
        let (before, ..) = self.gpgs();
        before.generate("Bob, before <bob@b.test>").await?;
        let letter = format!("Content-Type: text/plain\r\n\r\n{OLD}\r\n");
        let encrypt = ["--encrypt", "--recipient", BOB, "--output", "-"];
        let old = before.on(letter.as_bytes(), &encrypt).await?;
        let export = before
            .run(&["--armor", "--export-secret-keys", BOB])
            .await?;
        let (session, now) = (self.bob.open(&Opener::Server).await?, self.clock.now());
        let generated = self.bob.default_key(Use::Sign).await?;
        let passphrase = Passphrase::from(PASSPHRASE);
        let account = self.bob.account();
        let key = account
            .import_key(&session, export, Some(&passphrase), Custody::Server, now)
            .await?;
        // The newest would be the default, if nobody chose.
        for purpose in [Use::Sign, Use::Encrypt] {
            account
                .set_default(purpose, None, Some(generated), now)
                .await?;
        }
        let received = account.decrypt(&session, old, None, now).await?;
        if memmem::find(&received.opened.content, OLD.as_bytes()).is_none() {
            return Err("another text".into());
        }
        let (by, part) = received.opened.by;
        if by != key {
            return Err(format!("opened by {by}").into());
        }
        Ok(vec![
            format!("key:     {key}, its passphrase no longer needed"),
            format!("opened:  by its subkey {}", part.key_id()),
            format!("default: {generated}, as Bob has chosen"),
        ])
    }

    /// A message of PGP/MIME (RFC 3156 §5), by a real gpg.
    async fn letter(
        &self,
        gpg: &Gpg,
        subject: &str,
        text: &str,
        with_key: bool,
    ) -> Result<String, Box<dyn Error>> {
        let entity = match with_key {
            false => format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"),
            true => {
                let key = gpg.run(&["--armor", "--export", ALICE]).await?;
                let key = String::from_utf8(key)?.replace('\n', "\r\n");
                format!(
                    "Content-Type: multipart/mixed; boundary=\"inner\"\r\n\r\n\
                     --inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n\
                     --inner\r\nContent-Type: application/pgp-keys; name=\"alice.asc\"\r\n\r\n{key}\r\n\
                     --inner--\r\n"
                )
            }
        };
        let sign = [
            "--armor",
            "--digest-algo",
            "SHA256",
            "--detach-sign",
            "--output",
            "-",
        ];
        let signature = gpg.on(entity.as_bytes(), &sign).await?;
        let signature = String::from_utf8(signature)?.replace('\n', "\r\n");
        let date = crate::clock::rfc5322(self.clock.now());
        Ok(format!(
            "From: Alice <{ALICE}>\r\nTo: Bob <{BOB}>\r\nSubject: {subject}\r\nDate: {date}\r\n\
             Message-ID: <{}@a.test>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/signed; micalg=pgp-sha256;\r\n \
             protocol=\"application/pgp-signature\"; boundary=\"outer\"\r\n\r\n\
             --outer\r\n{entity}\r\n--outer\r\n\
             Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n\
             {signature}\r\n--outer--\r\n",
            subject.replace(' ', "-"),
        ))
    }

    async fn signed(&self) -> Evidence {
        let (_, alice, _) = self.gpgs();
        let first = self
            .letter(alice, "My key", "This is my key.", true)
            .await?;
        let seen = self.stage.pass(ALICE, first.as_bytes()).await?;
        let mut evidence = vec![format!("first:   {}", expected(&seen, "valid", None)?)];
        let second = self
            .letter(alice, "Lunch", "On Friday, as always?", false)
            .await?;
        let seen = self.stage.pass(ALICE, second.as_bytes()).await?;
        if !seen.holds(second.as_bytes()) {
            return Err("it was changed".into());
        }
        let told = expected(&seen, "valid", None)?;
        if !told.contains("trust=first-use") || !told.contains("whose=pgp.pinned") {
            return Err(told.into());
        }
        evidence.push(format!("second:  {told}"));
        evidence.push(format!("verdict: {}", seen.field(notice::VERDICT)));
        Ok(evidence)
    }

    async fn forged(&self) -> Evidence {
        let (_, _, forger) = self.gpgs();
        let letter = self
            .letter(forger, "New account", "Pay to the new account.", true)
            .await?;
        let seen = self.stage.pass(ALICE, letter.as_bytes()).await?;
        let told = expected(&seen, "changed", Some("pgp.changed"))?;
        Ok(vec![
            format!("told:    {told}"),
            format!("SPF, DKIM, DMARC: {}", seen.field(notice::VERDICT)),
            format!("notice:  {}", seen.field("Subject")),
        ])
    }

    async fn altered(&self) -> Evidence {
        let (_, alice, _) = self.gpgs();
        let letter = self
            .letter(alice, "Lunch again", "On Friday, as always?", false)
            .await?;
        let letter = letter.replace("Friday", "Sunday");
        let seen = self.stage.pass(ALICE, letter.as_bytes()).await?;
        let told = expected(&seen, "bad", Some("pgp.altered"))?;
        Ok(vec![
            format!("told:    {told}"),
            format!("notice:  {}", seen.field("Subject")),
        ])
    }

    async fn answered(&self) -> Evidence {
        let (_, alice, _) = self.gpgs();
        let answer = format!(
            "From: Bob <{BOB}>\r\nTo: Alice <{ALICE}>\r\nSubject: Re: Lunch\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYes, at noon.\r\n"
        );
        let planned = self.bob.plan(&[ALICE]).await?;
        let mut known = planned.known.iter().map(|known| known.trust.to_string());
        let mut evidence: Vec<String> = Vec::new();
        for entry in planned.plan.entries() {
            let why = known.next().unwrap_or_else(|| "Bob's own".to_owned());
            evidence.push(format!("plan:    {entry} ({why})"));
        }
        let alarms = planned.known.iter().flat_map(|known| &known.pin);
        for (other, _) in alarms.flat_map(|pin| &pin.alarms) {
            evidence.push(format!(
                "         ALARM: {other} was seen for this address, too; not used"
            ));
        }
        let readers: Vec<String> = planned
            .plan
            .readers()
            .map(|key| key.key_id().to_string())
            .collect();
        evidence.push(format!("readers: {}", readers.join(", ")));
        let signing = Signing::With(&Opener::Server);
        let sealed = self
            .bob
            .encrypt(answer.into_bytes(), planned.plan, signing)
            .await?;
        if memmem::find(&sealed, b"noon").is_some() || memmem::find(&sealed, b"Lunch").is_some() {
            return Err("it can be read by all".into());
        }
        let armor = memmem::find(&sealed, b"-----BEGIN PGP MESSAGE").ok_or("no OpenPGP")?;
        let armor = sealed.get(armor..).unwrap_or_default();
        let opened = alice.on(armor, &["--status-fd", "1", "--decrypt"]).await?;
        let opened = String::from_utf8_lossy(&opened).into_owned();
        for wanted in ["Yes, at noon.", "Subject: Re: Lunch", "] GOODSIG "] {
            if !opened.contains(wanted) {
                return Err(format!("gpg does not say {wanted:?}: {opened}").into());
            }
        }
        evidence
            .push("gpg:     Alice reads it, subject and all, and its signature is Bob's".into());
        Ok(evidence)
    }

    async fn kept_closed(&self) -> Evidence {
        const TEXT: &str = "For Bob's eyes only.";
        let letter = format!(
            "From: Alice <{ALICE}>\r\nTo: Bob <{BOB}>\r\nSubject: A secret\r\n\
             Date: {}\r\nMessage-ID: <secret@a.test>\r\n\r\n{TEXT}\r\n",
            crate::clock::rfc5322(self.clock.now())
        );
        self.bob.set_incoming(Switch::On).await?;
        let seen = self.stage.pass(ALICE, letter.as_bytes()).await;
        self.bob.set_incoming(Switch::Off).await?;
        let Seen(stored) = seen?;
        if memmem::find(&stored, TEXT.as_bytes()).is_some() {
            return Err("it is stored as it came".into());
        }
        let limits = Limits::default();
        if mime::inspect(&stored, &limits)?.kind != Kind::Encrypted {
            return Err("it is not PGP/MIME".into());
        }
        let octets = stored.len();
        let (session, now) = (self.bob.open(&Opener::Server).await?, self.clock.now());
        let key = self.bob.default_key(Use::Encrypt).await?;
        let open = move |keys: &[&Unlocked]| {
            let opened = mime::decrypt(&stored, keys, &[], now, &limits)?;
            Ok::<_, mime::MimeError>(opened.message().to_vec())
        };
        let account = self.bob.account();
        let opened = account.with_keys(&session, &[key], open, now).await??;
        if memmem::find(&opened, TEXT.as_bytes()).is_none() {
            return Err("it does not open".into());
        }
        Ok(vec![
            format!("stored:  {octets} octets of PGP/MIME, subject and text inside"),
            format!("opened:  by {key}, as it came"),
        ])
    }
}

/// What the service says of the signature, if that is as it should be, and came with the alarm or without.
fn expected(seen: &Seen, state: &str, alarm: Option<&str>) -> Result<String, Box<dyn Error>> {
    let told = headers::find(&seen.0, notice::SIGNATURE).map(unfolded);
    let told = told.ok_or("nothing is said about the signature")?;
    let text = String::from_utf8_lossy(&seen.0);
    let alarmed = alarm.is_none_or(|code| text.contains(&format!("> {code}: ")));
    let is = told.starts_with(state) && alarmed && seen.attached().is_some() == alarm.is_some();
    match is {
        true => Ok(told),
        false => Err(format!("expected {state} {alarm:?}: {told}").into()),
    }
}

async fn has_key(gpg: &Gpg, key: Fingerprint) -> Result<(), Box<dyn Error>> {
    let list = gpg.run(&["--with-colons", "--list-keys", BOB]).await?;
    let list = String::from_utf8_lossy(&list).into_owned();
    match list.contains(&format!("fpr:::::::::{key}:")) {
        true => Ok(()),
        false => Err(format!("gpg has another key: {list}").into()),
    }
}
