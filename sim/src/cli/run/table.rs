//! Several campaigns in one table: a line for each scenario, a column for each of the profiles.

use comfy_table::{Cell, Color};

use super::{
    Telling, exit, finish, sweep,
    worth::{self, names},
};
use crate::{
    catalogue::Entry,
    cli::{
        CliError, Exit,
        arguments::{Chosen, RunArguments},
        interrupt::Interrupt,
        summary, terminal,
    },
    explore::{Campaign, CampaignVerdict, SweepOptions, Warning},
    plan::Profile,
    plan::counted,
    report::{self, Report},
};

/// Runs a campaign of each scenario under each group of profiles, prints the table, and tells the first failure of each
/// scenario.
pub(super) fn run(
    entries: &[Entry],
    groups: &[Vec<Profile>],
    arguments: &RunArguments,
    chosen: &Chosen,
    options: &SweepOptions,
    interrupt: &Interrupt,
) -> Result<Exit, CliError> {
    let mut campaigns = Vec::new();
    for (entry, profiles) in entries.iter().flat_map(|entry| groups.iter().map(move |profiles| (entry, profiles))) {
        if interrupt.happened() {
            break;
        }
        let label = format!("{} under {}: ", entry.name(), names(profiles));
        let campaign = sweep(entry, profiles, options, arguments, chosen, &label)?;
        let verdict = campaign.verdict();
        campaigns.push((campaign, verdict));
    }
    print(entries, groups, &campaigns);
    let telling = Telling { places: &arguments.places, chosen, run: &options.search.run, stop: &options.search.stop };
    let mut told = Ok(());
    for (entry, line) in entries.iter().zip(campaigns.chunks(groups.len())) {
        let Some((campaign, first)) = line.iter().find_map(|(it, _)| Some((it, it.failures.first()?))) else {
            continue;
        };
        say!("\n{} under {}", terminal::strong(entry.name()), names(&campaign.profiles));
        told = told.and(telling.one(entry, campaign, first));
    }
    let reports: Vec<Report<'_>> = campaigns.iter().map(|(campaign, verdict)| Report::new(campaign, verdict)).collect();
    let written = arguments.json.as_ref().map_or(Ok(()), |json| report::write(json, &reports));
    finish(conclude(&campaigns, arguments, interrupt), [told, written.map_err(CliError::from)])
}

/// The table: how many runs failed, of how many. A campaign that was never begun is an empty place.
fn print(entries: &[Entry], groups: &[Vec<Profile>], campaigns: &[(Campaign, CampaignVerdict)]) {
    let columns: Vec<String> = groups.iter().map(|profiles| names(profiles)).collect();
    let mut table = terminal::numbers(["failed of seeds"].into_iter().chain(columns.iter().map(String::as_str)));
    let mut lines = campaigns.chunks(groups.len());
    for entry in entries {
        let line = lines.next().unwrap_or_default();
        let cells = line.iter().map(|(campaign, _)| {
            let color = if campaign.failed > 0 { Color::Red } else { Color::Reset };
            Cell::new(format!("{}/{}", campaign.failed, campaign.runs)).fg(color)
        });
        table.add_row([Cell::new(entry.name())].into_iter().chain(cells));
    }
    say!("{}", table.trim_fmt());
}

/// Prints the warnings of each campaign and the last line of all of them, and returns their exit status.
fn conclude(campaigns: &[(Campaign, CampaignVerdict)], arguments: &RunArguments, interrupt: &Interrupt) -> Exit {
    let exits: Vec<Exit> = campaigns.iter().map(|(_, verdict)| exit(verdict, arguments, interrupt)).collect();
    warn(campaigns, arguments.strict);
    let (runs, failed) =
        campaigns.iter().fold((0, 0), |(runs, failed), (campaign, _)| (runs + campaign.runs, failed + campaign.failed));
    let base = campaigns.first().and_then(|(campaign, _)| campaign.base_seed);
    let base = base.map(|base| format!(", base seed {base:#018x}")).unwrap_or_default();
    let of = format!("{} in {}{base}", counted(runs, "seeds"), counted(campaigns.len() as u64, "campaigns"));
    let bound = worth::bound(campaigns);
    if failed > 0 {
        say!("\n{}: {failed} of {of} failed; {bound}", terminal::bad("violated"));
        return Exit::Violated;
    }
    if exits.contains(&Exit::Violated) {
        summary::print_hollow();
        return Exit::Violated;
    }
    if interrupt.happened() {
        say!("\n{}: no failure in {of} until then; {bound}", terminal::bad("interrupted"));
        return Exit::Interrupted;
    }
    say!("\n{}: no failure in {of}; {bound}", terminal::good("held"));
    Exit::Held
}

/// The warnings of all campaigns. Those that were to be expected stand on a line for each excuse, for there are many, unless
/// they count; so does what was left out.
fn warn(campaigns: &[(Campaign, CampaignVerdict)], strict: bool) {
    let counts =
        |warning: &Warning, verdict: &CampaignVerdict| warning.excuse.is_none() || (strict && !verdict.proves());
    for (campaign, verdict) in campaigns {
        let of = format!("{} under {}", campaign.scenario, names(&campaign.profiles));
        for warning in verdict.warnings.iter().filter(|warning| counts(warning, verdict)) {
            say!("{} {of}: {warning}", terminal::bad("warning:"));
        }
    }
    for line in worth::excused(campaigns, &|warning, verdict| !counts(warning, verdict)) {
        say!("to be expected: {line}");
    }
    for line in worth::left_out(campaigns) {
        say!("not asked for {line}");
    }
}
