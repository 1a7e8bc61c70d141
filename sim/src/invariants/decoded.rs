use std::{
    any::{Any, type_name},
    fmt,
    sync::Arc,
};

use seaworthy_core::ids::MessageId;
use serde::de::DeserializeOwned;

use super::{
    messages::Messages,
    rows::{Rows, Settled},
    saga_log::SagaLog,
};
use crate::trace::{Event, What};

/// Contents of the event that is being judged, worked out once, however many invariants ask.
#[derive(Default)]
pub(crate) struct Decoded {
    number: Option<u64>,
    logs: Option<Arc<[SagaLog]>>,
    /// Documents, by the position of their effect. One may be read as several types.
    documents: Vec<(usize, Arc<dyn Any + Send + Sync>)>,
    /// Numbers of the messages that anyone asked about.
    pub(super) messages: Messages,
    rows: Rows,
    /// Effects of the latest settlement, row by row.
    settled: Vec<Option<(MessageId, Settled)>>,
}

impl Decoded {
    /// Takes in the next event, before anyone judges it: a settlement names rows, and their messages were named by claims.
    pub(super) fn note(&mut self, event: &Event) {
        match &event.what {
            What::Claim { store, rows, outcome, .. } if outcome.took_effect() => self.rows.claim(store, rows),
            What::Settle { store, rows, outcome, .. } => {
                self.settled.clear();
                if outcome.took_effect() {
                    self.settled.extend(rows.iter().map(|row| self.rows.settle(store, row)));
                }
            }
            _ => {}
        }
    }

    /// Returns the effect of a row of the settlement that was noted last, by its position in it: on which message.
    pub(super) fn settled(&self, at: usize) -> Option<(MessageId, Settled)> {
        self.settled.get(at).copied().flatten()
    }

    pub(crate) fn logs(&mut self, event: &Event) -> Arc<[SagaLog]> {
        self.turn_to(event);
        self.logs.get_or_insert_with(|| SagaLog::from_event(event).into()).clone()
    }

    /// The document that the event wrote by its effect at a position, from JSON.
    pub(super) fn document<T: DeserializeOwned + Send + Sync + 'static>(
        &mut self,
        event: &Event,
        at: usize,
        body: &[u8],
    ) -> Result<Arc<T>, String> {
        self.turn_to(event);
        let of_it = self.documents.iter().filter(|(effect, _)| *effect == at);
        if let Some(decoded) = of_it.filter_map(|(_, decoded)| decoded.clone().downcast().ok()).next() {
            return Ok(decoded);
        }
        // Checked to be text at once, and not string by string.
        let read = match std::str::from_utf8(body) {
            Ok(text) => serde_json::from_str::<T>(text),
            Err(_) => serde_json::from_slice(body),
        };
        match read {
            Ok(value) => {
                let value = Arc::new(value);
                self.documents.push((at, value.clone()));
                Ok(value)
            }
            Err(error) => Err(format!("it is no {}: {error}", type_name::<T>())),
        }
    }

    fn turn_to(&mut self, event: &Event) {
        if self.number != Some(event.number) {
            self.number = Some(event.number);
            self.logs = None;
            self.documents.clear();
        }
    }
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").field("number", &self.number).field("rows", &self.rows).finish_non_exhaustive()
    }
}
