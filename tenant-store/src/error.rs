//! What can go wrong below HTTP, by what the caller can do about it. The cause is for the log; it has no `Display` of its
//! own in an answer.

use domain::hydrate::Unrendered;
use tokio_postgres::error::SqlState;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, overloaded or refuses work for now: 503, to be tried again.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The caller may do such a thing, but not as much of it: 403, with a sentence that may be shown.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// A uniqueness or integrity rule of the data stands against it: 409.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The data cannot be stored as sent (a character Postgres has no place for, a number too large): 422.
    #[error("not storable: {0}")]
    NotStorable(String),
    /// A statement gave more rows than this many bytes hold: the caller is to ask for less.
    #[error("more than {0} bytes of rows")]
    TooMuch(usize),
    /// The workspace went away under the request: the same 404 as an unknown one.
    #[error("workspace is gone")]
    WorkspaceGone,
    /// The workspace's schema is of a version this binary does not serve: 503, to be tried again.
    #[error("workspace schema version {0} is not served by this program")]
    SchemaVersion(i32),
    /// The operator gave no keys for secrets, so none can be kept: 501, until there are some.
    #[error("no encryption keys")]
    NoKeys,
    /// The request holds templates, which are rendered elsewhere: to be tried again with what became of them.
    #[error("{} templates are not rendered", .0.len())]
    Unrendered(Vec<String>),
    /// A defect of ours: 500, with the cause in the log.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }
}

impl From<Unrendered> for Error {
    fn from(Unrendered(templates): Unrendered) -> Self {
        Self::Unrendered(templates)
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = describe(&error);
        let Some(db) = error.as_db_error() else {
            // No answer of the server: the connection broke, or a value did not fit its column's codec.
            return if error.is_closed() || std::error::Error::source(&error).is_some_and(|s| s.is::<std::io::Error>()) {
                Self::Unavailable(text)
            } else {
                Self::Internal(text)
            };
        };
        let code = db.code();
        match code.code().get(..2).unwrap_or("") {
            // SET ROLE to a role that was dropped while the request was under way.
            "22" if *code == SqlState::INVALID_PARAMETER_VALUE && text.contains(" role ") => Self::WorkspaceGone,
            "23" => Self::Conflict(text),
            // Limits of the program (54000: a text longer than an index holds) and data exceptions: 22021 and 22P05 are
            // characters, 22003 and 22008 numbers and dates out of range.
            "22" | "54" => Self::NotStorable(text),
            // Connection trouble, no resources, operator intervention (shutdown, statement_timeout), serialisation, deadlock.
            "08" | "53" | "57" | "40" => Self::Unavailable(text),
            _ if text.contains("cached plan must not change result type") => Self::Unavailable(text),
            _ if [
                SqlState::LOCK_NOT_AVAILABLE,
                SqlState::READ_ONLY_SQL_TRANSACTION,
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            ]
            .contains(code) =>
            {
                Self::Unavailable(text)
            }
            // The login may not step into the workspace's role: a wrong login, which doctor names. Whoever waits is served
            // when that is mended.
            _ if *code == SqlState::INSUFFICIENT_PRIVILEGE && text.contains("set role") => Self::Unavailable(text),
            // The role or schema was dropped while the request was under way.
            _ if *code == SqlState::UNDEFINED_OBJECT && text.contains("role") => Self::WorkspaceGone,
            _ if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME => Self::WorkspaceGone,
            _ => Self::Internal(text),
        }
    }
}

/// Code and message; never parameters.
fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => match db.constraint() {
            Some(constraint) => format!("{} {} ({constraint})", db.code().code(), db.message()),
            None => format!("{} {}", db.code().code(), db.message()),
        },
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
