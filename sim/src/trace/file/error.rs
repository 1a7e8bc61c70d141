use super::TRACE_FORMAT;

/// Why a trace file can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceFileError {
    /// A line is not what it should be.
    #[error("trace is malformed at line {line}: {why}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
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
