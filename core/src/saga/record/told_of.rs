//! Names of records, and of the steps that they are about.

use smol_str::SmolStr;

use super::Record;

/// The records that are about one step each, for a match that wants the step: one list for whoever reads it and whoever
/// changes it.
macro_rules! of_one_step {
    ($step:ident) => {
        Self::Attempting { step: $step, .. }
            | Self::Announced { step: $step, .. }
            | Self::Done { step: $step, .. }
            | Self::Waiting { step: $step, .. }
            | Self::Received { step: $step, .. }
            | Self::Skipped { step: $step }
            | Self::Rejected { step: $step, .. }
            | Self::Retry { step: $step, .. }
            | Self::Compensated { step: $step, .. }
            | Self::CompensationExhausted { step: $step, .. }
            | Self::SkippedByOperator { step: $step, .. }
            | Self::Settled { step: $step, .. }
    };
}

impl Record {
    /// Returns the name of the record: as stored, but for the one of a step that an operator skipped, which is stored as
    /// `waived`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Caused { .. } => "caused",
            Self::Attempting { .. } => "attempting",
            Self::Announced { .. } => "announced",
            Self::Done { .. } => "done",
            Self::Waiting { .. } => "waiting",
            Self::Signalled { .. } => "signalled",
            Self::Received { .. } => "received",
            Self::Skipped { .. } => "skipped",
            Self::Rejected { .. } => "rejected",
            Self::Retry { .. } => "retry",
            Self::CompensationBegun { .. } => "compensation_begun",
            Self::Compensated { .. } => "compensated",
            Self::CompensationExhausted { .. } => "compensation_exhausted",
            Self::Completed => "completed",
            Self::RolledBack => "rolled_back",
            Self::Stuck { .. } => "stuck",
            Self::Resumed => "resumed",
            Self::SkippedByOperator { .. } => "skipped_by_operator",
            Self::Hastened => "hastened",
            Self::Settled { .. } => "settled",
            Self::LeftToNewer { .. } => "left_to_newer",
            Self::TakenUp => "taken_up",
            Self::Migrated { .. } => "migrated",
            Self::ClockSetBack { .. } => "clock_set_back",
            Self::Condensed { .. } => "condensed",
            Self::Abandoned { .. } => "abandoned",
            Self::Requested(_) => "requested",
            Self::Granted => "granted",
            Self::Declined { .. } => "declined",
        }
    }

    /// The step that it is about, if it is about one.
    pub fn step(&self) -> Option<&SmolStr> {
        match self {
            of_one_step!(step) => Some(step),
            Self::Requested(request) => request.verb.step(),
            _ => None,
        }
    }

    /// Hands out the paths of all steps that it names.
    pub(crate) fn for_each_step(&mut self, mut change: impl FnMut(&mut SmolStr)) {
        match self {
            of_one_step!(step) => change(step),
            Self::Requested(request) => request.verb.step_mut().into_iter().for_each(change),
            Self::Migrated { keys, .. } => keys.iter_mut().for_each(|(step, _)| change(step)),
            Self::Condensed { summary } => summary.steps.iter_mut().for_each(|step| change(&mut step.path)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::saga::{Passage, Record};

    /// A saga may pass to a version with keys, and then to one with other names.
    #[test]
    fn a_passage_names_the_steps_that_got_their_keys() {
        let passage = Passage { from: 1, to: 2, renames: Vec::new() };
        let keys = vec![("visa".into(), "7".into()), ("ticket".into(), "8".into())];
        let mut record = Record::Migrated { passage, keys };
        record.for_each_step(|step| *step = format!("new-{step}").into());
        let Record::Migrated { keys, .. } = record else { unreachable!() };
        assert_eq!(keys, [("new-visa".into(), "7".into()), ("new-ticket".into(), "8".into())]);
    }
}
