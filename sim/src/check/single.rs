//! One run and nothing else.

use std::{
    io::{Write, stdout},
    path::Path,
};

use super::{CheckError, Settings, TraceTo, again::replay_line, settings::one_trace};
use crate::{
    catalogue::{Case, case},
    explore::{Campaign, CorpusError, IdlePlan, Source, SweepError, SweepOptions, read_plan_file, replay},
    files,
    generate::generate,
    scenario::Scenario,
    story::{Pointers, Style},
    teller::Again,
    trace::interleave,
    world::{RunOptions, RunReport},
};

/// Replays a plan file, as it is: nothing is shrunk, and nothing but a trace is written.
///
/// # Errors
/// [`CheckError::Corpus`] where the file is no plan of this scenario, [`CheckError::Violated`] where it fails, and
/// [`CheckError::Idle`] where none of its faults strikes.
pub(super) fn replay_plan<S: Scenario>(
    scenario: &S,
    path: &Path,
    settings: &Settings,
    options: &RunOptions,
) -> Result<Campaign, CheckError> {
    let wrong = |error| CorpusError::Plan { path: path.to_owned(), error };
    let file = read_plan_file::<S::Workload>(path)?;
    let plan = file.plan;
    plan.validate(scenario.name(), &scenario.topology()).map_err(wrong)?;
    let replayed = replay(scenario, Source::File(path.to_owned()), &plan, &traced(options, settings));
    let (campaign, report) = replayed.map_err(|error| match error {
        SweepError::Plan { error, .. } => CheckError::Corpus(wrong(error)),
        other => CheckError::Sweep(other),
    })?;
    let idle = IdlePlan::from_report(path.to_owned(), &plan, &report).filter(|idle| !idle.others_struck);
    let case = case(scenario, plan);
    show_trace(&case, &report, options, settings)?;
    if report.held() {
        return match idle {
            Some(idle) => Err(CheckError::Idle { plans: vec![idle], campaign: Box::new(campaign) }),
            None => Ok(campaign),
        };
    }
    let replay = replay_line(Again::Plan(path));
    let pointers = Pointers { plan: Some(path.display().to_string()), html: None, replay, keep: None };
    let integrity = file.integrity.words().map(|words| format!("{words}\n\n")).unwrap_or_default();
    let story = format!("{integrity}{}", case.tell(&report, pointers).terminal(Style::default().fitting(None, None)));
    Err(CheckError::Violated { story, campaign: Box::new(campaign) })
}

/// Shows the trace of the one seed under each profile, before anything is judged, where that is asked for.
///
/// # Errors
/// [`CheckError::Setting`] where one file would have to hold several traces, [`CheckError::Sweep`] where a plan can't be
/// honoured, and [`CheckError::File`].
pub(super) fn trace_seed<S: Scenario>(
    scenario: &S,
    settings: &Settings,
    options: &SweepOptions,
) -> Result<(), CheckError> {
    let (Some(seed), Some(to)) = (settings.seed, &settings.trace) else { return Ok(()) };
    if let (TraceTo::File(path), true) = (to, options.profiles.len() > 1) {
        return Err(one_trace(path).into());
    }
    for profile in options.profiles.iter().copied() {
        let case = case(scenario, generate(scenario, seed, profile).without_faults(&options.without_faults));
        let wrong = |error| SweepError::Plan { from: Source::Seed { seed, profile }, error };
        let report = case.run(&traced(&options.search.run, settings)).map_err(wrong)?;
        show_trace(&case, &report, &options.search.run, settings)?;
    }
    Ok(())
}

fn traced(options: &RunOptions, settings: &Settings) -> RunOptions {
    RunOptions { keep_trace: true, keep_spans: settings.spans, ..options.clone() }
}

/// Prints the trace where everybody sees it: the test harness holds back what a test prints by `println!`.
fn show_trace(
    case: &dyn Case,
    report: &RunReport,
    options: &RunOptions,
    settings: &Settings,
) -> Result<(), CheckError> {
    match &settings.trace {
        None => {}
        Some(TraceTo::Print) => {
            let events = report.trace.as_deref().unwrap_or_default();
            let lines = interleave(&report.processes, events, report.spans.as_deref().unwrap_or_default());
            let text: String = lines.into_iter().map(|line| line + "\n").collect();
            // A reader that has seen enough is no reason to fail.
            let _ = stdout().lock().write_all(text.as_bytes());
        }
        Some(TraceTo::File(path)) => {
            let trace = case.trace(report, options).expect("the run was asked to keep its trace");
            files::write_whole(path, &trace.print())?;
        }
    }
    Ok(())
}
