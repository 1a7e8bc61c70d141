use super::TRACE_FORMAT;

/// Error of reading a trace file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// A line is not what it should be.
    #[error("trace is malformed at line {line}: {why}")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
        /// Description of the mistake.
        why: String,
    },
    /// Its format is another one.
    #[error(
        "trace has format {found:?}; this version reads {TRACE_FORMAT:?}: use the seaworthy that wrote it, or write it \
         again with `replay --trace`"
    )]
    Format {
        /// The format that it names.
        found: String,
    },
    /// It is not whole.
    #[error("trace is truncated: it has {found} of {wanted} events; write it again with `replay --trace`")]
    Truncated {
        /// Events that there are.
        found: u64,
        /// Events that the header promises.
        wanted: u64,
    },
}
