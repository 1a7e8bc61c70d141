//! What outlives a run.

use std::{
    cell::Cell,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use seaworthy_sim::explore::DifferenceCause;

use super::{Leaky, caught};

#[test]
fn a_static_counter_is_caught_as_one() {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let source = Leaky::new(|_| Box::pin(async { COUNTER.fetch_add(1, Ordering::Relaxed).to_string() }));
    assert_eq!(caught(&source).cause, DifferenceCause::Counter);
}

#[test]
fn a_static_cache_that_the_first_run_warms_is_caught() {
    static CACHE: OnceLock<()> = OnceLock::new();
    let source = Leaky::new(|ports| {
        Box::pin(async move {
            if CACHE.get().is_none() {
                // It is loaded once a process, so only the first run asks the store.
                if let Ok(mut tx) = ports.store.begin().await {
                    let _ = tx.get("settings", "limit").await;
                }
                let _ = CACHE.set(());
            }
            "done".to_owned()
        })
    });
    let difference = caught(&source);
    assert_eq!(difference.cause, DifferenceCause::Survivor, "{}", difference.story);
}

#[test]
fn a_static_registry_is_caught() {
    static SEEN: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    let source = Leaky::new(|_| {
        Box::pin(async {
            let mut seen = SEEN.lock().expect("nobody panics");
            let number = seen.len() as u64;
            seen.push(number);
            number.to_string()
        })
    });
    assert_eq!(caught(&source).cause, DifferenceCause::Counter);
}

#[test]
fn a_threads_own_state_is_caught_where_runs_share_a_thread() {
    thread_local!(static CALLS: Cell<u64> = const { Cell::new(0) });
    let source = Leaky {
        source: |_| Box::pin(async { CALLS.replace(CALLS.get() + 1).to_string() }),
        shares_threads: true,
        rehearses: false,
    };
    let difference = caught(&source);
    assert!(matches!(difference.cause, DifferenceCause::Survivor | DifferenceCause::Counter), "{}", difference.story);
}

#[test]
fn a_file_that_a_run_leaves_behind_is_caught() {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    // Two runs at a time would tear the file between its reading and its writing, and what is told would be that.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder"));
    let source = Leaky::new(|_| {
        Box::pin(async {
            let _one = ONE_AT_A_TIME.lock().expect("nobody panics");
            let file = FOLDER.get().expect("made before").path().join("journal");
            let before = std::fs::read_to_string(&file).unwrap_or_default();
            std::fs::write(&file, format!("{before}x")).expect("it can be written");
            before.len().to_string()
        })
    });
    let difference = caught(&source);
    assert!(matches!(difference.cause, DifferenceCause::Counter | DifferenceCause::Value), "{}", difference.story);
}

#[test]
fn the_id_of_a_task_is_caught() {
    let source = Leaky::new(|_| Box::pin(async { format!("{:?}", madsim::task::spawn(async {}).id()) }));
    assert_eq!(caught(&source).cause, DifferenceCause::Counter);
}

/// A rehearsal runs a hundred plans before the first one that counts; the cache is cold before it all the same.
#[test]
fn a_cache_that_a_rehearsal_would_warm_is_caught() {
    static CACHE: OnceLock<()> = OnceLock::new();
    let source = Leaky::new(|ports| {
        Box::pin(async move {
            if CACHE.get().is_none() {
                if let Ok(mut tx) = ports.store.begin().await {
                    let _ = tx.get("settings", "limit").await;
                }
                let _ = CACHE.set(());
            }
            "done".to_owned()
        })
    });
    let difference = caught(&Leaky { rehearses: true, ..source });
    assert_eq!(difference.cause, DifferenceCause::Survivor, "{}", difference.story);
}
