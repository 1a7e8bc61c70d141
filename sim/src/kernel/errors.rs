use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

use crate::trace::ProcessIndex;

/// So many different errors are told apart.
const KINDS: usize = 64;

/// Errors of port calls, and how often each was met.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Known>);

/// Known error: process, operation, text of the error, and how often it was met.
type Known = (ProcessIndex, Operation, SmolStr, u64);

impl Errors {
    /// A call failed.
    pub(crate) fn note(&mut self, process: ProcessIndex, point: Operation, error: &str) {
        let is_it = |known: &&mut Known| (known.0, known.1) == (process, point) && known.2 == error;
        if let Some((.., times)) = self.0.iter_mut().find(is_it) {
            *times += 1;
        } else if self.0.len() < KINDS {
            self.0.push((process, point, error.into(), 1));
        }
    }

    /// The one that came up most often.
    pub(crate) fn commonest(&self) -> Option<(ProcessIndex, Operation, &str, u64)> {
        let commonest = self.0.iter().rev().max_by_key(|(.., times)| *times)?;
        Some((commonest.0, commonest.1, &commonest.2, commonest.3))
    }
}
