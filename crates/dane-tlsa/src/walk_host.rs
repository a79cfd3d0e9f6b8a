//! What DANE says of one host: its aliases, its addresses, and its TLSA records.

use crate::lookup::{Fact, HostLookup, Lookup, LookupFailure, Proved, Step, expiry, fact, tlsa};
use mail_dns::{Answer, Name, Query, Record, RecordType, Zone};
use std::{net::IpAddr, time::SystemTime};

/// The names that an alias leads through, from the first on, as long as each step is secure.
#[derive(Debug)]
pub(crate) struct Aliases {
    /// The name itself, and what is known to be its target, securely.
    names: Vec<Name>,
    /// An alias was found whose record is not secure: what it leads to is nobody's word.
    insecure: bool,
    open: bool,
}

impl Aliases {
    pub(crate) fn of(name: Name) -> Self {
        Self {
            names: vec![name],
            insecure: false,
            open: true,
        }
    }

    pub(crate) fn need(&self) -> Option<Query> {
        let last = self.names.last().filter(|_| self.open)?;
        Some(Query::new(last.clone(), RecordType::Cname))
    }

    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<(), LookupFailure> {
        self.open = false;
        let proved = match fact(answer)? {
            Fact::None(_) => return Ok(()),
            Fact::Some(proved) => proved,
        };
        let target = answer.iter().find_map(|record| match record {
            Record::Cname(target) => Some(target),
            _ => None,
        });
        match (proved, target) {
            (_, None) => Ok(()),
            (Proved::Insecure, Some(_)) => {
                self.insecure = true;
                Ok(())
            }
            (Proved::Secure, Some(target)) => {
                if self.names.len() > Zone::MAX_ALIASES {
                    return Err(LookupFailure::TooManyAliases);
                }
                self.names.push(target.clone());
                self.open = true;
                Ok(())
            }
        }
    }

    /// What the name is at the end, where it is an alias and every step is secure.
    pub(crate) fn expanded(&self) -> Option<&Name> {
        match &*self.names {
            [_, .., last] if !self.insecure && !self.open => Some(last),
            _ => None,
        }
    }

    /// Whether the name itself is an alias, securely.
    fn is_alias(&self) -> bool {
        self.names.len() > 1
    }
}

/// The look-up for one host, without I/O: see [`Walk`](crate::Walk).
#[derive(Debug)]
pub(crate) struct HostWalk {
    host: Name,
    port: u16,
    aliases: Aliases,
    /// IPv6, IPv4: the answers, as far as they are there.
    addresses: [Option<Answer>; 2],
    /// The TLSA base domains that are still to be asked, the next one last.
    bases: Vec<Name>,
    asking: Option<(Name, Query)>,
    /// Every denial so far was secure.
    denied: Proved,
    found: Option<(Lookup, Option<Name>)>,
    steps: Vec<Step>,
    until: Option<SystemTime>,
}

const FAMILIES: [RecordType; 2] = [RecordType::Aaaa, RecordType::A];

impl HostWalk {
    pub(crate) fn new(host: Name, port: u16) -> Self {
        let found = is_address(&host).then_some((Lookup::Insecure, None));
        Self {
            aliases: Aliases::of(host.clone()),
            host,
            port,
            addresses: [None, None],
            bases: Vec::new(),
            asking: None,
            denied: Proved::Secure,
            found,
            steps: Vec::new(),
            until: None,
        }
    }

    /// A host of which is known what there is to know.
    pub(crate) fn decided(host: Name, port: u16, lookup: Lookup) -> Self {
        Self {
            found: Some((lookup, None)),
            ..Self::new(host, port)
        }
    }

    pub(crate) fn need(&self) -> Vec<Query> {
        if self.found.is_some() {
            return Vec::new();
        }
        if let Some((_, query)) = &self.asking {
            return vec![query.clone()];
        }
        let families = FAMILIES.iter().zip(&self.addresses);
        let addresses = families
            .filter(|(_, answer)| answer.is_none())
            .map(|(family, _)| Query::new(self.host.clone(), *family));
        self.aliases.need().into_iter().chain(addresses).collect()
    }

    pub(crate) fn answer(&mut self, query: &Query, answer: &Answer, now: SystemTime) {
        if !self.need().contains(query) {
            return;
        }
        self.steps.push(Step {
            query: query.clone(),
            answer: answer.clone(),
        });
        let expires = expiry(answer, now);
        self.until = Some(self.until.map_or(expires, |until| until.min(expires)));
        let next = match query.record_type {
            RecordType::Cname => self.aliases.answer(answer),
            RecordType::Tlsa => self.records(answer),
            _ => {
                let families = FAMILIES.iter().zip(&mut self.addresses);
                for (family, slot) in families {
                    if *family == query.record_type {
                        *slot = Some(answer.clone());
                    }
                }
                Ok(())
            }
        };
        let next = next.and_then(|()| match self.asking {
            None if self.need().is_empty() => self.choose(),
            _ => Ok(()),
        });
        if let Err(why) = next {
            self.found = Some((Lookup::Failed(why), None));
        }
    }

    /// Where TLSA records may be, once aliases and addresses are known.
    fn choose(&mut self) -> Result<(), LookupFailure> {
        if self.found.is_some() {
            return Ok(());
        }
        let (mut secure, mut insecure, mut failed) = (false, false, None);
        for answer in self.addresses.iter().flatten() {
            match fact(answer) {
                Ok(Fact::Some(Proved::Secure)) => secure = true,
                Ok(Fact::Some(Proved::Insecure)) => insecure = true,
                Ok(Fact::None(_)) => {}
                Err(why) => failed = Some(why),
            }
        }
        self.bases = if secure {
            // RFC 7672 §2.2.2: first the name that the aliases lead to, then the one they start from.
            let expanded = self.aliases.expanded().cloned();
            [Some(self.host.clone()), expanded]
                .into_iter()
                .flatten()
                .collect()
        } else if let Some(why) = failed {
            // The addresses that are missing may have been the secure ones.
            return Err(why);
        } else if !insecure {
            return Err(LookupFailure::NoAddress);
        } else if self.aliases.is_alias() {
            // RFC 7672 §2.2.2: a secure alias that leads out of the signed zones may have records at
            // its own name.
            vec![self.host.clone()]
        } else {
            // RFC 7672 §2.2.2: no TLSA query for a host whose address records are insecure: where
            // nothing is signed, such queries often fail, and no answer could be secure.
            self.found = Some((Lookup::Insecure, None));
            return Ok(());
        };
        self.ask_next();
        Ok(())
    }

    fn ask_next(&mut self) {
        while let Some(base) = self.bases.pop() {
            // A name that has no room for the two labels in front cannot have records.
            if let Ok(owner) = base.prefixed(&format!("_{}._tcp", self.port)) {
                self.asking = Some((base, Query::new(owner, RecordType::Tlsa)));
                return;
            }
            self.denied = Proved::Insecure;
        }
        self.asking = None;
        let nothing = match self.denied {
            Proved::Secure => Lookup::SecureDenial,
            Proved::Insecure => Lookup::Insecure,
        };
        self.found = Some((nothing, None));
    }

    /// RFC 7672 §2.1.2: where a look-up failed, nothing else is tried: with "?" it ends here.
    fn records(&mut self, answer: &Answer) -> Result<(), LookupFailure> {
        let proved = match fact(answer)? {
            Fact::Some(Proved::Secure) => {
                let base = self.asking.take().map(|(base, _)| base);
                self.found = Some((Lookup::Secure(tlsa(answer)), base));
                return Ok(());
            }
            Fact::Some(proved) | Fact::None(proved) => proved,
        };
        if proved == Proved::Insecure {
            self.denied = Proved::Insecure;
        }
        self.ask_next();
        Ok(())
    }

    /// What was found; what was not answered has failed.
    pub(crate) fn end(self, names: &[&Name], now: SystemTime) -> HostLookup {
        let unanswered = || {
            let silent = LookupFailure::Dns(mail_dns::Failure::Timeout);
            (Lookup::Failed(silent), None)
        };
        let (lookup, base) = self.found.unwrap_or_else(unanswered);
        let mut all: Vec<Name> = Vec::new();
        if base.is_some() {
            for name in base.iter().chain(names.iter().copied()) {
                if !all.contains(name) {
                    all.push(name.clone());
                }
            }
        }
        let addresses = self.addresses.iter().flatten().flat_map(Answer::iter);
        let addresses = addresses.filter_map(|record| match record {
            Record::A(address) => Some(IpAddr::from(*address)),
            Record::Aaaa(address) => Some(IpAddr::from(*address)),
            _ => None,
        });
        let until = match lookup {
            Lookup::Failed(_) => now,
            _ => self.until.unwrap_or(now),
        };
        HostLookup {
            addresses: addresses.collect(),
            host: self.host,
            lookup,
            base,
            names: all,
            steps: self.steps,
            until,
        }
    }
}

/// An address where a name belongs: as text, or as the literal of RFC 5321 §4.1.3. It has no TLSA
/// base domain.
pub(crate) fn is_address(host: &Name) -> bool {
    let text = host.to_string();
    // A dot inside a label is escaped.
    let text = text.replace('\\', "");
    text.starts_with('[') || text.parse::<IpAddr>().is_ok()
}
