//! What is paid for.

use serde::Deserialize;

use super::{Domain, Error, Feature};

/// The state of a subscription.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// Until when it is paid for, such as `2027-05-30T00:00:00Z`.
    pub until: String,
    /// How many requests a minute.
    pub rpm: u32,
    /// How many breached accounts a domain may have to be searched.
    pub domain_accounts: u64,
    /// How many domains may be searched; nothing if there is no limit.
    pub domains: Option<u64>,
    /// Whether stealer logs are part of it.
    pub stealer_logs: bool,
    /// Whether addresses can be searched by k-anonymity.
    pub k_anonymity: bool,
}

impl Plan {
    pub(super) fn has_stealer_logs(&self) -> Result<(), Error> {
        match self.stealer_logs {
            true => Ok(()),
            false => Err(Error::PlanLacks(Feature::StealerLogs)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawPlan {
    subscription_name: String,
    #[serde(default)]
    subscribed_until: Option<String>,
    rpm: u32,
    #[serde(default)]
    domain_search_max_breached_accounts: Option<u64>,
    #[serde(default)]
    max_breached_domains: Option<u64>,
    // What is not said is not had.
    #[serde(default)]
    includes_stealer_logs: bool,
    #[serde(default, rename = "IncludesKAnon")]
    includes_k_anon: bool,
}

impl From<RawPlan> for Plan {
    fn from(raw: RawPlan) -> Self {
        Self {
            name: raw.subscription_name,
            until: raw.subscribed_until.unwrap_or_default(),
            rpm: raw.rpm,
            domain_accounts: raw.domain_search_max_breached_accounts.unwrap_or_default(),
            domains: raw.max_breached_domains,
            stealer_logs: raw.includes_stealer_logs,
            k_anonymity: raw.includes_k_anon,
        }
    }
}

/// A domain that is searched for its owner.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribedDomain {
    /// Which.
    pub domain: Domain,
    /// How many accounts of it are in breaches, at the last search.
    pub accounts: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawDomain {
    domain_name: String,
    #[serde(default)]
    pwn_count: Option<u64>,
}

impl TryFrom<RawDomain> for SubscribedDomain {
    type Error = Error;

    fn try_from(raw: RawDomain) -> Result<Self, Error> {
        Ok(Self {
            domain: Domain::parse(&raw.domain_name).ok_or(Error::Malformed)?,
            accounts: raw.pwn_count,
        })
    }
}
