//! Invariants of the bank: of its streams, and of all that is made of them. Each subscriber writes what it has understood, and
//! that is held against the events themselves.

mod projections;
mod streams;

use seaworthy_event_store::{
    messages::{BALANCES, CASH},
    projections::{GENERATIONS, Live},
};
use seaworthy_sim::{
    invariants::{Interest, Invariant},
    prelude::*,
};

use super::Bookings;
use streams::Streams;

/// The business invariants for a run of `bookings`.
pub(super) fn business(bookings: &Bookings) -> Vec<Box<dyn Invariant>> {
    let rebuilt = sometimes("rebuilt", ())
        .on_document(GENERATIONS, |(), now: Written<'_, Live>| now.id == BALANCES && now.value.live == 2);
    vec![
        never_overdrawn(bookings),
        money_conserved(bookings),
        projections::folds(bookings),
        projections::noticed_once(),
        projections::complete(bookings),
        rebuild_ends(bookings),
        rebuilt.boxed(),
        sometimes("duplicate-absorbed", ()).on_event(Interest::DUPLICATE_SEEN, |(), _| true).boxed(),
    ]
}

/// Nobody but cash gives out more than there is.
fn never_overdrawn(bookings: &Bookings) -> Box<dyn Invariant> {
    always("never-overdrawn", Streams::opened(bookings))
        .on_event(Interest::STREAM, |streams, event| {
            streams.see(event)?;
            let overdrawn = streams.last().find(|(account, _, at)| at.cents < 0 && *account != CASH);
            overdrawn.map_or(Ok(()), |(account, version, at)| {
                let sentence = format!("{account} is overdrawn by {} cents at version {version}", -at.cents);
                Err(at.event.iter().fold(Broken::new(account.as_str(), sentence), |broken, event| broken.at(*event)))
            })
        })
        .boxed()
}

/// Money is conserved: one account gets in one transaction what another gives, and all balances together are zero.
fn money_conserved(bookings: &Bookings) -> Box<dyn Invariant> {
    always("money-conserved", Streams::opened(bookings))
        .on_event(Interest::STREAM, |streams, event| {
            streams.see(event)?;
            let sum: i64 = streams.last().map(|(_, _, at)| at.cents).sum();
            if sum == 0 {
                return Ok(());
            }
            Err(Broken::new("all accounts", format!("all accounts together have {sum} cents, and not zero")).at(event))
        })
        .boxed()
}

/// A rebuild that was asked for comes to its end: the new generation is live, and none is being built.
fn rebuild_ends(bookings: &Bookings) -> Box<dyn Invariant> {
    let is_asked_for = bookings.rebuild_at_ms.is_some();
    eventually("rebuild-ends", Live::default())
        .on_document(GENERATIONS, |last, now: Written<'_, Live>| *last = *now.value)
        .at_rest(move |last| {
            let wanted = Live { live: if is_asked_for { 2 } else { 1 }, building: None };
            (*last != wanted).then(|| Broken::new(BALANCES, format!("generations are {last:?} and not {wanted:?}")))
        })
        .boxed()
}
