//! Names of records, and of the steps that they are about.

use smol_str::SmolStr;

use super::Record;

impl Record {
    /// Returns the name of the record, as stored.
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
            Self::Waived { .. } => "waived",
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
            Self::Attempting { step, .. }
            | Self::Announced { step, .. }
            | Self::Done { step, .. }
            | Self::Waiting { step, .. }
            | Self::Received { step, .. }
            | Self::Skipped { step }
            | Self::Rejected { step, .. }
            | Self::Retry { step, .. }
            | Self::Compensated { step, .. }
            | Self::CompensationExhausted { step, .. }
            | Self::Waived { step, .. }
            | Self::Settled { step, .. } => Some(step),
            Self::Requested(request) => request.verb.step(),
            _ => None,
        }
    }

    /// Hands out the paths of all steps that it names.
    pub(crate) fn for_each_step(&mut self, mut change: impl FnMut(&mut SmolStr)) {
        match self {
            Self::Attempting { step, .. }
            | Self::Announced { step, .. }
            | Self::Done { step, .. }
            | Self::Waiting { step, .. }
            | Self::Received { step, .. }
            | Self::Skipped { step }
            | Self::Rejected { step, .. }
            | Self::Retry { step, .. }
            | Self::Compensated { step, .. }
            | Self::CompensationExhausted { step, .. }
            | Self::Waived { step, .. }
            | Self::Settled { step, .. } => change(step),
            Self::Requested(request) => request.verb.step_mut().into_iter().for_each(change),
            Self::Migrated { keys, .. } => keys.iter_mut().for_each(|(step, _)| change(step)),
            Self::Condensed { summary } => summary.steps.iter_mut().for_each(|step| change(&mut step.path)),
            _ => {}
        }
    }
}
