use std::collections::{BTreeMap, BTreeSet};

use seaworthy_event_store::{
    messages::{BALANCES, NOTICED, Notice, POST, SEARCH, STATEMENTS},
    post::Mail,
    projections::{Balance, GENERATIONS, Hits, Live, Statement},
};
use seaworthy_sim::{
    invariants::{Interest, Invariant},
    prelude::*,
};
use smol_str::{SmolStr, format_smolstr};

use super::{Bookings, streams::Streams};

/// Collections of both generations of balances.
pub(super) const COLLECTIONS: [&str; 2] = ["balances-1", "balances-2"];

/// Each word of a projection about an account is the fold of its stream up to where the projection is: so a generation that is
/// built anew says what the running one said there.
pub(super) fn folds(bookings: &Bookings) -> Box<dyn Invariant> {
    let folds = always("projections-are-folds", Streams::opened(bookings));
    let folds = folds.on_event(Interest::STREAM, Streams::see);
    let folds = COLLECTIONS.into_iter().fold(folds, |folds, collection| {
        folds.on_document(collection, move |streams, written: Written<'_, Balance>| {
            let Balance { cents, entries } = *written.value;
            is_fold(streams, collection, written.id, cents, entries, written.event)
        })
    });
    let folds = folds.on_document(STATEMENTS, |streams, written: Written<'_, Statement>| {
        let (cents, entries) = turnover(written.value);
        is_fold(streams, STATEMENTS, written.id, cents, entries, written.event)
    });
    folds.boxed()
}

/// Returns the sum of what came in less what went out, and the number of entries.
fn turnover(statement: &Statement) -> (i64, u64) {
    let of_day = statement.days.values().map(|day| (day.credits.cast_signed() - day.debits.cast_signed(), day.entries));
    of_day.fold((0, 0), |(cents, entries), day| (cents + day.0, entries + day.1))
}

fn is_fold(
    streams: &Streams,
    projection: &str,
    account: &SmolStr,
    cents: i64,
    entries: u64,
    event: &Event,
) -> Result<(), Broken> {
    let sentence = match streams.at(account, entries) {
        Some(at) if at.cents == cents => return Ok(()),
        Some(at) => {
            format!("{projection} has {cents} cents for {account} after {entries} events, which make {}", at.cents)
        }
        None => format!("{projection} has {entries} events of {account}, which has fewer"),
    };
    Err(Broken::new(account.as_str(), sentence).at(event))
}

/// Each side of a booking is told to the outside once.
pub(super) fn noticed_once() -> Box<dyn Invariant> {
    always("noticed-once", BTreeMap::<(SmolStr, SmolStr), u64>::new())
        .on_staged(NOTICED, |noticed, message, event| {
            let Ok(notice) = message.json::<Notice>() else {
                return Err(Broken::new(message.subject.as_str(), "a notice can't be read"));
            };
            let of_whom = (message.subject.clone(), notice.booking);
            let sentence = format!("{} of {} is told twice", of_whom.1, of_whom.0);
            match noticed.insert(of_whom, event.number) {
                None => Ok(()),
                Some(first) => Err(Broken::new(message.subject.as_str(), sentence).at(first).at(event)),
            }
        })
        .boxed()
}

/// All that the subscribers have made of the log, as it was last written.
#[derive(Default)]
struct Made {
    streams: Streams,
    live: Live,
    balances: [BTreeMap<SmolStr, Balance>; 2],
    statements: BTreeMap<SmolStr, Statement>,
    hits: BTreeMap<SmolStr, Hits>,
    noticed: BTreeSet<(SmolStr, SmolStr)>,
    mail: BTreeMap<SmolStr, Mail>,
}

/// In the end everything is everywhere, once: balances of each generation, statements, search, and the letters behind the broker.
pub(super) fn complete(bookings: &Bookings) -> Box<dyn Invariant> {
    let (opened, wished) = (Streams::opened(bookings), bookings.clone());
    let made = eventually("projections-complete", Made { streams: opened.clone(), ..Made::default() })
        .on_event(Interest::STREAM, |made, event| {
            // What can't be read or does not follow is told at once, by those that judge at each event.
            let _ = made.streams.see(event);
        })
        .on_document(GENERATIONS, |made, now: Written<'_, Live>| made.live = *now.value)
        .on_document(COLLECTIONS[0], |made, balance: Written<'_, Balance>| {
            made.balances[0].insert(balance.id.clone(), *balance.value);
        })
        .on_document(COLLECTIONS[1], |made, balance: Written<'_, Balance>| {
            made.balances[1].insert(balance.id.clone(), *balance.value);
        })
        .on_document(STATEMENTS, |made, statement: Written<'_, Statement>| {
            made.statements.insert(statement.id.clone(), statement.value.clone());
        })
        .on_document(SEARCH, |made, hits: Written<'_, Hits>| {
            made.hits.insert(hits.id.clone(), hits.value.clone());
        })
        .on_staged(NOTICED, |made, message, _| {
            if let Ok(notice) = message.json::<Notice>() {
                made.noticed.insert((message.subject.clone(), notice.booking));
            }
        })
        .on_document(POST, |made, mail: Written<'_, Mail>| {
            made.mail.insert(mail.id.clone(), *mail.value);
        });
    made.at_rest(move |made| missing(&std::mem::take(made), &opened, &wished)).boxed()
}

fn missing(made: &Made, opened: &Streams, wished: &Bookings) -> Vec<Broken> {
    let mut broken = Vec::new();
    let (first, second) = (&made.balances[0], &made.balances[1]);
    let generations = if made.live.live == 1 { vec![first] } else { vec![first, second] };
    let of_old: BTreeMap<_, _> = opened.last().map(|(account, version, at)| (account, (version, at.cents))).collect();
    for (account, version, at) in made.streams.last() {
        let mut compare = |place: &str, is: (i64, u64), wanted: (i64, u64)| {
            if is != wanted {
                let ((is, n), (wanted, m)) = (is, wanted);
                let sentence = format!("{place} has {is} cents of {account} in {n} entries, and not {wanted} in {m}");
                let shown = Broken::new(account.as_str(), sentence);
                broken.push(at.event.iter().fold(shown, |broken, event| broken.at(*event)));
            }
        };
        // The rebuilt one is what the running one is.
        for generation in &generations {
            let balance = generation.get(account).copied().unwrap_or_default();
            compare(BALANCES, (balance.cents, balance.entries), (at.cents, version));
        }
        compare(STATEMENTS, made.statements.get(account).map(turnover).unwrap_or_default(), (at.cents, version));
        // Of what the earlier release booked nobody is told.
        let (version_then, cents_then) = of_old.get(account).copied().unwrap_or_default();
        let mail = made.mail.get(account).copied().unwrap_or_default();
        compare(POST, (mail.cents, mail.letters), (at.cents - cents_then, version - version_then));
    }
    let words = |booking: &SmolStr| {
        let wish = wished.bookings.iter().find(|wish| wish.booking.id == *booking);
        wish.map(|wish| wish.booking.purpose.split_whitespace().collect::<Vec<_>>()).unwrap_or_default()
    };
    let mut wanted = BTreeMap::<&str, Vec<SmolStr>>::new();
    for (account, booking) in &made.noticed {
        for word in words(booking) {
            wanted.entry(word).or_default().push(format_smolstr!("{account} {booking}"));
        }
    }
    for (word, wanted) in &mut wanted {
        let mut found = made.hits.get(*word).map(|hits| hits.entries.clone()).unwrap_or_default();
        found.sort_unstable();
        wanted.sort_unstable();
        if found != *wanted {
            broken.push(Broken::new(*word, format!("search finds {found:?} for {word}, and not {wanted:?}")));
        }
    }
    let unknown = made.hits.keys().filter(|word| !wanted.contains_key(word.as_str()));
    broken.extend(
        unknown.map(|word| Broken::new(word.as_str(), format!("search finds {word}, of which nobody is told"))),
    );
    broken
}
