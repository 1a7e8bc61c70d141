use std::{future::poll_fn, panic::resume_unwind, pin::pin, sync::Arc, thread};

use futures_util::future::{Either, select};
use madsim::runtime::Runtime;
use seaworthy_core::ports::{Clock, Store};
use seaworthy_memory::{
    broker::{BrokerConfig, MemoryBroker},
    external::MemoryExternal,
    store::MemoryStore,
};
use smol_str::SmolStr;
use tracing::Dispatch;
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::{
    RunOptions, RunReport,
    control::control,
    driven::Driven,
    judges::{instructed, without_observers},
    kept,
    outside::WorldOutside,
    prepared,
    watch::{self, Watch},
};
use crate::{
    draw::Draw,
    executor::{Executor, Spawner, Time},
    files,
    kernel::{
        Activity, Faults, Hearing, IncarnationTask, Listening, Meter, OwnTables, Parts, Recorder, RunState, SpanBook,
        SpanLayer, World, panics,
    },
    plan::Workload,
    plan::{Plan, PlanError, PlanFile, stream},
    ports::WorldClock,
    scenario::{Client, Scenario},
    topology::Topology,
    trace::micros,
};

/// Executes `plan` once, on a fresh thread: the standard library seeds its hash maps once a thread, so a run that
/// shared one could depend on what ran there before. A scenario that promises not to ([`Scenario::shares_threads`]) runs
/// on the caller's thread.
///
/// # Errors
/// [`PlanError`] if the plan can't be honoured to the letter.
///
/// # Panics
/// Passes on a panic of the scenario's preparation or invariants. A panic of a process or of the client is a violation.
///
/// A task that computes for ever without giving way can't be stopped: after `SEAWORTHY_PATIENCE` real seconds, 60 if that
/// is not set, the whole program ends, and says which run it was and where its plan is.
pub fn run<S: Scenario>(scenario: &S, plan: &Plan<S::Workload>, options: &RunOptions) -> Result<RunReport, PlanError> {
    let topology = scenario.topology();
    plan.validate(scenario.name(), &topology)?;
    // The watchdog needs a thread, and in a simulation there are none.
    watch::start();
    panics::keep_quiet(watch::present);
    if scenario.shares_threads() {
        return Ok(execute(scenario, plan, options, topology));
    }
    let noted = watch::noted();
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(format!("seed-{}", plan.seed));
        let thread = thread.spawn_scoped(scope, || {
            watch::note(noted);
            execute(scenario, plan, options, topology)
        });
        let thread = thread.expect("the operating system starts a thread for the run");
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

fn execute<S: Scenario>(scenario: &S, plan: &Plan<S::Workload>, options: &RunOptions, topology: Topology) -> RunReport {
    if !options.keep_spans {
        return Hearing::beside_default(|| live(scenario, plan, options, topology, None));
    }
    let book = Arc::<SpanBook>::default();
    let subscriber = Dispatch::new(Registry::default().with(SpanLayer(book.clone())));
    Hearing::beside(subscriber, || live(scenario, plan, options, topology, Some(book)))
}

fn live<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Workload>,
    options: &RunOptions,
    topology: Topology,
    spans: Option<Arc<SpanBook>>,
) -> RunReport {
    let runtime = Runtime::with_seed_and_config(plan.seed, madsim::Config::default());
    // In a box: it is large, and would be moved on its way to where it is polled.
    runtime.block_on(Box::pin(async {
        let executor = Executor::new(Draw::stream(plan.seed, stream::ORDER));
        let (time, spawner) = (executor.time(), executor.spawner());
        let world = build(scenario, plan, options, topology, spans, time, spawner);
        let _listening = Listening::new(&world);
        // Until the last destructor has run.
        let _watch = Watch::new(&world, scenario.name(), plan.seed, keep(plan));
        // Pinned where it is made: it is large, and every move would copy it.
        executor.run(pin!(program(scenario, plan, options, world))).await
    }))
}

/// The whole of a run but its tasks.
async fn program<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Workload>,
    options: &RunOptions,
    world: Arc<World>,
) -> RunReport {
    if !world.topology.tables.is_empty() {
        let shows = prepared::watch(&world.topology.tables, &world.stores).await;
        world.shows_rows.get_or_init(|| shows);
    }
    {
        let find = |name: &str| {
            let store = world.stores.iter().find(|(known, _)| known == name);
            store.map(|(_, store)| store.clone()).expect("the scenario prepares a store that its topology has")
        };
        let find: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync) = &find;
        scenario.prepare(&plan.workload, find).await;
    }
    prepared::begin(&world).await;
    kept::count(&world).await;
    world.state().asking = 1;
    let client = Client(Arc::new(WorldOutside(world.clone())));
    let drive = async {
        Driven::new(&world, scenario.drive(&plan.workload, client)).await;
        world.state().asking -= 1;
        world.nudge.notify_one();
    };
    let mut control = pin!(control(&world, &options.budget, scenario));
    let control = poll_fn(|cx| {
        // The task that this is a part of is polled: the client is, too.
        world.meter.woken();
        control.as_mut().poll(cx)
    });
    let ending = match select(pin!(control), pin!(drive)).await {
        Either::Left((ending, _)) => ending,
        Either::Right(((), control)) => control.await,
    };
    let report = report(&world, ending);
    // The tasks are woken, and drop what they hold. Without this, tasks would keep the world, and the world the
    // tasks: a campaign would keep every run that it ever made.
    world.end();
    report
}

/// Writes the plan to a file, for a run that nothing else will tell of.
fn keep<W: Workload>(plan: &Plan<W>) -> watch::Keep {
    let plan = plan.clone();
    Box::new(move |name| {
        let path = files::target().join("seaworthy").join(plan.scenario.as_str()).join(name);
        PlanFile::new(plan.clone()).write(&path).ok().map(|()| path)
    })
}

fn build<S: Scenario>(
    scenario: &S,
    plan: &Plan<S::Workload>,
    options: &RunOptions,
    topology: Topology,
    spans: Option<Arc<SpanBook>>,
    time: Time,
    spawner: Spawner<IncarnationTask>,
) -> Arc<World> {
    if let Some(spans) = &spans {
        spans.start(time.clone());
    }
    let epoch = scenario.epoch();
    let calls = options.budget.calls(plan.workload.len(), plan.workload.span(), plan.faults_last());
    let meter = Meter::new(time.clone(), calls, options.budget.steps_per_port_call);
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
    let config = BrokerConfig::default().visibility_timeout(topology.visibility_timeout);
    let config = topology.group_holds.into_iter().fold(config, BrokerConfig::unacknowledged_max);
    let broker = MemoryBroker::new(clock, config);
    for group in &topology.groups {
        broker.declare(group);
    }
    let externals = MemoryExternal::new();
    for external in &topology.externals {
        externals.register(&external.name, (external.make)());
    }
    let invariants = instructed(scenario, &topology, plan, options);
    let activity = Activity::new(&topology);
    let keep_trace = options.keep_trace.then(|| options.trace_max.unwrap_or(u64::MAX));
    let recorder = Recorder::new(invariants, activity, keep_trace, spans, epoch);
    let mut faults = Faults::new(plan, &topology);
    if options.list_calls {
        faults.list_calls();
    }
    let span = micros(plan.workload.span());
    let mut state = RunState::new(recorder, faults, plan.seed, topology.processes.len(), calls, span);
    state.own_tables = OwnTables::new(topology.tables.clone());
    let parts = Parts { topology, epoch, schedule: plan.schedule, stores, broker, externals, time, meter, spawner };
    // Shared from the start: it is large, and every move would copy it.
    Arc::new(World::new(parts, state))
}

fn report(world: &World, ending: crate::invariants::Ending) -> RunReport {
    let virtual_time = world.time.elapsed();
    let mut state = world.state();
    let recorder =
        std::mem::replace(&mut state.recorder, Recorder::new(Vec::new(), Activity::default(), None, None, world.epoch));
    let mut record = recorder.finish(ending);
    without_observers(&mut record.findings.dealt, &world.topology);
    let names = world.topology.processes.iter().map(|process| process.name.clone());
    RunReport {
        fingerprint: record.fingerprint,
        events: record.events,
        calls: state.calls(),
        strikable: state.faults.strikable(),
        answered: state.answered,
        effort: world.meter.effort(),
        virtual_time,
        ending,
        violations: record.findings.violations,
        judged: record.findings.judged,
        reached: record.findings.reached,
        dealt: record.findings.dealt,
        fired: record.fired,
        processes: names.collect::<Vec<SmolStr>>(),
        trace: record.trace,
        spans: record.spans,
    }
}
