//! The account and its decisions: events of two releases, and bookings that are asked for again.

use seaworthy_core::{conformance::block_on, events::Sourced as _};
use seaworthy_event_store::{
    account::{Account, AccountEvent, Command, Entry, NotEnough},
    messages::{CASH, SEARCH, STATEMENTS},
    parts::on_both,
    projections::{Balance, Balances, Hits, Search, Statement, Statements},
};

use crate::support::Bank;

fn entry(booking: &str, cents: u64) -> Entry {
    Entry { booking: Some(booking.into()), cents, purpose: "rent".into() }
}

#[test]
fn events_of_the_earlier_release_are_read_as_what_they_mean_today_and_those_of_today_as_they_are() {
    for (recorded, meant) in [
        (
            r#"{"Credited":{"amount":5}}"#,
            AccountEvent::Credited(Entry { booking: None, cents: 500, purpose: "".into() }),
        ),
        (r#"{"Debited":{"amount":0}}"#, AccountEvent::Debited(Entry { booking: None, cents: 0, purpose: "".into() })),
        (r#"{"Debited":{"booking":"b-1","cents":7,"purpose":"rent"}}"#, AccountEvent::Debited(entry("b-1", 7))),
    ] {
        assert_eq!(serde_json::from_str::<AccountEvent>(recorded).expect(recorded), meant);
    }
    let today = AccountEvent::Credited(entry("b-1", 7));
    let again = serde_json::from_slice(&serde_json::to_vec(&today).expect("it has a JSON form")).expect("its own form");
    assert_eq!(today, again);
    // A form that is neither is not taken for one of them with something missing.
    for unknown in [r#"{"Credited":{"pounds":1}}"#, r#"{"Credited":{"amount":1,"cents":100}}"#, r#"{"Closed":{}}"#] {
        assert!(serde_json::from_str::<AccountEvent>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn a_booking_that_is_there_is_not_made_again_and_nobody_but_cash_is_overdrawn() {
    let mut account = Account::default();
    account.evolve(&AccountEvent::Credited(entry("b-1", 5)));
    assert_eq!(account.decide(&Command::Credit(entry("b-1", 5))), Ok(vec![]));
    assert_eq!(account.decide(&Command::Debit(entry("b-2", 6))), Err(NotEnough { balance: 5, wanted: 6 }));
    assert_eq!(account.decide(&Command::Debit(entry("b-2", 5))), Ok(vec![AccountEvent::Debited(entry("b-2", 5))]));
    assert_eq!(account.decide(&Command::Overdraw(entry("b-2", 6))), Ok(vec![AccountEvent::Debited(entry("b-2", 6))]));
}

#[test]
fn a_booking_is_in_both_streams_or_in_none_and_every_projection_has_it_once() {
    block_on(async {
        let bank = Bank::opened(&[("anna", 5), ("ben", 1)]).await;
        for _ in 0..3 {
            bank.book("b-1", "anna", "ben", 120).await.expect("there is enough");
        }
        let refused = bank.book("b-2", "ben", CASH, 221).await.expect_err("there is not");
        assert_eq!(refused, "221 cents are wanted, and there are 220");
        for (name, handlers) in [
            ("balances", on_both(Balances("balances-1".into()))),
            (STATEMENTS, on_both(Statements)),
            (SEARCH, on_both(Search)),
        ] {
            let subscriber = bank.subscriber(name, handlers);
            for _ in 0..2 {
                assert_eq!(subscriber.catch_up().await, Ok(6), "{name}");
            }
        }
        for (account, cents, entries) in [("anna", 380, 2), ("ben", 220, 2), (CASH, -600, 2)] {
            assert_eq!(bank.document("balances-1", account).await, Some(Balance { cents, entries }), "{account}");
        }
        let statement: Statement = bank.document(STATEMENTS, "anna").await.expect("it is there");
        let turnover: Vec<_> = statement.days.values().map(|day| (day.credits, day.debits, day.entries)).collect();
        assert_eq!(turnover, [(500, 120, 2)], "one day");
        let hits: Hits = bank.document(SEARCH, "rent").await.expect("it is there");
        assert_eq!(hits.entries, ["anna b-1", "ben b-1"]);
    });
}
