//! Why a text is no rule, in the words of the reference.

/// The words are those of `dateutil`, or of Python where it unpacks what does not fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotRule {
    #[error("empty string")]
    Empty,
    #[error("not enough values to unpack (expected 2, got 1)")]
    TooFewParts,
    #[error("too many values to unpack (expected 2)")]
    TooManyParts,
    #[error("unknown parameter name")]
    UnknownName,
    #[error("unknown parameter '{0}'")]
    UnknownPart(String),
    #[error("invalid '{name}': {value}")]
    InvalidPart { name: String, value: String },
    #[error("unsupported property: {0}")]
    UnknownProperty(String),
    #[error("unsupported {property} parm: {parameter}")]
    UnknownParameter { property: &'static str, parameter: String },
    #[error("unsupported parm: {0}")]
    UnknownDateParameter(String),
    #[error("Duplicate value parameter found in: {0}")]
    TwoValueParameters(String),
    #[error("DTSTART/EXDATE specifies multiple timezone")]
    TwoZones,
    #[error("Multiple DTSTART values specified:{0}")]
    TwoStarts(String),
    #[error("Unknown string format: {0}")]
    NoDate(String),
    #[error("RRULE UNTIL values must be specified in UTC when DTSTART is timezone-aware")]
    UntilWithoutZone,
    #[error("bysetpos must be between 1 and 366, or between -366 and -1")]
    SetPosition,
    #[error("Invalid rrule byxxx generates an empty set.")]
    EmptySet,
    #[error("{0}")]
    OutOfRange(&'static str),
    #[error("max length is {most}, got {0}", most = super::LONGEST)]
    TooLong(usize),
    /// The reference fails, or counts without end.
    #[error("{0}")]
    Unusable(&'static str),
}
