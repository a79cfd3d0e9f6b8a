//! Who asks for passkeys, and the two ceremonies.

use std::time::SystemTime;

use url::{Host, Url};

use super::challenge::is_open;
use super::{
    Assertion, Attestation, LIFETIME, Login, MAX_PASSKEY, MAX_PASSKEYS, Passkey, PasskeyName,
    Registration, Unusable, UserHandle, webauthn,
};
use crate::Error;

/// Most octets of a relying party's id or name, and of a user's name that the browser shows.
pub const MAX_PARTY: usize = 253;
/// Most origins.
pub const MAX_ORIGINS: usize = 8;

/// Who asks for passkeys: a domain, the pages that may ask, and a name for people.
///
/// Passkeys are bound to the domain for good: under another one all are lost.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: String,
    name: String,
    origins: Vec<Url>,
    site: webauthn::Site,
}

/// Why somebody cannot ask for passkeys.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARelyingParty {
    /// The id is a domain in lower case and A-labels, such as `example.org`, of at least two labels, or `localhost`; no
    /// address, scheme or port.
    #[error("the id of a relying party is a domain name")]
    Id,
    /// The name has 1 to [`MAX_PARTY`] octets and no control characters.
    #[error("the name of a relying party has 1 to {MAX_PARTY} octets and no control characters")]
    Name,
    /// An origin is `https://` and the id or a name below it, perhaps with a port, and nothing after that. On `localhost`
    /// it may be `http://`, as in browsers.
    #[error("an origin is https, at the relying party's domain or below, and has no path")]
    Origin,
    /// There are more than [`MAX_ORIGINS`] origins.
    #[error("there are more than {MAX_ORIGINS} origins")]
    TooMany,
}

/// A login that was right.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Used {
    /// The passkey, as it is to be stored now.
    pub passkey: Passkey,
    /// Whether that is another than before: its counter has moved, its backup has, or it is the first login of the day.
    pub changed: bool,
    /// Whether the authenticator has verified the user, by a PIN or a fingerprint.
    pub user_verified: bool,
}

impl RelyingParty {
    /// A relying party with one origin: `RelyingParty::new("example.org", "Example Mail", "https://mail.example.org")`.
    ///
    /// # Errors
    /// [`NotARelyingParty`].
    pub fn new(id: &str, name: &str, origin: &str) -> Result<Self, NotARelyingParty> {
        if !is_domain(id) {
            return Err(NotARelyingParty::Id);
        }
        if !is_label(name) {
            return Err(NotARelyingParty::Name);
        }
        Self::with(id.to_owned(), name.to_owned(), vec![parse(id, origin)?])
    }

    /// Pages of one more origin may ask. Which origin an answer comes from makes no difference, so all must be as
    /// trustworthy as the first.
    ///
    /// # Errors
    /// [`NotARelyingParty::Origin`], [`NotARelyingParty::TooMany`].
    pub fn also(self, origin: &str) -> Result<Self, NotARelyingParty> {
        let (more, mut origins) = (parse(&self.id, origin)?, self.origins);
        if !origins.contains(&more) {
            origins.push(more);
        }
        match origins.len() <= MAX_ORIGINS {
            true => Self::with(self.id, self.name, origins),
            false => Err(NotARelyingParty::TooMany),
        }
    }

    fn with(id: String, name: String, origins: Vec<Url>) -> Result<Self, NotARelyingParty> {
        let site = webauthn::Site::new(&id, &name, &origins, LIFETIME);
        Ok(Self {
            site: site.ok_or(NotARelyingParty::Origin)?,
            id,
            name,
            origins,
        })
    }

    /// The domain that passkeys are bound to.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pages that may ask.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.origins
            .iter()
            .map(|url| url.origin().ascii_serialization())
    }

    /// Begins a registration: JSON for `navigator.credentials.create`, and what is to be kept until the answer.
    ///
    /// `account` is shown by the browser and may be stored by the authenticator, such as the user's address. `have` are
    /// the passkeys of the user, whose authenticators are not to be registered again.
    ///
    /// # Errors
    /// [`Error::Name`] of `account`: 1 to [`MAX_PARTY`] octets without control characters. [`Error::TooMany`].
    pub fn begin_registration(
        &self,
        user: UserHandle,
        account: &str,
        have: &[Passkey],
        now: SystemTime,
    ) -> Result<(String, Registration), Error> {
        if !is_label(account) {
            return Err(Error::Name { most: MAX_PARTY });
        }
        if have.len() >= MAX_PASSKEYS {
            return Err(too_many());
        }
        let have = have.iter().map(|passkey| &passkey.credential);
        let begun = self.site.create(user.0, account, have);
        let (options, state) = begun.ok_or(Error::Random)?;
        let at = now;
        Ok((options, Registration { at, user, state }))
    }

    /// Judges the answer to a registration: the passkey, which is to be stored if there is none of its
    /// [`id`](Passkey::id) yet. The registration must be taken first: what answers it twice is not noticed here.
    ///
    /// # Errors
    /// Why it is of no use: a verdict, as all that is not right is.
    pub fn finish_registration(
        &self,
        begun: &Registration,
        answer: &Attestation,
        have: &[Passkey],
        name: PasskeyName,
        now: SystemTime,
    ) -> Result<Passkey, Unusable> {
        if !is_open(begun.at, now) {
            return Err(Unusable::Expired);
        }
        let credential = self.site.created(&begun.state, &answer.0)?;
        let id = super::CredentialId::new(credential.id()).ok_or(Unusable::Malformed)?;
        if have.iter().any(|passkey| passkey.id == id) {
            return Err(Unusable::Present);
        }
        let made = Passkey {
            name,
            user: begun.user,
            at: now,
            used: None,
            id,
            credential,
        };
        match made.to_octets().len() <= MAX_PASSKEY {
            true => Ok(made),
            false => Err(Unusable::Algorithm),
        }
    }

    /// Begins a login: JSON for `navigator.credentials.get`, and what is to be kept until the answer.
    ///
    /// # Errors
    /// [`Error::NoSuch`] without passkeys, [`Error::TooMany`].
    pub fn begin_login(&self, have: &[Passkey], now: SystemTime) -> Result<(String, Login), Error> {
        if have.is_empty() {
            return Err(Error::NoSuch { what: "passkey" });
        }
        if have.len() > MAX_PASSKEYS {
            return Err(too_many());
        }
        let begun = self
            .site
            .get(have.iter().map(|passkey| &passkey.credential));
        let (options, state) = begun.ok_or(Error::Random)?;
        Ok((options, Login { at: now, state }))
    }

    /// Judges the answer to a login. `have` are passkeys of the user that is to log in, and of nobody else: all, or the
    /// one of [`Assertion::credential`] as it is stored now, so that its counter is. The login must be taken first: what
    /// answers it twice is not noticed here.
    ///
    /// # Errors
    /// Why it is of no use: a verdict, as all that is not right is.
    pub fn finish_login(
        &self,
        begun: &Login,
        answer: &Assertion,
        have: &[Passkey],
        now: SystemTime,
    ) -> Result<Used, Unusable> {
        if !is_open(begun.at, now) {
            return Err(Unusable::Expired);
        }
        let known = have
            .iter()
            .find(|passkey| passkey.id == *answer.credential());
        let known = known.ok_or(Unusable::Unknown)?;
        if answer.got.user().is_some_and(|user| user != known.user.0) {
            return Err(Unusable::OtherUser);
        }
        if answer.got.is_cross_origin() {
            return Err(Unusable::CrossOrigin);
        }
        let got = self
            .site
            .got(&begun.state, &known.credential, &answer.got)?;
        let today = Some(Passkey::day(now));
        Ok(Used {
            changed: got.changed || known.used != today,
            passkey: Passkey {
                credential: got.credential,
                used: today,
                ..known.clone()
            },
            user_verified: got.user_verified,
        })
    }
}

fn too_many() -> Error {
    Error::TooMany {
        what: "passkeys",
        most: MAX_PASSKEYS,
    }
}

fn is_label(text: &str) -> bool {
    (1..=MAX_PARTY).contains(&text.len()) && !text.contains(char::is_control)
}

/// A domain as browsers write it; where the public suffix ends is theirs to know.
fn is_domain(id: &str) -> bool {
    let parsed = Host::parse(id);
    let same = matches!(&parsed, Ok(Host::Domain(domain)) if domain == id);
    let fits = |label: &str| {
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        (1..=63).contains(&label.len())
            && label.starts_with(ends)
            && label.ends_with(ends)
            && label.chars().all(|c| ends(c) || c == '-')
    };
    same && id.len() <= MAX_PARTY
        && id.split('.').all(fits)
        && (id == "localhost" || id.contains('.'))
}

fn parse(id: &str, origin: &str) -> Result<Url, NotARelyingParty> {
    let url = Url::parse(origin).map_err(|_| NotARelyingParty::Origin)?;
    let host = url.domain().unwrap_or_default();
    let below = |suffix: &str| {
        host == suffix
            || host
                .strip_suffix(suffix)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let safe = match url.scheme() {
        "https" => true,
        "http" => below("localhost"),
        _ => false,
    };
    // As it prints, so that nothing else can have been in it: a path, a user, a query.
    let whole = url.origin().ascii_serialization();
    let bare = origin == whole || origin.strip_suffix('/') == Some(&whole);
    match safe && bare && below(id) {
        true => Ok(url),
        false => Err(NotARelyingParty::Origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str, origin: &str) -> Result<RelyingParty, NotARelyingParty> {
        RelyingParty::new(id, "Example Mail", origin)
    }

    #[test]
    fn a_domain_and_pages_below_it() {
        for (id, origin) in [
            ("example.org", "https://example.org"),
            ("example.org", "https://mail.example.org"),
            ("example.org", "https://mail.example.org/"),
            ("example.org", "https://mail.example.org:8443"),
            ("localhost", "http://localhost:8080"),
            ("xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            let made = party(id, origin).unwrap();
            let whole = origin.trim_end_matches('/');
            assert_eq!(made.origins().collect::<Vec<_>>(), [whole]);
            assert_eq!((made.id(), made.name()), (id, "Example Mail"));
        }
    }

    #[test]
    fn what_no_browser_would_take_is_refused_at_once() {
        for id in [
            "",
            "org",
            "Example.org",
            "example.org.",
            ".example.org",
            "a..b",
            "192.0.2.1",
            "[::1]",
            "https://example.org",
            "example.org:443",
            "bücher.example",
            "a_b.example",
            "-a.example",
        ] {
            let made = party(id, "https://example.org");
            assert_eq!(made.err(), Some(NotARelyingParty::Id), "{id}");
        }
        for origin in [
            "",
            "example.org",
            "http://example.org",
            "https://example.com",
            "https://badexample.org",
            "https://example.org.evil.example",
            "https://example.org/mail",
            "https://example.org?a",
            "https://example.org#a",
            "https://ann@example.org",
            "ftp://example.org",
            "https://192.0.2.1",
            "android:apk-key-hash:abc",
            "https://EXAMPLE.org",
            "https://example.org:443",
        ] {
            let made = party("example.org", origin);
            assert_eq!(made.err(), Some(NotARelyingParty::Origin), "{origin}");
        }
        for name in [String::new(), "a\nb".to_owned(), "a".repeat(254)] {
            let made = RelyingParty::new("example.org", &name, "https://example.org");
            assert_eq!(made.err(), Some(NotARelyingParty::Name));
        }
    }

    #[test]
    fn there_are_at_most_eight_origins() {
        let mut made = party("example.org", "https://example.org").unwrap();
        made = made.also("https://example.org/").unwrap();
        assert_eq!(made.origins().count(), 1);
        assert_eq!(
            made.clone().also("https://example.com").err(),
            Some(NotARelyingParty::Origin)
        );
        for n in 1..MAX_ORIGINS {
            made = made.also(&format!("https://mail{n}.example.org")).unwrap();
        }
        let more = made.also("https://more.example.org");
        assert_eq!(more.err(), Some(NotARelyingParty::TooMany));
    }
}
