//! Which addresses a stranger's name may lead to.

use super::FetchError;
use mail_dns::{Answer, Outcome, Record};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most addresses of a host that are tried, one after the other.
pub const MAX_ADDRESSES: usize = 4;

/// For tests on one machine: a [`Fetcher`](super::Fetcher) that is given this reaches loopback
/// addresses **only**, and this port instead of 443. Without it no address that is not global, and no
/// other port, can be reached; so look for the name of this type in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopbackForTests {
    port: u16,
}

impl LoopbackForTests {
    /// The port where the test's server listens.
    pub fn new(port: u16) -> Self {
        Self { port }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    Global,
    Loopback(LoopbackForTests),
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Global => is_global(address),
            Self::Loopback(_) => address.is_loopback(),
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Global => 443,
            Self::Loopback(LoopbackForTests { port }) => port,
        }
    }
}

/// Whether an address is one of a host on the public Internet: unicast, and in none of the blocks of
/// the IANA special-purpose registries (RFC 6890), not even those that are reachable (AS112, AMT),
/// for no policy is served there. Of IPv6 only 2000::/3 is, without the blocks in which an address of
/// IPv4 hides (6to4, Teredo), and so without IPv4-mapped addresses and NAT64, too. What is not
/// known to be good is refused.
///
/// ```
/// # use tls_policy::fetch::is_global;
/// assert!(is_global([9, 9, 9, 9].into()));
/// assert!(!is_global([10, 0, 0, 1].into()));
/// assert!(!is_global("::ffff:9.9.9.9".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !V4.iter().any(|block| block.has(v4.to_bits())),
        IpAddr::V6(v6) => {
            GLOBAL.has(v6.to_bits()) && !V6.iter().any(|block| block.has(v6.to_bits()))
        }
    }
}

#[derive(Debug)]
struct Block<T> {
    first: T,
    bits: u32,
}

const fn v4(first: [u8; 4], bits: u32) -> Block<u32> {
    let first = u32::from_be_bytes(first);
    Block { first, bits }
}

const fn v6(a: u16, b: u16, c: u16, bits: u32) -> Block<u128> {
    let first = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_bits();
    Block { first, bits }
}

impl Block<u32> {
    fn has(&self, address: u32) -> bool {
        let rest = Ipv4Addr::BITS - self.bits;
        address >> rest == self.first >> rest
    }
}

impl Block<u128> {
    fn has(&self, address: u128) -> bool {
        let rest = Ipv6Addr::BITS - self.bits;
        address >> rest == self.first >> rest
    }
}

const V4: &[Block<u32>] = &[
    v4([0, 0, 0, 0], 8),       // this network
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // shared by customers of one provider
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, and where clouds keep their secrets
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // IETF protocols
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 31, 196, 0], 24), // AS112
    v4([192, 52, 193, 0], 24), // AMT
    v4([192, 88, 99, 0], 24),  // relays of 6to4, once
    v4([192, 168, 0, 0], 16),  // private
    v4([192, 175, 48, 0], 24), // AS112
    v4([198, 18, 0, 0], 15),   // benchmarks
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 3),     // multicast, reserved, broadcast
];

/// All that is global unicast today (RFC 4291 §2.4).
const GLOBAL: Block<u128> = v6(0x2000, 0, 0, 3);

const V6: &[Block<u128>] = &[
    v6(0x2001, 0, 0, 23), // IETF protocols: Teredo, benchmarks, ORCHID, AMT, AS112
    v6(0x2001, 0x0DB8, 0, 32), // documentation
    v6(0x2002, 0, 0, 16), // 6to4
    v6(0x2620, 0x004F, 0x8000, 48), // AS112
    v6(0x3FFE, 0, 0, 16), // 6bone, once
    v6(0x3FFF, 0, 0, 20), // documentation
];

/// The addresses to try, the two families in turn.
pub(super) fn choose(
    v6: &Answer,
    v4: &Answer,
    reach: Reach,
) -> Result<Vec<SocketAddr>, FetchError> {
    let mut families = [addresses(v6), addresses(v4)];
    let all = (0..families[0].len().max(families[1].len()))
        .flat_map(|at| families.each_mut().map(|family| family.get(at).copied()))
        .flatten()
        .collect::<Vec<IpAddr>>();
    let allowed = all.iter().filter(|address| reach.allows(**address));
    let chosen: Vec<SocketAddr> = allowed
        .take(MAX_ADDRESSES)
        .map(|&address| SocketAddr::new(address, reach.port()))
        .collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let failure = [v6, v4]
        .into_iter()
        .find_map(|answer| match answer.outcome() {
            Outcome::Failure(why) => Some(*why),
            _ => None,
        });
    Err(match (failure, all.first()) {
        (Some(why), _) => FetchError::LookUp(why),
        (None, Some(&address)) => FetchError::NotGlobal(address),
        (None, None) => FetchError::NoAddress,
    })
}

fn addresses(answer: &Answer) -> Vec<IpAddr> {
    let addresses = answer.iter().filter_map(|record| match record {
        Record::A(v4) => Some(IpAddr::V4(*v4)),
        Record::Aaaa(v6) => Some(IpAddr::V6(*v6)),
        _ => None,
    });
    addresses.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_dns::{Failure, Security};
    use std::time::Duration;

    fn answer(addresses: &[&str]) -> Answer {
        let records = addresses
            .iter()
            .map(|a| a.parse::<IpAddr>().unwrap().into());
        let records: Vec<Record> = records.collect();
        Answer::records(records, Security::Insecure, Duration::ZERO)
    }

    fn chosen(v6: &[&str], v4: &[&str]) -> Result<Vec<String>, FetchError> {
        let chosen = choose(&answer(v6), &answer(v4), Reach::Global)?;
        Ok(chosen.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_private_address_next_to_a_global_one_is_passed_over() {
        let both = chosen(
            &["fd00::1", "2a00::1"],
            &["127.0.0.1", "9.9.9.9", "10.0.0.1"],
        );
        assert_eq!(both.unwrap(), ["[2a00::1]:443", "9.9.9.9:443"]);
        let none = chosen(&["::1"], &["10.0.0.1"]);
        assert_eq!(none, Err(FetchError::NotGlobal("::1".parse().unwrap())));
        assert_eq!(chosen(&[], &[]), Err(FetchError::NoAddress));
        let many = ["9.9.9.1", "9.9.9.2", "9.9.9.3", "9.9.9.4", "9.9.9.5"];
        assert_eq!(chosen(&[], &many).unwrap().len(), MAX_ADDRESSES);
    }

    #[test]
    fn a_failed_look_up_is_not_a_missing_address() {
        let failed = Answer::failure(Failure::ServerFailure);
        let with = |v4: &[&str]| choose(&failed, &answer(v4), Reach::Global);
        assert_eq!(with(&[]), Err(FetchError::LookUp(Failure::ServerFailure)));
        let private = with(&["10.0.0.1"]);
        assert_eq!(private, Err(FetchError::LookUp(Failure::ServerFailure)));
        assert_eq!(with(&["9.9.9.9"]).unwrap().len(), 1);
    }

    #[test]
    fn loopback_for_tests_reaches_loopback_and_nothing_else() {
        let reach = Reach::Loopback(LoopbackForTests::new(8443));
        let v4 = answer(&["9.9.9.9", "10.0.0.1", "127.0.0.1"]);
        let chosen = choose(&answer(&["::1", "2a00::1", "fe80::1"]), &v4, reach).unwrap();
        let chosen: Vec<_> = chosen.iter().map(ToString::to_string).collect();
        assert_eq!(chosen, ["[::1]:8443", "127.0.0.1:8443"]);
    }
}
