//! The service, as requests.

use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::breach::Raw;
use super::call::{Call, MAX_BREACHES, MAX_DOMAIN_ANSWER, MAX_RANGE_ANSWER, MAX_SMALL_ANSWER};
use super::json::breaches;
use super::plan::{RawDomain, RawPlan};
use super::{
    Address, AddressRange, Breach, BreachName, ByAlias, Domain, Error, Feature, Plan, RangeAnswer,
    SubscribedDomain,
};

const KEY: &str = "hibp-api-key";

/// The key of a subscription. It is overwritten when it goes, and `Debug` shows nothing of it.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes a key: 1 to 128 printable ASCII characters.
    ///
    /// # Errors
    /// [`NotAService::Key`].
    pub fn new(key: &str) -> Result<Self, NotAService> {
        let fits = (1..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        match fits {
            true => Ok(Self(Zeroizing::new(key.to_owned()))),
            false => Err(NotAService::Key),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// Why there is no service.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAService {
    /// The base is an `https` URL without a query; `http` only to this machine.
    #[error("the base is no https URL")]
    Base,
    /// The key is not printable.
    #[error("the key has 1 to 128 printable characters")]
    Key,
    /// The service answers nobody who does not say who asks.
    #[error("the user agent has 1 to 128 printable characters")]
    UserAgent,
}

/// Where and as whom to ask. It sends nothing.
#[derive(Clone, Debug)]
pub struct Service {
    base: String,
    key: ApiKey,
    agent: HeaderValue,
}

impl Service {
    /// The service at this base, such as `https://haveibeenpwned.com/api/v3`. The key would travel in clear over `http`,
    /// which is taken only for a loopback address.
    ///
    /// # Errors
    /// [`NotAService`].
    pub fn new(base: &str, key: ApiKey, agent: &str) -> Result<Self, NotAService> {
        let base = base.trim_end_matches('/');
        let uri: Uri = base.parse().map_err(|_| NotAService::Base)?;
        let is_private = match uri.scheme_str() {
            Some("https") => uri.host().is_some(),
            Some("http") => uri.host().is_some_and(is_loopback),
            _ => false,
        };
        if !is_private || uri.query().is_some() || base.contains(['@', '#', '?']) {
            return Err(NotAService::Base);
        }
        let printable = |b: u8| (0x20..0x7f).contains(&b);
        if !(1..=128).contains(&agent.len()) || !agent.bytes().all(printable) {
            return Err(NotAService::UserAgent);
        }
        Ok(Self {
            base: base.to_owned(),
            key,
            agent: HeaderValue::from_str(agent).map_err(|_| NotAService::UserAgent)?,
        })
    }

    /// The state of the subscription.
    pub fn plan(&self) -> Call<Plan> {
        let parse = |octets: &[u8]| json::<RawPlan>(octets).map(Plan::from);
        Call::new(self.keyed("/subscription/status"), MAX_SMALL_ANSWER, parse)
    }

    /// The breaches of all addresses of a range. Six hexadecimal characters are sent.
    ///
    /// # Errors
    /// [`Error::PlanLacks`].
    pub fn range(&self, plan: &Plan, range: AddressRange) -> Result<Call<RangeAnswer>, Error> {
        self.range_of(plan.k_anonymity, range)
    }

    /// As [`range`](Self::range), by what is kept of a plan.
    pub(crate) fn range_of(
        &self,
        has_k_anonymity: bool,
        range: AddressRange,
    ) -> Result<Call<RangeAnswer>, Error> {
        if !has_k_anonymity {
            return Err(Error::PlanLacks(Feature::KAnonymity));
        }
        let request = self.keyed(&format!("/breachedaccount/range/{range}"));
        let parse = move |octets: &[u8]| RangeAnswer::parse(range, octets);
        let call = Call::new(request, MAX_RANGE_ANSWER, parse);
        Ok(call.or_none(move || RangeAnswer::none(range)))
    }

    /// The breaches of an address. **The whole address is sent.**
    pub fn breaches_of_by_name(&self, address: &Address) -> Call<Vec<BreachName>> {
        let path = format!("/breachedaccount/{}", *segment(address.as_str()));
        let parse = |octets: &[u8]| {
            #[derive(serde::Deserialize)]
            #[serde(rename_all = "PascalCase")]
            struct Named {
                name: String,
            }
            let all: Vec<Named> = json(octets)?;
            breaches(all.into_iter().map(|one| one.name).collect())
        };
        Call::new(self.keyed(&path), MAX_SMALL_ANSWER, parse).or_none(Vec::new)
    }

    /// The breaches of all addresses of a domain, which must be one of the [`subscribed_domains`](Self::subscribed_domains).
    /// The domain is sent.
    pub fn domain(&self, domain: &Domain) -> Call<ByAlias> {
        let request = self.keyed(&format!("/breacheddomain/{}", domain.as_str()));
        Call::new(request, MAX_DOMAIN_ANSWER, ByAlias::parse).or_none(ByAlias::none)
    }

    /// The domains that may be searched.
    pub fn subscribed_domains(&self) -> Call<Vec<SubscribedDomain>> {
        let parse = |octets: &[u8]| {
            let all: Vec<RawDomain> = json(octets)?;
            all.into_iter().map(SubscribedDomain::try_from).collect()
        };
        let call = Call::new(self.keyed("/subscribeddomains"), MAX_SMALL_ANSWER, parse);
        call.or_none(Vec::new)
    }

    /// The sites at which malware saw this address typed in. **The whole address is sent.**
    ///
    /// # Errors
    /// [`Error::PlanLacks`].
    pub fn stealer_logs_by_name(
        &self,
        plan: &Plan,
        address: &Address,
    ) -> Result<Call<Vec<String>>, Error> {
        let path = format!("/stealerlogsbyemail/{}", *segment(address.as_str()));
        self.stealer_logs(plan, &path)
    }

    /// As [`stealer_logs_by_name`](Self::stealer_logs_by_name), of all addresses of a domain. The domain is sent.
    ///
    /// # Errors
    /// [`Error::PlanLacks`].
    pub fn stealer_logs_by_email_domain(
        &self,
        plan: &Plan,
        domain: &Domain,
    ) -> Result<Call<ByAlias>, Error> {
        plan.has_stealer_logs()?;
        let request = self.keyed(&format!("/stealerlogsbyemaildomain/{}", domain.as_str()));
        Ok(Call::new(request, MAX_DOMAIN_ANSWER, ByAlias::parse).or_none(ByAlias::none))
    }

    /// The addresses that malware saw typed in at a site of one's own. The site's domain is sent.
    ///
    /// # Errors
    /// [`Error::PlanLacks`].
    pub fn stealer_logs_by_website_domain(
        &self,
        plan: &Plan,
        domain: &Domain,
    ) -> Result<Call<Vec<String>>, Error> {
        self.stealer_logs(
            plan,
            &format!("/stealerlogsbywebsitedomain/{}", domain.as_str()),
        )
    }

    fn stealer_logs(&self, plan: &Plan, path: &str) -> Result<Call<Vec<String>>, Error> {
        plan.has_stealer_logs()?;
        Ok(Call::new(self.keyed(path), MAX_DOMAIN_ANSWER, json).or_none(Vec::new))
    }

    /// The breach that the service got last. Sent without the key.
    pub fn latest_breach(&self) -> Call<Breach> {
        Call::new(self.open("/latestbreach"), MAX_SMALL_ANSWER, one)
    }

    /// All breaches. Sent without the key.
    pub fn breaches(&self) -> Call<Vec<Breach>> {
        let parse = |octets: &[u8]| {
            let all: Vec<Raw> = json(octets)?;
            all.into_iter().map(Breach::try_from).collect()
        };
        Call::new(self.open("/breaches"), MAX_BREACHES, parse)
    }

    /// One breach, if there is one of that name. Sent without the key.
    pub fn breach(&self, name: &BreachName) -> Call<Option<Breach>> {
        let request = self.open(&format!("/breach/{}", *segment(name.as_str())));
        let parse = |octets: &[u8]| one(octets).map(Some);
        Call::new(request, MAX_SMALL_ANSWER, parse).or_none(|| None)
    }

    fn keyed(&self, path: &str) -> Request<()> {
        let mut request = self.open(path);
        if let Ok(mut key) = HeaderValue::from_str(&self.key.0) {
            key.set_sensitive(true);
            request.headers_mut().insert(KEY, key);
        }
        request
    }

    fn open(&self, path: &str) -> Request<()> {
        let mut request = Request::new(());
        // The base is a URL, and what follows it is ASCII without blanks.
        *request.uri_mut() = format!("{}{path}", self.base).parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn json<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(octets).map_err(|_| Error::Malformed)
}

fn one(octets: &[u8]) -> Result<Breach, Error> {
    json::<Raw>(octets).and_then(Breach::try_from)
}

/// As one part of a path (RFC 3986 §2.1): all but letters, digits, `-`, `_` and `~` in hexadecimal, dots as well, so that
/// none is taken for a way up.
fn segment(text: &str) -> Zeroizing<String> {
    let mut part = Zeroizing::new(String::with_capacity(3 * text.len()));
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                part.push(char::from(octet));
            }
            _ => drop(write!(part, "%{octet:02X}")),
        }
    }
    part
}
