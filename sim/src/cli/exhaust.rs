use super::{
    CliError, Exit,
    arguments::{Chosen, ExhaustArguments},
    interrupt::Interrupt,
    invocation::replay_line,
    progress,
    run::{Telling, finish, run_options, warn_of_the_dead},
    setting::Setting,
    summary,
};
use crate::{
    explore::{Breadcrumbs, ExhaustOptions},
    files,
    report::{self, Report},
    teller::Again,
};

/// The command `exhaust`.
pub(super) fn exhaust(setting: &Setting, arguments: &ExhaustArguments, chosen: &Chosen) -> Result<Exit, CliError> {
    let first = setting.catalogue.first().name().to_owned();
    let entry = setting.scenario(arguments.scenario.as_ref().unwrap_or(&first), chosen)?;
    chosen.without.check(std::slice::from_ref(&entry))?;
    if let Some(json) = &arguments.json {
        files::check_writable(json)?;
    }
    warn_of_the_dead(&arguments.places);
    let interrupt = Interrupt::listen();
    let mut options = ExhaustOptions::new(arguments.k);
    (options.items, options.seed) = (arguments.items.unwrap_or_else(|| entry.least_items()), arguments.seed);
    (options.from, options.shard) = (arguments.from, arguments.shard);
    options.without_faults.clone_from(&chosen.without.faults);
    options.all_pairs = arguments.all_pairs;
    options.search.jobs = arguments.jobs.map_or(options.search.jobs, usize::from);
    options.search.until.failures = (!arguments.keep_going).then_some(1);
    options.search.run = run_options(chosen);
    options.search.stop = interrupt.stop.clone();
    let (k, seed, items, all_pairs) = (arguments.k, arguments.seed, options.items as u64, arguments.all_pairs);
    let go_on = |number| replay_line(Again::From { number, k, seed, items, all_pairs }, entry.name(), chosen);
    let breadcrumbs = Breadcrumbs::for_exhaust(arguments.places.under_way(), entry.name(), go_on);
    options.search.breadcrumbs = Some(breadcrumbs);

    progress::announce_plans(&entry, &options);
    let bar = progress::of_search();
    let campaign = entry.exhaust(&options, &|now| progress::show_plans(&bar, now));
    bar.finish_and_clear();
    let campaign = campaign?;
    let verdict = campaign.verdict();
    summary::print(&campaign, &verdict, entry.noun(), interrupt.happened());
    if let Some(next) = campaign.exhausted.and_then(|exhausted| exhausted.next) {
        say!("go on by {}", go_on(next));
    }
    let telling = Telling { places: &arguments.places, chosen, run: &options.search.run, stop: &interrupt.stop };
    let told = telling.all(&entry, &campaign);
    let written = arguments.json.as_ref().map_or(Ok(()), |json| report::write(json, &Report::new(&campaign, &verdict)));
    let exit = match (verdict.held, interrupt.happened()) {
        (false, _) => Exit::Violated,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Held,
    };
    finish(exit, [told, written.map_err(CliError::from)])
}
