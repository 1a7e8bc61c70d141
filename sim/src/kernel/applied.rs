//! Events on their way to subscribers: what a position of a log stands for, and which events have had their effect in a transaction
//! that is still open.

use std::collections::BTreeMap;

use seaworthy_core::{ids::MessageId, ports::RecordedEvent};
use smol_str::SmolStr;

use super::spoils::Subject;
use crate::trace::TxId;

/// Events that were read from the logs of stores, and those whose effect is about to count. Empty where no fault of the plan asks.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    events: BTreeMap<(usize, u64), MessageId>,
    open: Vec<(TxId, SmolStr, u64)>,
}

impl Applied {
    /// Events were read from the log of a store.
    pub(crate) fn read(&mut self, store: usize, events: &[RecordedEvent]) {
        self.events.extend(events.iter().map(|event| ((store, event.position()), event.message.id)));
    }

    /// An event has had its effect on a subscriber, in a transaction that is open.
    pub(crate) fn apply(&mut self, tx: TxId, subscriber: &str, position: u64) {
        self.open.push((tx, subscriber.into(), position));
    }

    /// Takes the events of a transaction that is about to move its subscriber's checkpoint past them.
    pub(crate) fn take(&mut self, tx: TxId, store: usize) -> Vec<Subject> {
        let of_tx = self.open.extract_if(.., |(of, ..)| *of == tx);
        let subject = |(_, subscriber, position)| {
            let message = *self.events.get(&(store, position))?;
            Some(Subject::Event { subscriber, message })
        };
        of_tx.filter_map(subject).collect()
    }

    /// Nothing is spoiled any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
