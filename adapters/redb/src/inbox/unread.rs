//! Dead letters that can't be read: shown as far as they are known, and deleted.

use std::ops::ControlFlow;

use seaworthy_core::{
    ids::MessageId,
    message::MessageBuilder,
    ports::{DeadLetter, InboxEntry, Timestamp},
};
use serde_json::Value;
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use super::{
    receipt::Receipt,
    record::{Letter, count_of, number_in},
};
use crate::{
    document,
    indexed::Indexed as _,
    key::{Key, Parts},
    tables::{INBOX, LETTERS, LETTERS_ASKED, LETTERS_BY_AGE, LETTERS_OF},
    view::{Result, Tables, View, malformed},
};

/// Shows what is known of a letter.
pub(super) fn shown(consumer: &str, number: u64, bytes: &[u8], why: &str) -> DeadLetter {
    let salvaged = document::salvage(bytes);
    let said = |name: &str| salvaged.as_ref().and_then(|(document, _)| document.get(name));
    let moment = |name: &str| said(name).and_then(Value::as_i64).map(Timestamp::from_micros);
    let count = said("failures").and_then(Value::as_u64);
    let (reason, failures) = (said("reason").and_then(Value::as_str).unwrap_or_default().into(), count.unwrap_or(0));
    let (failed_at, asked_at) = (moment("failed_at").unwrap_or(Timestamp::EPOCH), moment("asked_at"));
    DeadLetter {
        number,
        consumer: consumer.into(),
        message: salvaged.map_or_else(
            || MessageBuilder::new("", "", "").build(nameless(consumer, number), Timestamp::EPOCH),
            |(_, message)| message,
        ),
        reason,
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        failed_at,
        asked_at,
        unreadable: Some(why.into()),
    }
}

/// Id under which the letter of a message is shown whose id nobody knows.
fn nameless(consumer: &str, number: u64) -> MessageId {
    let place = format_smolstr!("{consumer}/{number}");
    MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, place.as_bytes()))
}

/// Finds the letter that is shown under an id by which nothing leads to it.
pub(super) fn find(view: View<'_>, entry: &InboxEntry) -> Result<Option<u64>> {
    let mut found = None;
    view.each(LETTERS_OF, &Key::of_text(&entry.consumer).prefixed(), |key, _| {
        let number = number_in(LETTERS_OF, key)?;
        let is_it = |bytes: &[u8]| {
            let unread = document::decode::<Letter>(bytes).err();
            unread.is_some_and(|why| shown(&entry.consumer, number, bytes, &why).message.id == entry.message)
        };
        if view.get(LETTERS, &Key::of_count(number), is_it)? == Some(true) {
            found = Some(number);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// Finds the receipt that a letter belongs to, by looking at all of its consumer's: only where the letter can't say.
pub(super) fn receipt_of(view: View<'_>, consumer: &SmolStr, letter: u64) -> Result<Option<(Key, Receipt)>> {
    let mut found = None;
    view.each(INBOX, &Key::of_text(consumer).prefixed(), |key, value| match document::decode::<Receipt>(value) {
        Ok(receipt) if receipt.letter == Some(letter) => {
            found = Some((Key::default().rest(key), receipt));
            Ok(ControlFlow::Break(()))
        }
        _ => Ok(ControlFlow::Continue(())),
    })?;
    Ok(found)
}

/// Deletes a letter whose document does not say by which entries it is found.
pub(super) fn delete(tables: Tables<'_>, consumer: &str, number: u64) -> Result<()> {
    let (of, key) = (Key::of_text(consumer), Key::of_count(number));
    let mut dated = None;
    tables.each(LETTERS_BY_AGE, &of.prefixed(), |entry, _| {
        let mut parts = Parts::new(&entry[of.bytes().len()..]);
        parts.moment().ok_or_else(|| malformed(LETTERS_BY_AGE, entry))?;
        if parts.rest() != key.bytes() {
            return Ok(ControlFlow::Continue(()));
        }
        dated = Some(entry.to_vec());
        Ok(ControlFlow::Break(()))
    })?;
    if let Some(entry) = dated {
        tables.remove(LETTERS_BY_AGE, &entry)?;
    }
    for index in [LETTERS_OF, LETTERS_ASKED] {
        tables.remove(index, of.clone().rest(key.bytes()).bytes())?;
    }
    tables.count(count_of(consumer).bytes(), -1)?;
    tables.remove(Letter::TABLE, key.bytes()).map(drop)
}
