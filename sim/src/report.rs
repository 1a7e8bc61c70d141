//! Report of a campaign, as JSON.

use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::{
    explore::{Campaign, CampaignVerdict},
    files::{self, FileError},
};

/// A campaign, which can be merged with other shards', and what it is worth.
#[derive(Serialize)]
pub(crate) struct Report<'a> {
    #[serde(flatten)]
    campaign: &'a Campaign,
    held: bool,
    /// Of plans that are drawn: where none was, there is no rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_rate_upper_bound: Option<f64>,
    warnings: Vec<String>,
    not_asked_for: Vec<String>,
}

impl<'a> Report<'a> {
    /// The report of a campaign with its verdict.
    pub(crate) fn new(campaign: &'a Campaign, verdict: &CampaignVerdict) -> Self {
        Self {
            campaign,
            held: verdict.held,
            failure_rate_upper_bound: campaign.exhausted.is_none().then_some(verdict.failure_rate_upper_bound),
            warnings: verdict.warnings.iter().map(ToString::to_string).collect(),
            not_asked_for: verdict.left_out.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Writes one report, or a list of them.
///
/// # Errors
/// [`FileError`], with the path.
pub(crate) fn write(path: &Path, report: &impl Serialize) -> Result<(), FileError> {
    let mut text = serde_json::to_string_pretty(report).expect("a report holds only plain data");
    text.push('\n');
    files::write_whole(path, &text)
}

/// The file for the report of a check of this scenario: `at`, or one of its own in `at` where that is a folder.
///
/// # Errors
/// [`FileError`] where this process has written another report there: the last one would be the only one.
pub(crate) fn place(at: &Path, scenario: &str) -> Result<PathBuf, FileError> {
    static TAKEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    if at.is_dir() {
        let name = format!("{}-{}", program(), scenario.replace('/', "-"));
        let names = (1_u64..).map(|number| match number {
            1 => at.join(format!("{name}.json")),
            _ => at.join(format!("{name}-{number}.json")),
        });
        for path in names {
            if taken.insert(path.clone()) {
                return Ok(path);
            }
        }
    }
    if taken.insert(at.to_owned()) {
        return Ok(at.to_owned());
    }
    let reason = "another check of this test program has written its report there: give a folder, or run one test";
    Err(FileError { verb: "write", path: at.display().to_string(), reason: reason.to_owned() })
}

/// The name of this test program, without the hash that cargo adds.
fn program() -> String {
    let path = env::current_exe().unwrap_or_default();
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem.rsplit_once('-').map_or(stem.clone(), |(name, _)| name.to_owned())
}
