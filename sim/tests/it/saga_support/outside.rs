//! Participants that are not ours, with what they really did.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, ExternalCall, ExternalError},
};

/// Books and cancels by operation id, as a participant should: once, and never after its own cancellation.
#[derive(Default)]
pub(crate) struct Outside {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    booked: BTreeMap<OperationId, String>,
    cancelled: BTreeSet<OperationId>,
    /// Services that refuse, by name.
    refusing: BTreeSet<String>,
    /// How often a service still fails, and how.
    failing: BTreeMap<String, (u32, bool)>,
    /// Services that never answer before this long.
    slow: BTreeMap<String, Duration>,
    calls: Vec<String>,
}

impl Outside {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no call panics")
    }

    pub(crate) fn refuse(&self, service: &str) {
        self.inner().refusing.insert(service.to_owned());
    }

    /// Fails the next calls of a service, or of one operation of it (`cancel hotel`); with `unknown` they take effect
    /// all the same.
    pub(crate) fn fail(&self, service: &str, times: u32, unknown: bool) {
        self.inner().failing.insert(service.to_owned(), (times, unknown));
    }

    pub(crate) fn delay(&self, service: &str, by: Duration) {
        self.inner().slow.insert(service.to_owned(), by);
    }

    /// Services that hold a booking that was not cancelled.
    pub(crate) fn booked(&self) -> Vec<String> {
        let inner = self.inner();
        let kept = inner.booked.iter().filter(|(id, _)| !inner.cancelled.contains(id));
        let mut kept: Vec<_> = kept.map(|(_, service)| service.clone()).collect();
        kept.sort();
        kept
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.inner().calls.clone()
    }

    fn answer(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        let mut inner = self.inner();
        inner.calls.push(format!("{} {}", call.operation, call.service));
        let name = inner.calls.last().cloned().unwrap_or_default();
        let failing = inner
            .failing
            .iter_mut()
            .find(|(which, left)| left.0 > 0 && (**which == name || which.as_str() == call.service))
            .map(|(_, left)| {
                left.0 -= 1;
                left.1
            });
        if failing == Some(false) {
            return Err(ExternalError::Unavailable("busy".into()));
        }
        let answer = if call.operation == "cancel" {
            let action = std::str::from_utf8(&call.body).ok().and_then(|id| id.parse().ok()).map(OperationId);
            inner.cancelled.insert(action.expect("a cancellation names its booking"));
            Ok("cancelled".into())
        } else if inner.cancelled.contains(&call.operation_id) || inner.refusing.contains(call.service.as_str()) {
            Err(ExternalError::Refused("no".into()))
        } else {
            inner.booked.insert(call.operation_id, call.service.to_string());
            Ok("booked".into())
        };
        match failing {
            Some(_) if answer.is_ok() => Err(ExternalError::Unknown("the answer was lost".into())),
            _ => answer,
        }
    }
}

#[async_trait]
impl External for Outside {
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        let slow = self.inner().slow.get(call.service.as_str()).copied();
        if let Some(delay) = slow {
            madsim::time::sleep(delay).await;
        }
        self.answer(call)
    }
}
