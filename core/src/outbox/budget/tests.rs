use uuid::Uuid;

use super::*;
use crate::{message::MessageBuilder, ports::Timestamp};

struct Zero;

impl Random for Zero {
    fn next_u64(&self) -> u64 {
        0
    }
}

/// The judgement of a batch of one topic, and whether that was answered.
fn judge(
    budget: &mut Budget,
    rows: &[(RowId, u32)],
    results: Vec<PublishResult>,
    config: &RelayConfig,
) -> (Vec<SettleOutcome>, bool) {
    let messages = vec![message("orders"); rows.len()];
    let (outcomes, heard) = budget.judge(rows, &messages, results, false, &Passed::new(), config, &Zero);
    (outcomes, heard[0].answered)
}

fn message(topic: &str) -> Message {
    let builder = MessageBuilder::new("orders", "order.confirmed", "order-1").topic(topic);
    builder.json(&1).expect("a number").derive(Uuid::nil(), &["confirm"], Timestamp::EPOCH)
}

fn unknown() -> PublishResult {
    Err(PublishError::Unknown("lost".into()))
}

fn is_dead(outcome: &SettleOutcome) -> bool {
    matches!(outcome, SettleOutcome::Dead { .. })
}

#[test]
fn an_outage_of_any_length_spends_nothing() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for attempts in 1..1_000 {
        let failure = if attempts % 2 == 0 { unknown() } else { Err(PublishError::Unavailable("down".into())) };
        let rows = [(RowId(1), attempts), (RowId(2), attempts)];
        let (outcomes, answered) = judge(&mut budget, &rows, vec![failure.clone(), failure], &config);
        assert!(!answered);
        // The topic is left alone for a while; they are not.
        let given_back = SettleOutcome::Release { delay: Default::default() };
        assert!(outcomes.iter().all(|outcome| *outcome == given_back), "{outcomes:?}");
    }
}

#[test]
fn a_message_that_fails_while_others_of_its_batch_pass_is_given_up_at_its_last_attempt() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for attempts in 1..=config.max_attempts {
        let rows = [(RowId(1), attempts), (RowId(100 + u64::from(attempts)), 1)];
        let (outcomes, _) = judge(&mut budget, &rows, vec![unknown(), Ok(())], &config);
        assert_eq!(is_dead(&outcomes[0]), attempts == config.max_attempts, "attempt {attempts}");
        assert_eq!(outcomes[1], SettleOutcome::Dispatched);
    }
}

#[test]
fn with_batches_of_one_a_message_is_given_up_when_others_pass_between_its_failures() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let mut attempts = 0;
    for round in 0.. {
        attempts += 1;
        let outcome = judge(&mut budget, &[(RowId(1), attempts)], vec![unknown()], &config).0.remove(0);
        match outcome {
            SettleOutcome::Dead { .. } => break,
            SettleOutcome::Release { .. } => attempts -= 1,
            _ => {}
        }
        assert!(round < 2 * config.max_attempts, "never given up");
        judge(&mut budget, &[(RowId(1_000), 1)], vec![Ok(())], &config);
    }
    assert_eq!(attempts, config.max_attempts);
}

#[test]
fn attempts_spent_in_crashes_do_not_bury_a_row_at_its_first_failure() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for (failure, dead) in [(1, false), (2, false), (3, true)] {
        let rows = [(RowId(1), 500 + failure), (RowId(2), 1)];
        let (outcomes, _) = judge(&mut budget, &rows, vec![unknown(), Ok(())], &config);
        assert_eq!(is_dead(&outcomes[0]), dead, "failure {failure}");
    }
}

#[test]
fn a_throttled_message_waits_alone_while_others_pass_and_spends_nothing() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let throttled = Err(PublishError::Unavailable("throttled".into()));
    let (outcomes, answered) = judge(&mut budget, &[(RowId(1), 900), (RowId(2), 1)], vec![throttled, Ok(())], &config);
    assert!(answered);
    assert_eq!(outcomes[0], SettleOutcome::Release { delay: config.outage_backoff.base / 2 });
}

#[test]
fn a_message_without_a_result_counts_as_unknown() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let (outcomes, _) = judge(&mut budget, &[(RowId(1), 1), (RowId(2), 1)], vec![Ok(())], &config);
    assert!(matches!(outcomes[1], SettleOutcome::Retry { .. }), "{outcomes:?}");
}

#[test]
fn what_other_topics_do_says_nothing_about_one_that_is_out() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let messages = [message("out"), message("up")];
    for attempts in 1..1_000 {
        let rows = [(RowId(1), attempts), (RowId(100 + u64::from(attempts)), 1)];
        let results = vec![unknown(), Ok(())];
        let (outcomes, heard) = budget.judge(&rows, &messages, results, false, &Passed::new(), &config, &Zero);
        assert_eq!(outcomes[0], SettleOutcome::Release { delay: Default::default() });
        assert_eq!(heard.iter().map(|heard| heard.answered).collect::<Vec<_>>(), [false, true]);
    }
}

#[test]
fn nobody_is_blamed_for_a_call_that_fails_as_a_whole() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let messages = [message("orders"), message("orders")];
    for attempts in 1..1_000 {
        let rows = [(RowId(1), attempts), (RowId(2), attempts)];
        let results = vec![unknown(), unknown()];
        let (outcomes, _) = budget.judge(&rows, &messages, results, true, &vec!["orders".into()], &config, &Zero);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, SettleOutcome::Release { .. })), "{outcomes:?}");
    }
}

#[test]
fn what_passed_before_in_the_pass_counts_for_its_topic() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for (passed, is_blamed) in [("up", false), ("orders", true)] {
        let passed = vec![passed.into()];
        let rows = [(RowId(1), 1)];
        let (outcomes, _) = budget.judge(&rows, &[message("orders")], vec![unknown()], false, &passed, &config, &Zero);
        assert_eq!(matches!(outcomes[0], SettleOutcome::Retry { .. }), is_blamed);
    }
}

#[test]
fn what_has_passed_or_was_refused_is_remembered_no_more() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for end in [Ok(()), Err(PublishError::Refused("too large".into()))] {
        judge(&mut budget, &[(RowId(1), 1)], vec![unknown()], &config);
        assert_eq!(budget.strikes.len(), 1);
        judge(&mut budget, &[(RowId(1), 2)], vec![end], &config);
        assert_eq!(budget.strikes.len(), 0);
    }
}

/// Of rows the oldest is forgotten; where as many topics fail, all of them are once another one does.
#[test]
fn rows_and_topics_that_fail_take_no_more_than_so_much_memory() {
    let config = RelayConfig::default();
    let fails = |budget: &mut Budget, row: usize, topic: usize| {
        let failing = message(&format!("topic-{topic}"));
        let rows = [(RowId(row as u64), 1)];
        budget.judge(&rows, &[failing], vec![unknown()], false, &Passed::new(), &config, &Zero);
        (budget.strikes.len(), budget.accepted.len())
    };
    let mut of_one_topic = Budget::default();
    for row in 0..2 * STRIKES_MAX {
        assert_eq!(fails(&mut of_one_topic, row, 0), ((row + 1).min(STRIKES_MAX), 1));
    }
    let mut of_many = Budget::default();
    for row in 0..STRIKES_MAX {
        assert_eq!(fails(&mut of_many, row, row), (row + 1, row + 1));
    }
    assert_eq!(fails(&mut of_many, 0, 0), (STRIKES_MAX, STRIKES_MAX), "it is known");
    assert_eq!(fails(&mut of_many, STRIKES_MAX, STRIKES_MAX), (1, 1));
}
