//! What `cargo xtask site` has built, as build.rs found it.

/// Every file by its path, which begins with a slash.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// The files of the pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The page of a sealed message.
    pub(super) sealed: &'static [u8],
    /// The page that seals one.
    pub(super) compose: &'static [u8],
    /// The first page of the site.
    pub(super) index: &'static [u8],
    /// The licences of what the pages contain.
    pub(super) licences: &'static [u8],
    /// SHA-256, in base64, of the one style sheet of the frame that shows HTML mail.
    pub(super) frame_style: &'static str,
    /// The names of what the pages of login and account load.
    pub(super) account_style: &'static str,
    pub(super) account_script: &'static str,
}

/// A file that a page loads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    pub(super) content: &'static [u8],
    /// The same by gzip (RFC 1952).
    pub(super) gzip: Option<&'static [u8]>,
    pub(super) kind: &'static str,
}

/// The pages, if they are part of this program.
pub(super) fn site() -> Option<Site> {
    Some(Site {
        sealed: file("/sealed.html")?,
        compose: file("/compose.html")?,
        index: file("/index.html")?,
        licences: file("/licences.txt")?,
        frame_style: str::from_utf8(file("/frame-style.sha256")?).ok()?,
        account_style: str::from_utf8(file("/account-style.name")?).ok()?,
        account_script: str::from_utf8(file("/account-script.name")?).ok()?,
    })
}

/// What a page loads, by its name.
pub(super) fn asset(name: &str) -> Option<Asset> {
    let (_, ending) = name.rsplit_once('.')?;
    let kind = match ending {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        _ => return None,
    };
    let path = format!("/assets/{name}");
    Some(Asset {
        content: file(&path)?,
        gzip: file(&format!("{path}.gz")),
        kind,
    })
}

fn file(path: &str) -> Option<&'static [u8]> {
    let (_, content) = FILES.iter().find(|(name, _)| *name == path)?;
    Some(content)
}
