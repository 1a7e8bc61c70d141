//! The words that a trace's lines are made of.

use bytes::Bytes;
use seaworthy_core::{
    choreography::{CARRIED_EVENT, carried_event},
    message::Message,
    ports::{Cell, OperationState, RowChange},
    saga::Record,
};

use super::Names;
use crate::trace::{Effect, Fingerprint, Outcome, VirtualTime, What};

impl What {
    /// Returns the kind of the event, in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Boot { .. } => "boot",
            Self::Crash => "crash",
            Self::Panic { .. } => "panic",
            Self::Caught { .. } => "caught",
            Self::Spoils { .. } => "spoils",
            Self::Said { .. } => "said",
            Self::Fault { .. } => "fault",
            Self::FaultOver { .. } => "fault_over",
            Self::Healed => "healed",
            Self::Redrive { .. } => "redrive",
            Self::Restored { .. } => "restored",
            Self::Quiet => "quiet",
            Self::OutOfBudget { .. } => "out_of_budget",
            Self::Request { .. } => "request",
            Self::Reply { .. } => "reply",
            Self::Begin { .. } => "begin",
            Self::Statement { .. } => "statement",
            Self::DuplicateSeen { .. } => "duplicate_seen",
            Self::Commit { .. } => "commit",
            Self::Abort { .. } => "abort",
            Self::Claim { .. } => "claim",
            Self::Settle { .. } => "settle",
            Self::Acquire { .. } => "acquire",
            Self::StoreCall { .. } => "store_call",
            Self::Publish { .. } => "publish",
            Self::Subscribe { .. } => "subscribe",
            Self::Deliver { .. } => "deliver",
            Self::ReceiveFailed { .. } => "receive_failed",
            Self::Ack { .. } => "ack",
            Self::Nack { .. } => "nack",
            Self::External { .. } => "external",
            Self::Exit { .. } => "exit",
            Self::NeverReturned { .. } => "never_returned",
            Self::Kept { .. } => "kept",
            Self::PartEnded { .. } => "part_ended",
        }
    }
}

/// Virtual time in milliseconds, with its microseconds.
pub(crate) fn millis(at: VirtualTime) -> String {
    format!("{}.{:03}", at / 1_000, at % 1_000)
}

/// Describes the ending, unless it ended as everybody would expect.
pub(super) fn ending(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => "",
        Outcome::Conflict => " = conflict",
        Outcome::Unavailable => " = unavailable",
        Outcome::Rejected => " = rejected",
        Outcome::DoneUnheard => " = done, unheard",
        Outcome::NotDoneUnheard => " = not done, unheard",
        Outcome::BelievedDone => " = not done, believed done",
    }
    .to_owned()
}

/// One effect of a commit, in words.
pub(super) fn say(effect: &Effect, names: &mut Names) -> String {
    match effect {
        Effect::Document { collection, id, body: None, .. } => format!("deletes {collection}/{}", names.abbreviate(id)),
        Effect::Document { collection, id, version, body: Some(body) } => {
            let id = names.abbreviate(id);
            format!("writes {collection}/{id} v{version} {}", brief(body, names))
        }
        Effect::Staged(message) => {
            let (name, subject) = (names.message(message.id), names.abbreviate(&message.subject));
            format!("stages {name} {} of {subject}{}", message.kind, headers(message, names))
        }
        Effect::Handled { consumer, message } => format!("{consumer} handles {}", names.message(*message)),
        Effect::Failed { consumer, message, failures, error } => {
            let (name, error) = (names.message(*message), names.abbreviate(error));
            format!("{consumer} fails at {name}, {failures} so far: {error}")
        }
        Effect::Buried { consumer, message, reason } => {
            format!("{consumer} buries {}: {}", names.message(*message), names.abbreviate(reason))
        }
        Effect::Exhumed { consumer, message } => format!("{consumer} exhumes {}", names.message(*message)),
        Effect::SagaCreated { saga, definition, key } => {
            format!("creates {} {} of {}", names.saga(*saga), definition.name, names.abbreviate(key))
        }
        Effect::SagaLogged { saga, epoch, length, records, status } => {
            let records: Vec<String> = records.iter().map(|one| record(one, names)).collect();
            let (saga, status) = (names.saga(*saga), status.name());
            format!("{saga} logs {} after {length} at epoch {epoch}, {status}", records.join(", "))
        }
        Effect::Operation { id, state: OperationState::Executed(_) } => format!("executes {}", names.operation(*id)),
        Effect::Operation { id, state: OperationState::Compensated } => format!("undoes {}", names.operation(*id)),
        Effect::Checkpoint { consumer, position } => format!("{consumer} has read up to {position}"),
        Effect::Appended { stream, version, position, event } => {
            let (name, stream) = (names.message(event.id), names.abbreviate(stream));
            format!("appends {name} {} to {stream} v{version} at {position}", event.kind)
        }
        Effect::Snapshot { stream, version } => format!("keeps {} as of v{version}", names.abbreviate(stream)),
        Effect::Dispatched(message) => format!("{} is dispatched", names.message(*message)),
        Effect::GivenUp { message, reason } => {
            format!("{} is given up: {}", names.message(*message), names.abbreviate(reason))
        }
        Effect::Row(row) => row_words(row, names),
        Effect::Entry { table, key, rows } => format!("{table} of {} {rows:+} rows", names.abbreviate(key)),
        Effect::Lock { table, name, held: true } => format!("lock {} of {table} is held", names.abbreviate(name)),
        Effect::Lock { table, name, held: false } => format!("lock {} of {table} is free", names.abbreviate(name)),
        Effect::Amount { sum, by: 0 } => format!("\"{sum}\" stands"),
        Effect::Amount { sum, by } => format!("\"{sum}\" {by:+}"),
        Effect::Observed { fact, subject, value } => format!("{fact} {} = {value}", names.abbreviate(subject)),
    }
}

/// A changed row: what it holds now, or, of one that was there before, what is other than before.
fn row_words(row: &RowChange, names: &mut Names) -> String {
    let table = &row.table;
    match (&row.before, &row.after) {
        (Some(before), Some(after)) => {
            let columns = row.columns.iter().zip(before.iter().zip(after.iter()));
            let changed = columns.filter(|(_, (before, after))| before != after);
            let changed: Vec<String> = changed
                .map(|(column, (before, after))| {
                    format!("{column}={}, was {}", short(after, names), short(before, names))
                })
                .collect();
            let first = row.columns.iter().zip(before.iter()).next();
            let first = first.map(|(column, cell)| format!(" {column}={}", short(cell, names))).unwrap_or_default();
            format!("updates {table}{first}: {}", changed.join("; "))
        }
        (None, Some(cells)) => format!("inserts {table} {}", cells_words(row, cells, names)),
        (Some(cells), None) => format!("deletes {table} {}", cells_words(row, cells, names)),
        (None, None) => format!("{table}: nothing"),
    }
}

/// The values of a row, by column.
fn cells_words(row: &RowChange, cells: &[Cell], names: &mut Names) -> String {
    let cells = row.columns.iter().zip(cells).filter(|(_, cell)| **cell != Cell::Null);
    cells.map(|(column, cell)| format!("{column}={}", short(cell, names))).collect::<Vec<_>>().join(" ")
}

/// A value of a row, a long or binary one by its fingerprint.
fn short(cell: &Cell, names: &mut Names) -> String {
    match cell {
        Cell::Text(text) => brief(text.as_bytes(), names),
        Cell::Blob(bytes) => format!("x{}", brief(bytes, names)),
        other => other.to_string(),
    }
}

/// Effects one after the other, each in words.
pub(super) fn say_all<'a>(effects: impl IntoIterator<Item = &'a Effect>, names: &mut Names) -> String {
    let all: Vec<String> = effects.into_iter().map(|effect| say(effect, names)).collect();
    all.join("; ")
}

/// A record of a saga's log, in words.
fn record(record: &Bytes, names: &mut Names) -> String {
    let Ok(record) = Record::decode(record) else { return format!("undecodable {}", brief(record, names)) };
    match record.step() {
        Some(step) => format!("{} {step}", record.name()),
        None => record.name().to_owned(),
    }
}

/// `CrashAfter` as `crash after`.
pub(super) fn spaced(camel: &str) -> String {
    let mut words = String::with_capacity(camel.len() + 2);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// Describes the headers of a message, if it has any. An event that a command takes along is named, since it is told where it was
/// staged; what else is long is cut.
pub(super) fn headers(message: &Message, names: &mut Names) -> String {
    const VALUE_MAX: usize = 60;
    if message.headers.is_empty() {
        return String::new();
    }
    let mut say = |(name, value): (&str, &str)| {
        if name == CARRIED_EVENT
            && let Ok(Some(event)) = carried_event(message)
        {
            return format!("{name}={}", names.message(event.id));
        }
        match value.char_indices().nth(VALUE_MAX) {
            Some((end, _)) => format!("{name}={}... ({} bytes)", &value[..end], value.len()),
            None => format!("{name}={value}"),
        }
    };
    let all: Vec<String> = message.headers.iter().map(|(name, value)| say((name, value))).collect();
    format!(" with {}", all.join(", "))
}

/// A short document as it is, ids by their names; a longer or binary one by its fingerprint.
fn brief(body: &[u8], names: &mut Names) -> String {
    const BRIEF_MAX: usize = 60;
    match std::str::from_utf8(body) {
        Ok(text) if text.len() <= BRIEF_MAX && !text.contains(char::is_control) => names.abbreviate(text),
        _ => {
            let mut fingerprint = Fingerprint::new();
            fingerprint.add(&body);
            format!("#{:08x}", fingerprint.value() >> 32)
        }
    }
}
