//! Each place in which the text of an error is kept, with a text of some kilobytes, as a provider's error page is: with a row that is
//! to be tried again, with one that is dead, by whoever reads the log as by whoever claims, with a failure of a message and its dead
//! letter, with an event that is parked, in the log of a saga.

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::ClaimToken,
    ports::{
        Delivery, InboxEntry, OutboxOrder, OutboxRow, Ports, PublishError, PublishResult, RecordedEvent, SettleOutcome,
        Settlement, StoreError, Subscription, TailRequest, WhenDead,
    },
};
use seaworthy_sim::scenario::Topology;
use smol_str::SmolStr;

use super::{
    bounded_attempts::note_once,
    is_found_and_the_right_service_holds,
    saga_by_hand::{self, Mistake},
};
use crate::small_service::{
    Service,
    messaging::{
        REST, front_beside, front_beside_relay, fronts, listen_without_end, listener, placing, publish, relay_by_hand,
    },
    streams::{FIGURES, begin_at, deal, keeping, subscribe, subscribe_by_hand},
};

const BY: &str = "bounded-growth";

#[test]
fn of_a_row_that_is_tried_again() {
    is_found_and_the_right_service_holds(BY, Service::wrong("keeps-whole-errors-of-attempts", attempts));
}

#[test]
fn of_a_dead_row() {
    is_found_and_the_right_service_holds(BY, Service::wrong("keeps-whole-errors-of-rows", rows));
}

#[test]
fn of_a_row_that_a_reader_of_the_log_buries() {
    is_found_and_the_right_service_holds(BY, Service::wrong("keeps-whole-errors-of-the-log", log));
}

#[test]
fn of_a_message() {
    is_found_and_the_right_service_holds(
        BY,
        Service::wrong("keeps-whole-errors-of-messages", messages).fails_for_good(),
    );
}

#[test]
fn of_an_event() {
    is_found_and_the_right_service_holds(BY, Service::wrong("keeps-whole-errors-of-events", events).fails_for_good());
}

#[test]
fn of_a_saga() {
    is_found_and_the_right_service_holds(BY, Service::wrong("keeps-whole-errors-of-sagas", sagas));
}

/// Length of a text as the core keeps it, in bytes.
const KEPT: usize = 1_024;

/// A text with the page that came with it, whole or cut.
pub(super) fn with_its_page(text: &str, is_cut: bool) -> SmolStr {
    let mut whole = format!("{text}: {}", "<p>The service is not available.</p>".repeat(60));
    if is_cut {
        whole.truncate(KEPT);
    }
    whole.into()
}

fn attempts(is_right: bool) -> Topology {
    relaying(is_right, true)
}

fn rows(is_right: bool) -> Topology {
    relaying(is_right, false)
}

/// `of_attempts`: what is kept whole is the error of one that is tried again.
fn relaying(is_right: bool, of_attempts: bool) -> Topology {
    listener(fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| async move {
            settle(&ports, token, &rows, is_right, of_attempts).await
        });
        front_beside(boot, relay, placing)
    }))
}

async fn settle(
    ports: &Ports,
    token: ClaimToken,
    rows: &[OutboxRow],
    is_right: bool,
    of_attempts: bool,
) -> Result<(), StoreError> {
    let results = publish(ports, rows).await;
    let outcome = |result: PublishResult| match result {
        Ok(()) => SettleOutcome::Dispatched,
        Err(PublishError::Refused(why)) => SettleOutcome::Dead { reason: with_its_page(&why, is_right || of_attempts) },
        Err(error) if of_attempts => {
            SettleOutcome::Retry { delay: REST, error: with_its_page(&error.to_string(), is_right) }
        }
        Err(_) => SettleOutcome::Release { delay: REST },
    };
    let settlements =
        rows.iter().zip(results).map(|(row, result)| Settlement { row: row.row, outcome: outcome(result) });
    let settlements: Vec<Settlement> = settlements.collect();
    let held = ports.store.settle(token, &settlements).await?;
    for ((row, settlement), _) in rows.iter().zip(&settlements).zip(held).filter(|(_, held)| *held) {
        if matches!(settlement.outcome, SettleOutcome::Dead { .. }) {
            tracing::warn!(message = %row.message.id, "a row is dead");
        }
    }
    Ok(())
}

/// One process that reads the log of its outbox.
fn log(is_right: bool) -> Topology {
    let topology = Topology::new().process("front-1", "front", "front", move |boot| {
        let tail = tail(boot.ports.clone(), is_right);
        front_beside(boot, tail, placing)
    });
    listener(topology)
}

async fn tail(ports: Ports, is_right: bool) {
    while !ports.stop.is_set() {
        // What failed is read again.
        let _ = pass(&ports, is_right).await;
        ports.clock.sleep(REST).await;
    }
}

async fn pass(ports: &Ports, is_right: bool) -> Result<(), StoreError> {
    let (ordering, when_dead) = (OutboxOrder::PerKey, WhenDead::BlockKey);
    let request = TailRequest { limit: 100, ordering, when_dead, except_topics: Vec::new(), except_keys: Vec::new() };
    let rows = ports.store.tail(&request).await?;
    let results = publish(ports, &rows).await;
    let mut tx = ports.store.begin().await?;
    let mut dead = Vec::new();
    for (row, result) in rows.iter().zip(results) {
        match result {
            Ok(()) => _ = tx.outbox_dispatched(&[row.message.id]).await?,
            Err(PublishError::Refused(why)) => {
                if tx.outbox_bury(row.message.id, &with_its_page(&why, is_right)).await? {
                    dead.push(row.message.id);
                }
            }
            Err(_) => {}
        }
    }
    tx.commit().await?;
    for message in dead {
        tracing::warn!(%message, "a row is dead");
    }
    Ok(())
}

/// Failures after which something is given up.
const FAILURES_MAX: u32 = 20;

fn messages(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    let topology = fronts.process("listener-1", "listener", "listener", |boot| listen_without_end(boot.ports, count));
    topology.supervised().group("listener", &["orders"])
}

fn count<'a>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        if let Err(error) = note_once(ports, delivery).await {
            let (entry, message) = (InboxEntry::for_message("listener", &delivery.message), &delivery.message);
            let why = with_its_page(&error.to_string(), false);
            let mut tx = ports.store.begin().await?;
            let is_last = tx.inbox_failed(&entry, &why).await? >= FAILURES_MAX;
            if is_last {
                tx.inbox_bury(&entry, message, &why).await?;
            }
            tx.commit().await?;
            if !is_last {
                return Err(error);
            }
            tracing::warn!(message = %message.id, "a message is a dead letter");
        }
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}

fn events(is_right: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        match is_right {
            true => subscribe(boot.ports).await,
            false => subscribe_by_hand(boot.ports, deal_or_park, REST).await,
        }
    });
    figures.supervised().subscriber("front", FIGURES)
}

/// Parks an event at its last failure.
async fn deal_or_park(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let Err(error) = deal(ports.clone(), from, event.clone()).await else { return Ok(()) };
    let (message, position) = (&event.message, event.position());
    let entry = InboxEntry { sequence: 0, ..InboxEntry::for_message(FIGURES, message) };
    let why = with_its_page(&error.to_string(), false);
    let mut tx = begin_at(&ports, from).await?;
    if tx.inbox_failed(&entry, "it failed").await? < FAILURES_MAX {
        tx.commit().await?;
        return Err(error);
    }
    tx.inbox_bury(&entry, message, &why).await?;
    tx.set_checkpoint(FIGURES, position).await?;
    tx.commit().await?;
    tracing::warn!(message = %message.id, "an event is parked");
    Ok(())
}

fn sagas(is_right: bool) -> Topology {
    saga_by_hand::topology(if is_right { Mistake::None } else { Mistake::KeepsWholeReasons })
}
