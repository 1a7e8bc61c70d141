use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::trace::{ProcessIndex, VirtualTime};

/// The requests that the client still waits for.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    newest: u64,
    open: BTreeMap<u64, Ask>,
}

/// A request without an answer.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) service: SmolStr,
    pub(crate) operation: SmolStr,
    pub(crate) since: VirtualTime,
    /// Number of times that it was asked.
    pub(crate) times: u64,
    /// Process that took it last, and the event that says so.
    pub(crate) taken: Option<(ProcessIndex, u64)>,
}

impl Asks {
    /// A new request; its number.
    pub(crate) fn open(&mut self, service: SmolStr, operation: SmolStr, since: VirtualTime) -> u64 {
        self.newest += 1;
        self.open.insert(self.newest, Ask { service, operation, since, times: 0, taken: None });
        self.newest
    }

    /// It is asked once more.
    pub(crate) fn asked(&mut self, number: u64) {
        if let Some(ask) = self.open.get_mut(&number) {
            ask.times += 1;
        }
    }

    /// A process takes it.
    pub(crate) fn taken(&mut self, number: u64, process: ProcessIndex, event: u64) {
        if let Some(ask) = self.open.get_mut(&number) {
            ask.taken = Some((process, event));
        }
    }

    /// It was answered.
    pub(crate) fn close(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// All that are open, in the order in which they were first asked.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Ask)> {
        self.open.iter().map(|(number, ask)| (*number, ask))
    }
}
