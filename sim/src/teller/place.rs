use std::{
    fs,
    path::{Path, PathBuf},
};

use super::quoted;
use crate::{
    catalogue::Case,
    explore::{CorpusError, FailedRun, Source},
    files,
};

/// Folder of the plans of failures: one that may be deleted at any time, or the corpus, for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The folder that may be deleted.
    pub(crate) plans: &'a Path,
    /// Folder of the corpus.
    pub(crate) corpus: &'a Path,
    /// `true` if they go into the corpus at once.
    pub(crate) keep: bool,
}

impl Place<'_> {
    /// Writes the plan of a failure, found on this store, and says where it lies. A committed plan is never written over.
    ///
    /// # Errors
    /// [`CorpusError::File`] if the file or its folder can't be written.
    pub(super) fn put(
        &self,
        case: &dyn Case,
        failure: &FailedRun,
        store: Option<&str>,
    ) -> Result<PathBuf, CorpusError> {
        let is_new = !matches!(failure.source, Source::File(_));
        let folder = if self.keep && is_new { self.corpus } else { self.plans };
        let path = folder.join(case.scenario()).join(file_name(failure));
        case.write(&path, store)?;
        Ok(path)
    }

    /// Writes the page of a failure, and says where it lies: beside its plan, or where that would be if it were not kept,
    /// since nobody commits what can be made again.
    ///
    /// # Errors
    /// [`CorpusError::File`] if the file or its folder can't be written.
    pub(super) fn put_page(&self, case: &dyn Case, failure: &FailedRun, page: &str) -> Result<PathBuf, CorpusError> {
        let path = self.plans.join(case.scenario()).join(file_name(failure)).with_extension("html");
        let wrong = |error| CorpusError::File { verb: "write", path: path.clone(), error };
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(wrong)?;
        files::replace(&path, page).map_err(wrong)?;
        Ok(path)
    }

    /// The line to paste so that the plan in `file` is replayed before anything else from now on.
    pub(super) fn keep_line(&self, scenario: &str, file: &Path) -> String {
        if file.starts_with(self.corpus) {
            return format!("git add {}", quoted(&file.display().to_string()));
        }
        let folder = quoted(&self.corpus.join(scenario).display().to_string());
        format!("mkdir -p {folder} && cp {} {folder}/", quoted(&file.display().to_string()))
    }
}

/// The name of the file for the plan of a failure: what failed, and where it comes from.
fn file_name(failure: &FailedRun) -> String {
    match &failure.source {
        Source::Seed { seed, profile } => format!("{}-{profile}-{seed:016x}.json", failure.violation.invariant),
        Source::Exhaust { number, seed, items, .. } => {
            format!("{}-exhaust-{seed:x}-{items}-{number}.json", failure.violation.invariant)
        }
        Source::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    }
}
