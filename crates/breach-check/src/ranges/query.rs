//! The question, as a request.

use http::{
    HeaderValue, Request, Uri,
    header::{ACCEPT_ENCODING, IF_NONE_MATCH, USER_AGENT},
};

use super::Error;
use crate::{HashKind, PasswordHash, Range};

/// Where a server of the range API is: `https://host/path` without query, fragment and credentials. `http:` may be said,
/// too; whether it may be spoken is your HTTP client's to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Without a slash at its end.
    url: String,
}

impl Base {
    /// Where the service Have I Been Pwned serves its passwords.
    #[must_use]
    pub fn have_i_been_pwned() -> Self {
        let url = "https://api.pwnedpasswords.com".to_owned();
        Self { url }
    }

    /// Of its URL.
    ///
    /// # Errors
    /// [`Error::Base`].
    pub fn new(url: &str) -> Result<Self, Error> {
        let uri: Uri = url.parse().map_err(|_| Error::Base)?;
        let plain = |c: char| c.is_ascii_graphic() && !"?#@\\".contains(c);
        let named = uri.authority().is_some_and(|host| !host.host().is_empty());
        match uri.scheme_str() {
            Some("https" | "http") if named && url.chars().all(plain) => {
                let url = url.trim_end_matches('/').to_owned();
                Ok(Self { url })
            }
            _ => Err(Error::Base),
        }
    }

    fn uri(&self, kind: HashKind, range: Range) -> Result<Uri, Error> {
        let mode = match kind {
            HashKind::Sha1 => "",
            HashKind::Ntlm => "?mode=ntlm",
        };
        let uri = format!("{}/range/{range}{mode}", self.url);
        uri.parse().map_err(|_| Error::Base)
    }
}

/// Whether the server is asked to hide how many lines a range has.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Yes: 800 to 1,000 lines at least, those that are made up with the number 0.
    Asked,
    /// No.
    NotAsked,
}

/// A question: one range of one kind of hashes. Nothing else of a hash is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    kind: HashKind,
    range: Range,
    padding: Padding,
    known: Option<HeaderValue>,
}

impl Query {
    /// The question for the range in which this hash would be, with padding.
    #[must_use]
    pub fn of(hash: &PasswordHash) -> Self {
        Self::new(hash.kind(), hash.range())
    }

    /// The question for a range, with padding.
    #[must_use]
    pub fn new(kind: HashKind, range: Range) -> Self {
        let (padding, known) = (Padding::Asked, None);
        Self {
            kind,
            range,
            padding,
            known,
        }
    }

    /// With padding or without.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// An answer is wanted only if it is another than the one with this `ETag` (RFC 9110 §13.1.2); else 304 comes.
    #[must_use]
    pub fn unless(self, etag: HeaderValue) -> Self {
        let known = Some(etag);
        Self { known, ..self }
    }

    /// Which hashes.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// Which range.
    #[must_use]
    pub fn range(&self) -> Range {
        self.range
    }

    pub(crate) fn knows(&self) -> bool {
        self.known.is_some()
    }

    /// The request: GET, and of header fields `User-Agent`, `Accept-Encoding: gzip` (whose checksum shows that an answer
    /// is whole), and those for padding and `ETag`.
    ///
    /// # Errors
    /// [`Error::Base`]: it is too long for a URL.
    pub fn request(&self, base: &Base, agent: &HeaderValue) -> Result<Request<()>, Error> {
        let mut request = Request::new(());
        *request.uri_mut() = base.uri(self.kind, self.range)?;
        let fields = request.headers_mut();
        fields.insert(USER_AGENT, agent.clone());
        fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if self.padding == Padding::Asked {
            fields.insert("add-padding", HeaderValue::from_static("true"));
        }
        if let Some(etag) = &self.known {
            fields.insert(IF_NONE_MATCH, etag.clone());
        }
        Ok(request)
    }
}

/// A user agent as it is sent.
pub(super) fn agent(name: &str) -> Result<HeaderValue, Error> {
    match HeaderValue::from_str(name) {
        Ok(agent) if !agent.is_empty() => Ok(agent),
        _ => Err(Error::Agent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_url_and_no_more() {
        for (url, uri) in [
            ("https://a.example", "https://a.example/range/5BAA6"),
            ("https://a.example/", "https://a.example/range/5BAA6"),
            ("http://[::1]:80/x/", "http://[::1]:80/x/range/5BAA6"),
        ] {
            let query = Query::of(&PasswordHash::sha1("password"));
            let agent = HeaderValue::from_static("x");
            let request = query.request(&Base::new(url).unwrap(), &agent).unwrap();
            assert_eq!(request.uri(), uri);
        }
        for url in [
            "",
            "a.example",
            "/range",
            "ftp://a.example",
            "https://",
            "https:///x",
            "https://a.example?x",
            "https://a.example#x",
            "https://me@a.example",
            "https://a.example/ x",
        ] {
            assert_eq!(Base::new(url), Err(Error::Base), "{url}");
        }
        assert_eq!(agent(""), Err(Error::Agent));
        assert_eq!(agent("a\r\nb"), Err(Error::Agent));
    }

    #[test]
    fn five_characters_of_the_hash_are_in_the_request_and_no_more() {
        let hash = PasswordHash::ntlm("password");
        let query = Query::of(&hash).unless(HeaderValue::from_static("\"1\""));
        let request = query.request(&Base::have_i_been_pwned(), &HeaderValue::from_static("me"));
        let request = request.unwrap();
        let uri = request.uri().to_string();
        assert_eq!(uri, "https://api.pwnedpasswords.com/range/8846F?mode=ntlm");
        let mut fields: Vec<_> = request.headers().iter().collect();
        fields.sort_by_key(|(name, _)| name.as_str().to_owned());
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                "accept-encoding: gzip",
                "add-padding: true",
                "if-none-match: \"1\"",
                "user-agent: me",
            ]
        );
    }
}
