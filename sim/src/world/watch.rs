//! A watchdog on real time: it decides only that a run is given up, never what happens in one.

use std::{
    cell::{Cell, RefCell},
    env,
    fmt::Write as _,
    path::PathBuf,
    process,
    sync::{Arc, Mutex, Once, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use smol_str::SmolStr;

use crate::{
    kernel::{Progress, World},
    plan::Profile,
};

/// Real seconds that one task may go on without giving way, where `SEAWORTHY_PATIENCE` does not say.
const PATIENCE_S: u64 = 60;

/// Interval at which the watchdog looks, in real time.
const LOOK: Duration = Duration::from_millis(250);

thread_local! {
    static PROFILE: Cell<Option<Profile>> = const { Cell::new(None) };
    static REHEARSES: Cell<bool> = const { Cell::new(false) };
    static PRESENT: RefCell<Option<Arc<Watched>>> = const { RefCell::new(None) };
}

/// Callback before the program is ended.
static LAST: OnceLock<fn()> = OnceLock::new();

static RUNS: Mutex<Vec<Arc<Watched>>> = Mutex::new(Vec::new());

/// Writes the plan of a run to a file.
pub(super) type Keep = Box<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

/// A run under way.
struct Watched {
    processes: Vec<SmolStr>,
    progress: Arc<Progress>,
    scenario: SmolStr,
    seed: u64,
    profile: Option<Profile>,
    is_rehearsal: bool,
    keep: Keep,
}

/// Says which profile the plans are drawn from that this thread runs from now on: for a report that nobody else can make.
pub(crate) fn note_profile(profile: Option<Profile>) {
    PROFILE.set(profile);
}

/// Makes runs that nobody asked for by a seed or a plan: what a scenario does without faults. Their report says so.
pub(crate) fn rehearsing<T>(runs: impl FnOnce() -> T) -> T {
    let before = REHEARSES.replace(true);
    let done = runs();
    REHEARSES.set(before);
    done
}

/// Has `last` called before the watchdog ends the program, for whoever keeps books on the runs that are under way.
pub(crate) fn before_the_end(last: fn()) {
    LAST.get_or_init(|| last);
}

/// Notes about the runs of a thread, for another that makes one of them in its place.
#[derive(Clone, Copy)]
pub(super) struct Noted(Option<Profile>, bool);

/// The notes of this thread.
pub(super) fn noted() -> Noted {
    Noted(PROFILE.get(), REHEARSES.get())
}

/// Takes over the notes of another thread.
pub(super) fn note(Noted(profile, rehearses): Noted) {
    PROFILE.set(profile);
    REHEARSES.set(rehearses);
}

/// While it lives, the run on this thread is watched.
pub(super) struct Watch(Arc<Watched>);

impl Watch {
    pub(super) fn new(world: &World, scenario: &str, seed: u64, keep: Keep) -> Self {
        let watched = Arc::new(Watched {
            processes: world.topology.processes.iter().map(|process| process.name.clone()).collect(),
            progress: world.meter.progress(),
            scenario: scenario.into(),
            seed,
            profile: PROFILE.get().filter(|_| !REHEARSES.get()),
            is_rehearsal: REHEARSES.get(),
            keep,
        });
        runs().push(watched.clone());
        PRESENT.set(Some(watched.clone()));
        Self(watched)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        runs().retain(|run| !Arc::ptr_eq(run, &self.0));
        PRESENT.set(None);
    }
}

fn runs() -> std::sync::MutexGuard<'static, Vec<Arc<Watched>>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the watchdog, once for the whole program. Outside of a simulation only: inside there are no threads.
pub(super) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let patience = env::var("SEAWORTHY_PATIENCE").ok().and_then(|seconds| seconds.parse().ok());
        let patience = Duration::from_secs(patience.unwrap_or(PATIENCE_S).max(1));
        // Without a watchdog a run that never ends goes on for ever: that is no reason not to run.
        let _ = thread::Builder::new().name("seaworthy-watchdog".to_owned()).spawn(move || watch(patience));
    });
}

/// Looks for a run that has stood at one place for too long. A thread can't be taken back from code that does not return,
/// so the program ends.
#[expect(clippy::disallowed_methods, reason = "real time, of which no run learns anything")]
fn watch(patience: Duration) {
    let looks = patience.as_millis() / LOOK.as_millis();
    // For each run: where it stood, and for how many looks.
    let mut seen: Vec<(Arc<Watched>, u64, u128)> = Vec::new();
    loop {
        thread::sleep(LOOK);
        let runs = runs().clone();
        let mut now = Vec::with_capacity(runs.len());
        for run in runs {
            let wakes = run.progress.wakes();
            let before = seen.iter().find(|(known, ..)| Arc::ptr_eq(known, &run));
            let stands = match before {
                Some((_, same, stands)) if *same == wakes => stands + 1,
                _ => 0,
            };
            if stands >= looks {
                let path = (run.keep)(&name(&run));
                eprintln!("{}", report(&run, patience, path));
                if let Some(last) = LAST.get() {
                    last();
                }
                process::exit(1);
            }
            now.push((run, wakes, stands));
        }
        seen = now;
    }
}

fn name(run: &Watched) -> String {
    let profile = run.profile.map(|profile| format!("-{profile}")).unwrap_or_default();
    format!("{:016x}{profile}.json", run.seed)
}

fn report(run: &Watched, patience: Duration, plan: Option<PathBuf>) -> String {
    let mut text = format!(
        "{} computes without end: it has not given way for {} s of real time (SEAWORTHY_PATIENCE sets how many are \
         allowed). Nothing can take its thread back, so the program ends here.\n{}",
        polled(run),
        patience.as_secs(),
        whose(run)
    );
    if let Some(plan) = plan {
        let _ = write!(text, "\nplan {}", plan.display());
    }
    text
}

fn polled(run: &Watched) -> String {
    match run.progress.polling() {
        Some(process) => match run.processes.get(usize::from(process.0)) {
            Some(name) => format!("process {name}"),
            None => "the client".to_owned(),
        },
        None => "the scenario's own code (its preparation, `pending` or an invariant)".to_owned(),
    }
}

fn whose(run: &Watched) -> String {
    let profile = run.profile.map(|profile| format!(", profile {profile}")).unwrap_or_default();
    let rehearsal =
        if run.is_rehearsal { ", in a rehearsal: a run without faults, before those of your seeds" } else { "" };
    format!("scenario {}, seed {:#018x}{profile}{rehearsal}", run.scenario, run.seed)
}

/// Describes the run that this thread is at, for a program that is about to be aborted.
pub(super) fn present() -> String {
    let say = |run: &Watched| format!("{}: {}", polled(run), whose(run));
    PRESENT.with_borrow(|present| present.as_deref().map(say)).unwrap_or_default()
}
