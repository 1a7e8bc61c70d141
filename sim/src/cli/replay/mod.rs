mod subject;

use std::path::{Path, PathBuf};

use super::{
    CliError, Exit,
    arguments::{Chosen, ReplayArguments},
    invocation::replay_line,
    progress, run,
    setting::Setting,
    terminal,
};
use crate::{
    catalogue::Case,
    explore::Source,
    files,
    invariants::Mode,
    plan::counted,
    story::Pointers,
    teller::Again,
    trace::interleave,
    world::{RunOptions, RunReport},
};
use subject::{Subject, What};

/// The command `replay`.
pub(super) fn replay(setting: &Setting, arguments: &ReplayArguments, chosen: &Chosen) -> Result<Exit, CliError> {
    let Subject { entry, what } = Subject::find(setting, arguments, chosen)?;
    chosen.without.check(std::slice::from_ref(&entry))?;
    check_files(arguments, &what)?;
    match what {
        What::Plan { text, path } => {
            let case = entry.read(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            let chosen = on_its_store(setting, &*case, &path, chosen)?;
            one(&*case, &Source::File(path.clone()), arguments, &chosen)
        }
        What::Seed { seed, profiles } => {
            let mut worst = Exit::Held;
            for (at, profile) in profiles.iter().enumerate() {
                if at > 0 {
                    say!();
                }
                if profiles.len() > 1 {
                    say!("{}", terminal::strong(&format!("profile {profile}")));
                }
                let case = entry.draw_without(seed, *profile, &chosen.without.faults);
                let source = Source::Seed { seed, profile: *profile };
                if one(&*case, &source, arguments, chosen)? == Exit::Violated {
                    worst = Exit::Violated;
                }
            }
            Ok(worst)
        }
    }
}

/// Says before anything runs that a file can't be written, or not with what is asked for.
fn check_files(arguments: &ReplayArguments, what: &What) -> Result<(), CliError> {
    let trace = arguments.trace.as_ref().and_then(Option::as_ref);
    if trace.is_some() && arguments.spans {
        return Err("a trace file has no spans: give --trace without a file to print them".into());
    }
    let asked_for =
        [("a trace file", trace), ("a page", arguments.html.as_ref()), ("a story", arguments.json.as_ref())];
    for (name, path) in asked_for {
        let Some(path) = path else { continue };
        if matches!(what, What::Seed { profiles, .. } if profiles.len() > 1) {
            return Err(format!("{name} holds one run: name one profile").into());
        }
        files::check_writable(path)?;
    }
    Ok(())
}

/// Returns the choices, on the store that the plan's file names unless another was asked for.
fn on_its_store(setting: &Setting, case: &dyn Case, path: &Path, chosen: &Chosen) -> Result<Chosen, CliError> {
    let mut chosen = chosen.clone();
    let Some(name) = case.store().filter(|_| !chosen.store_said) else { return Ok(chosen) };
    let known = setting.stores.iter().find(|store| store.name == name);
    let known = known.ok_or_else(|| {
        format!("{}: the plan was found on store {name:?}, which this program does not have", path.display())
    })?;
    chosen.store = Some((known.name, known.factory.clone()));
    Ok(chosen)
}

/// Runs one case and tells what happened.
fn one(case: &dyn Case, source: &Source, arguments: &ReplayArguments, chosen: &Chosen) -> Result<Exit, CliError> {
    if chosen.input.is_some() {
        progress::announce_replay(case);
    }
    let options = RunOptions { keep_trace: true, keep_spans: arguments.spans, ..run::run_options(chosen) };
    let report = case.run(&options)?;
    if let Some(None) = &arguments.trace {
        print_trace(&report);
    }
    say!(
        "{} seed {:#018x}: fingerprint {:016x}, {} events, {} answered, {:.3} s of virtual time",
        terminal::strong(case.scenario()),
        case.seed(),
        report.fingerprint,
        report.events,
        counted(report.answered, "requests"),
        report.virtual_time.as_secs_f64(),
    );
    if let Some(words) = case.integrity().words() {
        say!("{words}");
    }
    if let Some(difference) = case.diagnose(&options, source.clone(), Some(report.fingerprint))? {
        say!("\n{}", difference.story);
        return Ok(Exit::Violated);
    }
    let replay = replay_line(Again::from_source(source), case.scenario(), chosen);
    let mut story = case.tell(&report, Pointers { plan: plan_file(source), html: None, replay, keep: None });
    let write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| match path {
        Some(path) => files::write_whole(path, &text()).map_err(CliError::from),
        None => Ok(()),
    };
    let trace = || case.trace(&report, &options).expect("the run was asked to keep its trace").print();
    let written = [
        write(&arguments.html, &|| story.html(&report)),
        write(&arguments.json, &|| story.json()),
        write(&arguments.trace.clone().flatten(), &trace),
    ];
    let exit = if report.held() {
        judge_held(case, source, &report)
    } else {
        let page = arguments.html.as_ref().filter(|_| written[0].is_ok());
        story.pointers.html = page.map(|path| path.display().to_string());
        say!();
        say_part!("{}", story.terminal(chosen.style));
        Exit::Violated
    };
    run::finish(exit, written)
}

/// A plan that was kept for what it strikes proves nothing once it strikes nothing; a drawn one often strikes nothing.
fn judge_held(case: &dyn Case, source: &Source, report: &RunReport) -> Exit {
    let idle = match source {
        Source::File(path) => case.idle(path, report),
        Source::Seed { .. } | Source::Exhaust { .. } => None,
    };
    if let Some(idle) = idle {
        say!("{} {idle}", terminal::bad("warning:"));
        if !idle.others_struck {
            say!("{}: nothing was tried, since none of its faults strikes", terminal::bad("failed"));
            return Exit::Violated;
        }
    }
    if report.judged.iter().all(|judged| judged.mode == Mode::Sometimes) {
        say!("{} the scenario judges nothing: its `invariants` are none, or goals only", terminal::bad("warning:"));
        say!("{}: nothing was judged", terminal::bad("failed"));
        return Exit::Violated;
    }
    say!("{}: every invariant", terminal::good("held"));
    Exit::Held
}

fn plan_file(source: &Source) -> Option<String> {
    match source {
        Source::File(file) => Some(file.display().to_string()),
        Source::Seed { .. } | Source::Exhaust { .. } => None,
    }
}

fn print_trace(report: &RunReport) {
    let events = report.trace.as_deref().unwrap_or_default();
    for line in interleave(&report.processes, events, report.spans.as_deref().unwrap_or_default()) {
        say!("{line}");
    }
    say!();
}
