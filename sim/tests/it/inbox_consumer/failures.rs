//! Handlers that fail, and what then becomes of their messages.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    inbox::HandlerError,
    message::{Message, MessageBuilder},
    ports::{Broker, DeadLetterRequest, InboxStore, Store, StoreError, Timestamp},
    stop::Stop,
};

use super::{Count, counting, declare, effects, publish};
use crate::messaging::{ms, on_bench};

#[test]
fn a_failing_handler_leaves_nothing_behind_and_its_message_becomes_a_dead_letter_with_its_payload() {
    on_bench(3, async |bench| {
        declare(&bench);
        let poison = publish(&bench, "order-1", "order.placed", 1).await;
        let next = publish(&bench, "order-1", "order.placed", 2).await;
        let other = publish(&bench, "order-2", "order.placed", 3).await;
        let id = poison.id;
        let count = Count::new(move |message, _| match message.id == id {
            true => Err(HandlerError::Unavailable("no stock".into())),
            false => Ok(()),
        });
        let stop = Stop::new();
        madsim::task::spawn(counting(&bench, &count).stop(stop.clone()).run());
        bench.pass(ms(100)).await;
        // The message behind it waits, one of another key does not.
        assert_eq!(effects(&bench).await.keys().cloned().collect::<Vec<_>>(), [other.id.to_string()]);
        bench.pass(Duration::from_secs(60)).await;
        let calls = count.calls();
        assert_eq!(calls.iter().filter(|call| **call == poison.id).count(), 5);
        assert_eq!(calls.last(), Some(&next.id), "the key goes on after the burial, and not before");
        let letters = bench.store.dead_letters(&DeadLetterRequest::new("shipping", 10)).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!((&letters[0].message, letters[0].failures), (&poison, 5));
        assert_eq!(letters[0].reason, "no stock");
        assert_eq!(effects(&bench).await.len(), 2);
        assert_eq!(bench.unsettled().await, 2, "the failed attempts staged nothing");
        assert_eq!(bench.broker.inner.pending(), 0);
    });
}

#[test]
fn seed_34_what_can_not_be_decoded_or_is_rejected_becomes_a_dead_letter_at_once() {
    for hopeless in [HandlerError::Undecodable("bad".into()), HandlerError::Refused("bad".into())] {
        on_bench(5, async |bench| {
            declare(&bench);
            let message = publish(&bench, "order-1", "order.placed", 1).await;
            let count = Count::new(move |_, _| Err(hopeless.clone()));
            madsim::task::spawn(counting(&bench, &count).run());
            bench.pass(ms(50)).await;
            assert_eq!(count.calls(), [message.id]);
            let letters = bench.store.dead_letters(&DeadLetterRequest::new("shipping", 10)).await.unwrap();
            assert_eq!((&letters[0].message, letters[0].failures), (&message, 1));
            assert_eq!(bench.broker.inner.pending(), 0);
        });
    }
}

#[test]
fn a_payload_of_another_shape_counts_as_undecodable_and_is_not_quoted() {
    let message = MessageBuilder::new("orders", "order.placed", "order-1")
        .json(&serde_json::json!({ "card": "4111 1111" }))
        .unwrap()
        .derive(uuid::Uuid::nil(), &[], Timestamp::EPOCH);
    let error = HandlerError::from(message.json::<Vec<u32>>().unwrap_err());
    assert!(matches!(&error, HandlerError::Undecodable(why) if why.contains("order.placed")), "{error}");
    assert!(!error.to_string().contains("4111"), "{error}");
}

#[test]
fn what_the_store_fails_with_for_a_while_gives_no_message_up() {
    let failures = [
        StoreError::Conflict("busy".into()),
        StoreError::Unavailable("down".into()),
        StoreError::Unknown("connection reset".into()),
    ];
    for failure in failures {
        on_bench(8, async |bench| {
            declare(&bench);
            let message = publish(&bench, "order-1", "order.placed", 1).await;
            // More often than a handler may fail.
            let count = Count::new(move |_, before| if before < 9 { Err(failure.clone().into()) } else { Ok(()) });
            madsim::task::spawn(counting(&bench, &count).run());
            bench.pass(Duration::from_secs(900)).await;
            assert_eq!(effects(&bench).await, BTreeMap::from([(message.id.to_string(), 1)]));
            assert_eq!(bench.store.dead_letters(&DeadLetterRequest::new("shipping", 10)).await.unwrap(), []);
        });
    }
}

#[test]
fn a_statement_that_the_store_refuses_is_counted() {
    on_bench(9, async |bench| {
        declare(&bench);
        publish(&bench, "order-1", "order.placed", 1).await;
        let count = Count::new(|_, _| Err(StoreError::Refused("no such table".into()).into()));
        madsim::task::spawn(counting(&bench, &count).run());
        bench.pass(Duration::from_secs(60)).await;
        let letters = bench.store.dead_letters(&DeadLetterRequest::new("shipping", 10)).await.unwrap();
        assert_eq!(letters[0].failures, 5);
    });
}

#[test]
fn a_redriven_dead_letter_is_handled_once_or_stays() {
    on_bench(10, async |bench| {
        declare(&bench);
        let mut ids = Vec::new();
        for number in 0..3 {
            ids.push(publish(&bench, &format!("order-{number}"), "order.placed", number + 1).await.id);
        }
        let repaired = Arc::new(AtomicU32::new(0));
        let (switch, last) = (repaired.clone(), ids[2]);
        let count = Count::new(move |message, _| match switch.load(Ordering::Relaxed) {
            0 => Err(HandlerError::Refused("unknown currency".into())),
            _ if message.id == last => Err(HandlerError::Refused("still unknown".into())),
            _ => Ok(()),
        });
        let consumer = counting(&bench, &count);
        madsim::task::spawn(consumer.clone().run());
        bench.pass(ms(100)).await;
        assert_eq!(bench.store.backlog().await.unwrap().inbox_dead, 3);

        repaired.store(1, Ordering::Relaxed);
        let one = consumer.redrive(&consumer.letters(100).only(&ids[1..2])).await.unwrap();
        assert_eq!((one.handled, one.failed.len()), (vec![ids[1]], 0));
        let rest = consumer.redrive(&consumer.letters(100)).await.unwrap();
        assert_eq!(rest.handled, [ids[0]]);
        assert_eq!(rest.failed, [(ids[2], "refused: still unknown".to_owned())]);
        assert_eq!(consumer.redrive(&consumer.letters(100).only(&ids[..2])).await.unwrap().handled, []);

        let effects = effects(&bench).await;
        assert_eq!(effects, BTreeMap::from([(ids[0].to_string(), 1), (ids[1].to_string(), 1)]));
        assert_eq!(bench.store.backlog().await.unwrap().inbox_dead, 1);
        // A redriven message counts as handled: another delivery of it is a duplicate.
        let calls = count.calls().len();
        let again = Message { id: ids[0], ..publish(&bench, "order-0", "order.touched", 9).await };
        let again = Message { kind: "order.placed".into(), partition_key: "order-9".into(), ..again };
        bench.broker.publish(&[again]).await.unwrap();
        bench.pass(ms(100)).await;
        assert_eq!(count.calls().len(), calls);
    });
}
