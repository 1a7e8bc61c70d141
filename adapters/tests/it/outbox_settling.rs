//! What a relay does while its store does not take what became of its rows: nothing is lost by it, and nothing is said
//! that is not so.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    backoff::Backoff,
    ids::ClaimToken,
    outbox::{LogRelay, PassReport, Relay, RelayConfig},
    ports::{
        Answers, Call, ClaimRequest, Clock, DeadRowRequest, FailureKind, Intercept, Intercepted, Operation,
        OutboxOrder, PortError, Ports, PublishError, StoreError, WhenDead,
    },
    stop::Stop,
};

use crate::support::{
    World,
    calls::{Calls, Fate},
    messages::{message, of_key},
    on_each_store,
    publishing::before_publishing,
    warnings::Warnings,
};

const BASE: Duration = Duration::from_millis(100);

fn config() -> RelayConfig {
    RelayConfig::default().settle_retries(3).store_backoff(Backoff::new(BASE, Duration::from_secs(10)))
}

/// The two relays, each by one pass, and the call by which each stores what became of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Claims,
    Log,
}

impl By {
    fn settles(self) -> Operation {
        match self {
            Self::Claims => Operation::Settle,
            // Its first commit counts the row, which goes out alone.
            Self::Log => Operation::OutboxSettledTo,
        }
    }

    async fn pass(self, ports: &Ports, config: RelayConfig) -> Result<PassReport, StoreError> {
        match self {
            Self::Claims => Relay::new(ports).config(config).pass().await,
            Self::Log => LogRelay::new(ports, "log").config(config).pass().await,
        }
    }
}

/// One pass over one message, on a store that fails to settle so many times.
async fn settled(
    world: &World,
    by: By,
    fate: Fate,
    times: usize,
    config: RelayConfig,
) -> (Calls, Result<PassReport, StoreError>) {
    world.stage([message("orders", 0)]).await;
    let settles = by.settles();
    let script = move |operation, number| if operation == settles && number <= times { fate } else { Fate::Well };
    let (calls, ports) = Calls::before(&world.ports, script);
    let report = by.pass(&ports, config).await;
    (calls, report)
}

#[test]
fn settling_is_tried_again_after_ever_longer_pauses_so_often_and_not_where_the_store_refuses() {
    let fails = |kind| Fate::Fails(kind);
    for (kind, times, pauses, is_stored) in [
        (FailureKind::Unavailable, 3, vec![100, 200, 400], true),
        (FailureKind::Unknown, 3, vec![100, 200, 400], true),
        (FailureKind::Unavailable, 4, vec![100, 200, 400], false),
        (FailureKind::Refused, 1, vec![], false),
    ] {
        for by in [By::Claims, By::Log] {
            on_each_store(async |world| {
                let (calls, report) = settled(world, by, fails(kind), times, config()).await;
                assert_eq!(calls.pauses(by.settles()), pauses, "{by:?} {kind:?}");
                let (dispatched, lost) = report.as_ref().map_or((0, 0), |report| (report.dispatched, report.lost));
                assert_eq!((report.is_ok(), dispatched, lost), (is_stored, usize::from(is_stored), 0), "{report:?}");
                let left = world.ports.store.backlog().await.unwrap().outbox_unsettled;
                assert_eq!(left, u64::from(!is_stored), "{by:?} {kind:?}");
            });
        }
    }
}

/// Beyond its lease another relay may have the row; a moment before, nobody has.
#[test]
fn a_relay_by_claims_no_longer_settles_once_its_lease_is_over() {
    for (lease, tries) in [(299, 3), (300, 3), (301, 4)] {
        on_each_store(async |world| {
            let lease = Duration::from_millis(lease);
            let (calls, report) =
                settled(world, By::Claims, Fate::Fails(FailureKind::Unavailable), 9, config().lease(lease)).await;
            assert!(report.is_err(), "{report:?}");
            assert_eq!(calls.times(Operation::Settle).len(), tries, "{lease:?}");
        });
    }
}

/// Takes its time before it settles anything.
struct LateToSettle {
    clock: Arc<dyn Clock>,
    by: Duration,
}

impl Intercept for LateToSettle {
    type Transaction = ();

    fn transaction(&self) {}

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if call.operation() == Operation::Settle {
            self.clock.sleep(self.by).await;
        }
        inner.await
    }
}

/// It stands still between the broker's answer and the store's. Meanwhile another one has the row, and finds it refused: the
/// good news of the first one comes too late.
#[test]
fn a_relay_whose_lease_has_ended_changes_nothing() {
    on_each_store(async |world| {
        world.stage([message("orders", 0)]).await;
        let late = LateToSettle { clock: world.ports.clock.clone(), by: Duration::from_secs(6) };
        let store = Arc::new(Intercepted::new(world.ports.store.clone(), late));
        let ports = Ports { store, ..world.ports.clone() };
        let slow = By::Claims.pass(&ports, config().lease(Duration::from_secs(5)));
        let replica = world.replica(2);
        let other = async {
            world.pass(Duration::from_millis(5_500)).await;
            world.broker.says(|_, _| Err(PublishError::Refused("too large".into())));
            By::Claims.pass(&replica, config()).await
        };
        let (slow, other) = tokio::join!(slow, other);
        assert_eq!(other, Ok(PassReport { claimed: 1, dead: 1, ..PassReport::default() }));
        assert_eq!(slow, Ok(PassReport { claimed: 1, lost: 1, ..PassReport::default() }));
        assert_eq!(world.broker.accepted_of("orders"), 1, "the first one had published it");
        let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.unwrap();
        assert_eq!(dead.len(), 1, "it stays what the second one made of it");
    });
}

/// The first answer is lost: the second says that the claim holds the row no more.
#[test]
fn a_row_that_was_settled_unheard_counts_as_lost_and_its_end_is_not_said_twice() {
    on_each_store(async |world| {
        let heard = Warnings::listen();
        world.broker.says(|_, _| Err(PublishError::Refused("too large".into())));
        let (_, report) = settled(world, By::Claims, Fate::Lost, 1, config()).await;
        let expected = PassReport { claimed: 1, lost: 1, ..PassReport::default() };
        assert_eq!(report, Ok(expected));
        assert!(!heard.lines().iter().any(|line| line.contains("outbox row is dead")), "{:?}", heard.lines());
        let report = By::Claims.pass(&world.ports, config()).await;
        assert_eq!(report, Ok(PassReport::default()), "it was buried");
    });
    on_each_store(async |world| {
        let heard = Warnings::listen();
        world.broker.says(|_, _| Err(PublishError::Refused("too large".into())));
        let (_, report) = settled(world, By::Claims, Fate::Well, 0, config()).await;
        assert_eq!(report, Ok(PassReport { claimed: 1, dead: 1, ..PassReport::default() }));
        assert!(heard.lines().iter().any(|line| line.contains("outbox row is dead")), "{:?}", heard.lines());
    });
}

/// A full pass is followed by another at once, whichever number of rows a pass may take.
#[test]
fn a_pass_is_full_if_it_got_as_many_rows_as_it_may() {
    for by in [By::Claims, By::Log] {
        for (batch, full) in [(2, true), (3, true), (4, false)] {
            on_each_store(async |world| {
                world.stage((0..3).map(|number| message("orders", number))).await;
                let report = by.pass(&world.ports, config().batch(batch)).await.unwrap();
                assert_eq!((report.full, report.dispatched), (full, batch.min(3)), "{by:?} {batch}");
            });
        }
    }
}

/// Another relay of its name may be further; nobody goes back.
#[test]
fn a_relay_by_the_log_keeps_how_far_it_has_come() {
    on_each_store(async |world| {
        let mut before = None;
        for number in 0..3 {
            world.stage([message("orders", number)]).await;
            let report = By::Log.pass(&world.ports, config()).await.unwrap();
            assert_eq!(report.dispatched, 1);
            let mut tx = world.ports.store.begin().await.unwrap();
            let stored = tx.checkpoint("log").await.unwrap();
            assert!(stored > before, "{stored:?} after {before:?}");
            before = stored;
        }
    });
}

/// What passes of a topic in one pass, one batch after the other, is what a failure in it is judged by.
#[test]
fn a_message_is_blamed_by_a_relay_by_the_log_only_if_another_of_its_topic_has_passed_before_it() {
    for (passes, expected) in [
        (true, PassReport { claimed: 2, full: true, dispatched: 1, retried: 1, ..PassReport::default() }),
        (false, PassReport { claimed: 1, full: true, released: 1, ..PassReport::default() }),
    ] {
        on_each_store(async |world| {
            let mut number = 0;
            world.broker.says(move |_, _| {
                number += 1;
                if passes && number == 1 { Ok(()) } else { Err(PublishError::Unknown("no answer".into())) }
            });
            let count = if passes { 2 } else { 1 };
            world.stage((0..count).map(|number| of_key("orders", "order-1", number))).await;
            let report = By::Log.pass(&world.ports, config().batch(count)).await;
            assert_eq!(report, Ok(expected.clone()));
        });
    }
}

/// Ports whose broker takes its time; meanwhile a stop is asked for, where it publishes something of a topic.
fn slow(world: &World, takes: Duration, stop: Option<(&'static str, Stop)>) -> Ports {
    let clock = world.ports.clock.clone();
    let broker = before_publishing(world.broker.clone(), move |batch| {
        let stop = stop.clone().filter(|(topic, _)| batch.iter().any(|message| message.topic == *topic));
        let clock = clock.clone();
        Box::pin(async move {
            clock.sleep(takes).await;
            if let Some((_, stop)) = stop {
                stop.set();
            }
            Ok(())
        })
    });
    Ports { broker, ..world.ports.clone() }
}

/// The topic that was down is tried by itself, after the others: one more call like the last would end beyond the lease by
/// then, or the process is to stop.
#[test]
fn a_pass_publishes_nothing_more_that_would_outlast_its_lease_or_once_a_stop_is_asked_for() {
    for (takes, stops, goes_on) in [(2, false, true), (3, false, false), (1, true, false), (1, false, true)] {
        on_each_store(async |world| {
            let stop = Stop::new();
            let takes = Duration::from_secs(takes);
            let stops_at = stops.then(|| ("orders", stop.clone()));
            let ports = Ports { stop, ..slow(world, takes, stops_at) };
            let mut relay = Relay::new(&ports).config(config().lease(Duration::from_secs(5)));
            world.broker.says(|_, _| Err(PublishError::Unavailable("no leader".into())));
            world.stage([message("down", 0)]).await;
            assert_eq!(relay.pass().await.unwrap().released, 1);
            world.broker.says(|_, _| Ok(()));
            world.pass(Duration::from_secs(60)).await;
            world.stage([message("orders", 0)]).await;
            let report = relay.pass().await.unwrap();
            let expected = match goes_on {
                true => PassReport { claimed: 2, dispatched: 2, ..PassReport::default() },
                false => PassReport { claimed: 2, dispatched: 1, released: 1, ..PassReport::default() },
            };
            assert_eq!(report, expected, "{takes:?}");
        });
    }
}

/// Three calls that take 3 s each do not fit into one lease of 5 s. Whichever is left out begins the next pass, so a slow topic
/// keeps no other waiting for more than its turn.
#[test]
fn what_a_pass_has_no_time_for_begins_the_next_one_and_no_claim_is_lost() {
    on_each_store(async |world| {
        let ports = slow(world, Duration::from_secs(3), None);
        let mut relay = Relay::new(&ports).config(config().lease(Duration::from_secs(5)));
        world.broker.says(|_, _| Err(PublishError::Unavailable("no leader".into())));
        world.stage([message("one", 0), message("two", 0)]).await;
        for _ in 0..2 {
            relay.pass().await.expect("up");
            world.pass(Duration::from_secs(60)).await;
        }
        // Both are out. From now on a third topic, which is not, has something to say in each pass.
        world.broker.says(|_, _| Ok(()));
        let began = world.ports.clock.now();
        for number in 0..4 {
            world.stage([message("orders", number)]).await;
            let report = relay.pass().await.expect("up");
            assert_eq!(
                (report.lost, report.dispatched + report.released),
                (0, report.claimed),
                "nobody waits for a lease"
            );
        }
        assert_eq!(
            world.ports.clock.now().since(began),
            Duration::from_secs(4 * 3),
            "a call a pass, none beyond the lease"
        );
        let accepted = ["orders", "one", "two"].map(|topic| world.broker.accepted_of(topic));
        assert!(accepted[1..] == [1, 1] && accepted[0] >= 2, "{accepted:?}");
    });
}

/// A call that does not come back is given up before another relay may have the row.
#[test]
fn a_call_to_the_broker_gets_two_thirds_of_the_lease_whatever_its_limit_says() {
    on_each_store(async |world| {
        let ports = slow(world, Duration::from_secs(3_600), None);
        let config = config().lease(Duration::from_secs(6)).publish_limit(Duration::from_secs(20));
        world.stage([message("orders", 0)]).await;
        let began = world.ports.clock.now();
        let report = Relay::new(&ports).config(config).pass().await.expect("up");
        assert_eq!((report.released, report.lost), (1, 0), "its outcome is unknown, and its claim held");
        assert_eq!(world.ports.clock.now().since(began), Duration::from_secs(4));
    });
}

/// Whoever has it in hand lives each time: it ends nobody.
#[test]
fn a_row_whose_store_can_not_be_told_what_became_of_it_is_not_one_that_kills_its_relay() {
    on_each_store(async |world| {
        world.stage([message("orders", 0), message("orders", 1)]).await;
        let script = |operation, number| match operation {
            Operation::Settle if number <= 40 => Fate::Fails(FailureKind::Unavailable),
            _ => Fate::Well,
        };
        let (_, ports) = Calls::before(&world.ports, script);
        let config = config().settle_retries(0).max_attempts(2).bury_after_claims(Some(4));
        let lease = Duration::from_millis(200);
        let mut relay = Relay::new(&ports).config(config.lease(lease).publish_limit(lease / 2));
        let mut dispatched = 0;
        while dispatched < 2 {
            if let Ok(report) = relay.pass().await {
                assert_eq!(report.dead, 0);
                dispatched += report.dispatched;
            }
            world.pass(lease).await;
        }
        assert_eq!(world.ports.store.backlog().await.expect("up").outbox_dead, 0);
    });
}

/// A row that was claimed more often than it should have been goes alone, behind the others. Where these leave no time, it has
/// its turn in the next pass, before them: a topic that always has something to say keeps it waiting no longer than that.
#[test]
fn a_suspect_for_which_a_pass_has_no_time_begins_the_next_one() {
    on_each_store(async |world| {
        world.stage([message("suspect", 0)]).await;
        for token in 1..=2 {
            let request = ClaimRequest {
                token: ClaimToken(uuid::Uuid::from_u128(token)),
                limit: 10,
                lease: Duration::from_secs(1),
                ordering: OutboxOrder::PerKey,
                when_dead: WhenDead::BlockKey,
                except_topics: Vec::new(),
            };
            assert_eq!(world.ports.store.claim(&request).await.expect("up").len(), 1, "its relay dies");
            world.pass(Duration::from_secs(2)).await;
        }
        let ports = slow(world, Duration::from_secs(3), None);
        let mut relay = Relay::new(&ports).config(config().lease(Duration::from_secs(5)).max_attempts(1));
        for (number, expected) in [(0, 0), (1, 1)] {
            world.stage([message("orders", number)]).await;
            relay.pass().await.expect("up");
            assert_eq!(world.broker.accepted_of("suspect"), expected, "pass {number}");
        }
    });
}

/// A row that went out alone and came to nothing has ended no process: it is taken back from the count of those that have, as
/// stubbornly as anything is settled.
#[test]
fn an_attempt_that_came_to_nothing_is_taken_back_from_the_count_however_the_store_is() {
    for (times, pauses) in [(0, vec![]), (1, vec![100]), (usize::MAX, vec![100, 200, 400])] {
        on_each_store(async |world| {
            world.broker.says(|_, _| Err(PublishError::Unavailable("it is down".into())));
            world.stage([message("orders", 0)]).await;
            let script = move |operation, number: usize| match operation {
                Operation::OutboxAttempt if (1..=times).contains(&(number - 1)) => {
                    Fate::Fails(FailureKind::Unavailable)
                }
                _ => Fate::Well,
            };
            let (calls, ports) = Calls::before(&world.ports, script);
            let _ = By::Log.pass(&ports, config()).await;
            assert_eq!(calls.pauses(Operation::OutboxAttempt)[1..], pauses, "{times} failures");
        });
    }
}
