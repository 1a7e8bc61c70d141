//! Each setting of each configuration, at a value by which nothing would work: it is named, with what to change.

use std::{panic::catch_unwind, sync::Arc, time::Duration};

use seaworthy_core::{
    backoff::Backoff,
    choreography::{CommandHandlers, Domain, ProcessRetention, Router},
    events::SubscriberConfig,
    inbox::{ConsumerConfig, FailurePolicy, InboxRetention},
    outbox::{OutboxRetention, RelayConfig},
    participant::OperationRetention,
    saga::{DefinitionError, OrchestratorConfig, RetryPolicy, SagaBuilder, SagaRetention},
    settings::InvalidSetting,
};
use seaworthy_redb::{OpenError as RedbError, RedbConfig, RedbStore};
use seaworthy_sqlite::{OpenError, SqliteConfig, SqliteStore};
use seaworthy_tokio::LocalBroker;

use crate::support::{
    Kind,
    card_room::{Players, players},
    clock::VirtualClock,
    in_virtual_time, on,
    saga::Part,
};

const NONE: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const NEVER: Backoff = Backoff::new(NONE, NONE);
const REVERSED: Backoff = Backoff::new(Duration::from_secs(2), SECOND);

/// Settings that can't work, by the name of the one that is wrong.
macro_rules! each_is_refused {
    ($name:literal, $with:expr, $($wrong:ident($($value:expr),*)),* $(,)?) => {{
        assert_eq!($with.check(), Ok(()), "{} as it comes", $name);
        $(is_named($name, stringify!($wrong), $with.$wrong($($value),*).check());)*
    }};
}

fn is_named(settings: &str, name: &str, checked: Result<(), InvalidSetting>) {
    let text = checked.expect_err(name).to_string();
    assert!(text.starts_with(&format!("{settings}::{name} is ")), "{name}: {text}");
    let cures = ["so set ", "so name ", "so keep ", "so wait ", "so each has "];
    assert!(cures.iter().any(|cure| text.contains(cure)) || text.contains(" gives "), "{name}: what to change? {text}");
}

#[test]
fn of_those_who_publish_and_handle() {
    each_is_refused!(
        "RelayConfig",
        RelayConfig::default(),
        batch(0),
        lease(NONE),
        max_attempts(0),
        publish_limit(NONE),
        store_limit(NONE),
        poll(NEVER),
        poll(REVERSED),
        backoff(NEVER),
        backoff(REVERSED),
        outage_backoff(NEVER),
        outage_backoff(REVERSED),
        store_backoff(NEVER),
        store_backoff(REVERSED),
    );
    each_is_refused!(
        "ConsumerConfig",
        ConsumerConfig::new(["shop"]),
        batch(0),
        workers(0),
        extend(NONE),
        max_failures(0),
        max_postponed(0),
        max_store_failures(0),
        redrive_requests(NONE),
        handler_limit(NONE),
        store_limit(NONE),
        broker_limit(NONE),
        unknown_type_delay(NONE),
        backoff(NEVER),
        backoff(REVERSED),
        store_backoff(NEVER),
        broker_backoff(NEVER),
    );
    let failures = |policy| ConsumerConfig::new(["shop"]).on_failure("busy", policy).check();
    is_named("ConsumerConfig", "failures", failures(FailurePolicy::new(0, Backoff::new(SECOND, SECOND))));
    is_named("ConsumerConfig", "failures", failures(FailurePolicy::new(3, NEVER)));
    is_named("ConsumerConfig", "topics", ConsumerConfig::new(Vec::<&str>::new()).check());
    is_named("ConsumerConfig", "workers", ConsumerConfig::new(["shop"]).workers(2).suspect_after(0).check());
    each_is_refused!(
        "SubscriberConfig",
        SubscriberConfig::default(),
        page(0),
        batch(0),
        poll(NEVER),
        max_failures(0),
        backoff(NEVER),
        max_postponed(0),
        max_store_failures(0),
        handler_limit(NONE),
        store_backoff(NEVER),
        store_limit(NONE),
    );
    let failures = |policy| SubscriberConfig::default().on_failure("busy", policy).check();
    is_named("SubscriberConfig", "failures", failures(FailurePolicy::new(0, Backoff::new(SECOND, SECOND))));
    is_named("SubscriberConfig", "failures", failures(FailurePolicy::new(3, REVERSED)));
}

#[test]
fn of_sagas() {
    each_is_refused!(
        "OrchestratorConfig",
        OrchestratorConfig::default(),
        lease(NONE),
        poll(NEVER),
        concurrency(0),
        batch(0),
        wait_in_memory(10 * SECOND),
        interruptions_max(0),
        log_page(0),
        log_entries_max(0),
        store_limit(NONE),
        newer_version_delay(NONE),
        newer_version_patience(NONE),
        outcome_poll(NEVER),
    );
    each_is_refused!(
        "RetryPolicy",
        RetryPolicy::default(),
        base(NONE),
        cap(NONE),
        attempts_max(Some(0)),
        local_attempts_max(Some(0)),
        attempt_limit(NONE),
        crashes_max(0),
    );
    is_named("RetryPolicy", "cap", RetryPolicy::default().base(2 * SECOND).cap(SECOND).check());
}

#[test]
fn of_what_is_kept() {
    let inbox = InboxRetention::new(2 * SECOND, SECOND).expect("longer than the window");
    let (every, limit) = (NONE, NONE);
    each_is_refused!("InboxRetention", inbox, batch(0), every(every), batch_limit(limit));
    each_is_refused!("OutboxRetention", OutboxRetention::default(), batch(0), every(every), batch_limit(limit));
    let sagas = SagaRetention::default();
    each_is_refused!("SagaRetention", sagas, batch(0), every(every), batch_limit(limit), keep_sagas(Some(NONE)));
    let operations = OperationRetention::new(2 * SECOND, SECOND);
    each_is_refused!("OperationRetention", operations, batch(0), every(every), batch_limit(limit));
    is_named("OperationRetention", "keep", OperationRetention::new(SECOND, SECOND).check());
    let processes = || ProcessRetention::new("process.games", SECOND);
    each_is_refused!("ProcessRetention", processes(), batch(0), every(every), batch_limit(limit));
    is_named("ProcessRetention", "keep", ProcessRetention::new("process.games", NONE).check());
}

#[test]
fn of_a_definition_which_names_the_step() {
    let trip = || SagaBuilder::<u32>::new("trip", 1).compensatable("hotel", Part::well(), Part::well());
    let never = RetryPolicy::default().base(NONE);
    for (built, of, name) in [
        (trip().retry(never).build(), "definition `trip`", "RetryPolicy::base is 0ns: "),
        (trip().deadline(NONE).build(), "definition `trip`", "DefinitionPolicy::deadline is 0ns: "),
        (trip().step_retry(never).build(), "step `hotel`", "RetryPolicy::base is 0ns: "),
        (trip().compensation_retry(never).build(), "step `hotel`", "RetryPolicy::base is 0ns: "),
        (trip().step_deadline(NONE).build(), "step `hotel`", "StepSpec::deadline is 0ns: "),
    ] {
        let error = built.expect_err(name);
        assert!(matches!(error, DefinitionError::Setting { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("{of} can't work: {name}")) && text.contains("so set it"), "{text}");
    }
    trip().build().expect("as it comes");
}

struct Orders;

impl Domain for Orders {
    const NAME: &'static str = "orders";
    const EVENTS: &'static [&'static str] = &["order.placed"];
    const COMMANDS: &'static [&'static str] = &["confirm.order"];
}

#[test]
fn of_a_choreography() {
    let router = |attempts| Router::builder("orders-to-stock").source::<Orders>().attempts_max(attempts).build();
    assert!(router(1).is_ok());
    let text = router(0).expect_err("it can't work").to_string();
    assert!(
        text.starts_with("RouterBuilder::attempts_max is 0: ") && text.contains("so set it to 1 or more"),
        "{text}"
    );
}

#[test]
fn of_handlers_of_commands() {
    on(Kind::Memory, async |world| {
        let build = |backoff| {
            let handlers = CommandHandlers::builder::<Players>(&world.ports, players(&world.ports));
            handlers.backoff(backoff).build()
        };
        assert!(build(Backoff::new(SECOND, SECOND)).is_ok());
        for wrong in [NEVER, REVERSED] {
            let Err(error) = build(wrong) else { panic!("stale commands would come back at once") };
            let text = error.to_string();
            assert!(text.starts_with("CommandHandlersBuilder::backoff is ") && text.contains("so set "), "{text}");
        }
    });
}

#[test]
fn of_a_store_which_does_not_open() {
    in_virtual_time(async {
        each_is_refused!(
            "SqliteConfig",
            SqliteConfig::default(),
            writer_wait(Some(NONE)),
            writer_warning(Some(NONE)),
            checkpoint_pages(0),
            cache_kib(0),
        );
        assert_eq!(SqliteConfig::simulation().check(), Ok(()));
        each_is_refused!(
            "RedbConfig",
            RedbConfig::default(),
            writer_wait(Some(NONE)),
            writer_warning(Some(NONE)),
            cache_kib(0),
        );
        assert_eq!(RedbConfig::simulation().check(), Ok(()));
        let folder = tempfile::tempdir().expect("a folder");
        let wrong = SqliteConfig::default().cache_kib(0);
        let clock = || Arc::new(VirtualClock::new());
        for opened in [
            SqliteStore::open(folder.path().join("shop.db"), clock(), wrong.clone()),
            SqliteStore::open_in_memory(clock(), wrong.clone()),
        ] {
            assert!(matches!(opened, Err(OpenError::Setting(InvalidSetting { name: "cache_kib", .. }))));
        }
        assert!(!folder.path().join("shop.db").exists(), "nothing is left behind");
        let wrong = RedbConfig::default().cache_kib(0);
        for opened in [
            RedbStore::open(folder.path().join("shop.redb"), clock(), wrong.clone()),
            RedbStore::open_in_memory(clock(), wrong.clone()),
        ] {
            assert!(matches!(opened, Err(RedbError::Setting(InvalidSetting { name: "cache_kib", .. }))));
        }
        assert!(!folder.path().join("shop.redb").exists(), "nothing is left behind");
    });
}

#[test]
fn of_a_broker_which_is_not_made() {
    let config = LocalBroker::config();
    each_is_refused!(
        "BrokerConfig",
        config,
        visibility_timeout(NONE),
        unacknowledged_max(0),
        unacknowledged_bytes_max(0),
        payload_bytes_max(0),
    );
    in_virtual_time(async {
        let clock = Arc::new(VirtualClock::new());
        let made = catch_unwind(|| LocalBroker::new(clock, config.unacknowledged_max(0)));
        let payload = made.expect_err("it can't work");
        let text = payload.downcast_ref::<String>().expect("a sentence");
        assert!(text.starts_with("BrokerConfig::unacknowledged_max is 0: ") && text.contains("so set it"), "{text}");
    });
}
