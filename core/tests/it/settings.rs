//! Settings by which nothing would work are named one by one, with what to change.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff, choreography::ProcessRetention, events::SubscriberConfig, inbox::FailurePolicy,
    participant::OperationRetention, saga::SagaRetention, settings::InvalidSetting,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn assert_said(cases: impl IntoIterator<Item = (Result<(), InvalidSetting>, &'static str)>) {
    for (checked, beginning) in cases {
        let said = checked.expect_err(beginning).to_string();
        assert!(said.starts_with(beginning), "{said:?} should begin with {beginning:?}");
    }
}

#[test]
fn of_a_subscriber() {
    let with = SubscriberConfig::default;
    let never = Backoff::new(Duration::ZERO, Duration::ZERO);
    assert_eq!(with().check(), Ok(()));
    assert_said([
        (with().page(0).check(), "SubscriberConfig::page is 0: "),
        (with().batch(0).check(), "SubscriberConfig::batch is 0: "),
        (with().max_failures(0).check(), "SubscriberConfig::max_failures is 0: "),
        (with().max_postponed(0).check(), "SubscriberConfig::max_postponed is 0: "),
        (with().max_store_failures(0).check(), "SubscriberConfig::max_store_failures is 0: "),
        (
            with().on_failure("busy", FailurePolicy::new(0, Backoff::new(HOUR, HOUR))).check(),
            "SubscriberConfig::failures is 0: ",
        ),
        (with().handler_limit(Duration::ZERO).check(), "SubscriberConfig::handler_limit is 0ns: "),
        (with().poll(never).check(), "SubscriberConfig::poll is 0ns to 0ns: "),
        (with().backoff(never).check(), "SubscriberConfig::backoff is 0ns to 0ns: "),
        (with().store_backoff(never).check(), "SubscriberConfig::store_backoff is 0ns to 0ns: "),
    ]);
}

/// What is kept for as long as it may be asked for, and no longer, is gone when it is asked for.
#[test]
fn of_what_is_kept() {
    let operations = |keep| OperationRetention::new(keep, HOUR);
    let longer = HOUR + Duration::from_micros(1);
    assert_eq!(operations(longer).check(), Ok(()));
    let sagas = |keep| SagaRetention::default().keep_logs(HOUR).keep_sagas(keep);
    assert_eq!((sagas(Some(HOUR)).check(), sagas(None).check()), (Ok(()), Ok(())));
    let processes = |keep| ProcessRetention::new("process.shipments", keep);
    assert_eq!(processes(HOUR).check(), Ok(()));
    assert_said([
        (operations(HOUR).check(), "OperationRetention::keep is 3600s: "),
        (operations(longer).batch(0).check(), "OperationRetention::batch is 0: "),
        (operations(longer).every(Duration::ZERO).check(), "OperationRetention::every is 0ns: "),
        (sagas(Some(HOUR - Duration::from_secs(1))).check(), "SagaRetention::keep_sagas is 3599s: "),
        (sagas(None).batch(0).check(), "SagaRetention::batch is 0: "),
        (sagas(None).every(Duration::ZERO).check(), "SagaRetention::every is 0ns: "),
        (processes(Duration::ZERO).check(), "ProcessRetention::keep is 0ns: "),
        (processes(HOUR).batch(0).check(), "ProcessRetention::batch is 0: "),
        (processes(HOUR).every(Duration::ZERO).check(), "ProcessRetention::every is 0ns: "),
    ]);
}
