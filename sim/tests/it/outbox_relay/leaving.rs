//! Relays that stop, crash or lose their claim.

use std::time::Duration;

use seaworthy_core::{
    ids::ClaimToken,
    ports::{BrokerError, ClaimRequest, Clock, DeadRowRequest, OutboxOrder, OutboxStore, WhenDead},
    stop::Stop,
};

use super::config;

use crate::messaging::{Bench, ms, on_bench};

#[test]
fn seed_39_a_graceful_stop_leaves_no_row_claimed() {
    // The stop comes before, in and after the first publish, which takes 10 ms.
    for at in [0, 1, 5, 9, 10, 11, 15, 25] {
        on_bench(9, async move |bench| {
            bench.stage_many(50).await;
            bench.broker.takes(ms(10));
            let stop = Stop::new();
            let task = madsim::task::spawn(bench.relay(config().batch(10)).stop(stop.clone()).run());
            bench.pass(ms(at)).await;
            stop.set();
            task.await.unwrap();
            // A claimed row could not be claimed again before its lease of 30 s ends.
            let left = bench.unsettled().await;
            let report = bench.relay(config()).pass().await.unwrap();
            assert_eq!(report.claimed as u64, left, "stop after {at} ms");
            assert!(bench.broker.times().values().all(|times| *times == 1));
        });
    }
}

#[test]
fn a_stop_in_an_outage_leaves_no_row_claimed_and_comes_at_once() {
    on_bench(10, async |bench| {
        bench.stage_many(5).await;
        bench.broker.fails(Some(BrokerError::Unavailable("down".into())));
        let stop = Stop::new();
        let task = madsim::task::spawn(bench.relay(config()).stop(stop.clone()).run());
        bench.pass(Duration::from_secs(100)).await;
        let asked = bench.clock.now();
        stop.set();
        task.await.unwrap();
        assert!(bench.clock.now().since(asked) < ms(1));
        bench.broker.fails(None);
        assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 5);
    });
}

/// Claims everything that is due and forgets it, as a relay does that crashes.
pub(super) async fn crash_with_claim(bench: &Bench) -> usize {
    let request = ClaimRequest {
        token: ClaimToken(seaworthy_core::ports::draw_id(&*bench.clock, &*bench.random)),
        limit: 100,
        lease: ms(10),
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    };
    let rows = bench.store.claim(&request).await.unwrap().len();
    bench.pass(ms(11)).await;
    rows
}

#[test]
fn crashes_never_bury_a_row_but_make_it_go_last_and_alone() {
    on_bench(12, async |bench| {
        let suspects = bench.stage_many(3).await;
        for _ in 0..40 {
            assert_eq!(crash_with_claim(&bench).await, 3);
        }
        let fresh = bench.stage("order-fresh", "order.placed").await;
        let mut relay = bench.relay(config().bury_after_claims(None));
        for dispatched in [2, 1, 1] {
            let report = relay.pass().await.unwrap();
            assert_eq!((report.dispatched, report.dead), (dispatched, 0));
        }
        let log = bench.broker.log();
        let calls: Vec<_> = log.iter().map(|published| (published.call, published.id)).collect();
        assert_eq!(calls, [(0, fresh), (1, suspects[0]), (2, suspects[1]), (3, suspects[2])]);
    });
}

/// Suspects are published one a pass, 10 ms each; the stop comes in the middle of the second.
#[test]
fn seed_39_a_stop_in_the_middle_of_a_pass_gives_back_what_is_not_published_yet() {
    on_bench(17, async |bench| {
        bench.stage_many(4).await;
        for _ in 0..20 {
            crash_with_claim(&bench).await;
        }
        bench.broker.takes(ms(10));
        let stop = Stop::new();
        let task = madsim::task::spawn(bench.relay(config()).stop(stop.clone()).run());
        bench.pass(ms(15)).await;
        stop.set();
        task.await.unwrap();
        assert_eq!((bench.broker.calls(), bench.unsettled().await), (2, 2));
        for _ in 0..2 {
            assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 1, "no row stayed claimed");
        }
    });
}

/// What follows in a pass is given back at once where publishing it would be in vain, or another relay's by now.
#[test]
fn a_pass_ends_with_the_first_sign_of_an_outage_and_with_its_lease() {
    for outage in [true, false] {
        on_bench(19, async move |bench| {
            bench.stage_many(4).await;
            for _ in 0..20 {
                crash_with_claim(&bench).await;
            }
            if outage {
                bench.broker.fails(Some(BrokerError::Unavailable("down".into())));
            } else {
                bench.broker.takes(Duration::from_secs(16));
            }
            let report = bench.relay(config()).pass().await.unwrap();
            let settled = u64::from(!outage);
            assert_eq!(bench.broker.calls(), 1, "outage: {outage}");
            assert_eq!((report.dispatched as u64, report.released as u64), (settled, 4 - settled), "outage: {outage}");
            bench.broker.fails(None);
            bench.broker.takes(ms(0));
            for _ in settled..4 {
                assert_eq!(bench.relay(config()).pass().await.unwrap().dispatched, 1);
            }
        });
    }
}

#[test]
fn a_row_that_was_claimed_too_often_is_buried_where_the_configuration_says_so() {
    on_bench(13, async |bench| {
        bench.stage_many(2).await;
        for _ in 0..20 {
            crash_with_claim(&bench).await;
        }
        let bury = config().bury_after_claims(Some(20));
        let mut relay = bench.relay(bury);
        for _ in 0..2 {
            assert_eq!((relay.pass().await.unwrap().dead, bench.broker.calls()), (1, 0));
        }
        assert!(bench.store.dead_rows(&DeadRowRequest::new(1)).await.unwrap()[0].reason.contains("20 times"));
    });
}
