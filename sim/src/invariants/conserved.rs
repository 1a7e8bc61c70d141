use std::collections::BTreeSet;

use seaworthy_core::ports::Cell;
use smol_str::SmolStr;

use super::{Ending, Entity, Interest, Invariant, Judge, Mode};
use crate::{
    topology::Conserved,
    trace::{Effect, Event, ProcessIndex, What},
};

/// Number of commits that changed a sum which are shown where it ends wrong: the last ones that nothing made up for.
const SHOWN_MAX: usize = 8;
/// So many of them are known at a time.
const KNOWN_MAX: usize = 64;

/// `conserved`: a [declared sum](Conserved) stands, in each commit or once the run has come to rest.
///
/// State: one number for each sum, and the last few commits that changed it, without those that others made up for.
#[derive(Debug)]
pub struct ConservedSums {
    sums: Vec<Sum>,
}

#[derive(Debug)]
pub(super) struct Sum {
    name: SmolStr,
    at_rest: bool,
    /// Difference to the sum before anything started.
    off: i64,
    changes: Vec<Change>,
}

/// A commit that changed a sum.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) event: u64,
    pub(super) by: i64,
    /// Things that it is about: ids of documents, keys of entries and of rows that are named, streams.
    pub(super) about: BTreeSet<SmolStr>,
}

impl Sum {
    pub(super) fn new(name: SmolStr, at_rest: bool) -> Self {
        Self { name, at_rest, off: 0, changes: Vec::new() }
    }

    /// One that is judged at rest, and this much off before anything starts.
    pub(super) fn beginning_at(name: SmolStr, off: i64) -> Self {
        Self { off, ..Self::new(name, true) }
    }

    /// Takes in a commit that changed it.
    pub(super) fn add(&mut self, change: Change) {
        self.off = self.off.saturating_add(change.by);
        self.change(change);
    }

    /// Judges it once all is over.
    pub(super) fn conclude(&self, judge: &mut Judge<'_>) {
        if self.off != 0 {
            let sentence = format!("`{}`, which has to stand, ended {:+} off where it began", self.name, self.off);
            judge.violate(Entity::named(self.name.clone(), self.name.clone()), sentence, self.shown());
        }
    }

    /// Takes in a change, and forgets it with all others about the same things, directly or by way of others, if together
    /// they come to nothing: one that was paid and got its seat is no part of why another has none.
    fn change(&mut self, change: Change) {
        let (mut about, mut is_like) = (change.about.clone(), vec![false; self.changes.len()]);
        // Until no other is found.
        while let Some(at) = (0..is_like.len()).find(|at| !is_like[*at] && !self.changes[*at].about.is_disjoint(&about))
        {
            is_like[at] = true;
            about.extend(self.changes[at].about.iter().cloned());
        }
        let others = self.changes.iter().zip(&is_like).filter(|(_, is_like)| **is_like).map(|(other, _)| other.by);
        if others.fold(change.by, i64::saturating_add) == 0 {
            let mut is_like = is_like.into_iter();
            self.changes.retain(|_| is_like.next() != Some(true));
            return;
        }
        if self.changes.len() == KNOWN_MAX {
            self.changes.remove(0);
        }
        self.changes.push(change);
    }

    /// The last commits of those that nothing made up for.
    fn shown(&self) -> Vec<u64> {
        let first = self.changes.len().saturating_sub(SHOWN_MAX);
        self.changes[first..].iter().map(|change| change.event).collect()
    }
}

/// Names what the effects of a commit are about, as far as one thing can be told from another.
pub(super) fn about(effects: &[Effect]) -> BTreeSet<SmolStr> {
    let name = |effect: &Effect| match effect {
        Effect::Document { id, .. } => Some(id.clone()),
        Effect::Entry { key, .. } => Some(key.clone()),
        Effect::Appended { stream, .. } => Some(stream.clone()),
        Effect::Row(row) => {
            let key = row.after.as_ref().or(row.before.as_ref()).and_then(|cells| cells.first());
            // A number is that of another row in another table.
            key.and_then(|key| if let Cell::Text(name) = key { Some(name.as_str().into()) } else { None })
        }
        _ => None,
    };
    effects.iter().filter_map(name).collect()
}

impl ConservedSums {
    /// The invariant at the start of a run with these sums.
    pub fn new(sums: &[Conserved]) -> Self {
        Self { sums: sums.iter().map(|sum| Sum::new(sum.name.clone(), sum.at_rest)).collect() }
    }
}

impl Invariant for ConservedSums {
    fn name(&self) -> &'static str {
        "conserved"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::OWN_TABLE
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { outcome, effects, .. } = &event.what else { return };
        // What was there before anything started is where a sum begins.
        if !outcome.took_effect() || event.process == ProcessIndex::WORLD {
            return;
        }
        for sum in &mut self.sums {
            let by = effects.iter().find_map(|effect| match effect {
                Effect::Amount { sum: name, by } if *name == sum.name => Some(*by),
                _ => None,
            });
            let Some(by) = by else { continue };
            judge.judged();
            if by == 0 {
                continue;
            }
            if sum.at_rest {
                sum.add(Change { event: event.number, by, about: about(effects) });
            } else {
                let sentence = format!("`{}`, which has to stand, changed by {by:+} in one commit", sum.name);
                judge.violate(Entity::named(sum.name.clone(), sum.name.clone()), sentence, vec![event.number]);
            }
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        self.sums.iter().for_each(|sum| sum.conclude(judge));
    }
}
