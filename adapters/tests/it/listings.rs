//! What an operator asks for is what is listed, whichever store it is, and page after page without anything twice.

use std::time::Duration;

use seaworthy_core::{
    inbox::HandlerError,
    outbox::Relay,
    ports::{DeadLetterRequest, DeadRowRequest, PublishError, SagaListRequest},
    saga::SagaBuilder,
};

use crate::support::{
    inbox::{SHOP, Scripted, order},
    messages::message,
    on_each_store,
    saga::Part,
};

#[test]
fn dead_letters() {
    on_each_store(async |world| {
        let refusing = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("no".into())) }));
        world.publish((1..=4).map(order)).await;
        world.ports.spawn("consumer", refusing.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(5)).await;
        let all = world.letters().await;
        assert_eq!(all.len(), 4);
        let any = || DeadLetterRequest::new(SHOP, 9);
        for letter in &all {
            let of_key = any().of_key(letter.message.partition_key.clone());
            let only = any().only(vec![letter.message.id]);
            for request in [
                any().after(letter.number),
                only.clone(),
                only.after(letter.number),
                of_key,
                DeadLetterRequest::new("x", 9),
            ] {
                let listed = world.ports.store.dead_letters(&request).await.expect("up");
                let expected: Vec<_> = all.iter().filter(|letter| request.asks_for(letter)).cloned().collect();
                assert_eq!(listed, expected, "{request:?}");
            }
        }
    });
}

#[test]
fn dead_rows() {
    on_each_store(async |world| {
        world.broker.says(|_, _| Err(PublishError::Refused("too large".into())));
        world.stage((0..4).map(|number| message("orders", number))).await;
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.pass(Duration::from_secs(5)).await;
        let all = world.ports.store.dead_rows(&DeadRowRequest::new(9)).await.expect("up");
        assert_eq!(all.len(), 4);
        for dead in &all {
            let only = DeadRowRequest::new(9).only(vec![dead.row.message.id]);
            let of_key = DeadRowRequest::new(9).of_key(dead.row.message.partition_key.clone());
            for request in [DeadRowRequest::new(9).after(dead.place()), only.clone(), only.after(dead.place()), of_key]
            {
                let listed = world.ports.store.dead_rows(&request).await.expect("up");
                let expected: Vec<_> = all.iter().filter(|dead| request.asks_for(dead)).cloned().collect();
                assert_eq!(listed, expected, "{request:?}");
            }
        }
    });
}

#[test]
fn sagas() {
    on_each_store(async |world| {
        let sagas = world.sagas(SagaBuilder::new("trip", 1).pivot("pay", Part::well()).build().unwrap());
        for key in ["t-1", "t-2", "t-3", "t-4"] {
            let _ = sagas.start("trip", key, &1_u32).await.unwrap();
        }
        world.pass(Duration::from_secs(5)).await;
        let (store, now) = (&world.ports.store, world.ports.store.now().await.expect("up"));
        let all = store.sagas(&SagaListRequest::new(9)).await.expect("up");
        assert_eq!(all.len(), 4);
        for saga in &all {
            let behind = SagaListRequest::new(9).after(saga.number);
            for request in [behind.clone(), behind.asleep(), SagaListRequest::new(9).of_definition("other")] {
                let listed = store.sagas(&request).await.expect("up");
                let expected: Vec<_> = all.iter().filter(|saga| request.asks_for(saga, now)).cloned().collect();
                assert_eq!(listed, expected, "{request:?}");
            }
        }
    });
}
