//! A plan is the whole identity of a run on SQLite, too, whoever used its database before.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    thread,
};

use futures_util::FutureExt;
use rusqlite::Connection;
use seaworthy_core::ports::{RowId, Store, connection};
use seaworthy_scenarios::{catalog, order_fulfillment::OrderFulfillment};
use seaworthy_sim::{
    explore::{determinism, first_divergence},
    plan::{Plan, Profile},
    trace::{Event, What},
    world::RunOptions,
};
use seaworthy_sqlite::{OpenError, SqliteConfig, SqliteStore};

use smol_str::SmolStr;

use crate::sqlite_simulation::{Orders, execute, on, plan, sqlite};

/// Where the traces of a plan on two stores differ, but for the numbers of outbox rows, which are the store's own.
pub(crate) fn divergence(
    scenario: &OrderFulfillment,
    plan: &Plan<Orders>,
    one: &RunOptions,
    other: &RunOptions,
) -> Option<String> {
    let [one, other] = [one, other].map(|options| {
        let report = execute(scenario, plan, &options.clone().keep_trace(true));
        let mut trace = report.trace.expect("kept");
        number_rows(&mut trace);
        // Their sentences may name a row.
        let violations: Vec<_> = report.violations.into_iter().map(|it| (it.invariant, it.events)).collect();
        (trace, violations)
    });
    let at = first_divergence(&one.0, &other.0).or((one.1 != other.1).then_some(one.0.len()))?;
    Some(format!("{} seed {} event {at}: {:?} {:?}", plan.scenario, plan.seed, one.0.get(at), other.0.get(at)))
}

/// Numbers the rows of each store in the order in which they first appear.
fn number_rows(trace: &mut [Event]) {
    let mut known = BTreeMap::new();
    let mut number = |store: &SmolStr, row: &mut RowId| {
        let next = known.len() as u64;
        *row = RowId(*known.entry((store.clone(), *row)).or_insert(next));
    };
    for event in trace {
        match &mut event.what {
            What::Claim { store, rows, .. } => {
                let mut numbered = rows.to_vec();
                numbered.iter_mut().for_each(|it| number(store, &mut it.row));
                *rows = numbered.into();
            }
            What::Settle { store, rows, .. } => {
                let mut numbered = rows.to_vec();
                numbered.iter_mut().for_each(|it| number(store, &mut it.row));
                *rows = numbered.into();
            }
            _ => {}
        }
    }
}

/// 300 plans, 30 of each profile.
fn plans() -> Vec<Plan<Orders>> {
    let scenario = OrderFulfillment::new();
    (0..300).map(|number| plan(&scenario, number, Profile::ALL[(number % 10) as usize])).collect()
}

fn fingerprint(plan: &Plan<Orders>, options: &RunOptions) -> u64 {
    execute(&OrderFulfillment::new(), plan, options).fingerprint
}

#[test]
fn plans_leave_the_same_trace_on_sqlite_alone_again_and_in_a_campaign() {
    let plans = plans();
    let options = sqlite();
    let alone: Vec<u64> = plans.iter().map(|plan| fingerprint(plan, &options)).collect();
    let again: Vec<u64> = plans.iter().rev().map(|plan| fingerprint(plan, &options)).collect();
    assert!(alone.iter().eq(again.iter().rev()), "backwards, each database was another plan's before");
    // In a campaign: two workers take whatever is next, and exchange databases.
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = BTreeMap::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(plan) = plans.get(at) else { return done };
            done.insert(at, fingerprint(plan, &options));
        }
    };
    let campaign: BTreeMap<usize, u64> = thread::scope(|scope| {
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        workers.into_iter().flat_map(|worker| worker.join().expect("no run panics")).collect()
    });
    assert!(alone.iter().eq(campaign.values()));
}

#[test]
fn whole_traces_on_sqlite_are_compared_event_by_event() {
    for scenario in catalog::all() {
        for profile in Profile::ALL {
            let plan = plan(&scenario, 1, profile);
            if let Some(divergence) = determinism(&scenario, &plan, &sqlite()).expect("a valid plan") {
                panic!("{} of {profile}: {divergence:?}", plan.scenario);
            }
        }
    }
}

/// Lends a store's connection to `user`. A database whose connection was ever lent is not used again.
fn lend(store: &SqliteStore, user: impl FnOnce(&mut Connection)) {
    let lent = async {
        let mut tx = store.begin().await.expect("nobody holds the store");
        user(connection(&mut *tx).await.expect("SQLite lends its connection"));
        tx.commit().await.expect("committed");
    };
    lent.now_or_never().expect("nothing waits in memory");
}

#[test]
fn a_database_that_was_used_before_leaves_the_trace_of_a_new_one() {
    let opened = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&opened);
    let new = on(move |_, clock| {
        // Settings that no database before had, so that none is used again, and lent, so that none is kept.
        let cache_kib = 10_000 + count.fetch_add(1, Ordering::Relaxed);
        let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation().cache_kib(cache_kib))?;
        lend(&store, |_| {});
        Ok::<_, OpenError>(store)
    });
    let plans = plans();
    for plan in &plans {
        assert_eq!(fingerprint(plan, &sqlite()), fingerprint(plan, &new), "seed {}", plan.seed);
    }
    assert!(opened.load(Ordering::Relaxed) as usize >= plans.len(), "each run opens databases of its own");
}

#[test]
fn tables_and_settings_of_a_user_do_not_reach_the_next_run() {
    // What a user may do to a connection that is lent: it is let go, and the next store has another.
    let plan = &plans()[0];
    let before = fingerprint(plan, &sqlite());
    for _ in 0..8 {
        let clock = Arc::new(seaworthy_tokio::TokioClock);
        let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation()).expect("memory for a database");
        lend(&store, |sql| {
            sql.execute_batch(
                "CREATE TABLE left_behind (id INTEGER PRIMARY KEY);
                 CREATE TRIGGER refuse BEFORE INSERT ON seaworthy_outbox BEGIN SELECT RAISE(ABORT, 'no'); END;",
            )
            .expect("a table and a trigger");
        });
    }
    assert_eq!(fingerprint(plan, &sqlite()), before);
}
