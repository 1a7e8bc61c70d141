//! A projection that is built from zero comes to what the running one has, whenever it is begun and however far it is.

use seaworthy_core::{conformance::block_on, events::SubscriberConfig};
use seaworthy_event_store::{
    messages::CASH,
    projections::{Balance, collection, projection},
};

use crate::support::Bank;

async fn balances(bank: &Bank, generation: u32) -> Vec<(String, Balance)> {
    let mut tx = bank.store.begin().await.expect("a store");
    let found = tx.scan(&collection(generation), None, 100).await.expect("readable");
    let read = |body: &[u8]| serde_json::from_slice::<Balance>(body).expect("a balance");
    found.into_iter().map(|(account, document)| (account.to_string(), read(&document.body))).collect()
}

#[test]
fn seed_66_a_projection_that_is_built_from_zero_while_others_go_on_comes_to_the_same() {
    block_on(async {
        for begun_after in [0, 3, 9] {
            let bank = Bank::opened(&[("anna", 5), ("ben", 5)]).await;
            let running = bank.subscriber("balances-1", projection(1));
            // Small pages and transactions: it stops in the midst of bookings.
            let small = SubscriberConfig::default().page(3).batch(2);
            let rebuilt = bank.subscriber("balances-2", projection(2)).config(small);
            for number in 0..10 {
                let (from, to) = if number % 2 == 0 { ("anna", "ben") } else { ("ben", CASH) };
                bank.book(&format!("b-{number}"), from, to, 10 + number).await.expect("there is enough");
                let position = running.catch_up().await.expect("a store that is up");
                if number >= begun_after {
                    assert_eq!(rebuilt.catch_up().await, Ok(position));
                    assert_eq!(balances(&bank, 1).await, balances(&bank, 2).await, "after booking {number}");
                }
            }
            let sum: i64 = balances(&bank, 2).await.iter().map(|(_, balance)| balance.cents).sum();
            assert_eq!(sum, 0);
        }
    });
}
