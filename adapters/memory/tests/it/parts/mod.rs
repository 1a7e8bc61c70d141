//! A store may have some parts only: it passes the checks of these, and who needs another part is told so.

mod chronicle;
mod journal;
mod log;
mod mailroom;
mod patterns;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{StoreSubject, block_on, store_report},
    ports::{DelegateStore, Intercept, Intercepted, Part, Parts, Store},
};
use seaworthy_memory::ManualClock;

use self::{chronicle::Chronicle, journal::Journal, mailroom::Mailroom};

/// Makes the stores of one kind, on a clock that moves.
struct Subject<F>(Arc<ManualClock>, F);

#[async_trait]
impl<S: Store + 'static, F: Fn(Arc<ManualClock>) -> S + Send + Sync> StoreSubject for Subject<F> {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new((self.1)(self.0.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

mod conformance_of_an_outbox_alone {
    seaworthy_core::store_conformance!(
        super::Subject(super::ManualClock::new(), super::Mailroom::new),
        super::block_on
    );
}

mod conformance_of_documents_with_checkpoints {
    seaworthy_core::store_conformance!(super::Subject(super::ManualClock::new(), super::Journal::new), super::block_on);
}

mod conformance_of_events_alone {
    seaworthy_core::store_conformance!(
        super::Subject(super::ManualClock::new(), super::Chronicle::new),
        super::block_on
    );
}

#[test]
fn a_report_runs_the_checks_of_the_parts_that_a_store_has_and_names_the_others() {
    let report = block_on(store_report(&Subject(ManualClock::new(), Mailroom::new)));
    assert!(report.is_conformant(), "{report}");
    let left_out: Vec<_> = report.left_out().map(|(name, _)| name).collect();
    for name in ["a_document_counts_its_writes", "each_consumer_sees_a_message_once", "a_checkpoint_does_not_go_back"] {
        assert!(left_out.contains(&name), "{name}: {report}");
    }
    for name in ["a_dead_row_blocks_its_key", "the_backlog_counts_what_waits", "a_transaction_is_applied_as_a_whole"] {
        assert!(!left_out.contains(&name), "{name}: {report}");
    }
    let told = report.to_string();
    assert!(told.contains("left out        a_document_counts_its_writes: the store has no documents\n"), "{told}");
    let end = format!(
        "{} left out, since the store has no documents, inbox, sagas, operations, checkpoints, \
             events",
        left_out.len()
    );
    assert!(told.ends_with(&end), "{told}");

    let report = block_on(store_report(&Subject(ManualClock::new(), Journal::new)));
    assert!(report.is_conformant(), "{report}");
    let missing = report.left_out().fold(Parts::NONE, |all, (_, missing)| all.and(missing));
    assert_eq!(missing, Parts::ALL.without(Parts::new(&[Part::Documents, Part::Checkpoints])));

    let report = block_on(store_report(&Subject(ManualClock::new(), Chronicle::new)));
    assert!(report.is_conformant(), "{report}");
    let missing = report.left_out().fold(Parts::NONE, |all, (_, missing)| all.and(missing));
    assert_eq!(missing, Parts::ALL.without(Parts::new(&[Part::Events])));
    let left_out: Vec<_> = report.left_out().map(|(name, _)| name).collect();
    for name in ["racing_appends_leave_no_gap_in_a_stream", "a_snapshot_ahead_of_its_stream_is_refused"] {
        assert!(!left_out.contains(&name), "{name}: {report}");
    }
}

/// Passes everything on.
struct Around(Mailroom);

impl DelegateStore for Around {
    fn inner(&self) -> &dyn Store {
        &self.0
    }
}

/// Lets everything through.
struct LetsThrough;

impl Intercept for LetsThrough {
    type Transaction = ();

    fn transaction(&self) {}
}

#[test]
fn what_stands_before_a_store_has_the_parts_of_that_store() {
    let alone = block_on(store_report(&Subject(ManualClock::new(), Mailroom::new)));
    let around = Subject(ManualClock::new(), |clock| Around(Mailroom::new(clock)));
    assert_eq!(block_on(store_report(&around)), alone);
    let behind = Subject(ManualClock::new(), |clock| {
        Intercepted::<dyn Store, _>::new(Arc::new(Mailroom::new(clock)), LetsThrough)
    });
    assert_eq!(block_on(store_report(&behind)), alone);
}

#[test]
fn a_store_that_says_it_has_an_outbox_and_refuses_is_found_out() {
    let lying = |clock| Journal::saying(Parts::new(&[Part::Documents, Part::Checkpoints, Part::Outbox]), clock);
    let report = block_on(store_report(&Subject(ManualClock::new(), lying)));
    let found = report.failures().find(|check| check.name == "a_part_that_a_store_has_is_not_refused");
    let told = found.and_then(|check| check.outcome.as_ref().err()).expect("a broken promise").to_string();
    assert!(told.contains("a store that says it has the part `outbox` has it (stage)"), "{told}");
    assert!(told.contains("this store has no outbox"), "{told}");
}

#[test]
fn a_store_that_says_it_has_no_documents_and_answers_is_found_out() {
    let modest = |clock| Journal::saying(Parts::new(&[Part::Checkpoints]), clock);
    let report = block_on(store_report(&Subject(ManualClock::new(), modest)));
    let failed: Vec<_> = report.failures().map(|check| check.name).collect();
    assert_eq!(failed, ["a_part_that_a_store_has_not_is_refused"], "{report}");
}
