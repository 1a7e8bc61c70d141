use std::path::Path;

use seaworthy_scenarios::{catalog, order_fulfillment::OrderFulfillment};
use seaworthy_sim::{
    plan::{Plan, generate, scenario_of},
    scenario::Scenario,
    story::{Pointers, tell},
    trace::{TraceFile, interleave},
    world::{self, RunOptions, RunReport},
};

use super::{
    Exit, Failure,
    arguments::{self, ReplayArguments, StoreKind},
    files, run, terminal,
};

/// `seaworthy replay`.
pub(super) fn replay(arguments: &ReplayArguments) -> Result<Exit, Failure> {
    let (scenario, plan, file) = plan(arguments)?;
    if let Some(Some(path)) = &arguments.trace {
        if arguments.spans {
            return Err("a trace file has no spans: give --trace without a file to print them".to_owned().into());
        }
        files::check_writable(path)?;
    }
    let options = RunOptions { keep_trace: true, keep_spans: arguments.spans, ..run::run_options(arguments.store) };
    let report = world::run(&scenario, &plan, &options)?;
    match &arguments.trace {
        Some(Some(path)) => files::write_whole(path, &trace_file(&plan, &report).print())?,
        Some(None) => print_trace(&report),
        None => {}
    }
    say!(
        "{} seed {:#018x}: fingerprint {:016x}, {} events, {} orders answered, {:.3} s of virtual time",
        terminal::strong(scenario.name()),
        plan.seed,
        report.fingerprint,
        report.events,
        report.answered,
        report.virtual_time.as_secs_f64(),
    );
    if report.held() {
        say!("{}: every invariant", terminal::good("held"));
        return Ok(Exit::Held);
    }
    let replay = replay_line(arguments);
    say!();
    say_part!("{}", tell(&plan, &report, Pointers { plan_file: file.as_deref(), replay: &replay }, terminal::style()));
    Ok(Exit::Violated)
}

type Found = (OrderFulfillment, Plan<<OrderFulfillment as Scenario>::Workload>, Option<String>);

/// The plan that is meant, its scenario, and the file that it came from.
fn plan(arguments: &ReplayArguments) -> Result<Found, Failure> {
    if let Ok(seed) = arguments::seed(&arguments.what) {
        let name = arguments.scenario.as_deref().unwrap_or("order_fulfillment");
        let scenario = run::scenario(name, arguments.orders.as_deref())?;
        let plan = generate(&scenario, seed, arguments.profile.unwrap_or_default());
        return Ok((scenario, plan, None));
    }
    // A setting that can't be honoured is an error, never ignored.
    for (given, option) in [(arguments.profile.is_some(), "--profile"), (arguments.orders.is_some(), "--orders")] {
        if given {
            return Err(format!("{option} draws the plan of a seed; a plan file has all that it needs").into());
        }
    }
    let path = Path::new(&arguments.what);
    if !path.exists() {
        return Err(format!("{:?} is neither a seed nor a file", arguments.what).into());
    }
    let text = files::read(path)?;
    let named = scenario_of(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let scenario = catalog::find(arguments.scenario.as_deref().unwrap_or(&named))?;
    let plan = Plan::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    plan.validate(scenario.name(), &scenario.topology()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((scenario, plan, Some(path.display().to_string())))
}

fn trace_file<W>(plan: &Plan<W>, report: &RunReport) -> TraceFile {
    let events = report.trace.as_deref().unwrap_or_default();
    TraceFile::of(&plan.scenario, plan.seed, report.fingerprint, &report.processes, events)
}

fn print_trace(report: &RunReport) {
    let events = report.trace.as_deref().unwrap_or_default();
    for line in interleave(&report.processes, events, report.spans.as_deref().unwrap_or_default()) {
        say!("{line}");
    }
    say!();
}

fn replay_line(arguments: &ReplayArguments) -> String {
    let mut line = format!("seaworthy replay {}", arguments.what);
    if let Some(scenario) = &arguments.scenario {
        line.push_str(&format!(" --scenario {scenario}"));
    }
    if let Some(profile) = arguments.profile {
        line.push_str(&format!(" --profile {profile}"));
    }
    if let Some(orders) = &arguments.orders {
        line.push_str(&format!(" --orders {}", orders.display()));
    }
    if arguments.store == StoreKind::Sqlite {
        line.push_str(" --store sqlite");
    }
    line
}
