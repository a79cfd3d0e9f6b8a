//! Secure addresses, and a memory of what domains have shown: four letters to a server that knows TLS or does not.

use super::{
    Seen, Stage,
    message::Alice,
    proxy::{Mode, Proxy},
    sender::Sender,
    zone::Zone,
};
use crate::{
    config::Language,
    outbound::{Fate, Report, notice},
};
use dane_tlsa::{Crypto, Parameters, Tlsa, owner};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{error::Error, io::Write, time::Duration};

/// A little more than what makes a level binding.
const TWO_DAYS: Duration = Duration::from_secs(49 * 3600);

const SECURE: &str = "alice@secure.a.test";

/// Who plays, and where.
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage,
    pub(super) zone: &'a Zone,
    pub(super) sender: &'a Sender,
    pub(super) alice: &'a Alice,
}

/// Shows it, a line each on `out`; returns how many lines failed.
pub(super) async fn show(scene: &Scene<'_>, out: &mut impl Write) -> Result<usize, Box<dyn Error>> {
    let proxy = Proxy::start(scene.stage.smtp).await?;
    let mut failures = 0;
    let mut line = |number: u8, title: &str, came: Result<Vec<String>, Box<dyn Error>>| match came {
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
    let title = "@secure: to a server without TLS goes nothing, and the sender is told why";
    line(8, title, scene.without_tls(&proxy).await)?;
    let title = "@secure: the same server has learned TLS, its zone says which key, and it gets it";
    line(9, title, scene.with_tls(&proxy).await)?;
    let title = "a server of which more is remembered has lost STARTTLS: noticed, nothing goes";
    line(10, title, scene.stripped(&proxy).await)?;
    let title = "and its TLSA record is gone, too, by a signed answer: noticed all the same";
    line(11, title, scene.dropped(&proxy).await)?;
    Ok(failures)
}

impl Scene<'_> {
    async fn without_tls(&self, proxy: &Proxy) -> Result<Vec<String>, Box<dyn Error>> {
        proxy.becomes(Mode::Strips);
        let (report, came) = self.send(self.sender, proxy, SECURE).await?;
        let Some((_, Fate::Bounced(why))) = report.fates.first() else {
            return Err(format!("not returned: {report}").into());
        };
        if why.status != "5.7.10" || came > 0 {
            return Err(format!("{came} messages came: {report}").into());
        }
        let mut evidence = vec![format!("DNSSEC:  {}", decision(&report))];
        evidence.push(innocent(proxy)?);
        let told = notice::text(&report, Language::English).ok_or("the sender is not told")?;
        let told = told.lines().filter(|line| !line.trim().is_empty());
        evidence.extend(told.map(|line| format!("told:    {line}")));
        Ok(evidence)
    }

    async fn with_tls(&self, proxy: &Proxy) -> Result<Vec<String>, Box<dyn Error>> {
        proxy.becomes(Mode::Passes);
        let name = "mx.b.test".parse()?;
        let certificate = CertificateDer::from_pem_file(&self.stage.certificate)?;
        let crypto = Crypto::aws_lc_rs();
        let record = Tlsa::for_certificate(Parameters::DANE_EE, &certificate, &crypto)?;
        let owner = owner(proxy.address.port(), &name)?;
        self.zone.set_tlsa(&owner, &record).await?;
        let (report, came) = self.send(self.sender, proxy, SECURE).await?;
        self.delivered(&report, came).await
    }

    /// What a letter that arrived has for evidence.
    async fn delivered(&self, report: &Report, came: usize) -> Result<Vec<String>, Box<dyn Error>> {
        if !report.is_delivered() || came != 1 {
            return Err(format!("{came} messages came: {report}").into());
        }
        let (newest, _) = self.stage.newest().await?;
        if !Seen(newest).is_as_expected("verified", self.alice.good().as_bytes()) {
            return Err("what was sent does not lie in the mailbox".into());
        }
        let tried = report.tried.first().ok_or("no host was tried")?;
        Ok(vec![
            format!("DNSSEC:  {}", decision(report)),
            format!("TLS:     {}", tried.came_to),
            "mailbox: one message more, as it was sent, verified".into(),
        ])
    }

    async fn stripped(&self, proxy: &Proxy) -> Result<Vec<String>, Box<dyn Error>> {
        proxy.becomes(Mode::Passes);
        let later = self.sender.later(TWO_DAYS);
        let (report, came) = self.send(&later, proxy, "alice@a.test").await?;
        self.delivered(&report, came).await?;
        proxy.becomes(Mode::Strips);
        proxy.heard();
        let (report, came) = self.send(&later, proxy, "alice@a.test").await?;
        let mut evidence = vec!["memory:  proved by DANE, and again 49 hours later".to_owned()];
        evidence.extend(alarm(&report, came)?);
        evidence.push(innocent(proxy)?);
        Ok(evidence)
    }

    async fn dropped(&self, proxy: &Proxy) -> Result<Vec<String>, Box<dyn Error>> {
        let name = "mx.b.test".parse()?;
        let owner = owner(proxy.address.port(), &name)?;
        self.zone.remove_tlsa(&owner).await?;
        proxy.heard();
        let later = self.sender.later(TWO_DAYS);
        let (report, came) = self.send(&later, proxy, "alice@a.test").await?;
        let mut evidence = vec![format!("DNSSEC:  {}", decision(&report))];
        evidence.extend(alarm(&report, came)?);
        match proxy.heard().connections {
            0 => evidence.push("peer:    not even a connection".into()),
            some => return Err(format!("{some} connections").into()),
        }
        Ok(evidence)
    }

    /// Sends Alice's letter; how many messages have come.
    async fn send(
        &self,
        sender: &Sender,
        proxy: &Proxy,
        from: &str,
    ) -> Result<(Report, usize), Box<dyn Error>> {
        let message = self.alice.good();
        let (_, before) = self.stage.newest().await?;
        let port = proxy.address.port();
        let report = sender
            .send_by(self.zone, port, from, message.as_bytes())
            .await?;
        let (_, after) = self.stage.newest().await?;
        Ok((report, after.saturating_sub(before)))
    }
}

/// The decision about the only host.
fn decision(report: &Report) -> String {
    let tried = report.tried.first();
    let told = tried.map(|tried| format!("{} ({}): {}", tried.host, tried.lookup, tried.decision));
    told.unwrap_or_else(|| "no host".into())
}

/// Deferred, with an alarm, and nothing has come.
fn alarm(report: &Report, came: usize) -> Result<Vec<String>, Box<dyn Error>> {
    match (report.fates.first(), report.alarms.first()) {
        (Some((_, Fate::Deferred(why))), Some(alarm)) if came == 0 => Ok(vec![
            format!("alarm:   {alarm}"),
            format!("deferred: {why}"),
        ]),
        _ => Err(format!("{came} messages came: {report}").into()),
    }
}

/// What the server has heard, if that is nothing of the letter.
fn innocent(proxy: &Proxy) -> Result<String, Box<dyn Error>> {
    let heard = proxy.heard();
    let lines = heard.lines.join(", ");
    match heard.is_innocent() && heard.connections > 0 {
        true => Ok(format!(
            "peer:    heard {lines}, {} octets in all: no MAIL, no address, no message",
            heard.octets
        )),
        false => Err(format!("the server heard {lines}").into()),
    }
}
