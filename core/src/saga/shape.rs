use std::{collections::BTreeMap, ops::Range, time::Duration};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Awaits, RetryPolicy};
use crate::ports::DefinitionRef;

/// Phase of a step: the effect of its failure on the saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Can be undone.
    Compensatable,
    /// The point of no return: once it has committed, the saga goes forward only.
    Pivot,
    /// Tried again until it is done.
    Retriable,
}

/// A step without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepShape {
    /// Name of the step; for a step of a nested saga, the names from the outside in, joined by `/`.
    pub path: SmolStr,
    /// Phase of the step.
    pub phase: Phase,
    /// Steps of one group run side by side; groups run one after the other.
    pub group: u32,
    /// `true` if its action asks participants that are not ours.
    pub remote: bool,
    /// Event that it waits for before its transaction.
    pub awaits: Option<Awaits>,
    /// Retry policy of its action.
    pub retry: RetryPolicy,
    /// Retry policy of its compensation.
    pub compensation_retry: RetryPolicy,
    /// Time that it may take from its first logged attempt, before the pivot.
    pub deadline: Option<Duration>,
}

/// A definition without its code: all that the life cycle needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Name, version and structure hash.
    pub definition: DefinitionRef,
    /// Time that the whole saga may take until its pivot has committed.
    pub deadline: Option<Duration>,
    /// Steps in order; those of one group are neighbours, and groups are numbered upwards.
    pub steps: Vec<StepShape>,
    pivot: Option<usize>,
    /// The steps in the order of their paths, where there are too many to look through.
    by_path: Vec<u32>,
    /// Waits for signals, by their names.
    waits: BTreeMap<SmolStr, Waits>,
    /// Steps whose waits have keys.
    keyed: Vec<usize>,
}

/// Steps that wait for signals of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waits {
    steps: usize,
    /// Some of them have keys.
    keyed: bool,
}

/// Number of steps from which on one is found by its path in an index.
const MANY: usize = 17;

impl Shape {
    /// Puts a shape together and hashes its structure. A definition has one already; this is for those who judge logs
    /// without it.
    pub fn new(name: SmolStr, version: u32, deadline: Option<Duration>, steps: Vec<StepShape>) -> Self {
        let hash = structure_hash(&steps);
        let pivot = steps.iter().position(|step| step.phase == Phase::Pivot);
        let mut by_path = Vec::new();
        if steps.len() >= MANY {
            by_path.extend(0..steps.len() as u32);
            by_path.sort_by(|one, other| steps[*one as usize].path.cmp(&steps[*other as usize].path));
        }
        let mut waits = BTreeMap::<SmolStr, Waits>::new();
        for name in steps.iter().filter_map(|step| step.awaits.as_ref()?.signal()) {
            waits.entry(name.clone()).or_default().steps += 1;
        }
        let definition = DefinitionRef { name, version, hash };
        Self { definition, deadline, steps, pivot, by_path, waits, keyed: Vec::new() }
    }

    /// Says which steps have keys by which messages find them, in their order.
    pub(super) fn keyed(mut self, steps: &[usize]) -> Self {
        self.keyed = steps.to_vec();
        for name in steps.iter().filter_map(|step| self.steps[*step].awaits.as_ref()?.signal()) {
            self.waits.entry(name.clone()).or_default().keyed = true;
        }
        self
    }

    /// Returns the steps that messages find by keys of their own.
    pub(crate) fn keyed_steps(&self) -> &[usize] {
        &self.keyed
    }

    /// Returns `true` if messages find a step by a key of its own.
    pub(super) fn is_keyed(&self, index: usize) -> bool {
        self.keyed.binary_search(&index).is_ok()
    }

    /// Returns the number of steps that wait for a signal of this name, and whether some of them have keys.
    pub(super) fn waits(&self, signal: &str) -> (usize, bool) {
        self.waits.get(signal).map_or((0, false), |waits| (waits.steps, waits.keyed))
    }

    /// The index of a step.
    pub fn index_of(&self, path: &str) -> Option<usize> {
        if self.by_path.is_empty() {
            return self.steps.iter().position(|step| step.path == path);
        }
        let place = self.by_path.binary_search_by(|index| self.steps[*index as usize].path.as_str().cmp(path)).ok()?;
        Some(self.by_path[place] as usize)
    }

    /// The steps that run side by side with a step, itself among them.
    pub(super) fn group_of(&self, index: usize) -> Range<usize> {
        let group = self.steps[index].group;
        let from = self.steps.partition_point(|step| step.group < group);
        from..from + self.steps[from..].partition_point(|step| step.group == group)
    }

    /// The index of the pivot, if there is one.
    pub fn pivot(&self) -> Option<usize> {
        self.pivot
    }
}

/// FNV-1a over paths, phases, groups, and whether a step asks or what it waits for: what gives the log its meaning. Policies and deadlines
/// may change without a new version.
fn structure_hash(steps: &[StepShape]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    for step in steps {
        step.path.bytes().for_each(&mut mix);
        mix(0x1f);
        mix(match step.phase {
            Phase::Compensatable => b'c',
            Phase::Pivot => b'p',
            Phase::Retriable => b'r',
        });
        mix(if step.remote { b'a' } else { b'l' });
        step.group.to_le_bytes().into_iter().for_each(&mut mix);
        // Definitions without waits keep the hashes that they had.
        match &step.awaits {
            None => {}
            Some(Awaits::Time) => mix(b't'),
            Some(Awaits::Signal { name, .. }) => {
                mix(b's');
                name.bytes().for_each(&mut mix);
            }
        }
    }
    hash
}
