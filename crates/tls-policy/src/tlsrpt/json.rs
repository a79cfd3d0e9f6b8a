use std::net::IpAddr;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::{Failure, Policy, PolicyKind, PolicyResult, Report, ResultType, date};

/// Most octets of a report that is read, after decompression. Reading takes some thirty times that.
pub const MAX_REPORT: usize = 2 * 1024 * 1024;

/// Most policies of a report that is read.
pub const MAX_POLICIES: usize = 1000;

/// Most failures, and most lines and hosts, of one policy of a report that is read.
pub const MAX_DETAILS: usize = 10_000;

/// Most octets of a text in a report that is read.
pub const MAX_TEXT: usize = 1024;

/// Why some octets are not a report.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Over one of the limits.
    #[error("report over a limit: {what}")]
    TooLarge {
        /// Which.
        what: &'static str,
    },
    /// It is no JSON, or nested beyond all reports.
    #[error("no JSON")]
    Json,
    /// It is not compressed by gzip, or damaged (RFC 1952).
    #[error("no gzip")]
    Gzip,
    /// A member is missing or of another type (RFC 8460 §4.4).
    #[error("no or no proper {what}")]
    Member {
        /// Its name.
        what: &'static str,
    },
}

impl Report {
    /// The report as JSON (RFC 8460 §4.4), to be compressed and sent.
    pub fn to_json(&self) -> String {
        let policies: Vec<Value> = self.policies.iter().map(result).collect();
        json!({
            "organization-name": self.organization,
            "date-range": {
                "start-datetime": date::print(self.start),
                "end-datetime": date::print(self.end),
            },
            "contact-info": self.contact,
            "report-id": self.id,
            "policies": policies,
        })
        .to_string()
    }

    /// Reads a report. Unknown members are passed over, and so are the ones that few senders write;
    /// the sender of a report may be anybody, and may write anything.
    ///
    /// # Errors
    /// As [`ReportError`].
    pub fn from_json(octets: &[u8]) -> Result<Self, ReportError> {
        if octets.len() > MAX_REPORT {
            return Err(ReportError::TooLarge { what: "octets" });
        }
        let value: Value = serde_json::from_slice(octets).map_err(|_| ReportError::Json)?;
        let report = object(&value, "report")?;
        let range = object(member(report, "date-range")?, "date-range")?;
        let policies = list(member(report, "policies")?, "policies", MAX_POLICIES)?;
        Ok(Self {
            organization: text(member(report, "organization-name")?, "organization-name")?,
            start: time(range, "start-datetime")?,
            end: time(range, "end-datetime")?,
            contact: optional(report, "contact-info")?.unwrap_or_default(),
            id: text(member(report, "report-id")?, "report-id")?,
            policies: policies.iter().map(read_result).collect::<Result<_, _>>()?,
        })
    }
}

fn result(result: &PolicyResult) -> Value {
    let policy = &result.policy;
    let mut written = json!({
        "policy-type": policy.kind.code(),
        "policy-string": policy.lines,
        "policy-domain": policy.domain,
    });
    if let (false, Some(written)) = (policy.mx.is_empty(), written.as_object_mut()) {
        written.insert("mx-host".into(), json!(policy.mx));
    }
    let details: Vec<Value> = result.details.iter().map(detail).collect();
    json!({
        "policy": written,
        "summary": {
            "total-successful-session-count": result.successes,
            "total-failure-session-count": result.failures,
        },
        "failure-details": details,
    })
}

fn detail((failure, sessions): &(Failure, u64)) -> Value {
    let mut written = json!({
        "result-type": failure.result.code(),
        "failed-session-count": sessions,
    });
    let ip = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string());
    let optional = [
        ("sending-mta-ip", ip(failure.sending_ip)),
        ("receiving-mx-hostname", failure.mx.clone()),
        ("receiving-mx-helo", failure.helo.clone()),
        ("receiving-ip", ip(failure.receiving_ip)),
        ("additional-information", failure.more.clone()),
        ("failure-reason-code", failure.reason.clone()),
    ];
    let known = optional.into_iter().filter_map(|(name, value)| {
        let value = Value::from(value?);
        Some((name.to_owned(), value))
    });
    if let Some(written) = written.as_object_mut() {
        written.extend(known);
    }
    written
}

fn read_result(value: &Value) -> Result<PolicyResult, ReportError> {
    let result = object(value, "policies")?;
    let policy = object(member(result, "policy")?, "policy")?;
    let summary = object(member(result, "summary")?, "summary")?;
    let kind = text(member(policy, "policy-type")?, "policy-type")?;
    let details = match result.get("failure-details") {
        None | Some(Value::Null) => &[][..],
        Some(details) => list(details, "failure-details", MAX_DETAILS)?,
    };
    Ok(PolicyResult {
        policy: Policy {
            kind: PolicyKind::named(&kind),
            lines: texts(policy, "policy-string")?,
            domain: text(member(policy, "policy-domain")?, "policy-domain")?,
            mx: texts(policy, "mx-host")?,
        },
        successes: number(summary, "total-successful-session-count")?,
        failures: number(summary, "total-failure-session-count")?,
        details: details.iter().map(read_detail).collect::<Result<_, _>>()?,
    })
}

fn read_detail(value: &Value) -> Result<(Failure, u64), ReportError> {
    let detail = object(value, "failure-details")?;
    let result = text(member(detail, "result-type")?, "result-type")?;
    let failure = Failure {
        result: ResultType::named(&result),
        sending_ip: address(detail, "sending-mta-ip")?,
        mx: optional(detail, "receiving-mx-hostname")?,
        helo: optional(detail, "receiving-mx-helo")?,
        receiving_ip: address(detail, "receiving-ip")?,
        more: optional(detail, "additional-information")?,
        reason: optional(detail, "failure-reason-code")?,
    };
    Ok((failure, number(detail, "failed-session-count")?))
}

type Object = Map<String, Value>;

fn object<'a>(value: &'a Value, what: &'static str) -> Result<&'a Object, ReportError> {
    value.as_object().ok_or(ReportError::Member { what })
}

fn member<'a>(object: &'a Object, what: &'static str) -> Result<&'a Value, ReportError> {
    object.get(what).ok_or(ReportError::Member { what })
}

fn list<'a>(value: &'a Value, what: &'static str, most: usize) -> Result<&'a [Value], ReportError> {
    let list = value.as_array().ok_or(ReportError::Member { what })?;
    match list.len() <= most {
        true => Ok(list),
        false => Err(ReportError::TooLarge { what }),
    }
}

fn text(value: &Value, what: &'static str) -> Result<String, ReportError> {
    let text = value.as_str().ok_or(ReportError::Member { what })?;
    match text.len() <= MAX_TEXT {
        true => Ok(text.into()),
        false => Err(ReportError::TooLarge { what }),
    }
}

fn optional(object: &Object, what: &'static str) -> Result<Option<String>, ReportError> {
    match object.get(what) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => text(value, what).map(Some),
    }
}

/// Several texts. RFC 8460 wrote one as no list; erratum 6241 made `mx-host` a list.
fn texts(object: &Object, what: &'static str) -> Result<Vec<String>, ReportError> {
    match object.get(what) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value @ Value::String(_)) => Ok(vec![text(value, what)?]),
        Some(value) => {
            let values = list(value, what, MAX_DETAILS)?;
            values.iter().map(|value| text(value, what)).collect()
        }
    }
}

fn number(object: &Object, what: &'static str) -> Result<u64, ReportError> {
    let number = member(object, what)?.as_u64();
    number.ok_or(ReportError::Member { what })
}

fn address(object: &Object, what: &'static str) -> Result<Option<IpAddr>, ReportError> {
    let text = optional(object, what)?.filter(|text| !text.is_empty());
    let address = text.map(|text| IpAddr::from_str(&text)).transpose();
    address.map_err(|_| ReportError::Member { what })
}

fn time(object: &Object, what: &'static str) -> Result<std::time::SystemTime, ReportError> {
    let text = text(member(object, what)?, what)?;
    date::read(&text).ok_or(ReportError::Member { what })
}
