//! Invariants of the bank: of its streams, and of all that is made of them. Each subscriber writes what it has understood, and
//! that is held against the events themselves.

mod books;
mod projections;
mod streams;

use seaworthy_event_store::{
    account::AccountEvent,
    messages::{BALANCES, CASH, CREDITED, DEBITED},
    projections::{GENERATIONS, Live},
};
use seaworthy_sim::{
    invariants::{Conservation, Interest, Invariant},
    prelude::*,
};

use super::Bookings;
use streams::Streams;

/// The business invariants for a run of `bookings`.
pub(super) fn business(bookings: &Bookings) -> Vec<Box<dyn Invariant>> {
    let rebuilt = sometimes("rebuilt", ())
        .on_document(GENERATIONS, |(), now: Written<'_, Live>| now.id == BALANCES && now.value.live == 2);
    let mut all = books::books(bookings);
    all.extend([
        never_overdrawn(bookings),
        money_conserved().boxed(),
        projections::folds(bookings),
        projections::noticed_once(),
        projections::complete(bookings),
        rebuild_ends(bookings),
        rebuilt.boxed(),
        sometimes("duplicate-absorbed", ()).on_event(Interest::DUPLICATE_SEEN, |(), _| true).boxed(),
    ]);
    all
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

/// Money is conserved: one account gets in one transaction what another gives.
fn money_conserved() -> Conservation {
    let moved = |booked: &AccountEvent| booked.cents();
    conserved("money-conserved").on_appended(CREDITED, moved).on_appended(DEBITED, moved)
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
