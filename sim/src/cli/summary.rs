//! Summary of a campaign, in tables.

use std::time::Duration;

use comfy_table::{Cell, Color};
use serde::Serialize;

use super::terminal::{self, numbers};
use crate::{
    explore::{Campaign, CampaignVerdict},
    plan::counted,
};

/// Prints what was injected, what was checked, what was reached, and what that is worth. Items go by their `noun`;
/// `interrupted` says that somebody did not wait for the end.
pub(super) fn print(campaign: &Campaign, verdict: &CampaignVerdict, noun: &str, interrupted: bool) {
    headline(campaign, noun);
    if !campaign.faults.is_empty() {
        let mut table = numbers(["fault", "planned", "fired"]);
        for (kind, tally) in &campaign.faults {
            let fired = if tally.fired == 0 { Color::Red } else { Color::Reset };
            table.add_row([Cell::new(name(kind)), number(tally.planned), number(tally.fired).fg(fired)]);
        }
        say!("\n{}", table.trim_fmt());
    }
    let mut table_of_points = numbers(["point", "calls", "planned", "fired"]);
    for (point, calls) in &campaign.calls {
        let tally = campaign.points.get(point).copied().unwrap_or_default();
        table_of_points.add_row([Cell::new(point.name()), number(*calls), number(tally.planned), number(tally.fired)]);
    }
    say!("\n{}", table_of_points.trim_fmt());
    let mut table_of_invariants = numbers(["invariant", "judged", "in runs", "violated"]);
    for (name, tally) in campaign.invariants.iter().filter(|(name, _)| !campaign.goals.contains_key(*name)) {
        let judged = if tally.times == 0 { Color::Red } else { Color::Reset };
        let violated = if tally.violated > 0 { Color::Red } else { Color::Reset };
        table_of_invariants.add_row([
            Cell::new(name),
            number(tally.times).fg(judged),
            number(tally.runs),
            number(tally.violated).fg(violated),
        ]);
    }
    say!("\n{}", table_of_invariants.trim_fmt());
    if !campaign.goals.is_empty() {
        let mut table = numbers(["goal", "reached in runs"]);
        for (name, tally) in &campaign.goals {
            let reached = if tally.runs == 0 { Color::Red } else { Color::Reset };
            table.add_row([Cell::new(name), number(tally.runs).fg(reached)]);
        }
        say!("\n{}", table.trim_fmt());
    }
    say!();
    for warning in &verdict.warnings {
        say!("{} {warning}", terminal::bad("warning:"));
    }
    for left_out in &verdict.left_out {
        say!("not asked for: {left_out}");
    }
    conclusion(campaign, verdict, interrupted);
}

/// Says that a campaign that held fails nevertheless.
pub(super) fn print_hollow() {
    say!("{}: it proves less than it seems to, see the warnings; --strict makes them errors", terminal::bad("failed"));
}

fn headline(campaign: &Campaign, noun: &str) {
    let Campaign { scenario, runs, items, events, .. } = campaign;
    let wall = Duration::from_micros(campaign.timing.wall_us);
    let (virtual_time, seconds) = (days(campaign.virtual_us), wall.as_secs_f64());
    if let Some(exhausted) = &campaign.exhausted {
        let (items, rate) = (counted(exhausted.items, noun), campaign.runs_per_second());
        let what = match (exhausted.k, exhausted.left_out) {
            (1, _) => "every fault",
            (_, 0) => "every fault, and every pair,",
            _ => "every fault, and every pair but those that others stand for,",
        };
        say!("{}, {what} for {items} of seed {:#x}", terminal::strong(scenario), exhausted.seed);
        let left_out = match exhausted.left_out {
            0 => String::new(),
            pairs => format!("; {pairs} pairs are left out, which others stand for: --all-pairs tries them"),
        };
        say!("{} plans: {exhausted}{left_out}", exhausted.all());
        say!("{runs} runs, {events} events, {virtual_time} of virtual time in {seconds:.1} s ({rate:.0} plans/s)");
        return;
    }
    let profiles = campaign.profiles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    say!("{} under {profiles}", terminal::strong(scenario));
    let base = campaign.base_seed.map(|base| format!(", base seed {base:#018x}")).unwrap_or_default();
    let rate = if *runs == 1 { String::new() } else { format!(" ({:.0} seeds/s)", campaign.runs_per_second()) };
    say!(
        "{}{base}: {}, {events} events, {} of virtual time in {:.1} s{rate}",
        counted(*runs, "seeds"),
        counted(*items, noun),
        virtual_time,
        seconds,
    );
}

fn conclusion(campaign: &Campaign, verdict: &CampaignVerdict, interrupted: bool) {
    let bound = verdict.failure_rate_upper_bound * 100.0;
    if let Some(difference) = campaign.difference() {
        say!("{}: {}", terminal::bad(verdict.outcome()), difference.story);
    } else if let Some(exhausted) = &campaign.exhausted {
        let outcome = match (verdict.held, interrupted) {
            (true, false) => terminal::good("held"),
            (true, true) => terminal::bad("interrupted"),
            (false, _) => terminal::bad("violated"),
        };
        say!("{outcome}: {}", campaign.exhausted_in_words(exhausted));
    } else if verdict.held && interrupted {
        say!(
            "{}: no failure in {} until then; one drawn like these fails with a probability of at most {bound:.3} % (95%)",
            terminal::bad("interrupted"),
            counted(campaign.runs, "seeds"),
        );
    } else if verdict.held {
        say!(
            "{}: no failure in {}; one drawn like these fails with a probability of at most {bound:.3} % (95%)",
            terminal::good("held"),
            counted(campaign.runs, "seeds"),
        );
    } else {
        say!(
            "{}: {} of {} failed; one drawn like these fails with a probability of at most {bound:.3} % (95%)",
            terminal::bad("violated"),
            campaign.failed,
            counted(campaign.runs, "seeds"),
        );
        if let Some(micros) = campaign.timing.first_failure_cpu_us {
            say!("first failure after {:.0} ms of CPU", micros as f64 / 1e3);
        }
    }
}

fn number(number: u64) -> Cell {
    Cell::new(number)
}

/// The name under which a thing is written in plans.
fn name(thing: &impl Serialize) -> String {
    serde_json::to_value(thing).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Virtual time in a unit that one can imagine.
fn days(micros: u64) -> String {
    let seconds = micros as f64 / 1e6;
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.1} s"),
        _ if seconds < 7_200.0 => format!("{:.1} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}
