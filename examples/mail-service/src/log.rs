//! Logs, thrifty with data: no content, no password, no local part, and of a client's address only
//! the network.

use crate::config::{Log, LogFormat};
use std::{error::Error, fmt, net::IpAddr};
use tracing_subscriber::{EnvFilter, fmt::Subscriber};

/// Starts logging to standard error. The second call of a process changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // Fails where somebody has set a subscriber already: then it is theirs.
    let _ = match log.format {
        LogFormat::Json => tracing::subscriber::set_global_default(lines.json().finish()),
        LogFormat::Text => tracing::subscriber::set_global_default(lines.finish()),
    };
}

/// The network that an address lies in: the first 24 bits of IPv4, 48 of IPv6.
pub(crate) struct Network(pub(crate) IpAddr);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                write!(f, "{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                write!(f, "{a:x}:{b:x}:{c:x}::/48")
            }
        }
    }
}

/// An error and its causes, which an error's own text leaves out.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)] // nothing but a way to show an error
pub struct Causes<'a>(pub &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named() {
        let network = |text: &str| Network(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2::77"), "2001:db8:1::/48");
    }
}
