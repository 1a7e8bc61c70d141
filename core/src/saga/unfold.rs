//! A whole log, unfolded into a saga's state: under the version that the saga runs now, whichever it ran before.

use std::{sync::Arc, time::Duration};

use super::{Passage, Record, RecordError, Shape, State, next, passage::FirstNames, set_back::set_back};
use crate::ports::{LogEntry, Timestamp};

/// A log that can't be read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It holds a record of a newer release, which goes on with it.
    Newer(String),
    /// It is damaged, or does not fit the definition.
    Damaged(String),
}

/// Result of reading a log.
pub(crate) struct Unfolded {
    pub(crate) state: State,
    pub(crate) names: FirstNames,
    /// Number of the first entry that is kept, and of the last.
    pub(crate) first: u64,
    pub(crate) length: u64,
    /// The epoch of the last entry's writer.
    pub(crate) epoch: u64,
    /// The latest moment of its entries.
    pub(crate) newest: Timestamp,
    /// Time by which they were ahead, which the log does not tell of yet.
    pub(crate) ahead_by: Option<Duration>,
    /// The last entry is the note of a process that left the saga.
    pub(crate) is_left: bool,
    /// The saga runs its version already: the log says so.
    pub(crate) has_passed: bool,
}

/// Folds a log, of a saga that goes through `passage` unless its log says that it has. Where it is known that a clock was
/// `ahead_by` as much when the entries were written, which the log does not tell of yet, they are read as if it did.
pub(crate) fn unfold(
    shape: &Arc<Shape>,
    entries: &[LogEntry],
    passage: Option<&Passage>,
    ahead_by: Option<Duration>,
) -> Result<Unfolded, Unreadable> {
    let at = |number: usize, reason: &dyn std::fmt::Display| format!("entry {}: {reason}", entries[number].sequence);
    let mut records = Vec::with_capacity(entries.len());
    for (number, entry) in entries.iter().enumerate() {
        records.push(Record::decode(&entry.record).map_err(|error: RecordError| {
            if error.is_unknown() {
                Unreadable::Newer(at(number, &error))
            } else {
                Unreadable::Damaged(at(number, &error))
            }
        })?);
    }
    let mut passages: Vec<Passage> = Vec::new();
    // Others than the entries' own only where a clock was wrong.
    let mut corrected: Option<Vec<Timestamp>> = None;
    let written = || entries.iter().map(|entry| entry.at).collect::<Vec<_>>();
    for number in 0..records.len() {
        match &records[number] {
            Record::Migrated { passage, .. } => passages.push(passage.clone()),
            Record::ClockSetBack { ahead_by_us } => {
                let ahead_by = Duration::from_micros(*ahead_by_us);
                let moments = &mut corrected.get_or_insert_with(written)[..number];
                set_back(moments, &mut records[..number], ahead_by);
            }
            _ => {}
        }
    }
    if let Some(ahead_by) = ahead_by {
        set_back(corrected.get_or_insert_with(written), &mut records, ahead_by);
    }
    let has_passed = passage.is_none_or(|declared| passages.iter().any(|passage| passage.to == declared.to));
    passages.extend(passage.filter(|_| !has_passed).cloned());
    let moment = |number: usize| corrected.as_ref().map_or(entries[number].at, |moments| moments[number]);
    // What an operator asks for says nothing of who has the saga.
    let mut said = records.iter().filter(|record| !matches!(record, Record::Requested(_)));
    let mut unfolded = Unfolded {
        state: State::new(shape.clone()),
        names: FirstNames::default(),
        first: entries.first().map_or(1, |entry| entry.sequence),
        length: entries.last().map_or(0, |entry| entry.sequence),
        epoch: entries.last().map_or(0, |entry| entry.epoch),
        newest: (0..entries.len()).map(moment).max().unwrap_or_default(),
        ahead_by,
        is_left: matches!(said.next_back(), Some(Record::LeftToNewer { .. })),
        has_passed,
    };
    let mut passed = 0;
    for (number, mut record) in records.into_iter().enumerate() {
        match &record {
            Record::Migrated { passage, .. } => {
                unfolded.names.pass(passage);
                passed += 1;
            }
            // By the names of its time: they go through the passages that come after it.
            Record::Condensed { summary } => unfolded.names = FirstNames::of_summary(summary),
            _ => {}
        }
        record.for_each_step(|step| passages[passed..].iter().for_each(|passage| passage.apply(step)));
        unfolded.state =
            next(unfolded.state, &record, moment(number)).map_err(|error| Unreadable::Damaged(at(number, &error)))?;
    }
    passages[passed..].iter().for_each(|passage| unfolded.names.pass(passage));
    Ok(unfolded)
}
