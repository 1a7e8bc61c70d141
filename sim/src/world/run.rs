use std::{panic::resume_unwind, pin::pin, sync::Arc, thread, time::Duration};

use futures_util::future::{Either, select};
use madsim::runtime::Runtime;
use seaworthy_core::ports::{Clock, Store};
use smol_str::SmolStr;
use tracing::subscriber::with_default;
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::{
    RunOptions, RunReport,
    client::Client,
    control::control,
    faults::Faults,
    meter::Meter,
    outside::WorldOutside,
    own_tables::{self, OwnTables},
    recorder::Recorder,
    shared::{Parts, World},
    spans::{SpanBook, SpanLayer},
    state::State,
};
use crate::{
    broker::{BrokerConfig, MemoryBroker},
    external::MemoryExternal,
    plan::{Plan, PlanError},
    scenario::{Scenario, Topology, Workload},
    shell::WorldClock,
    store::MemoryStore,
};

/// Executes `plan` once, on a fresh thread: the standard library seeds its hash maps once a thread, so a run that
/// shared one could depend on what ran there before. A scenario that promises not to ([`Scenario::shares_threads`]) runs
/// on the caller's thread.
///
/// # Errors
/// [`PlanError`] if the plan can't be honoured to the letter.
///
/// # Panics
/// Passes on a panic of the scenario's own client, preparation or invariants. A panic of a process is a violation.
pub fn run<S: Scenario>(scenario: &S, plan: &Plan<S::Workload>, options: &RunOptions) -> Result<RunReport, PlanError> {
    let topology = scenario.topology();
    plan.validate(scenario.name(), &topology)?;
    if scenario.shares_threads() {
        return Ok(execute(scenario, plan, options, topology));
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(format!("seed-{}", plan.seed));
        let thread = thread.spawn_scoped(scope, || execute(scenario, plan, options, topology));
        let thread = thread.expect("the operating system starts a thread for the run");
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

fn execute<S: Scenario>(scenario: &S, plan: &Plan<S::Workload>, options: &RunOptions, topology: Topology) -> RunReport {
    if !options.keep_spans {
        return live(scenario, plan, options, topology, None);
    }
    let book = Arc::<SpanBook>::default();
    let subscriber = Registry::default().with(SpanLayer(book.clone()));
    with_default(subscriber, || live(scenario, plan, options, topology, Some(book)))
}

fn live<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Workload>,
    options: &RunOptions,
    topology: Topology,
    spans: Option<Arc<SpanBook>>,
) -> RunReport {
    let runtime = Runtime::with_seed_and_config(plan.seed, madsim::Config::default());
    runtime.block_on(async {
        let mut world = build(scenario, plan, options, topology, spans);
        if !world.topology.tables.is_empty() {
            world.shows_rows = own_tables::watch(&world.topology.tables, &world.stores).await;
        }
        let world = Arc::new(world);
        {
            let find = |name: &str| {
                let store = world.stores.iter().find(|(known, _)| known == name);
                store.map(|(_, store)| store.clone()).expect("the scenario prepares a store that its topology has")
            };
            let find: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync) = &find;
            scenario.prepare(&plan.workload, find).await;
        }
        own_tables::begin(&world).await;
        world.state().asking = 1;
        let client = Client(Arc::new(WorldOutside(world.clone())));
        let drive = async {
            scenario.drive(&plan.workload, client).await;
            world.state().asking -= 1;
            world.nudge.notify_one();
        };
        let ending = match select(pin!(control(&world, &options.budget)), pin!(drive)).await {
            Either::Left((ending, _)) => ending,
            Either::Right(((), control)) => control.await,
        };
        let report = report(&world, ending);
        world.end();
        // The woken tasks drop what they hold. Without this, timers would keep tasks, tasks the world, and the world
        // the timers: a campaign would keep every run that it ever made.
        madsim::time::sleep(Duration::from_millis(1)).await;
        report
    })
}

fn build<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Workload>,
    options: &RunOptions,
    topology: Topology,
    spans: Option<Arc<SpanBook>>,
) -> World {
    let time = madsim::time::TimeHandle::current();
    if let Some(spans) = &spans {
        spans.start(time.clone());
    }
    let epoch = scenario.epoch();
    let meter = Meter::new(time.clone());
    let clock: Arc<dyn Clock> = Arc::new(WorldClock::new(time.clone(), epoch, meter.clone()));
    let factory = options.store.clone().or_else(|| scenario.store());
    let stores = topology
        .stores()
        .into_iter()
        .map(|name| {
            let store: Arc<dyn Store> = match &factory {
                Some(make) => make(&name, clock.clone()),
                None => Arc::new(MemoryStore::new(clock.clone())),
            };
            (name, store)
        })
        .collect();
    let config = BrokerConfig { visibility_timeout: topology.visibility_timeout, ..BrokerConfig::default() };
    let broker = MemoryBroker::new(clock, config);
    for group in &topology.groups {
        broker.declare(group);
    }
    let externals = MemoryExternal::new();
    for external in &topology.externals {
        externals.register(&external.name, (external.make)());
    }
    let mut invariants = scenario.invariants(&plan.workload);
    invariants.retain(|invariant| !options.without.iter().any(|name| name == invariant.name()));
    if let Some(practice) = &options.practice {
        invariants.iter_mut().for_each(|invariant| invariant.learn(practice));
    }
    let recorder = Recorder::new(invariants, options.keep_trace, spans, epoch);
    let faults = Faults::new(plan, &topology);
    let calls = options.budget.calls(plan.workload.len(), plan.workload.span(), plan.last_fault_end());
    let mut state = State::new(recorder, faults, plan.seed, topology.processes.len(), calls);
    state.own_tables = OwnTables::new(topology.tables.clone());
    let parts = Parts { topology, epoch, schedule: plan.schedule, stores, broker, externals, time, meter };
    World::new(parts, state)
}

fn report(world: &World, ending: crate::invariants::Ending) -> RunReport {
    let virtual_time = world.time.elapsed();
    let mut state = world.state();
    let recorder = std::mem::replace(&mut state.recorder, Recorder::new(Vec::new(), false, None, world.epoch));
    let record = recorder.finish(ending);
    let names = world.topology.processes.iter().map(|process| process.name.clone());
    RunReport {
        fingerprint: record.fingerprint,
        events: record.events,
        calls: state.calls(),
        answered: state.answered,
        effort: world.meter.effort(),
        virtual_time,
        ending,
        violations: record.findings.violations,
        judged: record.findings.judged,
        reached: record.findings.reached,
        fired: record.fired,
        processes: names.collect::<Vec<SmolStr>>(),
        trace: record.trace,
        spans: record.spans,
    }
}
