//! A process says at once that it is not whole any more, and does not stop for ever.

use std::{future::pending, sync::Arc, time::Duration};

use seaworthy_core::outbox::{OutboxRetention, Relay, RelayConfig};
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
    let waiting = tokio::time::timeout(Duration::from_secs(60), process.died());
    assert!(waiting.await.is_err(), "nothing has happened");

    process.start("consumer", |ports| async move {
        ports.clock.sleep(Duration::from_secs(5)).await;
        panic!("on purpose");
    });
    let panicked = TaskPanicked { names: vec!["consumer"] };
    let told = tokio::time::timeout(Duration::from_secs(6), process.died());
    assert_eq!(told.await, Ok(Died::Panicked(panicked.clone())));
    assert_eq!(process.health(), Err(Died::Panicked(panicked.clone())));
    // Whoever asks later hears it too, also after the process was stopped.
    assert_eq!(process.died().await, Died::Panicked(panicked.clone()));
    assert_eq!(process.stop().await, Err(Died::Panicked(panicked.clone())));
    assert_eq!(process.health(), Err(Died::Panicked(panicked)));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_exits_is_not_whole() {
    let process = process();
    let boot = process.boot("orders-1");
    process.start("main", |ports| async move {
        ports.clock.sleep(Duration::from_secs(5)).await;
        boot.exit("the schema is too new").await
    });
    let exited = Died::Exited { reason: "the schema is too new".into() };
    let told = tokio::time::timeout(Duration::from_secs(6), process.died());
    assert_eq!(told.await, Ok(exited.clone()));
    assert_eq!(process.health(), Err(exited));
}

/// As it is where the requests that it serves have come to an end, or it forgot to wait for the stop.
#[tokio::test(start_paused = true)]
async fn a_main_function_that_returns_before_the_stop_is_told_at_once() {
    let process = process();
    process.start("shipping", |ports| async move { ports.stop.wait().await });
    process.start("orders", |ports| async move { ports.clock.sleep(Duration::from_secs(5)).await });
    let told = tokio::time::timeout(Duration::from_secs(6), process.died());
    let died = told.await.expect("at once");
    let text = "parts of the process have ended: orders: its main function has returned, although nobody had asked the \
                process to stop";
    assert_eq!(died.to_string(), text);
    assert_eq!(process.health(), Err(died.clone()));
    assert_eq!(process.stop().await, Err(died), "and whoever stops it hears of it");
}

#[tokio::test(start_paused = true)]
async fn a_process_of_which_everything_ends_at_its_stop_is_whole() {
    let process = process();
    process.start("orders", |ports| async move { ports.stop.wait().await });
    process.ports().spawn("job", async {});
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(process.health(), Ok(()));
    assert_eq!(process.stop().await, Ok(()));
    assert_eq!(process.health(), Ok(()));
}

/// All of them are told, in the order in which they ended.
#[tokio::test(start_paused = true)]
async fn a_loop_that_can_not_work_is_told_with_the_sentence_that_says_what_to_change() {
    let process = process();
    process.start("orders", |ports| async move {
        let relay = Relay::new(&ports).config(RelayConfig::default().batch(0));
        ports.spawn("relay", relay.run());
        ports.clock.sleep(Duration::from_secs(1)).await;
        ports.spawn("retention", OutboxRetention::default().every(Duration::ZERO).run(ports.clone()));
        ports.stop.wait().await;
    });
    let Died::Ended { parts } = process.died().await else { panic!("{:?}", process.health()) };
    assert_eq!(parts.len(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let Err(died @ Died::Ended { .. }) = process.health() else { panic!("{:?}", process.health()) };
    let text = died.to_string();
    let (relay, retention) = text.split_once("; ").expect("two");
    assert!(
        relay.contains("relay: its settings can't work: RelayConfig::batch is 0: ") && relay.contains("so set it to 1")
    );
    assert!(
        retention.starts_with("retention of outbox: its settings can't work: OutboxRetention::every is 0ns"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_stop_is_named_and_ended() {
    let process = process();
    process.start("relay", |ports| async move { ports.stop.wait().await });
    process.start("consumer", |_| pending());
    process.start("recovery", |ports| async move { ports.stop.wait().await });
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
