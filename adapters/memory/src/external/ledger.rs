use std::{collections::hash_map::Entry, fmt};

use bytes::Bytes;
use seaworthy_core::{
    ids::OperationId,
    ports::{ExternalCall, ExternalError, Refusal},
};
use smol_str::{SmolStr, format_smolstr};

use super::Service;
use crate::lookup::Lookup;

/// Services by name, and what became of each operation: a pure state machine.
#[derive(Default)]
pub(super) struct Ledger {
    services: Lookup<SmolStr, Registered>,
    acted: u64,
}

struct Registered {
    service: Box<dyn Service>,
    entries: Lookup<(SmolStr, OperationId), LedgerEntry>,
}

/// The first definitive answer to an operation, and how often it took effect.
struct LedgerEntry {
    answer: Result<Bytes, Refusal>,
    times_acted: u32,
}

/// A service's answer to one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer's content.
    pub body: Bytes,
    /// Subject of the call, in the service's words.
    pub subject: SmolStr,
    /// `true` if the service acted for this call, `false` if it gave the answer that it had stored.
    pub acted: bool,
}

impl Ledger {
    pub(super) fn register(&mut self, name: &str, service: Box<dyn Service>) {
        match self.services.entry(name.into()) {
            Entry::Vacant(new) => _ = new.insert(Registered { service, entries: Lookup::default() }),
            Entry::Occupied(mut old) => old.get_mut().service = service,
        }
    }

    pub(super) fn answer(&mut self, call: &ExternalCall) -> Result<Answered, ExternalError> {
        let Some(Registered { service, entries }) = self.services.get_mut(&call.service) else {
            return Err(ExternalError::Refused(format_smolstr!(
                "no external service is called {}: add it to the topology",
                call.service
            )));
        };
        let key = (call.operation.clone(), call.operation_id);
        let stored = entries.get_mut(&key);
        let subject = service.subject(call);
        if let Some(entry) = &stored
            && service.is_idempotent()
        {
            return match &entry.answer {
                Ok(body) => Ok(Answered { body: body.clone(), subject, acted: false }),
                Err(refusal) => Err(refusal.clone().into()),
            };
        }
        let answer = service.act(call);
        let acted = u32::from(answer.is_ok());
        self.acted += u64::from(acted);
        match stored {
            Some(entry) => entry.times_acted += acted,
            None => _ = entries.insert(key, LedgerEntry { answer: answer.clone(), times_acted: acted }),
        }
        match answer {
            Ok(body) => Ok(Answered { body, subject, acted: true }),
            Err(refusal) => Err(refusal.into()),
        }
    }

    pub(super) fn subject(&self, call: &ExternalCall) -> SmolStr {
        self.services.get(&call.service).map(|known| known.service.subject(call)).unwrap_or_default()
    }

    pub(super) fn times_acted(&self, call: &ExternalCall) -> u32 {
        let key = (call.operation.clone(), call.operation_id);
        let known = self.services.get(&call.service);
        known.and_then(|known| known.entries.get(&key)).map_or(0, |entry| entry.times_acted)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} services, {} effects", self.services.len(), self.acted)
    }
}
