use seaworthy_event_store::{
    account::AccountEvent,
    messages::{CREDITED, DEBITED, NOTICED, Notice, POST, SEARCH, STATEMENTS},
    post::Mail,
    projections::{Balance, Hits, Statement},
};
use seaworthy_sim::{
    invariants::{Conservation, Invariant},
    prelude::*,
};

use super::{Bookings, projections::COLLECTIONS};

/// Every subscriber keeps a book of its own of the same events: in the end it has as many entries as there are events for it, those of the
/// earlier release too. So an event that it misses is found, and one that it has twice.
pub(super) fn books(bookings: &Bookings) -> Vec<Box<dyn Invariant>> {
    let entries = |balance: &Balance| signed(balance.entries);
    let [first, second] = COLLECTIONS;
    // Each account was opened by the earlier release, and cash was booked on for it.
    let earlier = -2 * i64::try_from(bookings.opened.len()).unwrap_or(i64::MAX / 2);
    let mut books = vec![
        book("balances-have-each-event", |_| 1).begins_at(earlier).on_document(first, entries).boxed(),
        book("statements-have-each-event", |_| 1)
            .begins_at(earlier)
            .on_document(STATEMENTS, |statement: &Statement| {
                signed(statement.days.values().map(|day| day.entries).sum())
            })
            .boxed(),
        book("search-has-each-word", words)
            .on_document(SEARCH, |hits: &Hits| i64::try_from(hits.entries.len()).unwrap_or(i64::MAX))
            .boxed(),
        book("each-booking-is-told", |booked| i64::from(booked.entry().booking.is_some()))
            .on_staged(NOTICED, |_: &Notice| 1)
            .boxed(),
        conserved("each-notice-is-a-letter")
            .on_staged(NOTICED, |_: &Notice| -1)
            .on_document(POST, |mail: &Mail| signed(mail.letters))
            .at_rest()
            .boxed(),
    ];
    if bookings.rebuild_at_ms.is_some() {
        books.push(
            book("rebuilt-balances-have-each-event", |_| 1).begins_at(earlier).on_document(second, entries).boxed(),
        );
    }
    books
}

/// The other side of a book: what each event is to bring to it.
fn book(name: &'static str, brings: impl Fn(&AccountEvent) -> i64 + Copy + Send + 'static) -> Conservation {
    let owed = move |booked: &AccountEvent| -brings(booked);
    conserved(name).on_appended(CREDITED, owed).on_appended(DEBITED, owed).at_rest()
}

/// Words under which a booking is found; an entry of the earlier release has none.
fn words(booked: &AccountEvent) -> i64 {
    i64::try_from(booked.entry().purpose.split_whitespace().count()).unwrap_or(i64::MAX)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
