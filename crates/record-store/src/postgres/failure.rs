//! What the server's errors mean.

use std::fmt;
use std::sync::Arc;

use tokio_postgres::error::{DbError, Severity};

use crate::{Cause, Error};

/// Why a statement gave no rows.
pub(super) enum Failure {
    /// It was rolled back because of what others did at the same time: once more.
    Retry,
    /// This connection may not write any more.
    Fenced,
    /// It was rolled back, for this reason.
    Refused(Error),
    /// The connection is gone, or as good as gone; what it did last is not known.
    Lost(Error),
}

impl Failure {
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return Self::Lost(unavailable(error));
        };
        // FATAL and PANIC end the connection, and can come after a commit. Not every server sends a severity.
        if !matches!(said.parsed_severity(), Some(Severity::Error) | None) {
            return Self::Lost(unavailable(error));
        }
        match said.code().code() {
            // Serialization failure, deadlock, and a key that another commit inserted meanwhile.
            "40001" | "40P01" | "23505" => Self::Retry,
            // "Statement completion unknown", CockroachDB's ambiguous results; a shutdown; a lost connection.
            "40003" | "57P01" | "57P02" | "57P03" => Self::Lost(unavailable(error)),
            code if code.starts_with("08") => Self::Lost(unavailable(error)),
            "RS001" => Self::Fenced,
            "RS002" => Self::Refused(Error::Format {
                found: said.message().parse().unwrap_or(u32::MAX),
                known: u32::from(crate::codec::FORMAT),
            }),
            "53100" => Self::Refused(Error::Full),
            // The statement's own timeout, a lock's, and too many connections.
            "57014" | "55P03" | "53300" => Self::Refused(Error::Busy),
            _ => Self::Refused(unavailable(error)),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry => Self::Busy,
            Failure::Fenced => unavailable_because("this connection is fenced off"),
            Failure::Refused(error) | Failure::Lost(error) => error,
        }
    }
}

/// Without the details of the server's message, which may quote what is stored.
pub(super) fn unavailable(error: &tokio_postgres::Error) -> Error {
    let source = std::error::Error::source(error);
    let text = match (error.as_db_error(), source) {
        (Some(said), _) => said_by_server(said),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    };
    unavailable_because(text)
}

pub(super) fn unavailable_because(text: impl Into<String>) -> Error {
    let cause: Cause = Arc::new(Said(text.into()));
    Error::Unavailable(cause)
}

pub(super) fn too_late() -> Error {
    unavailable_because("no answer in time")
}

fn said_by_server(said: &DbError) -> String {
    format!("{} ({})", said.message(), said.code().code())
}

#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}
