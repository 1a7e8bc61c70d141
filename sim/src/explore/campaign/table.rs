use std::fmt;

use serde::Serialize;

use super::{Campaign, Exhausted};

/// The campaign for a terminal: what was injected, what was judged, what was reached, and last what that is worth.
impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profiles: Vec<String> = self.profiles.iter().map(ToString::to_string).collect();
        let base = self.base_seed.map(|base| format!(", base seed {base:#018x}")).unwrap_or_default();
        let Self { scenario, runs, items, events, .. } = self;
        let under = match &self.exhausted {
            Some(exhausted) => format!(", exhausted ({exhausted})"),
            None => format!(" under {}", profiles.join(", ")),
        };
        writeln!(f, "{scenario}{under}: {runs} runs{base}, {items} items, {events} events")?;
        let faults = self.faults.iter().map(|(kind, tally)| (name(kind), vec![tally.planned, tally.fired]));
        table(f, ["fault", "planned", "fired"], faults)?;
        let points = self.calls.iter().map(|(point, calls)| {
            let tally = self.points.get(point).copied().unwrap_or_default();
            (point.name().to_owned(), vec![*calls, tally.planned, tally.fired])
        });
        table(f, ["point", "calls", "planned", "fired"], points)?;
        let invariants = self.invariants.iter().filter(|(name, _)| !self.goals.contains_key(*name));
        let invariants =
            invariants.map(|(name, tally)| (name.to_string(), vec![tally.times, tally.runs, tally.violated]));
        table(f, ["invariant", "judged", "in runs", "violated"], invariants)?;
        let goals = self.goals.iter().map(|(name, tally)| (name.to_string(), vec![tally.runs]));
        table(f, ["goal", "reached in runs"], goals)?;
        let verdict = self.verdict();
        verdict.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        verdict.left_out.iter().try_for_each(|left_out| writeln!(f, "not asked for: {left_out}"))?;
        f.write_str(&self.line())
    }
}

impl Campaign {
    /// Describes how much of what was to be exhausted was, and whether it held: `740 of 740 plans, none violates`.
    pub(crate) fn exhausted_in_words(&self, exhausted: &Exhausted) -> String {
        let Self { runs, failed, .. } = self;
        let violates = match failed {
            0 => "none violates".to_owned(),
            1 => "1 violates".to_owned(),
            failed => format!("{failed} violate"),
        };
        let go_on = exhausted.next.map(|next| format!("; go on from plan {next}")).unwrap_or_default();
        format!("{runs} of {} plans, {violates}{go_on}", exhausted.plans)
    }

    /// Describes its worth in one line.
    pub fn line(&self) -> String {
        let verdict = self.verdict();
        let bound = verdict.failure_rate_upper_bound * 100.0;
        let mut counted = vec![format!("{} runs", self.runs)];
        let twice = self.twice.plans + self.corpus.twice.plans;
        if self.corpus.plans > 0 {
            counted.push(format!("{} plans of the corpus", self.corpus.plans));
        }
        let outcome = verdict.outcome();
        if let Some(exhausted) = &self.exhausted {
            let said = self.exhausted_in_words(exhausted);
            let corpus = counted[1..].iter().map(|plans| format!("; {plans}")).collect::<String>();
            return format!("{}: {outcome}: {said} ({exhausted}{corpus}; {twice} run twice)", self.scenario);
        }
        let counted = counted.join(" and ");
        let edited = match self.corpus.edited.len() {
            0 => String::new(),
            edited => format!(", {edited} of the corpus edited"),
        };
        format!(
            "{}: {counted} {outcome} ({twice} run twice{edited}); a plan drawn like these fails with a probability of at \
             most {bound:.3} % (95%)",
            self.scenario,
        )
    }
}

/// Formats one table: names to the left, numbers to the right, columns as wide as they have to be. None without rows.
fn table<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    header: [&str; N],
    rows: impl Iterator<Item = (String, Vec<u64>)>,
) -> fmt::Result {
    let rows: Vec<(String, Vec<String>)> =
        rows.map(|(name, numbers)| (name, numbers.iter().map(ToString::to_string).collect())).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let first = rows.iter().map(|(name, _)| name.len()).chain([header[0].len()]).max().unwrap_or_default();
    write!(f, "\n{:first$}", header[0])?;
    header[1..].iter().try_for_each(|title| write!(f, "  {title:>9}"))?;
    writeln!(f)?;
    for (name, numbers) in rows {
        write!(f, "{name:first$}")?;
        for (number, title) in numbers.iter().zip(&header[1..]) {
            write!(f, "  {number:>width$}", width = title.len().max(9))?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// The name under which a thing is written in plans.
fn name(thing: &impl Serialize) -> String {
    serde_json::to_value(thing).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
