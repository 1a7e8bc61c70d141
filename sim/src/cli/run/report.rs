use std::path::Path;

use serde::Serialize;

use crate::{
    cli::{Failure, files},
    explore::{Campaign, Verdict},
};

/// What is written with `--json`: the campaign, which can be merged with other shards', and what it is worth.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    campaign: &'a Campaign,
    held: bool,
    failure_rate_upper_bound: f64,
    warnings: Vec<String>,
}

impl<'a> Report<'a> {
    fn of(campaign: &'a Campaign, verdict: &Verdict) -> Self {
        Self {
            campaign,
            held: verdict.held,
            failure_rate_upper_bound: verdict.failure_rate_upper_bound,
            warnings: verdict.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Writes the report of one campaign.
pub(super) fn write_one(path: &Path, campaign: &Campaign, verdict: &Verdict) -> Result<(), Failure> {
    write(path, &Report::of(campaign, verdict))
}

/// Writes a list of reports.
pub(super) fn write_all(path: &Path, campaigns: &[(Campaign, Verdict)]) -> Result<(), Failure> {
    let reports: Vec<Report<'_>> = campaigns.iter().map(|(campaign, verdict)| Report::of(campaign, verdict)).collect();
    write(path, &reports)
}

fn write(path: &Path, report: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    files::write_whole(path, &text)
}
