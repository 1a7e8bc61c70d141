//! A call that never returns is in no trace by itself. Where a task may stand in its own way, the trace says so all the same.

use std::{future::pending, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, select};
use seaworthy_core::ports::{Operation, Ports, Store, Transaction};
use seaworthy_sim::{
    invariants::Ending,
    trace::{TxId, What},
    world::RunReport,
};

use super::{Probe, execute, only, stuck::message};

/// What a run says of calls that never returned: the call, its transaction, and the one that the same task held.
fn hung(report: &RunReport) -> Vec<(Operation, Option<TxId>, Option<TxId>)> {
    let trace = report.trace.as_deref().expect("it was asked for");
    let told = trace.iter().filter_map(|event| match event.what {
        What::NeverReturned { point, tx, behind, .. } => Some((point, tx, behind)),
        _ => None,
    });
    told.collect()
}

/// A transaction that has taken the one key, and so keeps all others waiting for it.
async fn holding(store: &dyn Store) -> Box<dyn Transaction> {
    let mut tx = store.begin().await.expect("calm");
    tx.stage(&message()).await.expect("calm");
    tx
}

/// Takes the same key in a second transaction, with the first one open.
async fn nested(ports: &Ports) {
    let _first = holding(&*ports.store).await;
    let _second = holding(&*ports.store).await;
}

#[test]
fn a_task_that_waits_for_what_it_holds_itself_is_told_when_the_run_is_given_up() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let request = boot.ports.ingress.next().await.expect("nobody asks it to stop");
            nested(&boot.ports).await;
            request.response.accept(Bytes::new());
        })
    }));
    assert_eq!(report.ending, Ending::OutOfBudget);
    assert_eq!(hung(&report), [(Operation::Stage, Some(TxId(2)), Some(TxId(1)))]);
    let sentence = only(&report, "request-unanswered");
    assert!(sentence.contains("; one has waited for stage in t2 since 0.00"), "{sentence}");
    assert!(sentence.ends_with(" s, while its own task holds t1 open"), "{sentence}");
    assert!(begins(&report).contains(&TxId(1)), "when it began shows it, too");
}

/// The transactions whose begin is among the events that show a run's first violation.
fn begins(report: &RunReport) -> Vec<TxId> {
    let shown = &report.violations[0].events;
    let events = report.trace.iter().flatten().filter(|event| shown.contains(&event.number));
    let begins = events.filter_map(|event| match event.what {
        What::Begin { tx, .. } => Some(tx),
        _ => None,
    });
    begins.collect()
}

/// Holds a transaction open for ever, without a call that waits.
async fn hold(ports: Ports) {
    let _tx = holding(&*ports.store).await;
    pending::<()>().await;
}

#[test]
fn a_run_that_is_given_up_says_who_waits_for_which_call_and_who_holds_what_it_waits_for() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let _request = boot.ports.ingress.next().await.expect("nobody asks it to stop");
            boot.ports.spawn("holder", hold(boot.ports.clone()));
            boot.ports.clock.sleep(Duration::from_millis(100)).await;
            let _ = holding(&*boot.ports.store).await;
        })
    }));
    let sentence = only(&report, "request-unanswered");
    assert!(sentence.contains("; one has waited for stage in t2 since 0.10"), "{sentence}");
    assert!(sentence.ends_with(" s, while another of its tasks holds t1 open"), "{sentence}");
    assert_eq!(begins(&report), [TxId(1)]);
}

#[test]
fn a_transaction_that_nobody_waits_for_and_nobody_ends_is_told_with_its_holder() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let _request = boot.ports.ingress.next().await.expect("nobody asks it to stop");
            hold(boot.ports.clone()).await;
        })
    }));
    let sentence = only(&report, "request-unanswered");
    assert!(sentence.contains("; one has held t1 open since 0.00"), "{sentence}");
    assert_eq!(begins(&report), [TxId(1)]);
}

#[test]
fn a_task_that_had_enough_of_waiting_for_itself_is_told_at_once() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let request = boot.ports.ingress.next().await.expect("nobody asks it to stop");
            let limit = boot.ports.clock.sleep(Duration::from_millis(300));
            let waited = select(Box::pin(nested(&boot.ports)), limit).await;
            assert!(matches!(waited, Either::Right(_)), "it can't get there");
            drop(waited);
            request.response.accept(Bytes::new());
            pending::<()>().await;
        })
    }));
    assert!(report.held(), "{:?}", report.violations);
    assert_eq!(hung(&report), [(Operation::Stage, Some(TxId(2)), Some(TxId(1)))]);
}

#[test]
fn a_process_that_dies_while_a_task_waits_for_itself_has_it_told_before_its_death() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            if boot.incarnation == 1 {
                let ports = boot.ports.clone();
                boot.ports.spawn("nested", async move { nested(&ports).await });
                boot.ports.clock.sleep(Duration::from_millis(300)).await;
                boot.exit("it has had enough").await;
            }
            let request = boot.ports.ingress.next().await.expect("nobody asks it to stop");
            request.response.accept(Bytes::new());
            pending::<()>().await;
        })
    }));
    assert!(report.held(), "{:?}", report.violations);
    assert_eq!(hung(&report), [(Operation::Stage, Some(TxId(2)), Some(TxId(1)))]);
}

#[test]
fn who_has_enough_of_waiting_for_others_is_not_told() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            let request = boot.ports.ingress.next().await.expect("nobody asks it to stop");
            let ports = boot.ports.clone();
            let holder = async move {
                let tx = holding(&*ports.store).await;
                ports.clock.sleep(Duration::from_secs(5)).await;
                drop(tx);
            };
            boot.ports.spawn("holder", holder);
            boot.ports.clock.sleep(Duration::from_millis(100)).await;
            let limit = boot.ports.clock.sleep(Duration::from_millis(300));
            let waited = select(Box::pin(holding(&*boot.ports.store)), limit).await;
            assert!(matches!(waited, Either::Right(_)), "the other holds it for longer");
            drop(waited);
            request.response.accept(Bytes::new());
            pending::<()>().await;
        })
    }));
    assert!(report.held(), "{:?}", report.violations);
    assert_eq!(hung(&report), []);
}
