//! Meaning of one change of a declared row.

use std::{cmp::Ordering, sync::Arc};

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Cell, Timestamp},
};
use smol_str::SmolStr;
use uuid::Uuid;

use super::Change;
use crate::{
    topology::{Column, Conserved, EffectTable, InboxTable, LockTable, OutboxTable, TableRow, Tables},
    trace::Effect,
};

#[derive(Default)]
pub(crate) struct Meaning {
    /// `true` if it says all that the row said.
    pub(crate) explains: bool,
    pub(crate) told: Vec<Effect>,
    /// Staged messages, with the place that the declaration gives them among those of their commit.
    pub(crate) staged: Vec<(Option<Cell>, Effect)>,
    /// Business keys with more or fewer rows, and locks that are taken or free.
    pub(crate) entries: Vec<Effect>,
    /// Amounts that it adds to declared sums.
    pub(crate) amounts: Vec<(SmolStr, i64)>,
    /// Messages that wait from now on, or do no more.
    pub(crate) pending: Vec<(MessageId, bool)>,
}

/// Interprets a change by all declarations that are about its place.
pub(crate) fn interpret(declared: &Tables, change: &Change<'_>) -> Result<Meaning, String> {
    let mut meaning = Meaning::default();
    for outbox in declared.outboxes.iter().filter(|outbox| outbox.place == change.place) {
        meaning.outbox(outbox, change)?;
    }
    for inbox in declared.inboxes.iter().filter(|inbox| inbox.place == change.place) {
        meaning.inbox(inbox, change)?;
    }
    for table in declared.effects.iter().filter(|table| table.place == change.place) {
        meaning.entry(table, change)?;
    }
    for table in declared.locks.iter().filter(|table| table.place == change.place) {
        meaning.lock(table, change)?;
    }
    for sum in &declared.conserved {
        meaning.amount(sum, change)?;
    }
    Ok(meaning)
}

/// The order of two rows of one commit: by their numbers or texts; rows without one stay as they are.
pub(crate) fn order(one: Option<&Cell>, other: Option<&Cell>) -> Ordering {
    match (one, other) {
        (Some(Cell::Integer(one)), Some(Cell::Integer(other))) => one.cmp(other),
        (Some(Cell::Real(one)), Some(Cell::Real(other))) => one.total_cmp(other),
        (Some(Cell::Text(one)), Some(Cell::Text(other))) => one.cmp(other),
        (Some(Cell::Blob(one)), Some(Cell::Blob(other))) => one.cmp(other),
        _ => Ordering::Equal,
    }
}

/// State of an outbox row.
#[derive(Clone, PartialEq)]
enum Stand {
    Waits,
    Sent,
    Dead(SmolStr),
}

fn stand(outbox: &OutboxTable, row: &TableRow<'_>) -> Result<Stand, String> {
    if outbox.sent.holds(row)? {
        return Ok(Stand::Sent);
    }
    match &outbox.dead {
        Some(dead) if dead.holds(row)? => Ok(Stand::Dead(dead.text(row)?)),
        _ => Ok(Stand::Waits),
    }
}

/// A message's id as a table holds it.
fn message_id(column: &Column, row: &TableRow<'_>) -> Result<MessageId, String> {
    let found = column.read(row)?;
    let id = match &found {
        Cell::Text(text) => Uuid::parse_str(text).ok(),
        Cell::Blob(bytes) => Uuid::from_slice(bytes).ok(),
        _ => None,
    };
    id.map(MessageId).ok_or_else(|| {
        format!(
            "`{found}` is no message id: declare a column that holds a UUID, as a text or in 16 bytes, or a closure"
        )
    })
}

impl Meaning {
    fn outbox(&mut self, outbox: &OutboxTable, change: &Change<'_>) -> Result<(), String> {
        let id = |row| message_id(&outbox.id, row);
        let (message, before, after) = match (&change.before, &change.after) {
            (None, Some(after)) => {
                let order = outbox.order.as_ref().map(|order| order.read(after)).transpose()?;
                self.staged.push((order, Effect::Staged(Arc::new(message(outbox, after)?))));
                (id(after)?, Stand::Waits, stand(outbox, after)?)
            }
            (Some(before), Some(after)) => (id(after)?, stand(outbox, before)?, stand(outbox, after)?),
            // A row that is gone waits for nobody any more.
            (Some(before), None) => match stand(outbox, before)? {
                Stand::Waits => (id(before)?, Stand::Waits, Stand::Sent),
                settled => (id(before)?, settled.clone(), settled),
            },
            (None, None) => return Ok(()),
        };
        self.pending.push((message, after == Stand::Waits));
        self.explains = change.before.is_none() || before != after;
        if before == after {
            return Ok(());
        }
        let settled = match after {
            Stand::Sent => Effect::Dispatched(message),
            Stand::Dead(reason) => Effect::GivenUp { message, reason },
            // Somebody has it sent again: it was staged, and that it was sent stays true.
            Stand::Waits => {
                self.explains = false;
                return Ok(());
            }
        };
        match self.staged.last() {
            // It was both staged and settled here, in this order.
            Some((order, _)) => self.staged.push((order.clone(), settled)),
            None => self.told.push(settled),
        }
        Ok(())
    }

    fn inbox(&mut self, inbox: &InboxTable, change: &Change<'_>) -> Result<(), String> {
        let is_handled = |row: &Option<TableRow<'_>>| match (row, &inbox.when) {
            (None, _) => Ok(false),
            (Some(_), None) => Ok(true),
            (Some(row), Some(when)) => when.holds(row),
        };
        if let Some(after) = &change.after
            && is_handled(&change.after)?
            && !is_handled(&change.before)?
        {
            let (consumer, message) = (inbox.consumer.text(after)?, message_id(&inbox.message, after)?);
            self.told.push(Effect::Handled { consumer, message });
            self.explains = true;
        }
        Ok(())
    }

    fn entry(&mut self, table: &EffectTable, change: &Change<'_>) -> Result<(), String> {
        let key = |row: &Option<TableRow<'_>>| -> Result<Option<SmolStr>, String> {
            let Some(row) = row else { return Ok(None) };
            if !table.when.as_ref().map_or(Ok(true), |when| when.holds(row))? {
                return Ok(None);
            }
            if table.key.is_empty() {
                return Column::from("id").text(row).map(Some);
            }
            let parts: Vec<SmolStr> = table.key.iter().map(|column| column.text(row)).collect::<Result<_, _>>()?;
            Ok(Some(parts.join("/").into()))
        };
        let (before, after) = (key(&change.before)?, key(&change.after)?);
        if before != after {
            let entry = |key, rows| Effect::Entry { table: table.place.name.clone(), key, rows };
            self.entries.extend(before.map(|key| entry(key, -1)));
            self.entries.extend(after.map(|key| entry(key, 1)));
        }
        Ok(())
    }

    fn lock(&mut self, table: &LockTable, change: &Change<'_>) -> Result<(), String> {
        let held = |row: &Option<TableRow<'_>>| -> Result<Option<SmolStr>, String> {
            let Some(row) = row else { return Ok(None) };
            let says =
                |column: &Option<Column>, otherwise| column.as_ref().map_or(Ok(otherwise), |held| held.holds(row));
            // Who dies with a lease gives it back all the same.
            let is_held = says(&table.held, true)? && !says(&table.lease, false)?;
            is_held.then(|| table.name.text(row)).transpose()
        };
        let (before, after) = (held(&change.before)?, held(&change.after)?);
        let lock = |name, held| Effect::Lock { table: table.place.name.clone(), name, held };
        self.entries.extend(before.filter(|name| after.as_ref() != Some(name)).map(|name| lock(name, false)));
        // Said again where it is only written: it may be somebody else's now.
        self.entries.extend(after.map(|name| lock(name, true)));
        Ok(())
    }

    fn amount(&mut self, sum: &Conserved, change: &Change<'_>) -> Result<(), String> {
        let mut by = 0_i64;
        for term in sum.terms.iter().filter(|term| term.place == change.place) {
            let value = |row: &Option<TableRow<'_>>| match (row, &term.column) {
                (None, _) => Ok(0),
                (Some(_), None) => Ok(1),
                (Some(row), Some(column)) => match column.read(row)? {
                    Cell::Null => Ok(0),
                    Cell::Integer(value) => Ok(value),
                    other => Err(format!("`{other}`, a part of the sum `{}`, is no whole number", sum.name)),
                },
            };
            by = by
                .saturating_add(term.sign.saturating_mul(value(&change.after)?.saturating_sub(value(&change.before)?)));
        }
        if by != 0 {
            self.amounts.push((sum.name.clone(), by));
        }
        Ok(())
    }
}

/// The message that a row of an outbox is.
fn message(outbox: &OutboxTable, row: &TableRow<'_>) -> Result<Message, String> {
    let (topic, key) = (outbox.topic.text(row)?, outbox.key.text(row)?);
    let or = |column: &Option<Column>, otherwise: &SmolStr| {
        column.as_ref().map_or_else(|| Ok(otherwise.clone()), |column| column.text(row))
    };
    Ok(Message {
        id: message_id(&outbox.id, row)?,
        source: outbox.place.store.clone(),
        kind: or(&outbox.kind, &topic)?,
        subject: or(&outbox.subject, &key)?,
        topic,
        time: Timestamp::EPOCH,
        content_type: SmolStr::default(),
        partition_key: key,
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Default::default(),
        data: Bytes::new(),
    })
}
