//! One process as it is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::time::Timestamp;

/// A timer of a process. Each time that it is set or cancelled it has another generation, and the message that goes off
/// for an older one does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timer {
    pub(super) generation: u64,
    pub(super) is_set: bool,
}

impl Timer {
    pub(super) fn renew(&mut self, is_set: bool) -> u64 {
        *self = Self { generation: self.generation + 1, is_set };
        self.generation
    }

    /// Goes off, if the message is of this generation.
    pub(super) fn goes_off(&mut self, generation: u64) -> bool {
        let is_due = self.is_set && self.generation == generation;
        if is_due {
            self.is_set = false;
        }
        is_due
    }
}

/// A process that goes on, or the note that it has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Instance<S> {
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<S>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) timers: BTreeMap<SmolStr, Timer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
}

fn none<S>() -> Option<S> {
    None
}

impl<S> Instance<S> {
    pub(super) fn new(state: S) -> Self {
        Self { state: Some(state), timers: BTreeMap::new(), ended_at: None }
    }

    pub(super) fn ended(at: Timestamp) -> Self {
        Self { state: None, timers: BTreeMap::new(), ended_at: Some(at) }
    }

    pub(super) fn timer(&mut self, name: &SmolStr) -> &mut Timer {
        self.timers.entry(name.clone()).or_default()
    }
}

/// The part of a stored process that says when it ended.
#[derive(Deserialize)]
pub(super) struct End {
    #[serde(default)]
    pub(super) ended_at: Option<Timestamp>,
}

/// Payload of the message of a timer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GoneOff {
    pub(super) timer: SmolStr,
    pub(super) generation: u64,
}
