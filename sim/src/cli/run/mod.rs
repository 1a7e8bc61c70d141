mod seeds;
mod table;
mod telling;
mod worth;

use super::{
    CliError, Exit,
    arguments::{Chosen, Places, ProfileWord, RunArguments},
    interrupt::Interrupt,
    invocation::replay_line,
    progress,
    setting::Setting,
    summary, terminal,
};
pub(super) use telling::Telling;

use crate::{
    catalogue::Entry,
    explore::{Breadcrumbs, Campaign, CampaignVerdict, SearchOptions, SweepOptions},
    files,
    plan::Profile,
    report::{self, Report},
    teller::Again,
    world::RunOptions,
};

/// The command `run`.
pub(super) fn run(setting: &Setting, arguments: &RunArguments, chosen: &Chosen) -> Result<Exit, CliError> {
    let first = [setting.catalogue.first().name().to_owned()];
    let names = if arguments.scenarios.is_empty() { &first[..] } else { &arguments.scenarios[..] };
    let entries = setting.scenarios(names, chosen)?;
    chosen.without.check(&entries)?;
    let groups = ProfileWord::campaigns(&arguments.profiles)?;
    if let Some(json) = &arguments.json {
        files::check_writable(json)?;
    }
    warn_of_the_dead(&arguments.places);
    let interrupt = Interrupt::listen();
    let options = options(arguments, chosen, &interrupt)?;
    progress::announce(&entries, &groups, &options);
    match (&entries[..], &groups[..]) {
        ([entry], [profiles]) => one(entry, profiles, arguments, chosen, &options, &interrupt),
        _ => table::run(&entries, &groups, arguments, chosen, &options, &interrupt),
    }
}

/// Says which runs were under way when a program before this one died.
pub(super) fn warn_of_the_dead(places: &Places) {
    if let Some(words) = Breadcrumbs::words(&Breadcrumbs::left(&places.under_way())) {
        eprint!("{} {words}", terminal::bad("warning:"));
    }
}

/// Returns the options of each run.
pub(super) fn run_options(chosen: &Chosen) -> RunOptions {
    let store = chosen.store.as_ref();
    RunOptions {
        store: store.map(|(_, factory)| factory.clone()),
        store_name: store.map(|(name, _)| (*name).into()),
        without: chosen.without.invariants.clone(),
        ..RunOptions::default()
    }
}

/// Tells one campaign in full.
fn one(
    entry: &Entry,
    profiles: &[Profile],
    arguments: &RunArguments,
    chosen: &Chosen,
    options: &SweepOptions,
    interrupt: &Interrupt,
) -> Result<Exit, CliError> {
    let campaign = sweep(entry, profiles, options, arguments, chosen, "")?;
    let verdict = campaign.verdict();
    summary::print(&campaign, &verdict, entry.noun(), interrupt.happened());
    let telling = Telling { places: &arguments.places, chosen, run: &options.search.run, stop: &options.search.stop };
    let told = telling.all(entry, &campaign);
    let written = arguments.json.as_ref().map_or(Ok(()), |json| report::write(json, &Report::new(&campaign, &verdict)));
    let exit = exit(&verdict, arguments, interrupt);
    if verdict.held && exit == Exit::Violated {
        summary::print_hollow();
    }
    finish(exit, [told, written.map_err(CliError::from)])
}

/// Returns the exit status of the command. A violation that was found counts for more than a file that could not be
/// written.
pub(super) fn finish(exit: Exit, files: impl IntoIterator<Item = Result<(), CliError>>) -> Result<Exit, CliError> {
    for error in files.into_iter().filter_map(Result::err) {
        if exit != Exit::Violated {
            return Err(error);
        }
        eprintln!("{} {error}", terminal::error("error:"));
    }
    Ok(exit)
}

/// Sweeps over one scenario and shows how far it is.
fn sweep(
    entry: &Entry,
    profiles: &[Profile],
    options: &SweepOptions,
    arguments: &RunArguments,
    chosen: &Chosen,
    label: &str,
) -> Result<Campaign, CliError> {
    let folder = arguments.places.under_way();
    let replay = |seed, profile| replay_line(Again::Seed(seed, profile), entry.name(), chosen);
    let breadcrumbs = Some(Breadcrumbs::new(folder, entry.name(), profiles, replay));
    let search = SearchOptions { breadcrumbs, ..options.search.clone() };
    let options = SweepOptions { profiles: profiles.to_vec(), search, ..options.clone() };
    let bar = progress::of_sweep(arguments.duration);
    let show = |now: &_| progress::show_sweep(&bar, label, arguments.duration, now);
    let campaign = entry.sweep(&options, &show);
    bar.finish_and_clear();
    Ok(campaign?)
}

/// Returns the exit status of a campaign that ended so.
fn exit(verdict: &CampaignVerdict, arguments: &RunArguments, interrupt: &Interrupt) -> Exit {
    if !verdict.held {
        Exit::Violated
    } else if interrupt.happened() {
        Exit::Interrupted
    } else if arguments.strict && !verdict.proves() {
        Exit::Violated
    } else {
        Exit::Held
    }
}

fn options(arguments: &RunArguments, chosen: &Chosen, interrupt: &Interrupt) -> Result<SweepOptions, CliError> {
    let (seeds, until) = seeds::requested(arguments, chosen)?;
    let mut options = SweepOptions::new(seeds, until);
    options.shard = arguments.shard;
    options.without_faults.clone_from(&chosen.without.faults);
    options.search.jobs = arguments.jobs.map_or(options.search.jobs, usize::from);
    options.search.until.failures = (!arguments.keep_going).then_some(1);
    options.search.run = run_options(chosen);
    options.search.stop = interrupt.stop.clone();
    Ok(options)
}
