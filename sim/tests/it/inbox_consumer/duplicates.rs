//! Messages that come again.

use std::time::Duration;

use seaworthy_core::{inbox::InboxRetention, message::Message, ports::Broker, stop::Stop};

use super::{Count, counting, declare, effects, publish};
use crate::messaging::{ms, on_bench};

#[test]
fn seed_11_a_duplicate_is_acknowledged_without_running_the_handler() {
    on_bench(1, async |bench| {
        declare(&bench);
        let message = publish(&bench, "order-1", "order.placed", 1).await;
        bench.broker.inner.duplicate(message.id);
        bench.broker.inner.duplicate(message.id);
        let (count, stop) = (Count::new(|_, _| Ok(())), Stop::new());
        madsim::task::spawn(counting(&bench, &count).stop(stop.clone()).run());
        bench.pass(ms(100)).await;
        assert_eq!(count.calls(), [message.id]);
        assert_eq!(bench.broker.inner.pending(), 0);
        assert_eq!(bench.unsettled().await, 1, "one reply is staged");
    });
}

/// Each message is delivered up to ten times: to four members whose handlers overlap, at about the same moment or one after
/// the other.
#[test]
fn seed_11_of_up_to_ten_deliveries_of_each_message_one_has_its_effect_although_they_race() {
    for deliveries in 1..=10 {
        for seed in 0..6 {
            on_bench(seed, async move |bench| {
                declare(&bench);
                for number in 0..20 {
                    let message = publish(&bench, &format!("order-{number}"), "order.placed", number + 1).await;
                    for copy in 1..deliveries {
                        if (number + copy) % 2 == 0 {
                            bench.broker.inner.duplicate(message.id);
                        } else {
                            // Another key of the broker for the copy, so that the broker itself does not keep the two apart.
                            let key = format!("copy-{number}-{copy}").into();
                            let copy = Message { partition_key: key, ..message.clone() };
                            bench.broker.publish(&[copy]).await.unwrap();
                        }
                    }
                }
                let count = Count { takes: ms(5), ..Count::new(|_, _| Ok(())) };
                let stop = Stop::new();
                for _ in 0..4 {
                    madsim::task::spawn(counting(&bench, &count).stop(stop.clone()).run());
                }
                bench.pass(Duration::from_secs(10)).await;
                let effects = effects(&bench).await;
                assert_eq!(effects.len(), 20);
                assert!(effects.values().all(|times| *times == 1), "{deliveries} times, seed {seed}: {effects:?}");
                assert_eq!(bench.unsettled().await, 20, "one reply to each is staged");
                assert_eq!(bench.broker.inner.pending(), 0);
            });
        }
    }
}

#[test]
fn a_duplicate_is_noticed_after_its_row_was_purged() {
    on_bench(11, async |bench| {
        declare(&bench);
        let (count, stop) = (Count::new(|_, _| Ok(())), Stop::new());
        madsim::task::spawn(counting(&bench, &count).stop(stop.clone()).run());
        let message = publish(&bench, "order-1", "order.placed", 7).await;
        let keep = InboxRetention::new(Duration::from_secs(60), Duration::from_secs(59)).unwrap();
        let keep = keep.batch(1).every(Duration::from_secs(1));
        let (store, clock) = (bench.store.clone(), bench.clock.clone());
        madsim::task::spawn(keep.run_from_parts(vec!["shipping".into()], store, clock, stop.clone()));
        bench.pass(Duration::from_secs(62)).await;
        assert_eq!(keep.sweep("shipping", &*bench.store, &Stop::new()).await.unwrap(), 0, "the loop has purged it");
        bench.broker.publish(&[message]).await.unwrap();
        bench.pass(ms(100)).await;
        assert_eq!(count.calls().len(), 1);
        let later = publish(&bench, "order-1", "order.placed", 8).await;
        bench.pass(ms(100)).await;
        assert_eq!(count.calls().last(), Some(&later.id));
    });
}

#[test]
fn retention_goes_on_in_batches_until_nothing_old_is_left() {
    on_bench(12, async |bench| {
        declare(&bench);
        let count = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &count).run());
        for number in 1..=10 {
            publish(&bench, &format!("order-{number}"), "order.placed", number).await;
        }
        bench.pass(Duration::from_secs(61)).await;
        let keep = InboxRetention::new(Duration::from_secs(60), Duration::from_secs(59)).unwrap().batch(3);
        for expected in [10, 0] {
            assert_eq!(keep.sweep("shipping", &*bench.store, &Stop::new()).await.unwrap(), expected);
        }
    });
}
