//! Conduct of a soak: starts the worker, feeds it, strikes it, starts it again, and lets it come to rest.

mod aftermath;

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
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::Instant,
};

use super::{
    arguments::SoakArguments,
    blows::{Blow, Place, Planned},
    course::{Course, violated},
    figures::look,
    orders::Customers,
    process::{Heard, WorkerProcess},
    protocol::{Said, Tell},
};

/// Interval at which whatever is due is done.
const TURN: Duration = Duration::from_millis(5);
/// Number of deaths of its own that a worker may die before the soak is given up.
const OWN_DEATHS_MAX: u64 = 10;
/// Number of looks at the figures in a soak, and the least time between two of them.
const LOOKS: u32 = 600;
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);

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
