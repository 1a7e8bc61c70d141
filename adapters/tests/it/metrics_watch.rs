//! A watch over what waits in a store, where the store does not answer or the watch can't work.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{metrics::watch, ports::Operation};

use crate::{
    metrics::Book,
    support::{
        calls::{Calls, Fate},
        on_each_store,
        warnings::Warnings,
    },
};

const EVERY: Duration = Duration::from_secs(15);

#[test]
fn a_watch_whose_store_does_not_answer_says_so_and_looks_again() {
    on_each_store(async |world| {
        let heard = Warnings::listen();
        let hangs = |called, number| if (called, number) == (Operation::Census, 2) { Fate::Hangs } else { Fate::Well };
        let (calls, ports) = Calls::before(&world.ports, hangs);
        let running = tokio::spawn(watch(ports.clone(), Arc::<Book>::default(), EVERY));
        world.pass(EVERY * 20).await;
        // 35 s for the one that hangs, and the pauses are never longer.
        let pauses = calls.pauses(Operation::Census);
        assert_eq!((pauses[0], pauses[1], pauses[2]), (15_000, 50_000, 15_000));
        assert!(heard.lines().iter().any(|line| line.contains("has not answered")), "{:?}", heard.lines());
        ports.stop.set();
        running.await.expect("it ends");
    });
}

#[test]
fn a_stop_ends_a_watch_whose_store_does_not_answer() {
    on_each_store(async |world| {
        let (_, ports) = Calls::before(&world.ports, |called, _| match called {
            Operation::Census => Fate::Hangs,
            _ => Fate::Well,
        });
        let running = tokio::spawn(watch(ports.clone(), Arc::<Book>::default(), EVERY));
        world.pass(Duration::from_secs(1)).await;
        ports.stop.set();
        tokio::time::timeout(Duration::from_secs(1), running).await.expect("at once").expect("it ends");
    });
}

#[test]
fn a_watch_without_a_pause_ends_at_once_and_says_what_to_change() {
    on_each_store(async |world| {
        let heard = Warnings::listen();
        let (calls, ports) = Calls::before(&world.ports, |_, _| Fate::Well);
        watch(ports, Arc::<Book>::default(), Duration::ZERO).await;
        let lines = heard.lines();
        assert!(lines.len() == 1 && lines[0].contains("watch::every is 0ns: "), "{lines:?}");
        assert!(lines[0].contains("so set it to a duration"), "{lines:?}");
        assert_eq!(calls.times(Operation::Census), []);
    });
}
