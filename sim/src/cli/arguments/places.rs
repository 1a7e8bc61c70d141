use std::{ffi::OsStr, path::PathBuf};

use clap::Args;

use crate::teller::Place;

/// Folders in which plans of failures are written.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct Places {
    /// Folder for plans of failures
    #[arg(long, value_name = "DIR", default_value = "seaworthy-plans")]
    plans: PathBuf,
    /// Folder of plans that are kept for good, for `check` to replay before anything else
    #[arg(long, value_name = "DIR", default_value = "corpus")]
    corpus: PathBuf,
    /// Keeps the plan of a failure in the corpus at once
    #[arg(long)]
    keep: bool,
}

impl Places {
    /// As the teller wants them.
    pub(in crate::cli) fn place(&self) -> Place<'_> {
        Place { plans: &self.plans, corpus: &self.corpus, keep: self.keep }
    }

    /// Returns the folder in which runs are noted while they are under way: beside the folder of plans, which need not
    /// be there.
    pub(in crate::cli) fn under_way(&self) -> PathBuf {
        let name = self.plans.file_name().unwrap_or(OsStr::new("seaworthy")).to_string_lossy();
        self.plans.with_file_name(format!("{name}-under-way"))
    }
}
