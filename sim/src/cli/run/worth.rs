//! Worth of several campaigns together: the bound of their failure rate, and the things that none of them could show.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    explore::{Campaign, CampaignVerdict, Warning, failure_rate_upper_bound},
    plan::{Profile, counted},
};

type Judged = (Campaign, CampaignVerdict);

/// Things that are named on one line; more are in the JSON.
const NAMED_MAX: usize = 8;

/// Describes how often a plan may fail that is drawn as those of all campaigns without a failure were, and one as those of
/// the campaign among them that says least. What failed says nothing of what held: most often it is another scenario, which
/// is wrong.
pub(super) fn bound(campaigns: &[Judged]) -> String {
    let held: Vec<&Judged> = campaigns.iter().filter(|(campaign, _)| campaign.failed == 0).collect();
    let runs: u64 = held.iter().map(|(campaign, _)| campaign.runs).sum();
    if runs == 0 {
        return "no campaign is without a failure".to_owned();
    }
    let all = failure_rate_upper_bound(0, runs) * 100.0;
    let whose = if held.len() == campaigns.len() {
        "one drawn like these".to_owned()
    } else {
        let of = counted(held.len() as u64, "campaigns");
        format!("one drawn like the {} in the {of} without a failure", counted(runs, "seeds"))
    };
    let together = format!("{whose} fails with a probability of at most {all:.3} % (95%)");
    let each = held.iter().map(|(_, verdict)| verdict.failure_rate_upper_bound * 100.0);
    match each.fold(None, |worst: Option<f64>, each| Some(worst.map_or(each, |worst| worst.max(each)))) {
        Some(worst) if held.len() > 1 => format!("{together}, and {worst:.3} % in the campaign that says least"),
        _ => together,
    }
}

/// Lines about what campaigns left out, because they could not have shown it: the same thing on one line, whoever left it
/// out.
pub(super) fn left_out(campaigns: &[Judged]) -> Vec<String> {
    let mut by_thing: BTreeMap<(&str, &str), Vec<&Campaign>> = BTreeMap::new();
    for (campaign, verdict) in campaigns {
        for left_out in &verdict.left_out {
            by_thing.entry((&left_out.what, &left_out.why)).or_default().push(campaign);
        }
    }
    // What was left out at the same places for the same reason stands on the same line.
    let mut lines: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for ((what, why), whose) in by_thing {
        lines.entry((places(&whose, campaigns), why)).or_default().push(what);
    }
    lines.into_iter().map(|((places, why), what)| format!("{places}: {} ({why})", what.join(", "))).collect()
}

/// Lines about gaps that were to be `expected`, one for each excuse.
pub(super) fn excused(campaigns: &[Judged], expected: &dyn Fn(&Warning, &CampaignVerdict) -> bool) -> Vec<String> {
    let mut by_excuse: BTreeMap<String, (BTreeSet<String>, u64)> = BTreeMap::new();
    for (_, verdict) in campaigns {
        for warning in verdict.warnings.iter().filter(|warning| expected(warning, verdict)) {
            if let Some(excuse) = warning.excuse {
                let (things, count) = by_excuse.entry(excuse.to_string()).or_default();
                things.insert(warning.gap.thing());
                *count += 1;
            }
        }
    }
    let lines = by_excuse.into_iter().map(|(excuse, (things, count))| {
        let named: Vec<&str> = things.iter().take(NAMED_MAX).map(String::as_str).collect();
        let more = match things.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more, which are in --json"),
        };
        format!("{}, {excuse}: {}{more}", counted(count, "gaps"), named.join(", "))
    });
    lines.collect()
}

/// Describes which of all campaigns these are.
fn places(these: &[&Campaign], all: &[Judged]) -> String {
    if these.len() == all.len() {
        return "in all campaigns".to_owned();
    }
    match these {
        [one] => format!("in {} under {}", one.scenario, names(&one.profiles)),
        [first, ..] if these.iter().all(|one| one.scenario == first.scenario) => {
            let of = all.iter().filter(|(campaign, _)| campaign.scenario == first.scenario).count();
            let under = these.iter().map(|one| names(&one.profiles)).collect::<Vec<_>>().join(", ");
            if of == these.len() {
                format!("in {}", first.scenario)
            } else {
                format!("in {} under {under}", first.scenario)
            }
        }
        _ => format!("in {} of {} campaigns", these.len(), all.len()),
    }
}

/// The profiles of one campaign, as they are named.
pub(super) fn names(profiles: &[Profile]) -> String {
    profiles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
