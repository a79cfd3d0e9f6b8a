//! What has happened to an account at the site, for its user: the latest fifty, and nothing older than ninety days.
//!
//! Of where it came from there is the network (/24 or /56) and a coarse name of the browser; no address, no version. A
//! wrong password is not written down: for a name that nobody has it could not be, and that would tell which names exist.

use super::{Error, Sessions, millis, moment};
use record_store::{Commit, Expect, Key, Outcome, Prefix, Records};
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, Ipv6Addr},
    time::{Duration, SystemTime},
};

/// How long an entry is kept.
pub(crate) const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Entries of one account.
pub(crate) const MOST: usize = 50;
/// Of failures in a row from one network, one is written in this time: they shall not push out all else.
const ONCE: Duration = Duration::from_secs(60 * 60);

const NAMESPACE: &str = "web.history";

/// How a login was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    Password,
    RememberedDevice,
    Code,
    RecoveryCode,
    Passkey,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    LoggedIn(How),
    /// The password was right, what came second was not.
    SecondFailed,
    PasswordChanged,
    /// By a link of the operator.
    PasswordReset,
    CodesOn,
    CodesOff,
    RecoveryRenewed,
    AppPasswordMade,
    AppPasswordRevoked,
    PasskeyAdded,
    PasskeyRemoved,
    DeviceRemembered,
    DeviceForgotten,
    SessionsEnded,
}

/// Where from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Where {
    network: String,
    browser: String,
}

impl Where {
    /// `agent` is what the browser says of itself, of which no more than two words stay.
    pub(crate) fn new(address: IpAddr, agent: &str) -> Self {
        Self {
            network: network(address),
            browser: browser(agent),
        }
    }

    pub(crate) fn network(&self) -> &str {
        &self.network
    }

    pub(crate) fn browser(&self) -> &str {
        &self.browser
    }
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) at: SystemTime,
    pub(crate) what: What,
    pub(crate) place: Where,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u8,
    what: What,
    place: Where,
}

const FORMAT: u8 = 1;

impl Sessions {
    /// Notes what has happened.
    pub(crate) async fn note(
        &self,
        account: &str,
        what: What,
        place: &Where,
        now: SystemTime,
    ) -> Result<(), Error> {
        if what == What::SecondFailed {
            let latest = self.history(account, now).await?.into_iter().next();
            let told = latest.is_some_and(|latest| {
                latest.what == what && latest.place == *place && latest.at + ONCE > now
            });
            if told {
                return Ok(());
            }
        }
        let commit = self
            .noting(Commit::new(), account, what, place, now)
            .await?;
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(()),
            Outcome::Conflict(_) | Outcome::Unknown => Err(Error::Ended),
        }
    }

    /// The latest first.
    pub(crate) async fn history(
        &self,
        account: &str,
        now: SystemTime,
    ) -> Result<Vec<Entry>, Error> {
        let prefix = Prefix::new(NAMESPACE, account)?;
        let page = self.store.scan(&prefix, None, 1000, now).await?;
        let entry = |(key, found): (Key, record_store::Versioned)| {
            let at = key.parts().nth(1)?.number()?;
            let record: Record = serde_json::from_slice(found.value().ok()?).ok()?;
            (record.format == FORMAT).then_some(Entry {
                at: moment(at),
                what: record.what,
                place: record.place,
            })
        };
        let mut entries: Vec<_> = page.entries.into_iter().filter_map(entry).collect();
        entries.reverse();
        entries.truncate(MOST);
        Ok(entries)
    }

    /// The commit that notes it, too, and lets go of what is too much.
    pub(super) async fn noting(
        &self,
        commit: Commit,
        account: &str,
        what: What,
        place: &Where,
        now: SystemTime,
    ) -> Result<Commit, Error> {
        let mut random = [0; 8];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::Random)?;
        let key = Key::new(NAMESPACE, (account, millis(now), &random[..]))?;
        let record = Record {
            format: FORMAT,
            what,
            place: place.clone(),
        };
        let value = serde_json::to_vec(&record).map_err(|_| Error::Damaged)?;
        let mut commit = commit.put_until(&key, value, Expect::Absent, now + KEPT);
        let entries = self.entries(account, now).await?;
        let surplus = (entries.len() + 1).saturating_sub(MOST);
        for old in entries.iter().take(surplus) {
            commit = commit.delete(old, Expect::Anything);
        }
        Ok(commit)
    }

    /// The oldest first.
    pub(super) async fn entries(&self, account: &str, now: SystemTime) -> Result<Vec<Key>, Error> {
        let prefix = Prefix::new(NAMESPACE, account)?;
        let page = self.store.scan(&prefix, None, 1000, now).await?;
        Ok(page.entries.into_iter().map(|(key, _)| key).collect())
    }
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let prefix = Ipv6Addr::from_bits(address.to_bits() & !0_u128 << 72);
            format!("{prefix}/56")
        }
    }
}

/// Which browser on what, from a fixed list: what is not on it has no name.
fn browser(agent: &str) -> String {
    let first = |list: &[(&str, &'static str)]| {
        list.iter()
            .find(|(sign, _)| agent.contains(sign))
            .map(|(_, name)| *name)
    };
    // The later ones call themselves by the names of the earlier ones, too.
    let program = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program}, {system}"),
        (Some(one), None) | (None, Some(one)) => one.into(),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_network_stays_and_of_a_browser_two_words() {
        let place = |address: &str, agent| Where::new(address.parse().unwrap(), agent);
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
        let one = place("192.0.2.77", firefox);
        assert_eq!(
            (one.network(), one.browser()),
            ("192.0.2.0/24", "Firefox, Linux")
        );
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
            (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
        let two = place("2001:db8:1:2ff::77", iphone);
        assert_eq!(
            (two.network(), two.browser()),
            ("2001:db8:1:200::/56", "Safari, iPhone")
        );
        let edge =
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126";
        assert_eq!(place("::ffff:192.0.2.1", edge).browser(), "Edge, Windows");
        assert_eq!(place("::ffff:192.0.2.1", edge).network(), "192.0.2.0/24");
        // Nothing of what somebody writes there is kept.
        let hostile = "<script>alert(1)</script> 192.0.2.77 build 4711";
        assert_eq!(place("192.0.2.1", hostile).browser(), "");
    }
}
