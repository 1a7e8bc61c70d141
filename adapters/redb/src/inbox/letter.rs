//! Dead letters: messages that a consumer gives up, and takes up again.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, ControlFlow},
};

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, InboxEntry, InboxInsert, StoreError, Tally, Timestamp},
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    receipt::{self, Receipt, ReceiptState, insert},
    record::{Letter, count_of, number_in},
    unread,
};
use crate::{
    document, indexed,
    key::{Key, Parts},
    tables::{LETTERS, LETTERS_ASKED, LETTERS_BY_AGE, LETTERS_OF},
    view::{Result, Tables, View, malformed},
};

/// Counter of the numbers that letters have had.
const LAST: &str = "dead_letters";

/// Manner in which a transaction has come to count a message as handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Inserted its row.
    Inserted,
    /// Taken out its dead letter.
    Exhumed,
}

/// Buries a message, unless it was handled by another transaction; `taken` says that this one did.
pub(crate) fn bury(
    tables: Tables<'_>,
    entry: &InboxEntry,
    message: &Message,
    reason: &str,
    taken: Option<Taken>,
    now: Timestamp,
) -> Result<()> {
    let (consumer, id) = (&entry.consumer, entry.message);
    let gone = || {
        StoreError::Conflict(format_smolstr!(
            "message {id} was handled or buried by {consumer} meanwhile: acknowledge it"
        ))
    };
    if taken.is_none() && insert(tables, entry, now)? != InboxInsert::First {
        return Err(gone());
    }
    let before = receipt::read(*tables, consumer, id)?.ok_or_else(gone)?;
    let failures = match taken {
        None => before.failures,
        Some(Taken::Inserted) => 0,
        // One that was taken out and is put back has failed once more.
        Some(Taken::Exhumed) => before.failures.saturating_add(1),
    };
    let number = tables.next(LAST)?;
    let (letter, error) = (Some(number), Some(reason.into()));
    let after = Receipt { state: ReceiptState::Dead, failures, error, letter, ..before.clone() };
    receipt::write(tables, consumer, id, Some(&before), Some(&after))?;
    let letter = Letter {
        consumer: consumer.clone(),
        message: message.clone(),
        reason: reason.into(),
        failures,
        failed_at: now.as_micros(),
        asked_at: None,
    };
    indexed::replace(tables, &Key::of_count(number), None, Some(&letter))
}

/// Takes a dead letter out, and says whether there was one. One that can't be read is deleted: nothing more becomes of it.
pub(crate) fn exhume(tables: Tables<'_>, entry: &InboxEntry, now: Timestamp) -> Result<bool> {
    let consumer = &entry.consumer;
    let receipt = receipt::read(*tables, consumer, entry.message)?;
    let number = match &receipt {
        Some(Receipt { state: ReceiptState::Dead, letter, .. }) => *letter,
        Some(_) => None,
        None => unread::find(*tables, entry)?,
    };
    let receipt = receipt.map(|before| (receipt::key(consumer, entry.message), before));
    let Some(number) = number else { return Ok(false) };
    let key = Key::of_count(number);
    let found = match tables.try_document::<Letter>(LETTERS, &key)? {
        None => return Ok(false),
        Some(Ok(letter)) => {
            indexed::replace(tables, &key, Some(&letter), None)?;
            receipt
        }
        Some(Err(_)) => {
            unread::delete(tables, consumer, number)?;
            if receipt.is_some() { receipt } else { unread::receipt_of(*tables, consumer, number)? }
        }
    };
    if let Some((key, before)) = found {
        let after = Receipt { state: ReceiptState::Handled, at: now.as_micros(), letter: None, ..before.clone() };
        indexed::replace(tables, &key, Some(&before), Some(&after))?;
    }
    Ok(true)
}

/// Reads a letter. One that can't be read is shown as far as it is known, and hides no other.
fn read(view: View<'_>, consumer: &str, number: u64) -> Result<Option<DeadLetter>> {
    view.get(LETTERS, &Key::of_count(number), |bytes| match document::decode::<Letter>(bytes) {
        Ok(letter) => letter.shown(number),
        Err(why) => unread::shown(consumer, number, bytes, &why),
    })
}

pub(crate) fn dead_letters(view: View<'_>, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>> {
    page(view, request, false)
}

/// The letters that a request is about, or those of them that can be read, which the others then take no place from.
fn page(view: View<'_>, request: &DeadLetterRequest, readable: bool) -> Result<Vec<DeadLetter>> {
    let is_one = |letter: &DeadLetter| request.asks_for(letter) && !(readable && letter.unreadable.is_some());
    let mut found = Vec::new();
    if request.limit == 0 {
        return Ok(found);
    }
    if let Some(only) = &request.only {
        // Those that are named are found by their ids, wherever they lie.
        for message in only.iter().copied().collect::<BTreeSet<MessageId>>() {
            let number = receipt::read(view, &request.consumer, message)?.and_then(|receipt| receipt.letter);
            let Some(number) = number else { continue };
            let mut letter = read(view, &request.consumer, number)?;
            // Its receipt knows the id of one that can't say it.
            if let Some(letter) = letter.as_mut().filter(|letter| letter.unreadable.is_some()) {
                letter.message.id = message;
            }
            found.extend(letter.filter(is_one));
        }
        found.sort_unstable_by_key(|letter| letter.number);
        found.truncate(request.limit);
        return Ok(found);
    }
    // By an index of those that are asked for alone, since a consumer looks for them again and again.
    let table = if request.asked { LETTERS_ASKED } else { LETTERS_OF };
    let of = Key::of_text(&request.consumer);
    let behind = of.prefixed().from(Bound::Excluded(of.clone().count(request.after)));
    view.each(table, &behind, |key, _| {
        let letter = read(view, &request.consumer, number_in(table, key)?)?;
        found.extend(letter.filter(is_one));
        Ok(if found.len() < request.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(found)
}

pub(crate) fn ask_redrive(tables: Tables<'_>, request: &DeadLetterRequest, now: Timestamp) -> Result<Vec<MessageId>> {
    let letters = page(*tables, request, true)?;
    for letter in letters.iter().filter(|letter| letter.asked_at.is_none()) {
        let key = Key::of_count(letter.number);
        let Some(before) = indexed::read::<Letter>(*tables, &key)? else { continue };
        let after = Letter { asked_at: Some(now.as_micros()), ..before.clone() };
        indexed::replace(tables, &key, Some(&before), Some(&after))?;
    }
    Ok(letters.into_iter().map(|letter| letter.message.id).collect())
}

/// Counts dead letters by consumer, by the longest past of their failures: one step of an index for each consumer.
pub(crate) fn census(view: View<'_>) -> Result<BTreeMap<SmolStr, Tally>> {
    let mut tallies = BTreeMap::new();
    let mut range = crate::key::Range::ALL;
    while let Some(first) = view.first(LETTERS_BY_AGE, &range)? {
        let mut parts = Parts::new(&first);
        let read = parts.text().and_then(|consumer| Some((consumer, parts.moment()?)));
        let (consumer, oldest) = read.ok_or_else(|| malformed(LETTERS_BY_AGE, &first))?;
        let count = view.counter(&count_of(&consumer))?;
        range = Key::default().prefixed_after(&Key::of_text(&consumer));
        tallies.insert(consumer, Tally { count, oldest: Some(Timestamp::from_micros(oldest)) });
    }
    Ok(tallies)
}
