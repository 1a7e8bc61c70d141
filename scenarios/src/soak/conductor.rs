//! Conduct of a soak: starts the worker, feeds it, strikes it, starts it again, and lets it come to rest.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    path::PathBuf,
    time::Duration,
};

use rusqlite::Connection;
use seaworthy_core::{ports::Clock, stop::Stop};
use seaworthy_sim::cli::CliError;
use seaworthy_tokio::TokioClock;
use serde::Serialize;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::Instant,
};

use super::{
    arguments::SoakArguments,
    blows::{Blow, Place, Planned},
    figures::{Figures, look},
    letters::LetterKind,
    orders::Customers,
    process::{Heard, WorkerProcess},
    protocol::{Said, Tell},
};

/// Interval at which whatever is due is done.
const TURN: Duration = Duration::from_millis(5);
/// Interval of the question whether all is at rest.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// Time in which everything has to come to rest once no blow falls any more.
const REST_WITHIN: Duration = Duration::from_secs(180);
/// Time beyond `--keep` in which what is settled has to be forgotten; a longer `--keep` is not waited for.
const FORGET_WITHIN: Duration = Duration::from_secs(10);
/// Number of deaths of its own that a worker may die before the soak is given up.
const OWN_DEATHS_MAX: u64 = 10;
/// Number of looks at the figures in a soak, and the least time between two of them.
const LOOKS: u32 = 600;
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Violated {
    pub(super) invariant: String,
    pub(super) sentence: String,
}

pub(super) fn violated(invariant: impl Into<String>, sentence: impl Into<String>) -> Violated {
    Violated { invariant: invariant.into(), sentence: sentence.into() }
}

/// Count of a blow: how often it fell, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) planned: u64,
    pub(super) struck: u64,
    /// Calls that were refused, commits that were slowed, processes that ended.
    pub(super) effects: u64,
}

/// Course of a soak.
pub(super) struct Course {
    pub(super) tallies: BTreeMap<&'static str, Tally>,
    pub(super) figures: Vec<Figures>,
    /// Number of times that the worker was started.
    pub(super) lives: u32,
    pub(super) violated: Vec<Violated>,
    pub(super) interrupted: bool,
    pub(super) lasted: Duration,
}

pub(super) struct Conductor<'a> {
    arguments: &'a SoakArguments,
    files: [PathBuf; 3],
    log: Option<File>,
    stop: Stop,
    began: Instant,
    pub(super) customers: Customers,
    course: Course,
    worker: Option<WorkerProcess>,
    restart_at: Duration,
    /// The life that a letter is about to end.
    aborting: Option<u32>,
    /// The life that has said why it ends.
    unwell: Option<u32>,
    own_deaths: u64,
    behind_ms: u64,
    look_at: Duration,
    /// Last word of this life about what waits.
    waits: Option<String>,
    hear: UnboundedReceiver<(u32, Heard)>,
    heard: UnboundedSender<(u32, Heard)>,
}

impl<'a> Conductor<'a> {
    pub(super) fn new(
        arguments: &'a SoakArguments,
        files: [PathBuf; 3],
        log: Option<File>,
        customers: Customers,
        stop: Stop,
    ) -> Self {
        let (heard, hear) = mpsc::unbounded_channel();
        let course = Course {
            tallies: BTreeMap::new(),
            figures: Vec::new(),
            lives: 0,
            violated: Vec::new(),
            interrupted: false,
            lasted: Duration::ZERO,
        };
        Self {
            arguments,
            files,
            log,
            stop,
            began: Instant::now(),
            customers,
            course,
            worker: None,
            restart_at: Duration::ZERO,
            aborting: None,
            unwell: None,
            own_deaths: 0,
            behind_ms: 0,
            look_at: Duration::ZERO,
            waits: None,
            hear,
            heard,
        }
    }

    /// Goes through with it: blows, rest, retention, a graceful stop.
    pub(super) async fn conduct(mut self, planned: Vec<Planned>) -> Result<(Customers, Course), CliError> {
        for planned in &planned {
            self.course.tallies.entry(planned.blow.name()).or_default().planned += 1;
        }
        self.storm(planned.into()).await?;
        self.course.interrupted = self.stop.is_set();
        self.course.lasted = self.began.elapsed();
        if self.come_to_rest().await? {
            self.forget().await?;
        }
        self.end().await?;
        Ok((self.customers, self.course))
    }

    async fn storm(&mut self, mut planned: VecDeque<Planned>) -> Result<(), CliError> {
        let look_every = (self.arguments.duration / LOOKS).max(LOOK_EVERY_MIN);
        while !self.stop.is_set() && self.own_deaths < OWN_DEATHS_MAX {
            let now = self.turn().await?;
            if now >= self.arguments.duration {
                break;
            }
            let Some(worker) = self.worker.as_mut().filter(|worker| worker.is_ready) else { continue };
            self.customers.ask(now, &mut |tell| worker.tell(&tell));
            if now >= self.look_at {
                self.look_at = now + look_every;
                self.course.figures.extend(look(now, self.course.lives, worker.id(), &self.files));
            }
            // One at a time: after a kill there is nobody to strike.
            let is_due = |planned: &mut Planned| Duration::from_millis(planned.at_ms) <= now;
            if let Some(Planned { blow, .. }) = planned.pop_front_if(is_due) {
                self.strike(blow, now)?;
            }
        }
        Ok(())
    }

    fn strike(&mut self, blow: Blow, now: Duration) -> Result<(), CliError> {
        let Some(worker) = &mut self.worker else { return Ok(()) };
        let tally = self.course.tallies.entry(blow.name()).or_default();
        tally.struck += 1;
        match blow {
            Blow::Kill { down_ms } => {
                tally.effects += 1;
                worker.kill()?;
                self.worker = None;
                self.restart_at = now + Duration::from_millis(down_ms);
            }
            Blow::FullDisk { place, for_ms } => worker.tell(&Tell::FullDisk { place, for_ms }),
            Blow::SlowDisk { place, commit_ms, for_ms } => {
                worker.tell(&Tell::SlowDisk { place, commit_ms, for_ms });
            }
            Blow::Lock { place, for_ms } => lock(self.files[place as usize].clone(), for_ms),
            Blow::SetBack { by_ms } => {
                self.behind_ms += by_ms;
                worker.tell(&Tell::SetBack { by_ms });
            }
            Blow::Poison(letter) => self.customers.send(letter, &mut |tell| worker.tell(&tell)),
        }
        Ok(())
    }

    /// Lets whatever goes on go on for a moment: hears what the worker says, and starts it where it is down.
    async fn turn(&mut self) -> Result<Duration, CliError> {
        TokioClock.sleep(TURN).await;
        let now = self.began.elapsed();
        while let Ok((life, heard)) = self.hear.try_recv() {
            self.take(life, heard, now)?;
        }
        if self.worker.is_none() && now >= self.restart_at {
            self.course.lives += 1;
            self.waits = None;
            let life = (self.course.lives, self.behind_ms);
            let worker = WorkerProcess::start(self.arguments, life, self.log.as_ref(), self.heard.clone())?;
            self.worker = Some(worker);
        }
        Ok(now)
    }

    fn take(&mut self, life: u32, heard: Heard, now: Duration) -> Result<(), CliError> {
        let is_alive = self.worker.is_some() && life == self.course.lives;
        let said = match heard {
            Heard::Said(said) => said,
            Heard::Ended if is_alive => return self.bury(life, now),
            Heard::Ended => return Ok(()),
        };
        self.customers.hear(&said, now);
        match said {
            Said::Ready if is_alive => {
                if let Some(worker) = &mut self.worker {
                    worker.is_ready = true;
                    self.customers.ask_again(&mut |tell| worker.tell(&tell));
                }
            }
            Said::Waits(what) if is_alive => self.waits = Some(what),
            Said::Aborts(_) => self.aborting = Some(life),
            Said::Died(why) if is_alive => {
                self.unwell = Some(life);
                let sentence = format!("a part of the shop ended by itself in its life {life}: {why}");
                self.course.violated.push(violated("process-is-whole", sentence));
            }
            Said::Refused { calls } => self.effects("full disk", calls),
            Said::Slowed { commits } => self.effects("slow disk", commits),
            _ => {}
        }
        Ok(())
    }

    /// Notes how a worker ended that nobody has killed.
    fn bury(&mut self, life: u32, now: Duration) -> Result<(), CliError> {
        let Some(mut worker) = self.worker.take() else { return Ok(()) };
        let status = worker.ended()?;
        self.restart_at = now;
        if self.aborting == Some(life) {
            self.effects("message that aborts", 1);
            return Ok(());
        }
        self.own_deaths += 1;
        if self.unwell == Some(life) {
            return Ok(());
        }
        let sentence = format!("the shop's process ended by itself, {status}, in its life {life}");
        self.course.violated.push(violated("process-lives", sentence));
        Ok(())
    }

    fn effects(&mut self, blow: &'static str, effects: u64) {
        self.course.tallies.entry(blow).or_default().effects += effects;
    }

    /// Starts the worker once more, with a clock that is right again, and waits until everything has come to rest. Returns
    /// whether it has.
    ///
    /// It is a start that the clock takes: a store whose clock was set back and put right while it ran goes by a time ahead of
    /// everybody's, and what it holds until then would be held for as long by the next process.
    async fn come_to_rest(&mut self) -> Result<bool, CliError> {
        self.behind_ms = 0;
        if let Some(mut worker) = self.worker.take() {
            worker.kill()?;
        }
        let (from, mut ask_at, mut idle) = (self.began.elapsed(), Duration::ZERO, 0);
        loop {
            let now = self.turn().await?;
            if let Some(worker) = self.worker.as_mut().filter(|worker| worker.is_ready) {
                self.customers.cancel(now, &mut |tell| worker.tell(&tell));
                if now >= ask_at {
                    ask_at = now + ASK_EVERY;
                    worker.tell(&Tell::IsIdle);
                }
            }
            match self.waits.take() {
                Some(waits) if waits.is_empty() && self.customers.are_content() => idle += 1,
                Some(waits) => {
                    idle = 0;
                    if now - from > REST_WITHIN {
                        let sentence = format!("after {REST_WITHIN:?} without blows something waits still: {waits}");
                        self.course.violated.push(violated("comes-to-rest", sentence));
                        return Ok(false);
                    }
                }
                None if now - from > REST_WITHIN + FORGET_WITHIN || self.own_deaths >= OWN_DEATHS_MAX => {
                    let sentence = "the shop's process does not answer".to_owned();
                    self.course.violated.push(violated("comes-to-rest", sentence));
                    return Ok(false);
                }
                None => {}
            }
            // Twice: what was answered in between may have begun something.
            if idle == 2 {
                return Ok(true);
            }
        }
    }

    /// Waits until what is settled is forgotten.
    async fn forget(&mut self) -> Result<(), CliError> {
        let until = self.began.elapsed() + self.arguments.keep.min(FORGET_WITHIN) + FORGET_WITHIN;
        let dead = |kinds: &[LetterKind]| {
            let letters = self.customers.letters.iter();
            letters.filter(|letter| kinds.contains(&letter.kind)).count() as u64
        };
        // Who was given up stays, until an operator looks at it. One that ended its process may have been counted before.
        let outbox = dead(&[LetterKind::Aborts]);
        let inbox = outbox + dead(&[LetterKind::Panics, LetterKind::Refused]);
        // The key of an order stays taken as long as the order is there.
        let orders = self.customers.asked.orders.len() as u64;
        let bounds = [("outbox", outbox), ("inbox", inbox), ("saga_log", 0), ("sagas", orders), ("operations", orders)];
        loop {
            let now = self.turn().await?;
            let worker = self.worker.as_ref().map_or(0, WorkerProcess::id);
            let Some(figures) = look(now, self.course.lives, worker, &self.files) else { continue };
            let rows = |table: &str| figures.rows.get(table).copied().unwrap_or(0);
            let left = bounds.iter().filter(|(table, bound)| rows(table) > *bound);
            let left: Vec<String> =
                left.map(|(table, bound)| format!("{} rows of {table} instead of {bound}", rows(table))).collect();
            if left.is_empty() {
                return Ok(());
            }
            if now > until {
                let sentence = format!("long after all was settled there are {}", left.join(", "));
                self.course.violated.push(violated("settled-is-forgotten", sentence));
                return Ok(());
            }
            TokioClock.sleep(ASK_EVERY).await;
        }
    }

    /// Asks the worker to stop, and waits until it has.
    async fn end(&mut self) -> Result<(), CliError> {
        let Some(mut worker) = self.worker.take() else { return Ok(()) };
        worker.tell(&Tell::Stop);
        let status = worker.ended()?;
        if !status.success() {
            let sentence = format!("asked to stop, the shop's process ended with {status}");
            self.course.violated.push(violated("stops-gracefully", sentence));
        }
        Ok(())
    }
}

/// Holds the write lock of a database for a while, as a tool does that somebody has opened it with.
#[allow(clippy::disallowed_methods, reason = "the thread holds a lock while it waits, as another process would")]
fn lock(file: PathBuf, for_ms: u64) {
    std::thread::spawn(move || {
        let Ok(other) = Connection::open(file) else { return };
        let _ = other.busy_timeout(Duration::from_secs(5));
        if other.execute_batch("BEGIN IMMEDIATE").is_ok() {
            std::thread::sleep(Duration::from_millis(for_ms));
            let _ = other.execute_batch("ROLLBACK");
        }
    });
}

/// The database of a place, among those of the shop.
const _: () = assert!(Place::Orders as usize == 0 && Place::Shipping as usize == 1 && Place::Payments as usize == 2);
