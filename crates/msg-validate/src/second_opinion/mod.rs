//! A second opinion: mail-auth judges the same message from the same DNS answers. It asks nothing
//! itself, and where it wants an answer that the first opinion did not need, it is not heard. Nor is
//! it heard of the signatures and DMARC of a message beyond [`Limits`], with bare CR
//! or LF, or with a malformed header section: such a message is Suspicious at best already.

mod known;
mod snapshot;
#[cfg(test)]
mod tests;

pub use known::KnownDifference;

use crate::{
    Context, Dkim, Dmarc, Grade, Limits, Reason, Severity, SpfResult, Verdict,
    dkim::{DkimReason, DkimResult},
    dmarc::DmarcResult,
    facts::Facts,
    message::Message,
    spf,
};
use futures_util::FutureExt;
use mail_auth::{
    self as peer, AuthenticatedMessage, DkimOutput, MessageAuthenticator, Parameters, SpfOutput,
    dmarc::verify::DmarcParameters,
    hickory_resolver::{
        TokioResolver,
        config::{ResolveHosts, ResolverConfig, ResolverOpts},
        net::runtime::TokioRuntimeProvider,
    },
    spf::verify::SpfParameters,
};
use snapshot::{Purpose, Snapshot};
use std::{fmt, sync::Arc};

/// mail-auth, without a network. Cheap to clone; made once for all messages.
#[derive(Clone)]
pub struct SecondOpinion {
    authenticator: Arc<MessageAuthenticator>,
}

/// Why there can be no second opinion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the second opinion cannot be set up: {0}")]
pub struct SecondOpinionError(String);

/// The two opinions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    code: &'static str,
    text: String,
    known: Option<&'static KnownDifference>,
}

/// A result of the first opinion, to which the second says something else.
#[derive(Clone, Copy, Debug)]
enum Ours<'a> {
    Spf(&'a spf::Identity),
    /// Beside what the second opinion says of the same signature, and the message.
    Dkim(&'a Dkim, Option<&'a DkimOutput<'a>>, &'a Message<'a>),
    Dmarc(&'a Dmarc, &'a Facts),
}

impl SecondOpinion {
    /// A resolver without servers stands behind it.
    ///
    /// # Errors
    /// [`SecondOpinionError`], which no later try helps.
    pub fn new() -> Result<Self, SecondOpinionError> {
        let error = |error: &dyn fmt::Display| SecondOpinionError(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // Trusts nobody, and needs no certificate store on the machine.
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| error(&e))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        let config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .with_tls_config(tls)
            .build()
            .map_err(|e| error(&e))?;
        Ok(Self {
            authenticator: Arc::new(MessageAuthenticator(resolver)),
        })
    }

    /// The differences that are known, and why the first opinion is right.
    pub fn known() -> &'static [KnownDifference] {
        known::KNOWN
    }

    /// Where the two opinions differ.
    pub(crate) fn compare(
        &self,
        message: Option<&[u8]>,
        context: &Context,
        facts: &Facts,
        verdict: &Verdict,
    ) -> Vec<Difference> {
        let mut differences = Vec::new();
        let spf = self.compare_spf(context, facts, verdict, &mut differences);
        let octets = message.filter(|_| is_read_alike(verdict));
        let octets = octets.unwrap_or_default();
        if let Some(message) = AuthenticatedMessage::parse(octets) {
            let snapshot = Snapshot::new(facts, context, Purpose::Dkim);
            let parameters = with_snapshot(&message, &snapshot);
            let outputs = self.authenticator.verify_dkim(parameters).now_or_never();
            let Some(outputs) = outputs else {
                return differences;
            };
            let ours = Message::parse(octets, &Limits::default());
            compare_dkim(verdict, &outputs, &ours, &mut differences);
            // What differs below DMARC would differ again in it.
            if let Some(spf) = spf.filter(|_| differences.is_empty()) {
                self.compare_dmarc(
                    &message,
                    &outputs,
                    &spf,
                    context,
                    facts,
                    verdict,
                    &mut differences,
                );
            }
        }
        differences
    }

    /// The second opinion of the reverse-path, for DMARC.
    fn compare_spf(
        &self,
        context: &Context,
        facts: &Facts,
        verdict: &Verdict,
        differences: &mut Vec<Difference>,
    ) -> Option<SpfOutput> {
        let (transport, spf) = (context.transport()?, verdict.spf()?);
        let receiver = context
            .stamp()
            .map_or("unknown", |stamp| stamp.authserv_id());
        let judge = |parameters: SpfParameters<'_>| {
            let snapshot = Snapshot::new(facts, context, Purpose::Spf);
            let output = self
                .authenticator
                .verify_spf(with_snapshot(parameters, &snapshot))
                .now_or_never()?;
            (!snapshot.missed()).then_some(output)
        };
        let (client, helo) = (transport.client, transport.helo.as_str());
        let by_helo = judge(SpfParameters::verify_ehlo(client, helo, receiver));
        let by_mail_from = match transport.mail_from.as_str() {
            "" => by_helo.clone(),
            sender => judge(SpfParameters::verify_mail_from(
                client, helo, receiver, sender,
            )),
        };
        for (ours, theirs) in [
            (spf.helo(), by_helo),
            (spf.mail_from(), by_mail_from.clone()),
        ] {
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                continue;
            };
            let theirs = spf_result(theirs.result());
            if ours.result() != theirs {
                let text = format!("SPF of {}: {}, not {theirs}", ours.domain(), ours.result());
                differences.push(Difference::new("second-opinion.spf", text, Ours::Spf(ours)));
            }
        }
        by_mail_from
    }

    #[allow(clippy::too_many_arguments)] // each is a fact of the one message
    fn compare_dmarc(
        &self,
        message: &AuthenticatedMessage<'_>,
        dkim: &[DkimOutput<'_>],
        spf: &SpfOutput,
        context: &Context,
        facts: &Facts,
        verdict: &Verdict,
        differences: &mut Vec<Difference>,
    ) {
        let Some((transport, dmarc)) = context.transport().zip(verdict.dmarc()) else {
            return;
        };
        let sender = transport.mail_from.rsplit_once('@');
        let domain = sender.map_or(transport.helo.as_str(), |(_, domain)| domain);
        let snapshot = Snapshot::new(facts, context, Purpose::Dmarc);
        let parameters = DmarcParameters::new(message, dkim, domain, spf);
        let output = self
            .authenticator
            .verify_dmarc(with_snapshot(parameters, &snapshot))
            .now_or_never();
        let Some(output) = output.filter(|_| !snapshot.missed()) else {
            return;
        };
        let passes = output.result() == peer::DmarcResult::Pass;
        let ours = dmarc.result();
        if passes != (ours == DmarcResult::Pass) {
            let text = format!("DMARC: {ours}, not {}", passed(passes));
            differences.push(Difference::new(
                "second-opinion.dmarc",
                text,
                Ours::Dmarc(dmarc, facts),
            ));
        }
    }
}

/// Whether both look at the same header fields, of which there are not too many: mail-auth has no
/// limits, and cuts a malformed header section otherwise. Such a message is Suspicious anyway.
fn is_read_alike(verdict: &Verdict) -> bool {
    let apart = |code: &str| {
        ["limit.", "line.bare-", "header.malformed"]
            .iter()
            .any(|family| code.starts_with(family))
    };
    let too_many = |dkim: &Dkim| {
        matches!(
            dkim.reason(),
            DkimReason::TooManySignatures | DkimReason::TooManyFields
        )
    };
    !verdict.reasons().iter().any(|reason| apart(reason.code()))
        && !verdict.dkim().iter().any(too_many)
}

/// Signatures are told apart by domain and selector; several alike are not compared.
fn compare_dkim(
    verdict: &Verdict,
    outputs: &[DkimOutput<'_>],
    message: &Message<'_>,
    differences: &mut Vec<Difference>,
) {
    for ours in verdict.dkim() {
        let (Some(domain), Some(selector)) = (ours.domain(), ours.selector()) else {
            continue;
        };
        let same = |a: Option<&str>, b: &str| a.is_some_and(|a| a.eq_ignore_ascii_case(b));
        let alike = |dkim: &&Dkim| same(dkim.domain(), domain) && same(dkim.selector(), selector);
        if verdict.dkim().iter().filter(alike).count() > 1 {
            continue;
        }
        let theirs = outputs.iter().find(|output| {
            output.signature().is_some_and(|s| {
                s.d.eq_ignore_ascii_case(domain) && s.s.eq_ignore_ascii_case(selector)
            })
        });
        // A key that the first opinion did not ask for.
        if theirs.is_some_and(|output| matches!(output.result(), peer::DkimResult::TempError(_))) {
            continue;
        }
        let passes = theirs.is_some_and(|output| *output.result() == peer::DkimResult::Pass);
        if passes != (ours.result() == DkimResult::Pass) {
            let text = format!(
                "DKIM signature of {domain} by {selector}: {} ({}), not {}",
                ours.result(),
                ours.reason().code(),
                passed(passes)
            );
            differences.push(Difference::new(
                "second-opinion.dkim",
                text,
                Ours::Dkim(ours, theirs, message),
            ));
        }
    }
}

fn passed(passes: bool) -> &'static str {
    if passes { "pass" } else { "no pass" }
}

type Snapshots<'x, P> =
    Parameters<'x, P, Snapshot<'x>, Snapshot<'x>, Snapshot<'x>, Snapshot<'x>, Snapshot<'x>>;

fn with_snapshot<'x, P>(params: P, snapshot: &'x Snapshot<'x>) -> Snapshots<'x, P> {
    Parameters {
        params,
        cache_txt: Some(snapshot),
        cache_mx: Some(snapshot),
        cache_ptr: Some(snapshot),
        cache_ipv4: Some(snapshot),
        cache_ipv6: Some(snapshot),
    }
}

fn spf_result(result: peer::SpfResult) -> SpfResult {
    match result {
        peer::SpfResult::Pass => SpfResult::Pass,
        peer::SpfResult::Fail => SpfResult::Fail,
        peer::SpfResult::SoftFail => SpfResult::SoftFail,
        peer::SpfResult::Neutral => SpfResult::Neutral,
        peer::SpfResult::TempError => SpfResult::TempError,
        peer::SpfResult::PermError => SpfResult::PermError,
        peer::SpfResult::None => SpfResult::None,
    }
}

impl Difference {
    fn new(code: &'static str, text: String, ours: Ours<'_>) -> Self {
        Self {
            code,
            text,
            known: known::KNOWN.iter().find(|known| known.covers(ours)),
        }
    }

    /// Why it is to be expected; `None` where it is not, which is a reason in the verdict.
    pub fn known(&self) -> Option<&'static KnownDifference> {
        self.known
    }

    /// A sentence for a person: the first opinion, and what the second says instead.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Verdict {
    /// What nobody expected keeps the verdict from the best grade.
    pub(crate) fn add(&mut self, differences: &[Difference]) {
        for difference in differences.iter().filter(|d| d.known.is_none()) {
            self.grade = self.grade.min(Grade::Plausible);
            let text = difference.text.clone();
            self.reasons
                .push(Reason::new(difference.code, Severity::Warning, text));
        }
        self.reasons
            .sort_by_key(|reason| std::cmp::Reverse(reason.severity()));
    }
}

impl fmt::Debug for SecondOpinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondOpinion")
    }
}
