//! Dead letters, page by page, and those that somebody asks for.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, Timestamp},
};
use smol_str::ToSmolStr as _;

use crate::{
    columns::{IdText, limit as as_limit, read_count, read_text, read_time},
    envelope::{ENVELOPE_WIDTH, envelope_columns, read_any_text, read_lossily, read_message},
};

/// The letters of a page, of which some more is asked than their consumer and place.
macro_rules! letters {
    ($more:literal) => {
        concat!(
            "SELECT ",
            envelope_columns!(),
            ", consumer, reason, failures, failed_at, gap, epoch, number, asked_at FROM seaworthy_dead_letters \
             WHERE consumer = ?1 AND number > ?2 AND (?3 IS NULL OR type = ?3) AND failed_at BETWEEN ?4 AND ?5 \
             AND (?7 IS NULL OR aggregatetype = ?7) AND (?8 IS NULL OR partition_key = ?8) \
             AND (?9 IS NULL OR instr(reason, ?9) > 0)",
            $more,
            " ORDER BY number LIMIT ?6"
        )
    };
}

pub(crate) fn dead_letters(connection: &Connection, request: &DeadLetterRequest) -> rusqlite::Result<Vec<DeadLetter>> {
    page(connection, request, request.asked)
}

/// The letters that a request is about, or those of them that can be read, which the others then take no place from.
fn page(connection: &Connection, request: &DeadLetterRequest, readable: bool) -> rusqlite::Result<Vec<DeadLetter>> {
    let (consumer, after) = (request.consumer.as_str(), i64::try_from(request.after).unwrap_or(i64::MAX));
    let kind = request.kind.as_deref();
    let (topic, key, reason) = (request.topic.as_deref(), request.key.as_deref(), request.reason.as_deref());
    let from = request.failed_from.map_or(i64::MIN, Timestamp::as_micros);
    let until = request.failed_until.map_or(i64::MAX, Timestamp::as_micros);
    // Whether one can be read is not for the statement to say.
    let limit = if readable { -1 } else { as_limit(request.limit) };
    let is_one = |letter: &DeadLetter| !readable || letter.unreadable.is_none();
    let Some(only) = &request.only else {
        // By an index of those alone, since a consumer looks for them again and again.
        let asked = if request.asked { letters!(" AND asked_at IS NOT NULL") } else { letters!("") };
        let mut query = connection.prepare_cached(asked)?;
        return query
            .query_map(params![consumer, after, kind, from, until, limit, topic, key, reason], letter_or_shown)?
            .filter(|letter| letter.as_ref().map_or(true, is_one))
            .take(request.limit)
            .collect();
    };
    // Those that are named are found by their ids, wherever they lie.
    let mut query = connection.prepare_cached(letters!(" AND id = ?10"))?;
    let only: BTreeSet<MessageId> = only.iter().copied().collect();
    let mut found = Vec::new();
    for message in only {
        let id = IdText::new(message.0);
        let named = params![consumer, after, kind, from, until, limit, topic, key, reason, id];
        found.extend(query.query_row(named, letter_or_shown).optional()?);
    }
    found.retain(|letter| (!request.asked || letter.asked_at.is_some()) && is_one(letter));
    found.sort_unstable_by_key(|letter| letter.number);
    found.truncate(request.limit);
    Ok(found)
}

pub(crate) fn ask_redrive(
    connection: &Connection,
    request: &DeadLetterRequest,
    now: Timestamp,
) -> rusqlite::Result<Vec<MessageId>> {
    let letters = page(connection, request, true)?;
    let mut note = connection
        .prepare_cached("UPDATE seaworthy_dead_letters SET asked_at = ?2 WHERE number = ?1 AND asked_at IS NULL")?;
    for letter in &letters {
        note.execute((i64::try_from(letter.number).unwrap_or(i64::MAX), now.as_micros()))?;
    }
    Ok(letters.into_iter().map(|letter| letter.message.id).collect())
}

/// A letter, or what there is of it: one that can't be read hides no other.
fn letter_or_shown(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    read_letter(row).or_else(|error| {
        Ok(DeadLetter {
            number: read_count(row, ENVELOPE_WIDTH + 6)?,
            message: read_lossily(row)?,
            consumer: read_text(row, ENVELOPE_WIDTH)?,
            reason: read_any_text(row, ENVELOPE_WIDTH + 1)?,
            failures: row.get(ENVELOPE_WIDTH + 2).unwrap_or(0),
            failed_at: read_time(row, ENVELOPE_WIDTH + 3).unwrap_or(Timestamp::EPOCH),
            asked_at: row.get::<_, Option<i64>>(ENVELOPE_WIDTH + 7).unwrap_or(None).map(Timestamp::from_micros),
            unreadable: Some(error.to_smolstr()),
        })
    })
}

fn read_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let (gap, epoch) = (row.get(ENVELOPE_WIDTH + 4)?, read_count(row, ENVELOPE_WIDTH + 5)?);
    Ok(DeadLetter {
        number: read_count(row, ENVELOPE_WIDTH + 6)?,
        message: Message { gap, epoch, ..read_message(row)? },
        consumer: read_text(row, ENVELOPE_WIDTH)?,
        reason: read_text(row, ENVELOPE_WIDTH + 1)?,
        failures: row.get(ENVELOPE_WIDTH + 2)?,
        failed_at: read_time(row, ENVELOPE_WIDTH + 3)?,
        asked_at: row.get::<_, Option<i64>>(ENVELOPE_WIDTH + 7)?.map(Timestamp::from_micros),
        unreadable: None,
    })
}
