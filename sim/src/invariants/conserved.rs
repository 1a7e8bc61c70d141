use smol_str::SmolStr;

use super::{Ending, Entity, Interest, Invariant, Judge, Mode};
use crate::{
    topology::Conserved,
    trace::{Effect, Event, ProcessIndex, What},
};

/// Number of commits that changed a sum which are shown where it ends wrong: the last ones.
const SHOWN_MAX: usize = 8;

/// `conserved`: a [declared sum](Conserved) stands, in each commit or once the run has come to rest.
///
/// State: one number for each sum, and the last few commits that changed it.
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
    changed: Vec<u64>,
}

impl ConservedSums {
    /// The invariant at the start of a run with these sums.
    pub fn new(sums: &[Conserved]) -> Self {
        let sum = |sum: &Conserved| Sum { name: sum.name.clone(), at_rest: sum.at_rest, off: 0, changed: Vec::new() };
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
                if sum.changed.len() == SHOWN_MAX {
                    sum.changed.remove(0);
                }
                sum.changed.push(event.number);
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
            judge.violate(Entity::named(sum.name.clone(), sum.name.clone()), sentence, sum.changed.clone());
        }
    }
}
