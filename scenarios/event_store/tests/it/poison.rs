//! An event that no release can read stands in the log for good: each projection parks it with its reason, and goes on with all
//! other streams.

use seaworthy_core::{conformance::block_on, inbox::discard, ports::DeadLetterRequest};
use seaworthy_event_store::{
    messages::{CASH, STATEMENTS},
    parts::on_both,
    projections::{Balance, Balances, Statement, Statements},
};

use crate::support::Bank;

async fn parked(bank: &Bank, consumer: &str) -> Vec<(String, String)> {
    let letters = bank.store.dead_letters(&DeadLetterRequest::new(consumer, 100)).await.expect("readable");
    letters.into_iter().map(|letter| (letter.message.subject.to_string(), letter.reason.to_string())).collect()
}

#[test]
fn a_poison_event_is_parked_with_its_reason_and_blocks_its_stream_alone() {
    block_on(async {
        let bank = Bank::opened(&[("anna", 5), ("ben", 5)]).await;
        bank.append_unreadable("anna").await;
        bank.book("b-1", CASH, "ben", 30).await.expect("cash may be overdrawn");
        // Whatever is appended to the stream of the poison by those who do not read it.
        bank.append_unreadable("anna").await;
        let statements = bank.subscriber(STATEMENTS, on_both(Statements));
        statements.catch_up().await.expect("a store that is up");
        let letters = parked(&bank, STATEMENTS).await;
        assert_eq!(letters.len(), 2, "{letters:?}");
        assert!(letters[0].0 == "anna" && letters[0].1.starts_with("undecodable: "), "{letters:?}");
        assert!(letters[1].0 == "anna" && letters[1].1.starts_with("waits behind"), "{letters:?}");
        let ben: Statement = bank.document(STATEMENTS, "ben").await.expect("his stream goes on");
        assert_eq!(ben.days.values().map(|day| day.entries).sum::<u64>(), 2);
        let anna: Statement = bank.document(STATEMENTS, "anna").await.expect("what came before it is there");
        assert_eq!(anna.days.values().map(|day| day.entries).sum::<u64>(), 1);

        // Another projection has a place and a reason of its own.
        let balances = bank.subscriber("balances-1", on_both(Balances("balances-1".into())));
        balances.catch_up().await.expect("a store that is up");
        assert_eq!(bank.document("balances-1", "ben").await, Some(Balance { cents: 530, entries: 2 }));
        assert_eq!(parked(&bank, "balances-1").await.len(), 2);

        // Once it is given up, what waits behind it has its turn, and is poison, too.
        let all = bank.store.dead_letters(&statements.letters(1)).await.expect("readable");
        let first = DeadLetterRequest::new(STATEMENTS, 1).only(vec![all[0].message.id]);
        discard(&*bank.store, &first).await.expect("it is there");
        statements.catch_up().await.expect("a store that is up");
        let letters = parked(&bank, STATEMENTS).await;
        assert!(letters.len() == 1 && letters[0].1.starts_with("undecodable: "), "{letters:?}");
    });
}
