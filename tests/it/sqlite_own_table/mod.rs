//! State in tables of the user's own: the same service under simulation, and in production on a file.

mod checkout;
mod crash;
mod scenario;
mod service;

use std::{sync::Arc, time::Duration};

use scenario::{Kept, Orders, OwnTables, rows};
use seaworthy_core::ports::{Operation, Store};
use seaworthy_sim::{
    generate::generate,
    plan::{CallFault, FORMAT, Fault, Plan, Profile, Restart, Schedule, Verdict},
    world::run,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};
use service::{ORDERS, PLACE, SHIPPING, State};

const ALL_ORDERS: &str = "SELECT id, state FROM orders ORDER BY id";
const ALL_PICKS: &str = "SELECT order_id, count(*) FROM picks GROUP BY order_id ORDER BY order_id";
const ALL_PARCELS: &str = "SELECT order_id, count(*) FROM parcels GROUP BY order_id ORDER BY order_id";

/// Runs a plan, and looks into the tables when it is over.
fn execute(plan: &Plan<Orders>) -> usize {
    let kept = Kept::default();
    let report = run(&OwnTables, plan, &kept.options()).expect("a valid plan");
    assert!(report.held(), "{:#?}\n{}", report.violations, plan.print());
    let each = |value: i64| -> Vec<(String, i64)> {
        let mut orders: Vec<_> = plan.workload.orders.iter().map(|order| (order.clone(), value)).collect();
        orders.sort_unstable();
        orders
    };
    assert_eq!(kept.rows(ORDERS, ALL_ORDERS), each(State::Shipped as i64), "{}", plan.print());
    assert_eq!(kept.rows(ORDERS, ALL_PICKS), each(1), "{}", plan.print());
    assert_eq!(kept.rows(SHIPPING, ALL_PARCELS), each(1), "{}", plan.print());
    report.fired.len()
}

#[test]
fn own_tables_hold_under_generated_plans_of_every_profile() {
    // 100 plans of a profile strike each kind of fault at each point of this small service several times.
    for profile in Profile::ALL {
        let fired: usize = (0..100).map(|seed| execute(&generate(&OwnTables, seed, profile))).sum();
        assert_eq!(fired == 0, profile == Profile::Calm, "{profile}: {fired} faults struck");
    }
}

#[test]
fn own_tables_hold_when_a_process_dies_at_any_of_its_statements_and_commits() {
    let restart = Restart { after_ms: 500, upgrade: false };
    let workload = Orders { orders: vec!["order-0".into(), "order-1".into()] };
    for process in ["orders-1", "orders-2", "shipping-1", "shipping-2"] {
        for point in [Operation::Begin, Operation::Statement, Operation::Commit] {
            for verdict in [Verdict::CrashBefore(restart), Verdict::CrashAfter(restart)] {
                let strikes = |nth: &u32| {
                    let fault =
                        Fault::Call(CallFault { process: process.into(), point: point.into(), nth: *nth, verdict });
                    let plan = Plan {
                        format: FORMAT.into(),
                        scenario: "own_tables".into(),
                        seed: 1,
                        schedule: Schedule::default(),
                        workload: workload.clone(),
                        faults: vec![fault],
                    };
                    execute(&plan) > 0
                };
                let calls = (1..).take_while(strikes).count();
                assert!(calls > 0, "{process} makes no call at {point:?}");
            }
        }
    }
}

/// A service on a file, as production runs it.
fn start(name: &'static str, store: &SqliteStore, broker: &LocalBroker, ingress: &Arc<LocalIngress>) -> Process {
    let process = Process::new(Parts {
        store: Arc::new(store.clone()),
        broker: Arc::new(broker.clone()),
        external: Arc::new(LocalExternal::new()),
        ingress: ingress.clone(),
    })
    .expect("within a runtime");
    match name {
        ORDERS => process.start(name, service::orders),
        _ => process.start(name, service::shipping),
    }
    process
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_service_runs_on_tokio_and_files_and_survives_being_cut_off() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = |name: &str| SqliteStore::open(folder.path().join(name), Arc::new(TokioClock), SqliteConfig::default());
    let (orders, shipping) = (open("orders.db").expect("a new file"), open("shipping.db").expect("a new file"));
    let broker = LocalBroker::default();
    broker.declare(SHIPPING, [ORDERS]);
    broker.declare(ORDERS, [SHIPPING]);
    let (ingress, nobody) = (Arc::new(LocalIngress::new(64)), Arc::new(LocalIngress::new(1)));
    let ids: Vec<String> = (0..20).map(|number| format!("order-{number:02}")).collect();
    // Twice cut off in the middle of its work; then it may finish.
    for round in 0..3 {
        let processes = [start(ORDERS, &orders, &broker, &ingress), start(SHIPPING, &shipping, &broker, &nobody)];
        for id in ids.iter().take(7 * (round + 1)) {
            ingress.ask(PLACE, id.clone().into()).await.expect("placed");
        }
        if round < 2 {
            processes.iter().for_each(Process::abort);
        } else {
            finished(&orders, ids.len()).await;
        }
        for process in &processes {
            process.stop().await.expect("no task panics");
        }
    }
    let each = |value: i64| ids.iter().map(|id| (id.clone(), value)).collect::<Vec<_>>();
    assert_eq!(rows(&orders, ALL_ORDERS).await, each(State::Shipped as i64));
    assert_eq!(rows(&orders, ALL_PICKS).await, each(1));
    assert_eq!(rows(&shipping, ALL_PARCELS).await, each(1));
}

/// Waits until all orders have been shipped: some seconds, where a delivery has to time out first.
async fn finished(orders: &SqliteStore, count: usize) {
    for _ in 0..1_200 {
        let shipped =
            rows(orders, ALL_ORDERS).await.iter().filter(|(_, state)| *state == State::Shipped as i64).count();
        if shipped == count && orders.backlog().await.expect("readable").is_idle() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not all orders were shipped within a minute");
}
