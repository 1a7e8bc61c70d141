//! Failures are not all alike: a handler says of which kind one is, and the consumer has a policy for each.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use seaworthy_core::{
    backoff::Backoff,
    inbox::{ConsumerConfig, FailurePolicy, HandlerError},
};

use crate::support::{
    World,
    inbox::{Scripted, order},
    on_each_store,
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

/// A handler that fails each time, in a way that depends on the order, and notes the second at which it was asked.
fn failing(world: &World, fails: impl Fn(&str) -> HandlerError + Send + Sync + 'static) -> (Scripted, Seconds) {
    let seconds = Seconds::default();
    let (notes, clock, fails) = (seconds.clone(), world.ports.clock.clone(), Arc::new(fails));
    let handler = Scripted::new(move |_, message| {
        let (notes, clock, fails) = (notes.clone(), clock.clone(), fails.clone());
        Box::pin(async move {
            let second = clock.now().as_millis() / 1_000;
            notes.0.lock().expect("no panic with it in hand").push((message.subject.to_string(), second));
            Err(fails(&message.subject))
        })
    });
    (handler, seconds)
}

#[derive(Clone, Default)]
struct Seconds(Arc<Mutex<Vec<(String, i64)>>>);

impl Seconds {
    fn of(&self, subject: &str) -> Vec<i64> {
        let all = self.0.lock().expect("no panic with it in hand");
        all.iter().filter(|(asked, _)| asked == subject).map(|(_, second)| *second).collect()
    }
}

#[test]
fn each_kind_of_failure_has_its_own_number_of_attempts_and_its_own_pauses() {
    on_each_store(async |world| {
        let (handler, seconds) = failing(world, |subject| match subject {
            "order-1" => HandlerError::Failed { kind: "no such customer", why: "unknown to us".into() },
            "order-2" => HandlerError::Failed { kind: "carrier is closed", why: "until tomorrow".into() },
            "order-3" => HandlerError::Failed { kind: "nobody knows", why: "no policy".into() },
            _ => HandlerError::Unavailable("the usual".into()),
        });
        let hourly = FailurePolicy::new(24, Backoff::new(3_600 * SECOND, 3_600 * SECOND));
        let config = |config: ConsumerConfig| {
            config.on_failure("no such customer", FailurePolicy::never()).on_failure("carrier is closed", hourly)
        };
        world.publish((1..=4).map(order)).await;
        let heard = Warnings::listen();
        world.ports.spawn("consumer", handler.consumer(&world.ports, config).run());
        world.pass(600 * SECOND).await;
        let runs = |number: u64| handler.runs(&format!("order-{number}"));
        assert_eq!([runs(1), runs(2), runs(3), runs(4)], [1, 1, 5, 5], "never, hourly, as usual, as usual");
        world.pass(100_000 * SECOND).await;
        assert_eq!((runs(2), world.unacknowledged()), (24, 0));
        let pauses: Vec<i64> = seconds.of("order-2").windows(2).map(|two| two[1] - two[0]).collect();
        assert!(pauses.iter().all(|pause| (1_800..=5_400).contains(pause)), "an hour, give or take a half: {pauses:?}");
        let letters = world.letters().await;
        let reason = |number: u64| {
            let letter = letters.iter().find(|letter| letter.message.id == order(number).id).expect("it is dead");
            (letter.failures, letter.reason.as_str())
        };
        assert_eq!(reason(1), (1, "no such customer: unknown to us"));
        assert_eq!(reason(2), (24, "carrier is closed: until tomorrow"));
        assert_eq!(reason(3), (5, "nobody knows: no policy"));
        let dead = heard.lines().iter().filter(|line| line.contains("dead letter")).count();
        assert_eq!(dead, 4, "{:?}", heard.lines());
    });
}

#[test]
fn a_handler_that_postpones_a_message_says_for_how_long_and_a_bound_holds_for_that_too() {
    on_each_store(async |world| {
        let (handler, seconds) = failing(world, |_| HandlerError::Postponed {
            after: 60 * SECOND,
            why: "the order has not come yet".into(),
        });
        world.publish([order(1)]).await;
        let consumer = handler.consumer(&world.ports, |config| config.max_postponed(6));
        world.ports.spawn("consumer", consumer.run());
        world.pass(3_600 * SECOND).await;
        assert_eq!(seconds.of("order-1"), [0, 60, 120, 180, 240, 300], "to the second, and not for ever");
        let letters = world.letters().await;
        assert_eq!((letters.len(), letters[0].failures), (1, 6));
        assert_eq!(letters[0].reason, "not yet: the order has not come yet");
    });
}

#[test]
fn one_that_is_postponed_until_it_can_be_handled_is_handled() {
    on_each_store(async |world| {
        let handler = Scripted::new({
            let clock = world.ports.clock.clone();
            move |_, _| {
                let is_early = clock.now().as_millis() < 300_000;
                let postponed = HandlerError::Postponed { after: 60 * SECOND, why: "it is early".into() };
                Box::pin(async move { if is_early { Err(postponed) } else { Ok(()) } })
            }
        });
        world.publish([order(1)]).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(310 * SECOND).await;
        assert_eq!((handler.runs("order-1"), world.unacknowledged(), world.letters().await.len()), (6, 0, 0));
    });
}

#[test]
fn a_policy_that_can_not_work_is_refused_when_it_is_given() {
    let config = ConsumerConfig::new(["orders"]);
    let none = config.clone().on_failure("odd", FailurePolicy::new(0, Backoff::new(SECOND, SECOND)));
    let refused = none.check().expect_err("no failure at all").to_string();
    assert!(refused.starts_with("ConsumerConfig::failures is 0: "), "{refused}");
    let restless = config.clone().on_failure("odd", FailurePolicy::new(3, Backoff::new(Duration::ZERO, SECOND)));
    assert!(restless.check().is_err());
    assert!(config.max_postponed(0).check().is_err());
}
