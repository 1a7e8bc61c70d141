//! A consumer as part of a service: what it listens to, how it starts, stops and wakes its relay.

use std::time::Duration;

use seaworthy_core::{
    inbox::Handlers,
    ports::{BrokerError, Clock, DeadLetterRequest, InboxStore, Timestamp},
    stop::Stop,
};

use super::{Count, consumer, counting, declare, effects, publish};
use crate::messaging::{ms, on_bench};

#[test]
fn seed_34_a_message_of_an_unknown_type_waits_for_a_newer_version() {
    on_bench(6, async |bench| {
        declare(&bench);
        let message = publish(&bench, "order-1", "order.split", 1).await;
        let (count, stop) = (Count::new(|_, _| Ok(())), Stop::new());
        let old = madsim::task::spawn(counting(&bench, &count).stop(stop.clone()).run());
        bench.pass(Duration::from_secs(600)).await;
        assert_eq!(bench.broker.inner.pending(), 1);
        assert_eq!(bench.store.dead_letters(&DeadLetterRequest::new("shipping", 10)).await.unwrap(), []);
        stop.set();
        old.await.unwrap();
        let newer = consumer(&bench, Handlers::builder().on("order.split", count.clone()).build().unwrap());
        madsim::task::spawn(newer.run());
        bench.pass(Duration::from_secs(31)).await;
        assert_eq!(count.calls(), [message.id]);
        assert_eq!(bench.broker.inner.pending(), 0);
    });
}

#[test]
fn a_type_that_is_ignored_by_name_is_acknowledged() {
    on_bench(7, async |bench| {
        declare(&bench);
        publish(&bench, "order-1", "order.touched", 1).await;
        madsim::task::spawn(consumer(&bench, Handlers::builder().ignore("order.touched").build().unwrap()).run());
        bench.pass(ms(10)).await;
        assert_eq!(bench.broker.inner.pending(), 0);
    });
}

#[test]
fn a_graceful_stop_finishes_one_message_and_gives_the_others_back_at_once() {
    on_bench(12, async |bench| {
        declare(&bench);
        for number in 0..10 {
            publish(&bench, &format!("order-{number}"), "order.placed", number + 1).await;
        }
        let count = Count { takes: ms(100), ..Count::new(|_, _| Ok(())) };
        let stop = Stop::new();
        let first = madsim::task::spawn(counting(&bench, &count).stop(stop.clone()).run());
        bench.pass(ms(250)).await;
        stop.set();
        first.await.unwrap();
        // The third one is finished, give or take the simulator's timers.
        assert!(bench.clock.now() < Timestamp::from_millis(310));
        assert_eq!(effects(&bench).await.len(), 3);
        let quick = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &quick).run());
        // Long before the visibility timeout of five seconds.
        bench.pass(ms(50)).await;
        assert_eq!(quick.calls().len(), 7);
    });
}

#[test]
fn a_consumer_subscribes_again_until_the_broker_is_back() {
    on_bench(13, async |bench| {
        declare(&bench);
        let message = publish(&bench, "order-1", "order.placed", 1).await;
        bench.broker.fails(Some(BrokerError::Unavailable("down".into())));
        let count = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &count).run());
        bench.pass(Duration::from_secs(300)).await;
        bench.broker.fails(None);
        bench.pass(Duration::from_secs(15)).await;
        assert_eq!(count.calls(), [message.id]);
    });
}

#[test]
fn a_consumer_hints_to_the_relay_what_its_handlers_staged() {
    on_bench(14, async |bench| {
        declare(&bench);
        let (wake, stop) = (seaworthy_core::wake::Wake::new(), Stop::new());
        madsim::task::spawn(bench.relay_with(Default::default(), wake.clone()).stop(stop.clone()).run());
        let count = Count::new(|_, _| Ok(()));
        madsim::task::spawn(counting(&bench, &count).wake(wake).stop(stop.clone()).run());
        bench.pass(Duration::from_secs(10)).await;
        let message = publish(&bench, "order-1", "order.placed", 1).await;
        let handled = bench.clock.now();
        bench.pass(ms(1_000)).await;
        let log = bench.broker.log();
        let reply = log.iter().find(|published| published.id != message.id).unwrap();
        assert!(reply.at.since(handled) < ms(2), "{:?}", reply.at.since(handled));
    });
}
