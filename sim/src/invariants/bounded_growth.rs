use std::collections::BTreeMap;

use seaworthy_core::{
    ids::SagaId,
    ports::{RowChange, StoreTable},
    saga::Record,
};
use smol_str::SmolStr;

use super::{Ending, Entity, Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers};
use crate::{
    topology::Topology,
    trace::{Effect, Event, KeptRows, What},
};

/// `bounded-growth`: what is kept grows with the work that was done, and not with the time or with the attempts that it took.
///
/// - Of documents, no collection has more at the end than sixteen ([`BoundedGrowth::per_item`]) for each request and each message
///   that was handled, and a hundred besides. Heartbeats and locks that the topology declares don't count.
/// - No table of a store has more rows than that either, beside those that were there before: outbox, inbox, dead letters, watermarks,
///   operations, sagas. Of any of them there may be as many as the topology says, [at most](Topology::keeps_at_most()) or
///   [for each item](Topology::keeps_per_item()), where it does. Where a message is a [heartbeat](Topology::heartbeat()), nothing is
///   asked of an outbox by itself.
/// - Nor has a [declared table](crate::topology::Tables) of the service's own, but for outboxes and inboxes, whose rows are messages.
/// - The log of a saga has at most 512 entries ([`BoundedGrowth::entries`]) that are not condensed.
/// - The text of an error that is kept has at most 1 KiB, as the core cuts it: with a failure, a dead letter or a parked event, with a row
///   that is to be tried again or is dead, in the log of a saga.
///
/// State: a count for each collection and each table, and the length of each saga's log.
#[derive(Debug)]
pub struct BoundedGrowth {
    per_item: u64,
    entries_max: u64,
    free: Vec<SmolStr>,
    names: NameNumbers,
    documents: BTreeMap<(u16, u16), Kept>,
    /// Rows of declared tables.
    rows: BTreeMap<(u16, u16), Kept>,
    /// Rows that tables may have at most, or for each item, where the topology says so.
    kept_rows: Vec<(StoreTable, u64)>,
    kept_per_item: Vec<(StoreTable, u64)>,
    has_heartbeats: bool,
    /// Rows that the tables of the stores had first, and those that they have now.
    prepared: Vec<KeptRows>,
    tables: Option<(u64, Box<[KeptRows]>)>,
    has_begun: bool,
    /// Length at which the log of a saga was condensed last.
    condensed: Lookup<SagaId, u64>,
    long: Lookup<SagaId, ()>,
    work: u64,
}

/// Documents of a collection, or rows of a table.
#[derive(Debug, Default)]
struct Kept {
    count: i64,
    last: u64,
}

impl Kept {
    fn add(&mut self, more: i64, event: &Event) {
        self.count += more;
        self.last = event.number;
    }
}

/// An order has a dozen documents in the largest scenario.
const PER_ITEM: u64 = 16;

/// Number of rows that a service may keep before it has done anything.
const BESIDES: u64 = 100;

/// Twice the number beyond which the core condenses a log.
const ENTRIES_MAX: u64 = 512;

/// Length to which the core cuts errors, in bytes.
const ERROR_MAX: usize = 1_024;

impl BoundedGrowth {
    /// The invariant at the start of a run of a topology.
    pub fn from_topology(topology: &Topology) -> Self {
        Self {
            per_item: PER_ITEM,
            entries_max: ENTRIES_MAX,
            free: topology.heartbeats.iter().chain(&topology.locks).cloned().collect(),
            names: NameNumbers::default(),
            documents: BTreeMap::new(),
            rows: BTreeMap::new(),
            kept_rows: topology.kept_rows.clone(),
            kept_per_item: topology.kept_per_item.clone(),
            has_heartbeats: !topology.heartbeats.is_empty(),
            prepared: Vec::new(),
            tables: None,
            has_begun: false,
            condensed: Lookup::new(),
            long: Lookup::new(),
            work: 0,
        }
    }

    /// Sets the number of documents that a collection may have for each request and each message that was handled, and of rows
    /// that a table may have.
    #[must_use]
    pub fn per_item(mut self, most: u64) -> Self {
        self.per_item = most;
        self
    }

    /// Sets the number of entries that a saga's log may have since it was condensed last.
    #[must_use]
    pub fn entries(mut self, most: u64) -> Self {
        self.entries_max = most;
        self
    }

    fn write(&mut self, store: &SmolStr, collection: &SmolStr, more: i64, event: &Event) {
        if self.free.contains(collection) {
            return;
        }
        let place = (self.names.number(store), self.names.number(collection));
        self.documents.entry(place).or_default().add(more, event);
    }

    fn change(&mut self, store: &SmolStr, change: &RowChange, event: &Event) {
        let more = i64::from(change.after.is_some()) - i64::from(change.before.is_some());
        if more != 0 && !self.free.contains(&change.table) {
            let place = (self.names.number(store), self.names.number(&change.table));
            self.rows.entry(place).or_default().add(more, event);
        }
    }

    fn log(&mut self, saga: SagaId, length: u64, event: &Event, judge: &mut Judge<'_>) {
        if length <= self.entries_max || self.long.contains(&saga) {
            return;
        }
        // Only a long log is read: the latest condensation before is not known, and need not be.
        let logs = judge.saga_logs(event);
        let is_condensed = logs.iter().filter(|log| log.saga == saga).any(|log| {
            log.records
                .as_ref()
                .is_ok_and(|records| records.iter().any(|record| matches!(record, Record::Condensed { .. })))
        });
        if is_condensed {
            self.condensed.insert(saga, length);
            return;
        }
        let since = self.condensed.get(&saga).copied();
        let entries = length - since.unwrap_or(0);
        if entries > self.entries_max && (since.is_some() || length > 2 * self.entries_max) {
            self.long.insert(saga, ());
            judge.violate(saga, format!("the log of a saga has {entries} entries"), vec![event.number]);
        }
    }

    /// Judges a table by what it may keep, or by the work that was done.
    fn count(&self, kept: &KeptRows, event: u64, judge: &mut Judge<'_>) {
        let KeptRows { store, table, rows } = kept;
        let of_table = |known: &&KeptRows| known.store == *store && known.table == *table;
        let before = self.prepared.iter().find(of_table).map_or(0, |known| known.rows);
        let said = |list: &[(StoreTable, u64)]| list.iter().find(|(known, _)| known == table).map(|(_, most)| *most);
        let (name, work) = (table.name(), self.work);
        let (in_all, for_each) = (said(&self.kept_rows), said(&self.kept_per_item));
        let most = match (in_all, for_each) {
            (Some(most), _) => most,
            (None, Some(each)) => before + each * work,
            (None, None) if *table == StoreTable::Outbox && self.has_heartbeats => return,
            (None, None) => before + self.per_item * work + BESIDES,
        };
        if *rows <= most {
            return;
        }
        let kept = format!("`{store}` keeps {rows} rows of {name}");
        let sentence = match (in_all, for_each) {
            (Some(most), _) => format!("{kept} at rest, and may keep {most}"),
            (None, Some(each)) => {
                format!("{kept} after {work} requests and handled messages, and may keep {each} for each of them")
            }
            (None, None) => format!("{kept}, after {work} requests and handled messages"),
        };
        judge.violate(Entity::named(store.clone(), name), sentence, vec![event]);
    }

    /// Judges collections, or declared tables, by the work that was done.
    fn conclude_on(&self, kept: &BTreeMap<(u16, u16), Kept>, what: &str, judge: &mut Judge<'_>) {
        let most = self.per_item * self.work + BESIDES;
        for ((store, name), kept) in kept.iter().filter(|(_, kept)| kept.count > most as i64) {
            let (store, name) = (self.names.name(*store), self.names.name(*name));
            let sentence = format!(
                "`{name}` of `{store}` has {} {what} more than before, after {} requests and handled messages",
                kept.count, self.work
            );
            judge.violate(Entity::named(store.clone(), name.clone()), sentence, vec![kept.last]);
        }
    }

    fn keep(&self, bytes: usize, event: &Event, judge: &mut Judge<'_>) {
        if bytes > ERROR_MAX {
            let sentence = format!("the text of an error is kept that is {bytes} bytes long: cut it to {ERROR_MAX}");
            judge.violate("an error", sentence, vec![event.number]);
        }
    }

    /// Judges the texts in the logs of sagas. Only a commit with a long record is read.
    fn keep_in_logs(&self, event: &Event, judge: &mut Judge<'_>) {
        for log in judge.saga_logs(event).iter() {
            for record in log.records.iter().flatten() {
                self.keep(text_in(record).map_or(0, str::len), event, judge);
            }
        }
    }
}

/// The text of an error, or the reason for what was given up, that a record keeps.
fn text_in(record: &Record) -> Option<&str> {
    match record {
        Record::Retry { error: text, .. }
        | Record::CompensationExhausted { error: text, .. }
        | Record::Rejected { reason: text, .. }
        | Record::Stuck { reason: text }
        | Record::SkippedByOperator { reason: text, .. }
        | Record::Settled { reason: text, .. }
        | Record::Abandoned { reason: text }
        | Record::Declined { reason: text } => Some(text),
        _ => None,
    }
}

impl Invariant for BoundedGrowth {
    fn name(&self) -> &'static str {
        "bounded-growth"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::DOCUMENT
            | Interest::INBOX
            | Interest::SAGA_LOGGED
            | Interest::SETTLE
            | Interest::REQUEST
            | Interest::RESTORED
            | Interest::OWN_TABLE
            | Interest::PROCESS
            | Interest::KEPT
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a document, an inbox, a saga or a row of a store")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Request { .. } => self.work += 1,
            What::Boot { .. } => self.has_begun = true,
            What::Kept { rows } if self.has_begun => {
                judge.judged();
                self.tables = Some((event.number, rows.clone()));
            }
            What::Kept { rows } => self.prepared = rows.to_vec(),
            What::Restored { sagas, .. } => sagas.iter().for_each(|saga| _ = self.condensed.remove(saga)),
            What::Commit { store, outcome, effects, .. } if outcome.took_effect() => {
                judge.judged();
                let mut has_long_records = false;
                for effect in effects.iter() {
                    match effect {
                        Effect::Document { collection, version: 1, body: Some(_), .. } => {
                            self.write(store, collection, 1, event);
                        }
                        Effect::Document { collection, body: None, .. } => self.write(store, collection, -1, event),
                        Effect::Row(row) => self.change(store, row, event),
                        Effect::Handled { .. } => self.work += 1,
                        Effect::Failed { error: text, .. }
                        | Effect::Buried { reason: text, .. }
                        | Effect::GivenUp { reason: text, .. } => self.keep(text.len(), event, judge),
                        Effect::SagaLogged { saga, length, records, .. } => {
                            self.log(*saga, length + records.len() as u64, event, judge);
                            has_long_records |= records.iter().any(|record| record.len() > ERROR_MAX);
                        }
                        _ => {}
                    }
                }
                if has_long_records {
                    self.keep_in_logs(event, judge);
                }
            }
            What::Settle { rows, outcome, .. } if outcome.took_effect() => {
                for row in rows.iter().filter(|row| row.held) {
                    self.keep(row.text_bytes as usize, event, judge);
                }
            }
            _ => {}
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        if let Some((event, rows)) = &self.tables {
            rows.iter().for_each(|kept| self.count(kept, *event, judge));
        }
        self.conclude_on(&self.documents, "documents", judge);
        self.conclude_on(&self.rows, "rows", judge);
    }
}
