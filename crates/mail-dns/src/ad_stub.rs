//! A stub that believes what a validating resolver on the same machine says.

use crate::hickory_chase::{Chase, is_hidden};
use crate::hickory_message::{Asked, Heard, MAX_DATAGRAM, Reply};
use crate::{Answer, Failure, Query, Resolver, Security};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{timeout, timeout_at},
};

/// Asks a validating resolver on loopback, and trusts its AD bit (RFC 6840 §5.7): unbound, knot
/// or BIND on the same machine does the validation, as Postfix has it too.
///
/// Needs a tokio runtime with I/O and time. It keeps nothing: put it into
/// [`Cached`](crate::Cached).
///
/// - Only a loopback address is taken. RFC 4035 §4.9.3 lets a stub rely on the AD bit only where
///   the channel to the resolver is secure; on any other path somebody could set it.
/// - An answer with the AD bit is [`Security::Secure`], one without it [`Security::Insecure`]:
///   records, "no data" and "does not exist" alike. What is bogus is SERVFAIL to a validating
///   resolver, and so a [`Failure`]. Of a resolver that does not validate all answers are
///   insecure: [`is_validating`](Self::is_validating) tells, at the start of a program.
/// - Each question has a port and an identifier of its own, both random. What comes from another
///   address, or with another identifier or question, is passed over.
/// - UDP; TCP where an answer does not fit. A datagram that is lost is sent again after
///   [`RESEND`](Self::RESEND).
/// - Aliases are followed up to [`Zone::MAX_ALIASES`](crate::Zone::MAX_ALIASES); the weakest
///   status on the way counts.
/// - The deadline is kept even if the resolver is silent: [`Failure::Timeout`].
///
/// ```
/// use mail_dns::{AdStub, AdStubError};
/// assert!(AdStub::new("127.0.0.53:53".parse()?).is_ok());
/// assert!(AdStub::new("[::1]:5353".parse()?).is_ok());
/// let elsewhere = "192.0.2.53:53".parse()?;
/// assert_eq!(AdStub::new(elsewhere).unwrap_err(), AdStubError::NotLoopback(elsewhere));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdStub {
    resolver: SocketAddr,
}

/// Why there is no stub.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdStubError {
    /// The resolver is not on this machine: anybody on the way could set the AD bit.
    #[error("{0} is not on loopback, and its AD bit is not to be trusted")]
    NotLoopback(SocketAddr),
    /// Port 0 is nobody's.
    #[error("no port given")]
    NoPort,
}

impl AdStubError {
    /// Whether a later try may help: never.
    pub fn is_temporary(&self) -> bool {
        false
    }
}

impl AdStub {
    /// How long an answer is awaited before the question is sent again.
    pub const RESEND: Duration = Duration::from_secs(2);

    /// Asks the resolver at this address: 127.0.0.0/8 or `::1`. An IPv4 address that is mapped into
    /// IPv6 is not taken.
    ///
    /// # Errors
    /// [`AdStubError`].
    pub fn new(resolver: SocketAddr) -> Result<Self, AdStubError> {
        if !resolver.ip().is_loopback() {
            return Err(AdStubError::NotLoopback(resolver));
        }
        if resolver.port() == 0 {
            return Err(AdStubError::NoPort);
        }
        Ok(Self { resolver })
    }

    /// Whether the resolver validates: it says of the root's name servers, which are signed, that
    /// they are authentic. One that does not would make every domain look unsigned.
    ///
    /// # Errors
    /// Why nobody knows.
    pub async fn is_validating(&self, deadline: Instant) -> Result<bool, Failure> {
        let ask = async {
            let reply = self.exchange(&Asked::root(random()?)).await?;
            reply.check()?;
            Ok(reply.security() == Security::Secure)
        };
        let said = timeout_at(deadline.into(), ask).await;
        said.unwrap_or(Err(Failure::Timeout))
    }

    async fn chase(&self, query: &Query) -> Answer {
        if is_hidden(&query.name) {
            return Answer::nx_domain(Security::Unknown, Duration::ZERO);
        }
        let mut chase = Chase::new(query);
        loop {
            let next = Query::new(chase.name.clone(), chase.record_type);
            let reply = match self.ask(&next).await {
                Ok(reply) => reply,
                Err(failure) => return Answer::failure(failure),
            };
            if let Err(answer) = reply.lead(&mut chase) {
                return answer;
            }
        }
    }

    async fn ask(&self, query: &Query) -> Result<Reply, Failure> {
        self.exchange(&Asked::new(query, random()?)).await
    }

    async fn exchange(&self, asked: &Asked) -> Result<Reply, Failure> {
        let message = asked.message().ok_or(Failure::Malformed)?;
        match self.by_udp(asked, &message).await? {
            Heard::Reply(reply) => Ok(reply),
            Heard::Truncated => match self.by_tcp(asked, &message).await? {
                Heard::Reply(reply) => Ok(reply),
                _ => Err(Failure::Malformed),
            },
            _ => Err(Failure::Malformed),
        }
    }

    /// The first datagram that is no stray.
    async fn by_udp(&self, asked: &Asked, message: &[u8]) -> Result<Heard, Failure> {
        let own: IpAddr = match self.resolver {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        // A port of its own for each question, from the system, which takes a random one. A socket
        // that is connected hears the resolver's address alone.
        let socket = UdpSocket::bind((own, 0)).await.map_err(network)?;
        socket.connect(self.resolver).await.map_err(network)?;
        let mut datagram = vec![0; MAX_DATAGRAM.into()];
        loop {
            socket.send(message).await.map_err(network)?;
            let hear = async {
                loop {
                    let len = socket.recv(&mut datagram).await.map_err(network)?;
                    match asked.hear(datagram.get(..len).unwrap_or_default()) {
                        Heard::Stray => {}
                        heard => return Ok(heard),
                    }
                }
            };
            if let Ok(heard) = timeout(Self::RESEND, hear).await {
                return heard;
            }
        }
    }

    /// RFC 7766 §8: a message behind two octets that hold its length.
    async fn by_tcp(&self, asked: &Asked, message: &[u8]) -> Result<Heard, Failure> {
        let mut stream = TcpStream::connect(self.resolver).await.map_err(network)?;
        let length = u16::try_from(message.len()).map_err(|_| Failure::Malformed)?;
        let framed = [&length.to_be_bytes(), message].concat();
        stream.write_all(&framed).await.map_err(network)?;
        loop {
            let length = stream.read_u16().await.map_err(network)?;
            let mut answer = vec![0; length.into()];
            stream.read_exact(&mut answer).await.map_err(network)?;
            match asked.hear(&answer) {
                Heard::Stray => {}
                heard => return Ok(heard),
            }
        }
    }
}

impl Resolver for AdStub {
    async fn resolve(&self, query: &Query, _now: SystemTime, deadline: Instant) -> Answer {
        let answer = timeout_at(deadline.into(), self.chase(query)).await;
        answer.unwrap_or_else(|_| Answer::failure(Failure::Timeout))
    }
}

fn network(_: io::Error) -> Failure {
    Failure::Network
}

/// An identifier that nobody can guess.
fn random() -> Result<u16, Failure> {
    let number = getrandom::u32().map_err(|_| Failure::Network)?;
    Ok(number as u16)
}
