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
struct Sum {
    name: SmolStr,
    at_rest: bool,
    /// Difference to the sum before anything started.
    off: i64,
    changes: Vec<Change>,
}

/// A commit that changed a sum.
#[derive(Debug)]
struct Change {
    event: u64,
    by: i64,
    /// Things that it is about: ids of documents, keys of entries and of rows that are named.
    about: BTreeSet<SmolStr>,
}

impl Sum {
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
fn about(effects: &[Effect]) -> BTreeSet<SmolStr> {
    let name = |effect: &Effect| match effect {
        Effect::Document { id, .. } => Some(id.clone()),
        Effect::Entry { key, .. } => Some(key.clone()),
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
        let sum = |sum: &Conserved| Sum { name: sum.name.clone(), at_rest: sum.at_rest, off: 0, changes: Vec::new() };
        Self { sums: sums.iter().map(sum).collect() }
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
                sum.off = sum.off.saturating_add(by);
                sum.change(Change { event: event.number, by, about: about(effects) });
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
        for sum in self.sums.iter().filter(|sum| sum.off != 0) {
            let sentence = format!("`{}`, which has to stand, ended {:+} off where it began", sum.name, sum.off);
            judge.violate(Entity::named(sum.name.clone(), sum.name.clone()), sentence, sum.shown());
        }
    }
}
