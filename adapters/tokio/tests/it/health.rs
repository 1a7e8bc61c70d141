//! A process says at once that it is not whole any more, and does not stop for ever.

use std::{future::pending, sync::Arc, time::Duration};

use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{Died, LocalBroker, LocalExternal, LocalIngress, Parts, Process, TaskPanicked, TokioClock};

fn process() -> Process {
    Process::new(Parts {
        store: Arc::new(SqliteStore::open_in_memory(Arc::new(TokioClock), SqliteConfig::simulation()).unwrap()),
        broker: Arc::new(LocalBroker::default()),
        external: Arc::new(LocalExternal::new()),
        ingress: Arc::new(LocalIngress::new(1)),
    })
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_told_at_once_while_the_others_go_on() {
    let process = process();
    process.start("relay", |ports| async move { ports.stop.wait().await });
    assert_eq!(process.health(), Ok(()));
    let waiting = tokio::time::timeout(Duration::from_secs(60), process.panicked());
    assert!(waiting.await.is_err(), "nothing has happened");

    process.start("consumer", |ports| async move {
        ports.clock.sleep(Duration::from_secs(5)).await;
        panic!("on purpose");
    });
    let panicked = TaskPanicked { names: vec!["consumer"] };
    let told = tokio::time::timeout(Duration::from_secs(6), process.panicked());
    assert_eq!(told.await, Ok(panicked.clone()));
    assert_eq!(process.health(), Err(Died::Panicked(panicked.clone())));
    // Whoever asks later hears it too, also after the process was stopped.
    assert_eq!(process.panicked().await, panicked);
    assert_eq!(process.stop().await, Err(Died::Panicked(panicked.clone())));
    assert_eq!(process.health(), Err(Died::Panicked(panicked)));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_exits_is_not_whole() {
    let process = process();
    let boot = process.boot("orders-1");
    process.start("main", |_| async move { boot.exit("the schema is too new").await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(process.health(), Err(Died::Exited { reason: "the schema is too new".into() }));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_named_and_ended() {
    let process = process();
    process.start("relay", |ports| async move { ports.stop.wait().await });
    process.start("consumer", |_| pending());
    process.start("recovery", |_| async {});
    let begun = tokio::time::Instant::now();
    let limit = Duration::from_secs(3);
    assert_eq!(process.stop_within(limit).await, Err(Died::Late { limit, names: vec!["consumer"] }));
    assert_eq!(begun.elapsed(), limit);
    // It is gone.
    assert_eq!(process.stop().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_a_limit_of_its_own_ends_within_what_platforms_give() {
    let process = process();
    process.start("consumer", |_| pending());
    let begun = tokio::time::Instant::now();
    assert!(matches!(process.stop().await, Err(Died::Late { .. })));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
