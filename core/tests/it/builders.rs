//! What one setting says, no other takes back: each setter of a configuration or request changes what it is named for and
//! nothing else.

use std::{fmt::Debug, time::Duration};

use seaworthy_core::{
    backoff::Backoff,
    choreography::ProcessRetention,
    events::{SubscriberConfig, WhenParked},
    ids::MessageId,
    inbox::{ConsumerConfig, FailurePolicy, InboxRetention},
    outbox::{OutboxRetention, RelayConfig},
    participant::OperationRetention,
    ports::{
        DeadLetterRequest, DeadRowRequest, InboxPurgeRequest, OutboxOrder, RepublishRequest, SagaListRequest,
        SagaStatus, Timestamp, WhenDead,
    },
    saga::{OrchestratorConfig, RetryPolicy, SagaRetention},
};
use uuid::Uuid;

type Setter<T> = (&'static str, fn(T) -> T);

/// Each setter changes what it is given, and all of them together come to the same in either order: one that forgot what
/// was set before would not.
fn assert_each_sets_its_own<T: Clone + PartialEq + Debug>(plain: T, setters: &[Setter<T>]) {
    for (name, set) in setters {
        assert_ne!(set(plain.clone()), plain, "{name} changes nothing");
    }
    let forward = setters.iter().fold(plain.clone(), |built, (_, set)| set(built));
    let backward = setters.iter().rev().fold(plain, |built, (_, set)| set(built));
    assert_eq!(forward, backward);
}

macro_rules! setters {
    ($type:ty: $($name:ident($($value:expr),*)),* $(,)?) => {
        &[$((stringify!($name), (|built: $type| built.$name($($value),*)) as fn($type) -> $type)),*]
    };
}

const ODD: Duration = Duration::from_millis(7_777);

fn odd() -> Backoff {
    Backoff::new(Duration::from_millis(3), ODD)
}

fn moment(seconds: u64) -> Timestamp {
    Timestamp::EPOCH + Duration::from_secs(seconds)
}

#[test]
fn of_a_relay() {
    let setters = setters![RelayConfig:
        batch(7),
        lease(ODD),
        poll(odd()),
        ordering(OutboxOrder::Unordered),
        when_dead(WhenDead::SkipDead),
        backoff(odd()),
        max_attempts(77),
        bury_after_claims(Some(77)),
        outage_backoff(odd()),
        publish_limit(ODD),
        store_backoff(odd()),
        settle_retries(77),
    ];
    assert_each_sets_its_own(RelayConfig::default(), setters);
}

#[test]
fn of_a_consumer() {
    let setters = setters![ConsumerConfig:
        batch(7),
        workers(7),
        extend(ODD),
        max_failures(77),
        backoff(odd()),
        on_failure("busy", FailurePolicy::never()),
        max_postponed(77),
        bury_expired(),
        max_store_failures(77),
        suspect_after(77),
        handler_limit(ODD),
        unknown_type_delay(ODD),
        store_retries(77),
        store_backoff(odd()),
        broker_limit(ODD),
        broker_backoff(odd()),
    ];
    assert_each_sets_its_own(ConsumerConfig::new(["orders"]), setters);
}

#[test]
fn of_a_subscriber() {
    let setters = setters![
        SubscriberConfig: page(7),
        batch(7),
        poll(odd()),
        max_failures(77),
        backoff(odd()),
        on_failure("busy", FailurePolicy::never()),
        max_postponed(77),
        max_store_failures(77),
        handler_limit(ODD),
        store_retries(77),
        store_backoff(odd()),
        when_parked(WhenParked::BlockSubscriber),
    ];
    assert_each_sets_its_own(SubscriberConfig::default(), setters);
}

#[test]
fn of_an_orchestrator_and_of_retries() {
    let setters = setters![OrchestratorConfig:
        lease(ODD),
        poll(odd()),
        concurrency(7),
        batch(7),
        wait_in_memory(ODD),
        store_failures_max(77),
        interruptions_max(77),
        log_page(7),
        log_entries_max(77),
        newer_version_delay(ODD),
        outcome_poll(odd()),
        newer_version_patience(ODD),
    ];
    assert_each_sets_its_own(OrchestratorConfig::default(), setters);
    let setters = setters![RetryPolicy:
        base(Duration::from_millis(3)),
        cap(ODD),
        attempts_max(Some(77)),
        local_attempts_max(Some(77)),
        attempt_limit(ODD),
        crashes_max(77),
    ];
    assert_each_sets_its_own(RetryPolicy::default(), setters);
}

#[test]
fn of_what_is_kept() {
    let setters = setters![SagaRetention: keep_logs(ODD), keep_sagas(Some(ODD)), batch(7), every(ODD)];
    assert_each_sets_its_own(SagaRetention::default(), setters);
    assert_each_sets_its_own(OutboxRetention::default(), setters![OutboxRetention: keep(ODD), batch(7), every(ODD)]);
    let operations = OperationRetention::new(Duration::from_secs(90), Duration::from_secs(60));
    assert_each_sets_its_own(operations, setters![OperationRetention: batch(7), every(ODD)]);
    let processes = ProcessRetention::new("process.shipments", ODD);
    assert_each_sets_its_own(processes, setters![ProcessRetention: batch(7), every(ODD)]);
    let inbox = InboxRetention::new(Duration::from_secs(90), Duration::from_secs(60)).expect("longer than the window");
    let day =
        |built: InboxRetention| built.keep_watermarks(Duration::from_secs(86_400)).expect("longer than the window");
    assert_each_sets_its_own(
        inbox,
        &[("batch", |built| built.batch(7)), ("every", |built| built.every(ODD)), ("day", day)],
    );
}

#[test]
fn of_requests_to_look_at_what_failed() {
    let rows = setters![DeadRowRequest:
        only(vec![MessageId(Uuid::from_u128(7))]),
        of_kind("order.placed"),
        of_topic("orders"),
        of_key("order-17"),
        because("refused"),
        died_from(moment(1)),
        died_until(moment(2)),
        after("17.5".parse().expect("a place")),
    ];
    assert_each_sets_its_own(DeadRowRequest::new(7), rows);
    let letters = setters![DeadLetterRequest:
        only(vec![MessageId(Uuid::from_u128(7))]),
        of_kind("order.placed"),
        of_topic("orders"),
        of_key("order-17"),
        because("refused"),
        failed_from(moment(1)),
        failed_until(moment(2)),
        after(7),
    ];
    assert_each_sets_its_own(DeadLetterRequest::new("shop", 7), letters);
    let sagas = setters![SagaListRequest:
        of_status(SagaStatus::Stuck),
        of_definition("checkout"),
        because("refused"),
        since_from(moment(1)),
        since_until(moment(2)),
        after(7),
    ];
    assert_each_sets_its_own(SagaListRequest::new(7), sagas);
    let republished = RepublishRequest::new(moment(1), moment(2), 7);
    assert_each_sets_its_own(republished, setters![RepublishRequest: of_topic("orders")]);
    let purged = InboxPurgeRequest::new(ODD, 7);
    let ages = setters![InboxPurgeRequest:
        watermarks_older_than(Duration::from_secs(1)),
        failures_older_than(Duration::from_secs(2)),
    ];
    assert_each_sets_its_own(purged, ages);
}
