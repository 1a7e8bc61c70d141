//! A broker that is down or busy.

use std::time::Duration;

use seaworthy_core::{
    ports::{BrokerError, DeadRowRequest, OutboxStore},
    stop::Stop,
};

use super::config;
use crate::messaging::{Say, on_bench};

/// Ten attempts with the default backoff take about a minute; the outage takes an hour.
#[test]
fn an_outage_of_an_hour_buries_nothing_and_costs_few_calls() {
    for failure in [BrokerError::Unavailable("down".into()), BrokerError::Unknown("timeout".into())] {
        on_bench(3, async |bench| {
            let staged = bench.stage_many(20).await;
            bench.broker.fails(Some(failure));
            let stop = Stop::new();
            let task = madsim::task::spawn(bench.relay(config()).stop(stop.clone()).run());
            bench.pass(Duration::from_secs(3_600)).await;
            // At the cap a pause takes 5 s at least, and below it there are seven.
            let calls = bench.broker.calls();
            assert!((200..740).contains(&calls), "{calls} calls in an outage");
            assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap(), []);
            bench.broker.fails(None);
            bench.pass(Duration::from_secs(16)).await;
            stop.set();
            task.await.unwrap();
            assert_eq!(bench.unsettled().await, 0);
            assert_eq!(bench.store.dead_rows(&DeadRowRequest::new(100)).await.unwrap(), []);
            assert_eq!(bench.broker.times().len(), staged.len());
        });
    }
}

#[test]
fn a_throttled_message_holds_nobody_back_and_is_given_up_only_while_others_pass() {
    for others_pass in [false, true] {
        on_bench(5, async move |bench| {
            let ids = bench.stage_many(10).await;
            let throttled = ids[0];
            bench.broker.says(move |message, now| {
                let healed = now.since(seaworthy_core::ports::Timestamp::EPOCH) > Duration::from_secs(600);
                if message.id == throttled && !healed { Say::Throttle } else { Say::Accept }
            });
            let report = bench.relay(config()).pass().await.unwrap();
            assert_eq!((report.dispatched, report.released), (9, 1));
            let stop = Stop::new();
            madsim::task::spawn(bench.relay(config()).stop(stop.clone()).run());
            for number in 0..620 {
                if others_pass {
                    bench.stage(&format!("order-later-{number}"), "order.placed").await;
                }
                bench.pass(Duration::from_secs(1)).await;
            }
            stop.set();
            assert_eq!(bench.unsettled().await, 0);
            let dead = bench.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
            let dead: Vec<_> = dead.iter().map(|dead| dead.row.message.id).collect();
            assert_eq!(dead, if others_pass { vec![throttled] } else { vec![] });
        });
    }
}
