//! Where a login comes from.

use std::net::IpAddr;

use crate::DeviceToken;

/// A network: the first 24 bits of an IPv4 address, the first 56 of an IPv6 address.
///
/// Who has one address of it usually has more; what belongs to one household or office rarely spans several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network([u8; 8]);

impl Network {
    /// The network of an address. An IPv4 address within IPv6 (`::ffff:192.0.2.1`) is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self([4, a, b, c, 0, 0, 0, 0])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, ..] = address.octets();
                Self([6, a, b, c, d, e, f, g])
            }
        }
    }

    /// What is hashed for a record: the kind and the prefix.
    #[cfg(feature = "store")]
    pub(crate) fn octets(self) -> [u8; 8] {
        self.0
    }
}

/// Where a login comes from, and what makes it a known one: in a browser the token of a device, in a mail protocol, which
/// has no cookies, the network.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    network: Network,
    device: Option<&'a DeviceToken>,
    web: bool,
}

impl<'a> Client<'a> {
    /// A browser at this address, with the token from its cookie if it has sent one.
    #[must_use]
    pub fn web(address: IpAddr, device: Option<&'a DeviceToken>) -> Self {
        Self {
            network: Network::of(address),
            device,
            web: true,
        }
    }

    /// A mail program at this address (IMAP, POP3, SMTP).
    #[must_use]
    pub fn mail(address: IpAddr) -> Self {
        Self {
            network: Network::of(address),
            device: None,
            web: false,
        }
    }

    /// Whether it is a browser.
    #[must_use]
    pub fn is_web(&self) -> bool {
        self.web
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }

    /// The token of the device.
    #[must_use]
    pub fn device(&self) -> Option<&'a DeviceToken> {
        self.device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_counts_by_24_bits_and_ipv6_by_56() {
        let net = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(net("192.0.2.1"), net("192.0.2.254"));
        assert_ne!(net("192.0.2.1"), net("192.0.3.1"));
        assert_eq!(net("::ffff:192.0.2.9"), net("192.0.2.1"));
        assert_eq!(net("2001:db8:0:1::1"), net("2001:db8:0:ff:1::"));
        assert_ne!(net("2001:db8:0:100::"), net("2001:db8:0:200::"));
        assert_ne!(net("4c0:2::"), net("192.0.2.0"));
    }
}
