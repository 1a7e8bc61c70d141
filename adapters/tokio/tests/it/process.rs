//! Tasks, time, entropy, requests and participants of a process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    ids::OperationId,
    ports::{
        Clock, Expected, External, ExternalCall, ExternalError, Ingress, Ports, Random, Spawner, Store, Timestamp,
    },
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{
    AskError, Died, LocalBroker, LocalExternal, LocalIngress, OsRandom, Parts, Process, TaskPanicked, TokioClock,
    TokioSpawner,
};
use tokio::runtime::Handle;
use uuid::Uuid;

#[tokio::test]
async fn joining_waits_for_tasks_and_for_those_that_they_start() {
    let spawner = TokioSpawner::on(Handle::current());
    let done = Arc::new(AtomicU32::new(0));
    let (inner, count, later) = (spawner.clone(), Arc::clone(&done), Arc::clone(&done));
    spawner.spawn(
        "outer",
        Box::pin(async move {
            tokio::task::yield_now().await;
            inner.spawn(
                "inner",
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    later.fetch_add(1, Ordering::SeqCst);
                }),
            );
            count.fetch_add(1, Ordering::SeqCst);
        }),
    );
    spawner.join().await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 2);
    spawner.join().await.unwrap();
}

#[tokio::test]
async fn a_panic_ends_its_task_only_and_is_reported_by_name() {
    let spawner = TokioSpawner::on(Handle::current());
    spawner.spawn("relay", Box::pin(async { panic!("on purpose") }));
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    spawner.spawn(
        "recovery",
        Box::pin(async move {
            count.fetch_add(1, Ordering::SeqCst);
        }),
    );
    assert_eq!(spawner.join().await, Err(TaskPanicked { names: vec!["relay"] }));
    assert_eq!(done.load(Ordering::SeqCst), 1);
    assert_eq!(spawner.join().await, Ok(()));
}

#[tokio::test]
async fn aborting_ends_tasks_that_would_never_end() {
    let spawner = TokioSpawner::on(Handle::current());
    spawner.spawn("waits", Box::pin(std::future::pending()));
    spawner.abort();
    spawner.join().await.unwrap();
}

#[tokio::test]
async fn the_clock_is_the_wall_clock_and_sleeps_at_least_as_long_as_asked() {
    // The first of January 2024 has passed on every machine that runs this.
    assert!(TokioClock.now() > Timestamp::from_millis(1_704_067_200_000));
    let begun = TokioClock.now();
    TokioClock.sleep(Duration::from_millis(20)).await;
    assert!(TokioClock.now().since(begun) >= Duration::from_millis(19), "19 allows for a clock that is being slewed");
}

#[test]
fn two_streams_of_entropy_differ() {
    let (one, two) = (OsRandom::new().unwrap(), OsRandom::new().unwrap());
    let draw = |random: &OsRandom| [random.next_u64(), random.next_u64()];
    assert_ne!(draw(&one), draw(&two));
}

#[tokio::test]
async fn who_asks_hears_acceptance_refusal_or_that_there_was_no_answer() {
    let ingress = Arc::new(LocalIngress::new(1));
    let process = Arc::clone(&ingress);
    let serving = tokio::spawn(async move {
        process.next().await.unwrap().response.accept("done".into());
        process.next().await.unwrap().response.refuse("sold out");
        drop(process.next().await.unwrap());
    });
    assert_eq!(ingress.ask("place", "1".into()).await, Ok("done".into()));
    assert_eq!(ingress.ask("place", "2".into()).await, Err(AskError::Refused("sold out".into())));
    assert_eq!(ingress.ask("place", "3".into()).await, Err(AskError::Unanswered));
    serving.await.unwrap();
}

fn call(service: &str, operation: u128) -> ExternalCall {
    ExternalCall {
        service: service.into(),
        operation: "charge".into(),
        operation_id: OperationId(Uuid::from_u128(operation)),
        body: "12.50".into(),
    }
}

#[tokio::test]
async fn a_definitive_answer_is_given_again_without_a_second_effect() {
    let charged = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&charged);
    let external = LocalExternal::new().service("payments", move |call| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::task::yield_now().await;
            if number == 0 { Err(ExternalError::Unknown("line dropped".into())) } else { Ok(call.body) }
        }
    });
    assert!(matches!(external.call(&call("payments", 1)).await, Err(ExternalError::Unknown(_))));
    let (again, twice) = (call("payments", 1), call("payments", 1));
    let (first, second) = tokio::join!(external.call(&again), external.call(&twice));
    assert_eq!((first, second), (Ok("12.50".into()), Ok("12.50".into())));
    assert_eq!(charged.load(Ordering::SeqCst), 2, "once in doubt, once for sure");
    assert!(external.call(&call("payments", 2)).await.is_ok());
    assert_eq!(charged.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_service_that_does_not_exist_rejects() {
    let found = LocalExternal::new().call(&call("payments", 1)).await;
    assert!(matches!(found, Err(ExternalError::Refused(_))), "{found:?}");
}

/// Makes each request durable, slowly, until it is asked to stop; what it has begun it finishes.
async fn notary(ports: Ports) {
    while let Some(request) = ports.ingress.next().await {
        let mut tx = ports.store.begin().await.unwrap();
        tx.put("deeds", &request.operation, Expected::Any, request.body.clone()).await.unwrap();
        ports.clock.sleep(Duration::from_millis(200)).await;
        tx.commit().await.unwrap();
        request.response.accept(request.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graceful_stop_finishes_what_is_under_way_and_an_abort_rolls_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = SqliteStore::open(&path, Arc::new(TokioClock), SqliteConfig::default()).unwrap();
    for (deed, graceful) in [("kept", true), ("lost", false)] {
        let ingress = Arc::new(LocalIngress::new(8));
        let process = Process::new(Parts {
            store: Arc::new(store.clone()),
            broker: Arc::new(LocalBroker::default()),
            external: Arc::new(LocalExternal::new()),
            ingress: Arc::clone(&ingress) as _,
        })
        .unwrap();
        process.start("notary", notary);
        let asking = tokio::spawn(async move { ingress.ask(deed, "deed".into()).await });
        // Once the writer is taken, the notary is within the 200 ms that it takes.
        while futures_util::poll!(std::pin::pin!(store.begin())).is_ready() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if !graceful {
            process.abort();
        }
        process.stop().await.unwrap();
        assert_eq!(asking.await.unwrap().is_ok(), graceful);
        let found = store.begin().await.unwrap().get("deeds", deed).await.unwrap();
        assert_eq!(found.is_some(), graceful, "{deed}");
    }
}

fn idle_process(store: &SqliteStore, ingress: &Arc<LocalIngress>) -> Process {
    Process::new(Parts {
        store: Arc::new(store.clone()),
        broker: Arc::new(LocalBroker::default()),
        external: Arc::new(LocalExternal::new()),
        ingress: Arc::clone(ingress) as _,
    })
    .unwrap()
}

#[tokio::test]
async fn a_process_that_exits_ends_all_its_tasks_and_its_successor_hears_who_still_asks() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("db"), Arc::new(TokioClock), SqliteConfig::default()).unwrap();
    let ingress = Arc::new(LocalIngress::new(8));
    let process = idle_process(&store, &ingress);
    let boot = process.boot("orders-1");
    assert_eq!((&*boot.name, boot.incarnation, boot.release), ("orders-1", 1, 1));
    process.start("beside", |_| std::future::pending());
    process.start("main", |_| async move { boot.exit("the schema is too new").await });
    assert_eq!(process.ended().await, Err(Died::Exited { reason: "the schema is too new".into() }));

    let asked = ingress.clone();
    let asking = tokio::spawn(async move { asked.ask("place", "1".into()).await });
    let second = idle_process(&store, &ingress);
    let boot = second.boot("orders-1").incarnation(2);
    second.start("main", |_| async move {
        while let Some(request) = boot.ports.ingress.next().await {
            request.response.accept(boot.incarnation.to_string().into());
        }
    });
    assert_eq!(asking.await.unwrap(), Ok("2".into()));
    // The main function's loop ends, and so does the process.
    second.stop().await.unwrap();
}
