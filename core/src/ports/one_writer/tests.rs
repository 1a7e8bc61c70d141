use std::{future::pending, sync::atomic::AtomicBool};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tracing::{
    Event, Metadata, Subscriber, info_span,
    span::{Attributes, Id, Record},
    subscriber::with_default,
};
use tracing_core::span::Current;

use super::*;
use crate::ports::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// A clock whose waits are over at once. It counts them, and lets somebody else have a turn at each if it is told to.
#[derive(Default)]
struct Busy {
    slept: StdMutex<Vec<Duration>>,
    others: Option<Arc<OneWriter<()>>>,
}

#[async_trait]
impl Clock for Busy {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration);
        if let Some(writer) = &self.others {
            writer.begun();
        }
    }
}

struct Never;

#[async_trait]
impl Clock for Never {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, _: Duration) {
        pending::<()>().await;
    }
}

fn writer(patience: Option<Duration>, warning: Option<Duration>) -> OneWriter<()> {
    OneWriter::new(Arc::default(), patience, warning)
}

async fn refused(writer: &OneWriter<()>, clock: &dyn Clock) -> SmolStr {
    match writer.turn(clock).await {
        Err(StoreError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_turn_that_waits_for_nobody_sets_no_timer() {
    let (writer, clock) = (writer(Some(30 * SECOND), Some(5 * SECOND)), Busy::default());
    for _ in 0..3 {
        drop(writer.turn(&clock).await.unwrap());
    }
    assert!(clock.slept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn whoever_waits_is_told_in_the_end_how_long_one_transaction_has_been_open() {
    let (writer, clock) = (writer(Some(12 * SECOND), Some(5 * SECOND)), Busy::default());
    let _held = writer.turn(&clock).await.unwrap();
    let why = refused(&writer, &clock).await;
    assert!(why.contains("has not ended for 12s") && why.contains("while it holds one"), "{why}");
    assert_eq!(*clock.slept.lock().unwrap(), [5 * SECOND, 5 * SECOND, 2 * SECOND]);
}

#[tokio::test]
async fn a_queue_that_goes_on_is_told_from_a_transaction_that_does_not_end() {
    let writer = Arc::new(writer(Some(12 * SECOND), Some(5 * SECOND)));
    let clock = Busy { others: Some(Arc::clone(&writer)), ..Busy::default() };
    let _held = writer.turn(&clock).await.unwrap();
    let why = refused(&writer, &clock).await;
    assert!(why.contains("3 other transactions") && why.contains("in 12s"), "{why}");
    assert_eq!(writer.told.load(Ordering::Relaxed), 0, "none of them lasts too long");
}

/// A clock in whose first wait somebody else has a turn, and keeps it.
struct Overtaken(Arc<OneWriter<()>>, AtomicBool);

#[async_trait]
impl Clock for Overtaken {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    async fn sleep(&self, _: Duration) {
        if !self.1.swap(true, Ordering::Relaxed) {
            self.0.begun();
        }
    }
}

#[tokio::test]
async fn a_transaction_that_was_open_for_most_of_the_wait_is_named_also_where_another_came_before_it() {
    let writer = Arc::new(writer(Some(12 * SECOND), Some(5 * SECOND)));
    let _held = writer.turn(&Never).await.unwrap();
    let why = refused(&writer, &Overtaken(Arc::clone(&writer), AtomicBool::new(false))).await;
    assert!(why.contains("has not ended for 7s"), "{why}");
}

#[tokio::test]
async fn without_limits_a_turn_comes_without_a_timer_when_the_one_before_it_ends() {
    let (writer, clock) = (writer(None, None), Busy::default());
    let held = writer.turn(&clock).await.unwrap();
    let mut next = pin!(writer.turn(&clock));
    assert!(futures_util::poll!(&mut next).is_pending());
    drop(held);
    assert!(futures_util::poll!(&mut next).is_ready());
    assert!(clock.slept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn turns_are_taken_in_the_order_in_which_tasks_asked() {
    let writer = writer(Some(SECOND), Some(SECOND));
    let held = writer.turn(&Never).await.unwrap();
    let (mut first, mut second) = (pin!(writer.turn(&Never)), pin!(writer.turn(&Never)));
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
    drop(held);
    assert!(futures_util::poll!(&mut second).is_pending());
    assert!(futures_util::poll!(&mut first).is_ready());
}

/// Hears events of which a span is said to be the parent.
#[derive(Clone, Default)]
struct Listener {
    entered: Arc<AtomicBool>,
    span: Arc<StdMutex<Option<&'static Metadata<'static>>>>,
    heard: Arc<StdMutex<Vec<Option<Id>>>>,
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        *self.span.lock().unwrap() = Some(span.metadata());
        Id::from_u64(7)
    }

    fn event(&self, event: &Event<'_>) {
        self.heard.lock().unwrap().push(event.parent().cloned());
    }

    fn current_span(&self) -> Current {
        match *self.span.lock().unwrap() {
            Some(metadata) if self.entered.load(Ordering::Relaxed) => Current::new(Id::from_u64(7), metadata),
            _ => Current::none(),
        }
    }

    fn enter(&self, _: &Id) {
        self.entered.store(true, Ordering::Relaxed);
    }

    fn exit(&self, _: &Id) {
        self.entered.store(false, Ordering::Relaxed);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

#[test]
fn a_transaction_that_stays_open_is_named_by_the_span_that_it_was_begun_in_and_said_once() {
    let listener = Listener::default();
    with_default(listener.clone(), || {
        let done = async {
            let (writer, clock) = (writer(Some(20 * SECOND), Some(5 * SECOND)), Busy::default());
            let entered = info_span!("inbox.handle").entered();
            let _held = writer.turn(&clock).await.unwrap();
            drop(entered);
            let why = refused(&writer, &clock).await;
            assert!(
                why.contains("another transaction of this process, begun in `inbox.handle`, has not ended"),
                "{why}"
            );
            refused(&writer, &clock).await;
        };
        done.now_or_never().expect("a clock that waits for nothing");
    });
    assert_eq!(*listener.heard.lock().unwrap(), [Some(Id::from_u64(7))]);
}
