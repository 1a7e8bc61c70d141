//! Orders that are placed, confirmed and cancelled: each change and the message of it are one write.

use std::{convert::Infallible, sync::Arc, time::Duration};

use crate::{
    messaging::{Bench, on_bench},
    saga_support::gate::{Disposition, Gate},
};
use seaworthy_core::{
    aggregate::{Aggregate, AggregateError, Cause, DomainEvent, MessageMap, Repository, Tracked, UpdateError},
    ids::ClaimToken,
    ports::{ClaimRequest, OutboxOrder, OutboxStore, Random, Store, WhenDead, draw_id},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    Pending,
    Confirmed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
    status: Status,
}

enum OrderEvent {
    Placed,
    Confirmed,
    Cancelled,
}

impl DomainEvent for OrderEvent {
    const NAMES: &'static [&'static str] = &["Placed", "Confirmed", "Cancelled"];

    fn name(&self) -> &'static str {
        match self {
            Self::Placed => "Placed",
            Self::Confirmed => "Confirmed",
            Self::Cancelled => "Cancelled",
        }
    }
}

impl Aggregate for Order {
    const NAME: &'static str = "order";
    type Event = OrderEvent;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<OrderEvent> {
        match (before.map(|before| before.status), after.status) {
            (None, _) => Some(OrderEvent::Placed),
            (Some(Status::Pending), Status::Confirmed) => Some(OrderEvent::Confirmed),
            (Some(Status::Pending), Status::Cancelled) => Some(OrderEvent::Cancelled),
            _ => None,
        }
    }
}

fn repository(bench: &Bench) -> Repository<Order> {
    let messages = MessageMap::builder("orders")
        .publish("Placed", "order.placed", |_| ())
        .publish("Confirmed", "order.confirmed", |_| ())
        .publish("Cancelled", "order.cancelled", |_| ())
        .build()
        .expect("every event is registered once");
    Repository::new(messages, bench.clock.clone(), bench.random.clone())
}

/// Places an order, unless it was placed.
async fn create_order(bench: &Bench, store: &dyn Store) -> Result<(), AggregateError> {
    let orders = repository(bench);
    let mut tx = store.begin().await?;
    if orders.load(&mut *tx, "17").await?.is_none() {
        let order = Tracked::new(Order { id: "17".into(), status: Status::Pending });
        orders.save(&mut *tx, order, Cause::New).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn cancel_order(bench: &Bench, store: &dyn Store) -> Result<(), UpdateError<Infallible>> {
    let mut tx = store.begin().await.map_err(AggregateError::from)?;
    let cancel = |order: &mut Order| {
        order.status = Status::Cancelled;
        Ok(())
    };
    repository(bench).update_in(&mut *tx, "17", Cause::New, cancel).await?;
    Ok(tx.commit().await.map_err(AggregateError::from)?)
}

/// The types of all messages that are in the outbox, which are claimed by that for good.
async fn staged(bench: &Bench) -> Vec<String> {
    let request = ClaimRequest {
        token: ClaimToken(draw_id(&*bench.clock, &*bench.random)),
        limit: 1_000,
        lease: Duration::from_secs(3_600),
        ordering: OutboxOrder::Unordered,
        when_dead: WhenDead::SkipDead,
        except_topics: Vec::new(),
    };
    let rows = bench.store.claim(&request).await.expect("a store in memory never fails");
    rows.into_iter().map(|row| row.message.kind.to_string()).collect()
}

async fn status(bench: &Bench) -> Option<Status> {
    let mut tx = bench.store.begin().await.expect("a store in memory never fails");
    repository(bench).load(&mut *tx, "17").await.expect("its own form").map(|order| order.status)
}

/// 200 histories of up to 40 writes, of which a quarter is rolled back and half change nothing or come twice.
#[test]
fn seed_01_of_any_writes_of_a_status_those_from_pending_to_confirmed_are_events_and_no_others() {
    const ALL: [Status; 3] = [Status::Pending, Status::Confirmed, Status::Cancelled];
    for seed in 0..200 {
        on_bench(seed, async move |bench| {
            create_order(&bench, &*bench.store).await.expect("a new order");
            let (orders, draw) = (repository(&bench), |below: u64| bench.random.next_u64() % below);
            let (mut now, mut confirmed, mut cancelled) = (Status::Pending, 0, 0);
            for _ in 0..1 + draw(40) {
                let (to, keeps, times) = (ALL[draw(3) as usize], draw(4) > 0, 1 + draw(2));
                let mut tx = bench.store.begin().await.expect("a store in memory never fails");
                let mut order = orders.load(&mut *tx, "17").await.expect("its own form").expect("it was placed");
                for _ in 0..times {
                    order.change(|order| order.status = to);
                }
                orders.save(&mut *tx, order, Cause::New).await.expect("nobody else writes");
                if keeps {
                    tx.commit().await.expect("nobody else writes");
                    confirmed += usize::from((now, to) == (Status::Pending, Status::Confirmed));
                    cancelled += usize::from((now, to) == (Status::Pending, Status::Cancelled));
                    now = to;
                }
            }
            let staged = staged(&bench).await;
            let of = |kind: &str| staged.iter().filter(|staged| *staged == kind).count();
            let counted = (of("order.placed"), of("order.confirmed"), of("order.cancelled"), staged.len());
            assert_eq!(counted, (1, confirmed, cancelled, 1 + confirmed + cancelled), "seed {seed}");
            assert_eq!(status(&bench).await, Some(now), "seed {seed}");
        });
    }
}

#[test]
fn seed_37_an_order_that_is_not_there_can_not_be_cancelled_and_leaves_no_row() {
    on_bench(37, async |bench| {
        let missing = cancel_order(&bench, &*bench.store).await;
        assert_eq!(missing, Err(UpdateError::Missing { aggregate: "order", id: "17".into() }));
        assert_eq!((status(&bench).await, staged(&bench).await), (None, vec![]));
    });
}

/// Every call of both fails in every way; whoever asks, asks again until there is an answer.
#[test]
fn seed_37_wherever_placing_and_cancelling_are_cut_the_order_and_its_row_are_there_or_neither_is() {
    let mut runs = 0;
    for cancels in [false, true] {
        for call in 0.. {
            let mut reached = true;
            for strike in Disposition::ALL {
                let (sender, receiver) = std::sync::mpsc::channel();
                on_bench(37, async move |bench| {
                    if cancels {
                        create_order(&bench, &*bench.store).await.expect("a new order");
                    }
                    let gate = Gate::striking_any([(call, strike)]);
                    let store: Arc<dyn Store> = gate.before::<dyn Store>(bench.store.clone());
                    let attempt = async {
                        match cancels {
                            false => create_order(&bench, &*store).await.is_ok(),
                            true => cancel_order(&bench, &*store).await.is_ok(),
                        }
                    };
                    // A process that was struck dead never answers.
                    let done = matches!(madsim::time::timeout(Duration::from_secs(1), attempt).await, Ok(true));
                    let reached = gate.calls() > call;
                    let after = status(&bench).await;
                    if done {
                        assert_eq!(after, Some(if cancels { Status::Cancelled } else { Status::Pending }));
                    }
                    // Asked again, by another process.
                    for _ in 0..2 {
                        match cancels {
                            false => create_order(&bench, &*bench.store).await.expect("it is placed"),
                            true => cancel_order(&bench, &*bench.store).await.expect("it is cancelled"),
                        }
                    }
                    let mut rows = vec!["order.placed"];
                    rows.extend(cancels.then_some("order.cancelled"));
                    assert_eq!(
                        staged(&bench).await,
                        rows,
                        "call {call}, {strike:?}: {after:?} before it was asked again"
                    );
                    sender.send(reached).expect("it is waited for");
                });
                reached &= receiver.recv().expect("the run has ended");
                runs += 1;
            }
            if !reached {
                break;
            }
        }
    }
    assert!(runs > 50, "only {runs} runs");
}
