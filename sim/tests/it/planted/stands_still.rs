//! A subscriber that stops at the first error of its store and waits for somebody to look at it, who never comes; one that
//! nobody has started; one that what it has parked of one stream keeps from all others; and a stream that nobody takes up again.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join;
use seaworthy_core::{
    events::{Subscriber, SubscriberConfig, WhenParked, only_waits},
    inbox::{Handler, HandlerError, Handlers},
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, InboxEntry, Ports, RecordedEvent, StoreError, Transaction},
};
use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::REST,
    streams::{FIGURES, KINDS, apply, begin_at, deal, keeping, subscribe, subscribe_by_hand},
};

pub(super) const WRONG: Service = Service::wrong("stops-at-an-error", topology);

/// Longer than any run.
const FOR_EVER: Duration = Duration::from_secs(1_000_000);

fn topology(is_right: bool) -> Topology {
    let after_error = if is_right { REST } else { FOR_EVER };
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        subscribe_by_hand(boot.ports, deal, after_error).await;
    });
    figures.subscriber("front", FIGURES)
}

#[test]
fn a_subscriber_that_nobody_has_started() {
    is_found_and_the_right_service_holds("stands-still", Service::wrong("starts-no-subscriber", unstarted));
}

fn unstarted(is_right: bool) -> Topology {
    let keeping = keeping().subscriber("front", FIGURES);
    if is_right { keeping.process("figures-1", "figures", "front", |boot| subscribe(boot.ports)) } else { keeping }
}

/// The core's own, told to stop at what it parks, which nobody has declared.
#[test]
fn a_subscriber_that_what_it_has_parked_keeps_from_all_others_is_found() {
    is_found_and_the_right_service_holds("stands-still", Service::wrong("stops-behind-what-it-parks", stopping));
}

/// One event of each run can never be handled: that it is parked is meant.
fn stopping(is_right: bool) -> Topology {
    let when_parked = if is_right { WhenParked::BlockStream } else { WhenParked::BlockSubscriber };
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        let handlers = KINDS.iter().fold(Handlers::builder(), |handlers, kind| handlers.on(*kind, Unless("item-1")));
        let handlers = handlers.build().expect("one handler for each type");
        let config = SubscriberConfig::default().when_parked(when_parked);
        Subscriber::new(&boot.ports, FIGURES, handlers).config(config).run().await;
    });
    figures.subscriber("front", FIGURES).without("dead-only-injected")
}

/// Notes each event, but for those of one subject, which it refuses.
struct Unless(&'static str);

#[async_trait]
impl Handler for Unless {
    async fn handle(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        if event.subject == self.0 {
            return Err(HandlerError::Refused("it is on nobody's list".into()));
        }
        let expected = seaworthy_core::ports::Expected::Absent;
        tx.put("figures", &event.id.to_string(), expected, b"1".to_vec().into()).await?;
        Ok(())
    }
}

#[test]
fn a_stream_whose_events_wait_behind_one_that_is_gone_is_found() {
    is_found_and_the_right_service_holds("stands-still", Service::wrong("takes-up-the-first-alone", reviewed));
}

/// Each order is parked and looked at a little later, and what comes behind it waits for that.
fn reviewed(is_right: bool) -> Topology {
    let figures = keeping().process("figures-1", "figures", "front", move |boot| async move {
        let (ports, reviews) = (boot.ports.clone(), boot.ports);
        let reviewing = async move {
            while !reviews.stop.is_set() {
                // What failed is looked at again the next time.
                let _ = review(&reviews, is_right).await;
                reviews.clock.sleep(2 * REST).await;
            }
        };
        join(subscribe_by_hand(ports, park, REST), reviewing).await;
    });
    figures.subscriber("front", FIGURES).without("dead-only-injected")
}

fn entry(message: &Message) -> InboxEntry {
    InboxEntry { sequence: 0, ..InboxEntry::for_message(FIGURES, message) }
}

/// What is parked of a stream, or of all of them, oldest first.
async fn parked(ports: &Ports, stream: Option<&str>) -> Result<Vec<DeadLetter>, StoreError> {
    let mut request = DeadLetterRequest::new(FIGURES, 100);
    if let Some(stream) = stream {
        request = request.of_key(stream);
    }
    let mut parked = ports.store.dead_letters(&request).await?;
    parked.sort_by_key(|letter| letter.message.sequence);
    Ok(parked)
}

async fn park(ports: Ports, from: u64, event: RecordedEvent) -> Result<(), StoreError> {
    let before = parked(&ports, Some(event.stream())).await?;
    let reason = match before.last() {
        Some(letter) => Some(format!("waits behind {}, which is parked", letter.message.id)),
        None => (event.version == 1).then(|| "somebody has to look at it".to_owned()),
    };
    let mut tx = begin_at(&ports, from).await?;
    match &reason {
        Some(reason) => tx.inbox_bury(&entry(&event.message), &event.message, reason).await?,
        None => apply(&mut *tx, event.position()).await?,
    }
    tx.set_checkpoint(FIGURES, event.position()).await?;
    tx.commit().await?;
    if let Some(reason) = reason {
        tracing::warn!(message = %event.message.id, reason, "an event is parked");
    }
    Ok(())
}

/// Takes up what is parked, each in a transaction of its own; what waits behind another, with it or never.
async fn review(ports: &Ports, is_right: bool) -> Result<(), StoreError> {
    for letter in parked(ports, None).await? {
        if only_waits(&letter.reason) && !is_right {
            continue;
        }
        let mut tx = ports.store.begin().await?;
        if tx.inbox_exhume(&entry(&letter.message)).await? {
            apply(&mut *tx, letter.message.sequence).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
