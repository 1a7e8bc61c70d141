//! Settings of a consumer and of its retention by which nothing would work are said to be wrong, and nothing runs by them.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    inbox::{ConsumerConfig, InboxRetention},
    settings::InvalidSetting,
};

use crate::support::{Kind, inbox::Scripted, on, warnings::Warnings};

/// Settings of a consumer that can't work, and the beginning of what is said of each.
fn wrong() -> Vec<(ConsumerConfig, &'static str)> {
    let with = || ConsumerConfig::new(["shop"]);
    let never = Backoff::new(Duration::ZERO, Duration::ZERO);
    vec![
        (ConsumerConfig::new(Vec::<&str>::new()), "ConsumerConfig::topics is empty: "),
        (with().batch(0), "ConsumerConfig::batch is 0: "),
        (with().max_failures(0), "ConsumerConfig::max_failures is 0: "),
        (with().max_store_failures(0), "ConsumerConfig::max_store_failures is 0: "),
        (with().handler_limit(Duration::ZERO), "ConsumerConfig::handler_limit is 0ns: "),
        (with().unknown_type_delay(Duration::ZERO), "ConsumerConfig::unknown_type_delay is 0ns: "),
        (with().broker_limit(Duration::ZERO), "ConsumerConfig::broker_limit is 0ns: "),
        (with().backoff(never), "ConsumerConfig::backoff is 0ns to 0ns: "),
        (with().store_backoff(never), "ConsumerConfig::store_backoff is 0ns to 0ns: "),
        (with().broker_backoff(never), "ConsumerConfig::broker_backoff is 0ns to 0ns: "),
    ]
}

fn said(checked: Result<(), InvalidSetting>) -> String {
    checked.expect_err("a setting that can't work").to_string()
}

#[test]
fn a_consumer_with_a_setting_that_can_not_work_ends_at_once_and_says_what_to_change() {
    assert_eq!(ConsumerConfig::new(["shop"]).check(), Ok(()));
    for (config, beginning) in wrong() {
        let text = said(config.check());
        assert!(text.starts_with(beginning) && text.contains("so "), "{text}");
        on(Kind::Memory, async |world| {
            let heard = Warnings::listen();
            let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
            handler.consumer(&world.ports, |_| config.clone()).run().await;
            let lines = heard.lines();
            assert!(lines.len() == 1 && lines[0].contains(beginning), "{lines:#?}");
        });
    }
}

#[test]
fn a_retention_that_would_delete_nothing_or_never_rest_ends_at_once_and_says_why() {
    let hour = Duration::from_secs(3_600);
    let retention = InboxRetention::new(2 * hour, hour).expect("longer than the broker's");
    assert_eq!(retention.check(), Ok(()));
    for (retention, name) in [
        (retention.batch(0), "InboxRetention::batch is 0: "),
        (retention.every(Duration::ZERO), "InboxRetention::every is 0ns: "),
    ] {
        assert!(said(retention.check()).starts_with(name));
        on(Kind::Memory, async |world| {
            let heard = Warnings::listen();
            retention.run(vec!["shop".into()], world.ports.clone()).await;
            assert!(heard.lines()[0].contains(name), "{:?}", heard.lines());
        });
    }
}
