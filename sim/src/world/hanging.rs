//! Calls that hang when a run is given up, in words: who waits, for what, and who may be in the way.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    kernel::{Hang, OpenTransaction, World},
    trace::{ProcessIndex, TxId, VirtualTime, What},
};

/// A call or a transaction that is younger may just be under way.
const LONG: VirtualTime = 1_000_000;

/// So many calls, and so many transactions that nobody waits for, are told.
const TOLD: usize = 3;

/// Calls that hang and transactions that do not end, in words.
#[derive(Debug, Default)]
pub(super) struct Hanging {
    /// Clauses that go on with the sentence of a violation; empty if nothing hangs.
    pub(super) sentence: String,
    /// The calls, and the begins of the transactions that they may wait for.
    pub(super) events: Vec<u64>,
}

/// Describes the calls that were not answered, each of which an event tells of, and transactions that do not end.
pub(super) fn hanging(world: &World, hangs: &[(Hang, u64)]) -> Hanging {
    let now = world.elapsed();
    let is_long = |since: VirtualTime| since.saturating_add(LONG) <= now;
    let name = |process: ProcessIndex| match world.topology.processes.get(usize::from(process.0)) {
        Some(spec) => spec.name.as_str(),
        None => "the client",
    };
    let mut hanging = Hanging::default();
    let mut named: BTreeSet<TxId> = BTreeSet::new();
    let long = hangs.iter().filter_map(|(hang, event)| match hang.what {
        What::NeverReturned { point, tx, since, behind, .. } if behind.is_some() || is_long(since) => {
            Some((hang, *event, point, tx, since))
        }
        _ => None,
    });
    for (hang, event, point, tx, since) in long.take(TOLD) {
        let inside = tx.map(|tx| format!(" in t{}", tx.0)).unwrap_or_default();
        let (who, call) = (name(hang.whose.0), point.name());
        let _ = write!(hanging.sentence, "; {who} has waited for {call}{inside} since {}", seconds(since));
        hanging.events.push(event);
        if let Some(open) = hang.holder {
            let holder = match open.whose {
                whose if whose == hang.whose => "its own task",
                (process, incarnation, _) if (process, incarnation) == (hang.whose.0, hang.whose.1) => {
                    "another of its tasks"
                }
                (process, ..) => name(process),
            };
            let _ = write!(hanging.sentence, ", while {holder} holds t{} open", open.tx.0);
            hanging.events.push(open.event);
            named.insert(open.tx);
        }
        named.extend(tx);
    }
    let is_untold = |open: &OpenTransaction| is_long(open.since) && !named.contains(&open.tx);
    for open in world.state().in_vain.open().into_iter().filter(is_untold).take(TOLD) {
        let _ = write!(
            hanging.sentence,
            "; {} has held t{} open since {}",
            name(open.whose.0),
            open.tx.0,
            seconds(open.since)
        );
        hanging.events.push(open.event);
    }
    hanging
}

/// A moment of virtual time, in seconds.
pub(super) fn seconds(at: VirtualTime) -> String {
    format!("{}.{:03} s", at / 1_000_000, at / 1_000 % 1_000)
}
