use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    explore::{
        Campaign, Candidate, CorpusTally, IdlePlan, Runner, Search, SearchOptions, Source, SweepError, WorkloadOf,
        search,
    },
    plan::{Integrity, Plan, PlanError, PlanFile, Workload, scenario_of},
    scenario::Scenario,
    world::{RunOptions, RunReport},
};

/// Plans that failed once, kept as files: `DIR/SCENARIO/NAME.json`, or `DIR/NAME.json` where scenarios share a folder.
/// They are replayed before anything else.
///
/// ```no_run
/// # use seaworthy_sim::{explore::Corpus, plan::Plan, scenario::Workload};
/// # fn keep<W: Workload>(plan: &Plan<W>) -> Result<(), Box<dyn std::error::Error>> {
/// let corpus = Corpus::at("corpus");
/// let file = corpus.save("lost-event-after-crash", plan)?;
/// println!("commit {}", file.display());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    folder: PathBuf,
}

/// Error of a corpus that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// The file system said no.
    #[error("can't {verb} {}: {error}", path.display())]
    File {
        /// Operation that was tried: `read` or `write`.
        verb: &'static str,
        /// Path of the file or folder.
        path: PathBuf,
        /// Error of the operating system.
        error: io::Error,
    },
    /// A file holds no plan of this version.
    #[error("{}: {error}", path.display())]
    Plan {
        /// Path of the plan file.
        path: PathBuf,
        /// Error of the plan.
        error: PlanError,
    },
    /// The plans of the corpus can't be judged.
    #[error(transparent)]
    Search(SweepError),
}

impl Corpus {
    /// The corpus in this folder, which need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Returns the folder of the corpus.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The plans of one scenario, by file name: all of its own folder, and those of the corpus's folder that name it. A
    /// folder that does not exist holds none.
    ///
    /// # Errors
    /// [`CorpusError`] where a file can't be read or holds no plan: a corpus that is skipped in silence proves nothing.
    pub fn plans<W: Workload>(&self, scenario: &str) -> Result<Vec<(PathBuf, Plan<W>)>, CorpusError> {
        let files = self.files(scenario)?.into_iter();
        Ok(files.map(|(path, file)| (path, file.plan)).collect())
    }

    fn files<W: Workload>(&self, scenario: &str) -> Result<Vec<(PathBuf, PlanFile<W>)>, CorpusError> {
        let mut files = Vec::new();
        for path in json_files(&self.folder)? {
            if is_of(scenario, &path)? {
                files.push((path.clone(), read_plan_file(&path)?));
            }
        }
        for path in json_files(&self.folder.join(scenario))? {
            files.push((path.clone(), read_plan_file(&path)?));
        }
        Ok(files)
    }

    /// Replays the plans of a scenario. The first five are run twice, on another thread the second time, and a plan none of
    /// whose faults strikes counts as failed.
    ///
    /// # Errors
    /// [`CorpusError`], also for a plan that no longer fits the scenario: mend it or delete it.
    pub fn replay<R: Runner>(&self, runner: &R, options: &RunOptions) -> Result<CorpusTally, CorpusError> {
        let name = runner.scenario().name();
        let files = self.files::<WorkloadOf<R>>(name)?;
        if files.is_empty() {
            return Ok(CorpusTally::default());
        }
        let plans = CorpusSearch { files, next: AtomicUsize::new(0), learnt: Mutex::default() };
        let options = SearchOptions {
            jobs: 1,
            failures_kept: usize::MAX,
            // The first five, and no others.
            run_twice: u64::MAX,
            run: options.clone(),
            ..SearchOptions::default()
        };
        let blank = Campaign::new(name, Vec::new(), None, []);
        let campaign = search(runner, &plans, blank, &options, None, &|_| {}).map_err(|error| match error {
            SweepError::Plan { from: Source::File(path), error } => CorpusError::Plan { path, error },
            other => CorpusError::Search(other),
        })?;
        let learnt = plans.learnt.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(CorpusTally { plans: campaign.runs, failures: campaign.failures, twice: campaign.twice, ..learnt })
    }

    /// Writes a plan as `NAME.json` below its scenario's name and says where. The file is whole or not there at all.
    ///
    /// # Errors
    /// [`CorpusError::File`] if the file or its folder can't be written.
    pub fn save<W: Workload>(&self, name: &str, plan: &Plan<W>) -> Result<PathBuf, CorpusError> {
        let path = self.folder.join(plan.scenario.as_str()).join(format!("{name}.json"));
        write_plan(&path, plan)?;
        Ok(path)
    }
}

/// The plans of a corpus as a search, by file name. It learns which of them test less than they did.
struct CorpusSearch<W> {
    files: Vec<(PathBuf, PlanFile<W>)>,
    next: AtomicUsize,
    learnt: Mutex<CorpusTally>,
}

impl<W: Workload> Search<W> for CorpusSearch<W> {
    fn next(&self) -> Option<Candidate<W>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let (path, file) = self.files.get(turn)?;
        let (turn, plan) = (turn as u64, file.plan.clone());
        Some(Candidate { turn, index: turn, source: Source::File(path.clone()), plan })
    }

    fn learn(&self, candidate: &Candidate<W>, report: &RunReport) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        let file = usize::try_from(candidate.turn).ok().and_then(|turn| self.files.get(turn));
        let Some((path, file)) = file else { return };
        if file.integrity == Integrity::Edited {
            learnt.edited.push(path.clone());
        }
        match IdlePlan::from_report(path.clone(), &file.plan, report) {
            // A failure speaks for itself.
            Some(_) if !report.held() => {}
            Some(idle) if idle.others_struck => learnt.weaker.push(idle),
            Some(idle) => learnt.idle.push(idle),
            None => {}
        }
    }
}

/// The JSON files of a folder, by name; none where there is no such folder.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let wrong = |error| CorpusError::File { verb: "read", path: folder.into(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    // The order of a directory is the file system's affair.
    paths.sort();
    Ok(paths)
}

/// Returns `true` if a plan file names this scenario.
fn is_of(scenario: &str, path: &Path) -> Result<bool, CorpusError> {
    let text =
        fs::read_to_string(path).map_err(|error| CorpusError::File { verb: "read", path: path.into(), error })?;
    let named = scenario_of(&text).map_err(|error| CorpusError::Plan { path: path.into(), error })?;
    Ok(named == scenario)
}

/// Reads the plan of one file.
///
/// # Errors
/// [`CorpusError`], with the path.
pub fn read_plan<W: Workload>(path: &Path) -> Result<Plan<W>, CorpusError> {
    read_plan_file(path).map(|file| file.plan)
}

/// Reads one plan file.
///
/// # Errors
/// [`CorpusError`], with the path.
pub fn read_plan_file<W: Workload>(path: &Path) -> Result<PlanFile<W>, CorpusError> {
    let text =
        fs::read_to_string(path).map_err(|error| CorpusError::File { verb: "read", path: path.into(), error })?;
    PlanFile::parse(&text).map_err(|error| CorpusError::Plan { path: path.into(), error })
}

/// Writes one plan that was found on the simulated store; see [`write_plan_file`].
///
/// # Errors
/// As for [`write_plan_file`].
pub fn write_plan<W: Workload>(path: &Path, plan: &Plan<W>) -> Result<(), CorpusError> {
    write_plan_file(path, &PlanFile::new(plan.clone()))
}

/// Writes one plan file, with its folder: to a temporary file first, which then takes the name, so that a crash leaves
/// the old file or the new one and never a part of it.
///
/// # Errors
/// [`CorpusError::File`] if the file or its folder can't be written; the old file is then as it was.
pub fn write_plan_file<W: Workload>(path: &Path, plan: &PlanFile<W>) -> Result<(), CorpusError> {
    plan.write(path).map_err(|error| CorpusError::File { verb: "write", path: path.into(), error })
}
