//! A consumer that gives a message up after some failures, as it should, and tells nobody.

use std::{env, process::Command, thread};

use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::MessageId,
    ports::{Delivery, InboxEntry, Ports, StoreError, Subscription},
};
use seaworthy_sim::{plan::Profile, scenario::Topology};

use super::{bounded_attempts::note_once, campaign};
use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listen_without_end, listener, placing},
};

pub(super) const WRONG: Service = Service::wrong("gives-up-in-silence", topology).fails_for_good();

/// Failures after which it gives a message up.
const FAILURES_MAX: u32 = 20;

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    if is_right {
        return listener(fronts);
    }
    let topology =
        fronts.process("listener-1", "listener", "listener", |boot| listen_without_end(boot.ports, count::<false>));
    topology.supervised().group("listener", &["orders"])
}

/// The same, and it tells.
fn loud(_: bool) -> Topology {
    let fronts = fronts(|boot| front_beside_relay(boot, placing));
    let topology =
        fronts.process("listener-1", "listener", "listener", |boot| listen_without_end(boot.ports, count::<true>));
    topology.supervised().group("listener", &["orders"])
}

fn say(message: MessageId) {
    tracing::warn!(%message, "it failed too often");
}

fn count<'a, const IS_LOUD: bool>(
    ports: &'a Ports,
    subscription: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        if let Err(error) = note_once(ports, delivery).await {
            let entry = InboxEntry::for_message("listener", &delivery.message);
            let mut tx = ports.store.begin().await?;
            let is_last = tx.inbox_failed(&entry, "it failed").await? >= FAILURES_MAX;
            if is_last {
                tx.inbox_bury(&entry, &delivery.message, "it failed too often").await?;
            }
            tx.commit().await?;
            if !is_last {
                return Err(error);
            }
            if IS_LOUD {
                say(delivery.message.id);
            }
        }
        let _ = subscription.ack(delivery.tag).await;
        Ok(())
    })
}

/// Set in a process of its own only.
const FIRST: &str = "SEAWORTHY_TEST_SAYS_IT_FIRST";

/// Seeds of which some have it give a message up.
const SEEDS: u64 = 500;

/// Whatever has said the same before, on a thread to which nobody listens: a test of somebody's own, beside the simulation.
#[test]
fn a_warning_is_heard_also_where_it_was_given_first_to_nobody() {
    let name = "planted::heard::a_warning_is_heard_also_where_it_was_given_first_to_nobody";
    if env::var(FIRST).is_err() {
        let exe = env::current_exe().expect("this program has a path");
        let ran = Command::new(exe).args(["--exact", name, "--nocapture"]).env(FIRST, "1").output().expect("it starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        return;
    }
    let service = Service::wrong("gives-up-aloud", loud).fails_for_good();
    campaign(&service, 1, &[Profile::Calm]);
    thread::spawn(|| say(MessageId(uuid::Uuid::nil()))).join().expect("it says it");
    let told = campaign(&service, SEEDS, &[Profile::Swarm]);
    let heard = &told.invariants["heard"];
    assert!(heard.met != Some(0) && heard.times > 0, "nothing is given up in {SEEDS} seeds");
    assert_eq!(heard.violated, 0, "{:#?}", told.failures);
}
