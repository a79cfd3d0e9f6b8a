//! Keys, certificates and signatures as they come in and go out.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgp_keystore::{Certificate, Form, Imported, Key, Limits, import};
use sop::errors::Error;
use sop::plumbing::SopRef;
use sop::{Load, Save};

use crate::Sop;
use crate::desk::of_core;

/// Octets in a line of armor.
const LINE: usize = 64;

type Source<'a> = &'a mut (dyn Read + Send + Sync);
type Sink<'a> = &'a mut (dyn Write + Send + Sync);

/// KEYS: with their secrets, as protected as they came.
pub(crate) struct Keys<'s> {
    pub(crate) sop: &'s Sop,
    pub(crate) keys: Vec<Key>,
    source: Option<String>,
}

impl<'s> Keys<'s> {
    pub(crate) fn new(sop: &'s Sop, keys: Vec<Key>) -> Self {
        let source = None;
        Self { sop, keys, source }
    }
}

impl<'s> Load<'s, Sop> for Keys<'s> {
    fn from_reader(sop: &'s Sop, from: Source<'_>, source: Option<String>) -> sop::Result<Self> {
        let Imported {
            keys, certificates, ..
        } = imported(from)?;
        match keys.is_empty() || !certificates.is_empty() {
            true => Err(Error::BadData),
            false => Ok(Self { sop, keys, source }),
        }
    }

    fn source_name(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

impl Save for Keys<'_> {
    fn to_writer(&self, armored: bool, sink: Sink<'_>) -> sop::Result<()> {
        let octets = self.keys.iter().map(|key| key.export(Form::Binary));
        let octets: Result<Vec<_>, _> = octets.collect();
        let octets = octets.map_err(of_core)?.concat();
        write(sink, armored, "PRIVATE KEY BLOCK", &octets)
    }
}

impl<'s> SopRef<'s, Sop> for Keys<'s> {
    fn sop(&self) -> &'s Sop {
        self.sop
    }
}

/// CERTS.
pub(crate) struct Certs<'s> {
    pub(crate) sop: &'s Sop,
    pub(crate) certificates: Vec<Certificate>,
    source: Option<String>,
}

impl<'s> Certs<'s> {
    pub(crate) fn new(sop: &'s Sop, certificates: Vec<Certificate>) -> Self {
        let source = None;
        Self {
            sop,
            certificates,
            source,
        }
    }
}

impl<'s> Load<'s, Sop> for Certs<'s> {
    fn from_reader(sop: &'s Sop, from: Source<'_>, source: Option<String>) -> sop::Result<Self> {
        let Imported {
            keys, certificates, ..
        } = imported(from)?;
        // A secret key where a certificate is wanted was put there by mistake.
        match certificates.is_empty() || !keys.is_empty() {
            true => Err(Error::BadData),
            false => Ok(Self {
                sop,
                certificates,
                source,
            }),
        }
    }

    fn source_name(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

impl Save for Certs<'_> {
    fn to_writer(&self, armored: bool, sink: Sink<'_>) -> sop::Result<()> {
        let octets = self.certificates.iter().map(|c| c.export(Form::Binary));
        let octets: Result<Vec<_>, _> = octets.collect();
        let octets = octets.map_err(of_core)?.concat();
        write(sink, armored, "PUBLIC KEY BLOCK", &octets)
    }
}

impl<'s> SopRef<'s, Sop> for Certs<'s> {
    fn sop(&self) -> &'s Sop {
        self.sop
    }
}

/// SIGNATURES: as they came, or as they were made, without armor.
pub(crate) struct Sigs<'s> {
    sop: &'s Sop,
    pub(crate) octets: Vec<u8>,
    source: Option<String>,
}

impl<'s> Sigs<'s> {
    pub(crate) fn new(sop: &'s Sop, octets: Vec<u8>) -> Self {
        let source = None;
        Self {
            sop,
            octets,
            source,
        }
    }
}

impl<'s> Load<'s, Sop> for Sigs<'s> {
    fn from_reader(sop: &'s Sop, from: Source<'_>, source: Option<String>) -> sop::Result<Self> {
        let octets = read(from, Limits::default().max_message)?;
        Ok(Self {
            sop,
            octets,
            source,
        })
    }

    fn source_name(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

impl Save for Sigs<'_> {
    fn to_writer(&self, armored: bool, sink: Sink<'_>) -> sop::Result<()> {
        write(sink, armored, "SIGNATURE", &self.octets)
    }
}

impl<'s> SopRef<'s, Sop> for Sigs<'s> {
    fn sop(&self) -> &'s Sop {
        self.sop
    }
}

/// What is refused, such as a certificate of a version to come, stands in nobody's way.
fn imported(from: Source<'_>) -> sop::Result<Imported> {
    let limits = Limits::default();
    let imported = import(&read(from, limits.max_import)?, &limits).map_err(of_core)?;
    for refused in &imported.refused {
        eprintln!("passed over: {}", refused.error);
    }
    Ok(imported)
}

/// All of it, if that is not more than what is taken anyway.
pub(crate) fn read(from: Source<'_>, limit: usize) -> sop::Result<Vec<u8>> {
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut octets = Vec::new();
    from.take(bound).read_to_end(&mut octets)?;
    match octets.len() > limit {
        true => Err(Error::BadData),
        false => Ok(octets),
    }
}

/// All that goes out together is one block of armor, without the checksum that RFC 9580 §6.1 asks nobody for.
fn write(sink: Sink<'_>, armored: bool, label: &str, octets: &[u8]) -> sop::Result<()> {
    if !armored {
        return Ok(sink.write_all(octets)?);
    }
    writeln!(sink, "-----BEGIN PGP {label}-----\n")?;
    for line in STANDARD.encode(octets).as_bytes().chunks(LINE) {
        sink.write_all(line)?;
        writeln!(sink)?;
    }
    writeln!(sink, "-----END PGP {label}-----")?;
    Ok(())
}
