use uuid::Uuid;

use super::{strikes::STRIKES_MAX, *};
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
    let (outcomes, heard) = budget.judge(rows, &messages, results, &bench(config, &Passed::new()));
    (outcomes, heard[0].answered)
}

fn bench<'a>(config: &'a RelayConfig, passed: &'a Passed) -> Bench<'a> {
    Bench { together: false, passed, now: Timestamp::EPOCH, config, random: &Zero }
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

/// A setting of fewer attempts than a relay wants to see failures holds as it is.
#[test]
fn a_message_with_few_attempts_is_given_up_at_the_last_of_them() {
    for attempts_max in [1, 2, 3] {
        let (config, mut budget) = (RelayConfig::default().max_attempts(attempts_max), Budget::default());
        for attempts in 1..=attempts_max {
            let rows = [(RowId(1), attempts), (RowId(2), 1)];
            let (outcomes, _) = judge(&mut budget, &rows, vec![unknown(), Ok(())], &config);
            assert_eq!(is_dead(&outcomes[0]), attempts == attempts_max, "attempt {attempts} of {attempts_max}");
        }
    }
}

/// Those that were before it have their turns, and it has its own only then.
#[test]
fn a_message_that_is_put_off_waits_for_as_many_as_once_waited_also_where_those_have_passed() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let rows = [(RowId(1), 1), (RowId(2), 1), (RowId(3), 1)];
    let others = [(RowId(2), 2), (RowId(3), 2)];
    judge(&mut budget, &rows, vec![throttled(); 3], &config);
    judge(&mut budget, &others, vec![Ok(()); 2], &config);
    for (passed, is_spent) in [(2, false), (3, true)] {
        let (outcomes, _) = judge(&mut budget, &rows[..1], vec![throttled()], &config);
        assert_eq!(matches!(outcomes[0], SettleOutcome::Retry { .. }), is_spent, "{passed} of three have passed");
        judge(&mut budget, &[(RowId(50), 1)], vec![Ok(())], &config);
    }
}

fn throttled() -> PublishResult {
    Err(PublishError::Unavailable("throttled".into()))
}

/// The broker puts it off as often as it likes: nothing is held against it while nothing else of its topic passes.
#[test]
fn a_message_that_is_put_off_waits_longer_each_time_and_spends_nothing_once_nothing_else_passes() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let (outcomes, answered) =
        judge(&mut budget, &[(RowId(1), 900), (RowId(2), 1)], vec![throttled(), Ok(())], &config);
    assert!(answered);
    assert_eq!(outcomes[0], SettleOutcome::Release { delay: config.outage_backoff.base / 2 });
    let refused = || Err(PublishError::Refused("too large".into()));
    for round in 1..20 {
        let rows = [(RowId(1), 900), (RowId(100 + round), 1)];
        let (outcomes, _) = judge(&mut budget, &rows, vec![throttled(), refused()], &config);
        let longest = (config.outage_backoff.base * (1 << round.min(10))).min(config.outage_backoff.cap);
        assert_eq!(outcomes[0], SettleOutcome::Release { delay: longest / 2 });
    }
    for _ in 0..1_000 {
        let (outcomes, answered) = judge(&mut budget, &[(RowId(1), 900)], vec![throttled()], &config);
        assert_eq!((outcomes[0].clone(), answered), (SettleOutcome::Release { delay: Duration::ZERO }, false));
    }
}

#[test]
fn a_message_that_is_put_off_while_others_pass_is_given_up_at_its_last_attempt() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    // With the first that pass beside it it shows that they do.
    judge(&mut budget, &[(RowId(1), 1), (RowId(50), 1)], vec![throttled(), Ok(())], &config);
    let mut before = Duration::ZERO;
    for attempts in 1..=config.max_attempts {
        judge(&mut budget, &[(RowId(1_000), 1)], vec![Ok(())], &config);
        let results = budget.judge(
            &[(RowId(1), attempts)],
            &[message("orders")],
            vec![throttled()],
            &bench(&config, &Passed::new()),
        );
        let (outcomes, heard) = results;
        assert!(!heard[0].failed, "its topic is well");
        match &outcomes[0] {
            SettleOutcome::Retry { delay, error } => {
                assert!(*delay > before && error.contains("throttled"), "{delay:?} after {before:?}: {error}");
                before = *delay;
            }
            SettleOutcome::Dead { reason } => {
                assert!(reason.contains("while others pass") && reason.contains("throttled"), "{reason}");
                assert_eq!(attempts, config.max_attempts);
            }
            other => panic!("attempt {attempts}: {other:?}"),
        }
    }
    assert_eq!(budget.strikes.rows.len(), 0, "nothing is kept of it");
}

/// A topic that lets through one of a hundred at a time: each comes to its turn, however long it takes.
#[test]
fn messages_that_wait_for_a_busy_topic_are_not_held_responsible_for_it() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    let mut waiting: Vec<(RowId, u32)> = (0..100).map(|row| (RowId(row), 9_000)).collect();
    while !waiting.is_empty() {
        // The last one each time: no order helps the others.
        let mut results = vec![throttled(); waiting.len() - 1];
        results.push(Ok(()));
        let (outcomes, _) = judge(&mut budget, &waiting, results, &config);
        assert!(!outcomes.iter().any(is_dead), "{} wait", waiting.len());
        waiting.pop();
    }
}

/// An outage that begins while one is put off: whoever else fails with it shows that it is the topic.
#[test]
fn an_outage_is_one_also_beside_a_message_that_is_put_off() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    judge(&mut budget, &[(RowId(1), 1), (RowId(2), 1)], vec![throttled(), Ok(())], &config);
    judge(&mut budget, &[(RowId(3), 1)], vec![Ok(())], &config);
    let messages = [message("orders"), message("orders")];
    let rows = [(RowId(1), 9), (RowId(4), 1)];
    let passed = Passed::new();
    let (outcomes, heard) = budget.judge(&rows, &messages, vec![throttled(), throttled()], &bench(&config, &passed));
    assert!(heard[0].failed && !heard[0].answered);
    assert!(
        outcomes.iter().all(|outcome| *outcome == SettleOutcome::Release { delay: Duration::ZERO }),
        "{outcomes:?}"
    );
}

/// A row that another relay has taken up counts for nobody once its time is over.
#[test]
fn a_row_that_does_not_come_back_is_waited_for_no_longer() {
    for (seconds, is_counted) in [(10, false), (100, true)] {
        let (config, mut budget, passed) = (RelayConfig::default(), Budget::default(), Passed::new());
        let rows: Vec<_> = (0..20).map(|row| (RowId(row), 1)).collect();
        judge(&mut budget, &rows, [vec![throttled(); 19], vec![Ok(())]].concat(), &config);
        let now = Timestamp::EPOCH + Duration::from_secs(seconds);
        let mut fails_after = |others: u64| {
            for other in 0..others {
                judge(&mut budget, &[(RowId(50 + other), 1)], vec![Ok(())], &config);
            }
            let later = Bench { now, ..bench(&config, &passed) };
            budget.judge(&rows[..1], &[message("orders")], vec![throttled()], &later).0.remove(0)
        };
        assert!(matches!(fails_after(18), SettleOutcome::Release { .. }), "there were nineteen");
        assert!(matches!(fails_after(1), SettleOutcome::Retry { .. }));
        assert_eq!(matches!(fails_after(1), SettleOutcome::Retry { .. }), is_counted);
    }
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
        let (outcomes, heard) = budget.judge(&rows, &messages, results, &bench(&config, &Passed::new()));
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
        let passed = vec!["orders".into()];
        let call = Bench { together: true, ..bench(&config, &passed) };
        let (outcomes, heard) = budget.judge(&rows, &messages, results, &call);
        // It is not known to have failed for its own part, so it has no pause of its own.
        let given_back = SettleOutcome::Release { delay: Duration::ZERO };
        assert!(outcomes.iter().all(|outcome| *outcome == given_back), "{outcomes:?}");
        assert!(heard[0].failed, "its topic is told of it");
        assert!(budget.strikes.rows.is_empty(), "nothing is noted of it");
    }
}

#[test]
fn what_passed_before_in_the_pass_counts_for_its_topic() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for (passed, is_blamed) in [("up", false), ("orders", true)] {
        let passed = vec![passed.into()];
        let rows = [(RowId(1), 1)];
        let (outcomes, _) = budget.judge(&rows, &[message("orders")], vec![unknown()], &bench(&config, &passed));
        assert_eq!(matches!(outcomes[0], SettleOutcome::Retry { .. }), is_blamed);
    }
}

#[test]
fn what_has_passed_or_was_refused_is_remembered_no_more() {
    let (config, mut budget) = (RelayConfig::default(), Budget::default());
    for end in [Ok(()), Err(PublishError::Refused("too large".into()))] {
        judge(&mut budget, &[(RowId(1), 1)], vec![unknown()], &config);
        assert_eq!(budget.strikes.rows.len(), 1);
        judge(&mut budget, &[(RowId(1), 2)], vec![end], &config);
        assert_eq!(budget.strikes.rows.len(), 0);
    }
}

/// Of rows the oldest is forgotten; where as many topics fail, all of them are once another one does.
#[test]
fn rows_and_topics_that_fail_take_no_more_than_so_much_memory() {
    let config = RelayConfig::default();
    let fails = |budget: &mut Budget, row: usize, topic: usize| {
        let failing = message(&format!("topic-{topic}"));
        let rows = [(RowId(row as u64), 1)];
        budget.judge(&rows, &[failing], vec![unknown()], &bench(&config, &Passed::new()));
        (budget.strikes.rows.len(), budget.strikes.accepted.len())
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
