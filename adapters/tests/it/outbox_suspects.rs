//! Rows that were claimed again and again, and nobody knows how it ended: what a pass does with them beside the others, row by row.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use seaworthy_core::{
    ids::ClaimToken,
    outbox::{PassReport, Relay, RelayConfig},
    ports::{ClaimRequest, Operation, OutboxOrder, Ports, PublishError, WhenDead},
};
use uuid::Uuid;

use crate::support::{
    World,
    calls::{Calls, Fate},
    messages::{message, of_key},
    on_each_store,
    publishing::before_publishing,
};

const LEASE: Duration = Duration::from_secs(5);

/// A topic that is down.
const DOWN: &str = "down";

fn config() -> RelayConfig {
    RelayConfig::default().lease(LEASE).max_attempts(3)
}

/// Stages so many messages of a topic that has not said anything yet, which `deaths` relays have had in hand.
async fn survivors(world: &World, topic: &str, count: usize, deaths: u32) {
    world.stage((0..count).map(|number| message(topic, number))).await;
    die(world, count, deaths).await;
}

/// Lets so many relays die with all rows in hand.
async fn die(world: &World, count: usize, deaths: u32) {
    for death in 0..deaths {
        let request = ClaimRequest {
            token: ClaimToken(Uuid::from_u128(1 + u128::from(death))),
            limit: 100,
            lease: Duration::from_secs(1),
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
            except_topics: vec![DOWN.into()],
        };
        assert_eq!(world.ports.store.claim(&request).await.expect("up").len(), count, "their relay dies");
        world.pass(Duration::from_secs(2)).await;
    }
}

/// Ports whose broker takes so long for each call.
fn slow(world: &World, takes: Duration) -> Ports {
    let clock = world.ports.clock.clone();
    let broker = before_publishing(world.broker.clone(), move |_| {
        let clock = clock.clone();
        Box::pin(async move {
            clock.sleep(takes).await;
            Ok(())
        })
    });
    Ports { broker, ..world.ports.clone() }
}

fn report(claimed: usize, dispatched: usize) -> PassReport {
    PassReport { claimed, dispatched, released: claimed - dispatched, ..PassReport::default() }
}

#[test]
fn half_of_those_that_may_go_together_go_and_the_others_are_given_back_at_once() {
    // The third claim is the last that a row has in company, the fourth and the last by its attempts goes by halves, a later one alone.
    for (deaths, goes) in [(0, 4), (1, 4), (2, 2), (3, 1), (4, 1)] {
        on_each_store(async |world| {
            survivors(world, "orders", 4, deaths).await;
            let mut relay = Relay::new(&world.ports).config(config().bury_after_claims(None));
            assert_eq!(relay.pass().await, Ok(report(4, goes)), "{deaths} deaths");
            let left = relay.pass().await.expect("up").claimed;
            assert_eq!(left, 4 - goes, "nobody waits for a lease");
        });
    }
}

#[test]
fn where_a_row_is_tried_once_its_second_claim_is_one_too_many() {
    on_each_store(async |world| {
        survivors(world, "orders", 4, 1).await;
        let mut relay = Relay::new(&world.ports).config(config().max_attempts(1));
        assert_eq!(relay.pass().await, Ok(report(4, 1)));
    });
}

/// Whoever has them in hand lives each time: they end nobody, and need no turn of their own.
#[test]
fn rows_that_only_fail_are_no_suspects() {
    on_each_store(async |world| {
        world.broker.says(|message, _| match message.partition_key.starts_with("late") {
            true => Err(PublishError::Unknown("no answer".into())),
            false => Ok(()),
        });
        let late = |number| of_key("orders", &format!("late-{number}"), 0);
        world.stage((0..4).map(late)).await;
        let mut relay = Relay::new(&world.ports).config(config().max_attempts(10));
        for number in 0..8 {
            world.stage([message("orders", number)]).await;
            let expected = PassReport { claimed: 5, dispatched: 1, retried: 4, ..PassReport::default() };
            assert_eq!(relay.pass().await, Ok(expected), "pass {number}");
            world.pass(Duration::from_secs(600)).await;
        }
    });
}

/// It is tried as often as any other, and not given up before.
#[test]
fn nobody_is_buried_by_fewer_claims_than_a_row_has_attempts() {
    for (deaths, expected) in [(2, report(1, 1)), (3, PassReport { claimed: 1, dead: 1, ..PassReport::default() })] {
        on_each_store(async |world| {
            survivors(world, "orders", 1, deaths).await;
            let mut relay = Relay::new(&world.ports).config(config().bury_after_claims(Some(2)));
            assert_eq!(relay.pass().await, Ok(expected.clone()), "{deaths} deaths");
        });
    }
}

/// One row asks whether the topic is up again, and what is behind it waits no longer than until suspects have had their turn.
#[test]
fn rows_of_a_topic_that_is_down_are_given_back_where_a_suspect_follows() {
    on_each_store(async |world| {
        world.broker.says(|message, _| match message.topic == DOWN {
            true => Err(PublishError::Unavailable("no leader".into())),
            false => Ok(()),
        });
        world.stage((0..3).map(|number| message(DOWN, number))).await;
        let mut relay = Relay::new(&world.ports).config(config());
        assert_eq!(relay.pass().await, Ok(report(3, 0)));
        world.pass(Duration::from_secs(600)).await;
        survivors(world, "orders", 1, 3).await;
        assert_eq!(relay.pass().await, Ok(report(4, 1)));
    });
}

/// Claims may have ended since they are short, and dividing would make more of them.
#[test]
fn where_a_claim_is_short_they_go_together() {
    on_each_store(async |world| {
        survivors(world, "orders", 4, 2).await;
        let script = |operation, _| match operation {
            Operation::Claim => Fate::Late(Duration::from_secs(1)),
            _ => Fate::Well,
        };
        let (_, ports) = Calls::before(&world.ports, script);
        assert_eq!(Relay::new(&ports).config(config()).pass().await, Ok(report(4, 4)));
    });
}

/// The first pass has no time for them behind the others; they begin the next one, in which all others go back. The third is as the
/// first.
#[test]
fn suspects_that_waited_have_one_turn_before_all_others() {
    on_each_store(async |world| {
        survivors(world, "suspect", 4, 3).await;
        let mut relay = Relay::new(&slow(world, Duration::from_secs(3))).config(config().bury_after_claims(None));
        let mut accepted = Vec::new();
        for number in 0..4 {
            world.stage([message("orders", number)]).await;
            let pass = relay.pass().await.expect("up");
            assert_eq!(pass.dispatched + pass.released, pass.claimed, "{pass:?}");
            accepted.push(["orders", "suspect"].map(|topic| world.broker.accepted_of(topic)));
        }
        assert_eq!(accepted, [[1, 0], [1, 1], [3, 1], [3, 2]]);
    });
}

/// Topics that were down are asked one by one, and the first takes as long as there is time.
#[test]
fn suspects_for_whom_there_is_no_time_left_are_given_back_at_once() {
    on_each_store(async |world| {
        let up_again = world.ports.clock.now() + Duration::from_secs(300);
        world.broker.says(move |_, now| match now < up_again {
            true => Err(PublishError::Unavailable("no leader".into())),
            false => Ok(()),
        });
        world.stage(["a", "b", "c", "d"].map(|topic| message(topic, 0))).await;
        let mut relay = Relay::new(&slow(world, Duration::from_secs(3))).config(config().bury_after_claims(None));
        assert_eq!(relay.pass().await, Ok(report(4, 0)), "each topic is down");
        world.pass(Duration::from_secs(600)).await;
        die(world, 4, 2).await;
        for left in [4, 3, 2, 1] {
            assert_eq!(relay.pass().await, Ok(report(left, 1)), "nobody waits for a lease");
        }
    });
}

/// Another relay has taken them off its hands: those that come later wait for their turn as the first did.
#[test]
fn a_turn_that_nobody_takes_is_over() {
    on_each_store(async |world| {
        survivors(world, "suspect", 1, 3).await;
        let mut relay = Relay::new(&slow(world, Duration::from_secs(3))).config(config().bury_after_claims(None));
        world.stage([message("orders", 0)]).await;
        assert_eq!(relay.pass().await, Ok(report(2, 1)), "the suspect waits");
        let other = world.replica(2);
        assert_eq!(Relay::new(&other).config(config().bury_after_claims(None)).pass().await, Ok(report(1, 1)));
        world.stage([message("orders", 1)]).await;
        assert_eq!(relay.pass().await, Ok(report(1, 1)));
        survivors(world, "later", 1, 3).await;
        world.stage([message("orders", 2)]).await;
        assert_eq!(relay.pass().await, Ok(report(2, 1)));
        assert_eq!(["orders", "later"].map(|topic| world.broker.accepted_of(topic)), [3, 0]);
    });
}

/// Each topic is down and takes its time to say so, so a pass has room for one of them. Whose turn it is is not changed by a
/// suspect, which has its turn in between.
#[test]
fn topics_for_which_a_pass_has_no_time_have_one_turn_each_beside_suspects_too() {
    for (suspects, expected) in [(0, [3, 3, 3, 0]), (1, [3, 3, 3, 9])] {
        on_each_store(async |world| {
            let tried = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
            let (counted, clock) = (tried.clone(), world.ports.clock.clone());
            let broker = before_publishing(world.broker.clone(), move |batch| {
                let topic = batch[0].topic.to_string();
                *counted.lock().expect("no panic with it in hand").entry(topic).or_default() += 1;
                let clock = clock.clone();
                Box::pin(async move {
                    clock.sleep(Duration::from_secs(3)).await;
                    Ok(())
                })
            });
            world.broker.says(|_, _| Err(PublishError::Unavailable("no leader".into())));
            survivors(world, "suspect", suspects, 3).await;
            let ports = Ports { broker, ..world.ports.clone() };
            let mut relay = Relay::new(&ports).config(config().bury_after_claims(None));
            world.stage(["a", "b", "c"].map(|topic| message(topic, 0))).await;
            // At first they go out together, and a suspect behind them has no time.
            for _ in 0..=suspects {
                relay.pass().await.expect("up");
                world.pass(Duration::from_secs(600)).await;
            }
            tried.lock().expect("no panic with it in hand").clear();
            for _ in 0..9 * (1 + suspects) {
                relay.pass().await.expect("up");
                world.pass(Duration::from_secs(600)).await;
            }
            let tried = tried.lock().expect("no panic with it in hand");
            let tried = ["a", "b", "c", "suspect"].map(|topic| tried.get(topic).copied().unwrap_or(0));
            assert_eq!(tried, expected, "{suspects} suspects");
        });
    }
}
