/// Why there is no verdict, or no stamp. What goes wrong with a message is a verdict, not an error.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// [`Evaluation::finish`](crate::Evaluation::finish) was called too early.
    #[error("{missing} questions to the DNS are still open")]
    Unanswered {
        /// How many questions are open.
        missing: usize,
    },
    /// The authserv-id is empty, or holds characters that no header field may hold
    /// (RFC 8601 §2.2).
    #[error("not usable as authserv-id")]
    AuthservId,
    /// The name of a header field is empty, or holds characters that no name may hold
    /// (RFC 5322 §2.2).
    #[error("not usable as name of a header field")]
    FieldName,
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unanswered { .. })
    }
}
