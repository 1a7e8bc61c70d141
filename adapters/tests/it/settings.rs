//! Settings by which nothing would work are said to be wrong, with what to change, and nothing runs by them.

use std::time::Duration;

use seaworthy_core::{
    backoff::Backoff,
    outbox::{LogRelay, OutboxRetention, Relay, RelayConfig},
    saga::{Orchestrator, OrchestratorConfig, Registry},
    settings::InvalidSetting,
};

use crate::support::{Kind, on, warnings::Warnings};

/// Settings of a relay that can't work, and the beginning of what is said of each.
fn wrong() -> Vec<(RelayConfig, &'static str)> {
    let with = RelayConfig::default;
    let never = Backoff::new(Duration::ZERO, Duration::ZERO);
    let reversed = Backoff::new(Duration::from_secs(2), Duration::from_secs(1));
    vec![
        (with().batch(0), "RelayConfig::batch is 0: "),
        (with().lease(Duration::ZERO), "RelayConfig::lease is 0ns: "),
        (with().max_attempts(0), "RelayConfig::max_attempts is 0: "),
        (with().poll(never), "RelayConfig::poll is 0ns to 0ns: "),
        (with().backoff(reversed), "RelayConfig::backoff is 2s to 1s: "),
        (with().outage_backoff(never), "RelayConfig::outage_backoff is 0ns to 0ns: "),
        (with().store_backoff(never), "RelayConfig::store_backoff is 0ns to 0ns: "),
    ]
}

fn said(checked: Result<(), InvalidSetting>) -> String {
    checked.expect_err("a setting that can't work").to_string()
}

#[test]
fn each_setting_of_a_relay_that_can_not_work_is_named_with_what_to_change() {
    assert_eq!(RelayConfig::default().check(), Ok(()));
    for (config, beginning) in wrong() {
        let text = said(config.check());
        assert!(text.starts_with(beginning) && text.contains("so set "), "{text}");
    }
}

#[test]
fn a_relay_with_settings_that_can_not_work_ends_at_once_and_says_why() {
    for (config, beginning) in wrong() {
        on(Kind::Memory, async |world| {
            let heard = Warnings::listen();
            Relay::new(&world.ports).config(config.clone()).run().await;
            LogRelay::new(&world.ports, "log").config(config.clone()).run().await;
            let lines = heard.lines();
            assert_eq!(lines.len(), 2, "{lines:#?}");
            assert!(lines.iter().all(|line| line.contains(beginning)), "{lines:#?}");
        });
    }
}

#[test]
fn a_retention_that_would_delete_nothing_or_never_rest_ends_at_once_and_says_why() {
    assert_eq!(OutboxRetention::default().check(), Ok(()));
    let keeps_all = OutboxRetention::default().batch(0);
    let never_rests = OutboxRetention::default().every(Duration::ZERO);
    for (retention, name) in
        [(keeps_all, "OutboxRetention::batch is 0: "), (never_rests, "OutboxRetention::every is 0ns: ")]
    {
        assert!(said(retention.check()).starts_with(name));
        on(Kind::Memory, async |world| {
            let heard = Warnings::listen();
            retention.run(world.ports.clone()).await;
            assert!(heard.lines()[0].contains(name), "{:?}", heard.lines());
        });
    }
}

#[test]
fn each_setting_of_an_orchestrator_that_can_not_work_is_named_and_its_recovery_ends_at_once() {
    let with = OrchestratorConfig::default;
    assert_eq!(with().check(), Ok(()));
    for (config, beginning) in [
        (with().lease(Duration::ZERO), "OrchestratorConfig::lease is 0ns: "),
        (with().concurrency(0), "OrchestratorConfig::concurrency is 0: "),
        (with().batch(0), "OrchestratorConfig::batch is 0: "),
        (with().log_page(0), "OrchestratorConfig::log_page is 0: "),
        (with().log_entries_max(0), "OrchestratorConfig::log_entries_max is 0: "),
        (with().newer_version_delay(Duration::ZERO), "OrchestratorConfig::newer_version_delay is 0ns: "),
        (with().wait_in_memory(Duration::from_secs(10)), "OrchestratorConfig::wait_in_memory is 10s: "),
        (with().poll(Backoff::new(Duration::ZERO, Duration::ZERO)), "OrchestratorConfig::poll is 0ns to 0ns: "),
    ] {
        let text = said(config.check());
        assert!(text.starts_with(beginning) && text.contains("so "), "{text}");
        on(Kind::Memory, async |world| {
            let heard = Warnings::listen();
            let orchestrator = Orchestrator::new(&world.ports, Registry::new(), config.clone());
            orchestrator.run_recovery(&world.ports.stop).await;
            assert!(heard.lines().iter().any(|line| line.contains(beginning)), "{:?}", heard.lines());
        });
    }
}
