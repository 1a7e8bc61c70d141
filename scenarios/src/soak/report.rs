//! The report of a soak: what it did and found, as tables and as JSON.

use std::{collections::BTreeMap, path::Path};

use seaworthy_scenarios::order_fulfillment::audit::Audit;
use seaworthy_sim::cli::{CliError, Exit, terminal};
use serde::Serialize;

use super::{
    arguments::SoakArguments,
    blows::Planned,
    course::{Course, Tally, Violated},
    figures::Figures,
    growth::Trend,
    letters::LetterKind,
    orders::Customers,
    say,
};

/// Name of the format of the JSON.
const FORMAT: &str = "seaworthy/soak@1";

/// Everything that is known of a soak.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    format: &'static str,
    scenario: &'a str,
    seed: String,
    rate: u32,
    for_ms: u128,
    lasted_ms: u128,
    interrupted: bool,
    /// The blows as they were drawn, with their moments.
    plan: &'a [Planned],
    blows: &'a BTreeMap<&'static str, Tally>,
    lives: u32,
    orders: &'a BTreeMap<String, u64>,
    shipments: u64,
    letters: BTreeMap<LetterKind, u64>,
    trends: &'a [Trend],
    figures: &'a [Figures],
    violated: &'a [Violated],
}

impl<'a> Report<'a> {
    pub(super) fn new(
        arguments: &'a SoakArguments,
        (seed, plan): (u64, &'a [Planned]),
        (customers, course): (&'a Customers, &'a Course),
        audit: &'a Audit,
        trends: &'a [Trend],
    ) -> Self {
        let mut letters = BTreeMap::new();
        customers.letters.iter().for_each(|letter| *letters.entry(letter.kind).or_default() += 1);
        Self {
            format: FORMAT,
            scenario: &arguments.scenario,
            seed: format!("{seed:#018x}"),
            rate: arguments.rate,
            for_ms: arguments.duration.as_millis(),
            lasted_ms: course.lasted.as_millis(),
            interrupted: course.interrupted,
            plan,
            blows: &course.tallies,
            lives: course.lives,
            orders: &audit.orders,
            shipments: audit.shipments,
            letters,
            trends,
            figures: &course.figures,
            violated: &course.violated,
        }
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), CliError> {
        let json = serde_json::to_string_pretty(self)?;
        std::fs::write(file, json + "\n").map_err(|error| format!("can't write {}: {error}", file.display()).into())
    }

    /// Prints it, and returns what it comes to.
    pub(super) fn print(&self) -> Exit {
        let seconds = self.lasted_ms as f64 / 1e3;
        say!("{} for {seconds:.0} s, seed {}", terminal::strong(self.scenario), self.seed);
        let mut table = terminal::numbers(["blow", "planned", "struck", "came of it"]);
        for (name, tally) in self.blows {
            let effects = tally.effects;
            let came = match *name {
                "kill" | "message that aborts" => format!("{effects} deaths"),
                "full disk" => format!("{effects} calls refused"),
                "slow disk" => format!("{effects} commits slowed"),
                _ => String::new(),
            };
            table.add_row([(*name).to_owned(), tally.planned.to_string(), tally.struck.to_string(), came]);
        }
        say!("\n{}", table.trim_fmt());
        let mut table = terminal::numbers(["audited", "number"]);
        table.add_row(["lives of the process".to_owned(), self.lives.to_string()]);
        for (status, count) in self.orders {
            table.add_row([format!("orders {status}"), count.to_string()]);
        }
        table.add_row(["shipments".to_owned(), self.shipments.to_string()]);
        for (kind, count) in &self.letters {
            let became = if *kind == LetterKind::Plain { "read once" } else { "given up" };
            table.add_row([format!("{} {became}", kind.kind()), count.to_string()]);
        }
        say!("\n{}", table.trim_fmt());
        self.print_figures();
        for Violated { invariant, sentence } in self.violated {
            say!("{} {invariant}: {sentence}", terminal::bad("violated"));
        }
        if !self.violated.is_empty() {
            return Exit::Violated;
        }
        let outcome = if self.interrupted { terminal::bad("interrupted") } else { terminal::good("held") };
        say!("{outcome}: nothing is lost, nothing doubled, only poison was given up, nothing grows");
        if self.interrupted { Exit::Interrupted } else { Exit::Held }
    }

    fn print_figures(&self) {
        if self.trends.is_empty() {
            say!(
                "\nnothing is said of growth: the last life of the process was too short to compare its middle with its end\n"
            );
            return;
        }
        let mut table = terminal::numbers(["figure", "middle", "end", "flat up to"]);
        for trend in self.trends {
            let Trend { of, unit, middle, end, at_most } = trend;
            let with_unit = |value: &u64| format!("{value} {unit}").trim_end().to_owned();
            table.add_row([of.clone(), with_unit(middle), with_unit(end), with_unit(at_most)]);
        }
        say!("\n{}\n", table.trim_fmt());
        if self.figures.iter().all(|figures| figures.memory_kib.is_none()) {
            say!("memory was not measured: this system has no /proc to read it from\n");
        }
    }
}
