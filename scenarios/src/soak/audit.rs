//! The audit of a soak: of the letters, then of the shop.

use std::{path::PathBuf, sync::Arc};

use seaworthy_core::{
    inbox, outbox,
    ports::{Clock, DeadLetterRequest, DeadRow, DeadRowRequest, Store},
};
use seaworthy_scenarios::order_fulfillment::audit::{Audit, audit};
use seaworthy_sim::cli::CliError;
use seaworthy_sqlite::SqliteConfig;
use seaworthy_tokio::TokioClock;
use smol_str::SmolStr;

use super::{
    course::{Violated, violated},
    letters::{LETTERS, Letter, LetterKind, message_number},
    orders::Customers,
};
use crate::serve::{SqliteUrl, Stores};

/// Largest number of dead letters that are read at once.
const PAGE: usize = 500;

/// Judges what the databases hold, once nothing moves any more and nobody else has them open.
pub(super) async fn judge(store: &SqliteUrl, customers: &Customers) -> Result<(Audit, Vec<Violated>), CliError> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock);
    let stores = Stores::open(store, &clock, &SqliteConfig::default())?;
    let mut found = judge_letters(&*stores.orders, &customers.letters).await?;
    let shop = audit(&customers.asked, &*stores.orders, &*stores.shipping, &*stores.payments).await?;
    let broken = shop.findings.violations.iter();
    found.extend(broken.map(|broken| violated(broken.invariant.as_str(), broken.sentence.clone())));
    Ok((shop, found))
}

/// Each letter that is no poison was read once. Poison, and nothing else, was given up, for the reason that it has, and left
/// no mark. What was given up so is put away, as an operator would, so that whatever else is dead is the shop's.
async fn judge_letters(store: &dyn Store, letters: &[Letter]) -> Result<Vec<Violated>, CliError> {
    let mut dead = dead(store).await?;
    let mut found = Vec::new();
    for letter in letters {
        let name = letter.name();
        let mark = store.begin().await?.get(LETTERS, &name).await?;
        let read = mark.map_or(0, |mark| message_number(&mark.body));
        let expected = u64::from(letter.kind == LetterKind::Plain);
        if read != expected {
            let sentence = format!("{name} took effect {read} times instead of {expected}");
            found.push(violated("letter-read-once", sentence));
        }
        let reason = dead.iter().position(|(message, _)| *message == name).map(|at| dead.swap_remove(at).1);
        match (letter.kind, reason) {
            (LetterKind::Plain, None) => {}
            (LetterKind::Plain, Some(reason)) => {
                found.push(violated("only-poison-is-dead", format!("{name} was given up: {reason}")));
            }
            (kind, Some(reason)) if reason.contains(kind.reason()) => {}
            (kind, Some(reason)) => {
                let wanted = kind.reason();
                found.push(violated("poison-is-dead", format!("{name} was given up: {reason}, and not: {wanted}")));
            }
            (_, None) => found.push(violated("poison-is-dead", format!("{name} was not given up"))),
        }
    }
    let others = dead.into_iter();
    found
        .extend(others.map(|(name, reason)| violated("only-poison-is-dead", format!("{name} was given up: {reason}"))));
    if found.is_empty() {
        for kind in [LetterKind::Panics, LetterKind::Refused] {
            let letters = DeadLetterRequest::new(LETTERS, PAGE).of_kind(kind.kind());
            while inbox::discard(store, &letters).await?.len() == PAGE {}
        }
        let letters = DeadRowRequest::new(PAGE).of_topic(LETTERS);
        while outbox::discard(store, &letters).await?.len() == PAGE {}
    }
    Ok(found)
}

/// Returns what was given up in inbox and outbox: the name of each letter, or the id of a message that is none, and why.
async fn dead(store: &dyn Store) -> Result<Vec<(SmolStr, SmolStr)>, CliError> {
    let mut dead = Vec::new();
    let name = |data: &[u8], id: String| -> SmolStr {
        serde_json::from_slice(data).map_or(id.into(), |letter: Letter| letter.name())
    };
    let mut request = DeadLetterRequest::new(LETTERS, PAGE);
    loop {
        let page = store.dead_letters(&request).await?;
        let Some(last) = page.last() else { break };
        request = request.after(last.number);
        dead.extend(
            page.iter()
                .map(|letter| (name(&letter.message.data, letter.message.id.to_string()), letter.reason.clone())),
        );
    }
    let mut request = DeadRowRequest::new(PAGE);
    loop {
        let page = store.dead_rows(&request).await?;
        let Some(last) = page.last() else { return Ok(dead) };
        request = request.after(last.place());
        let named = |found: &DeadRow| {
            let message = &found.row.message;
            (name(&message.data, message.id.to_string()), found.reason.clone())
        };
        dead.extend(page.iter().map(named));
    }
}

/// Says no where a file of the shop is there already: an audit counts all that a database holds.
pub(super) fn refuse_used(files: &[PathBuf; 3]) -> Result<(), CliError> {
    let [orders, shipping, payments] = files.each_ref().map(|file| file.display());
    match files.iter().find(|file| file.exists()) {
        None => Ok(()),
        Some(used) => Err(format!(
            "{} exists already, and a soak counts all that its databases hold: name another file with --store, or remove \
             {orders}, {shipping} and {payments} if nobody needs them",
            used.display()
        )
        .into()),
    }
}
