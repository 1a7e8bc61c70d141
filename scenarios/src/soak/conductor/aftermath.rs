//! Time after the storm: rest, retention, a graceful stop.

use std::time::Duration;

use seaworthy_core::ports::Clock;
use seaworthy_sim::cli::CliError;
use seaworthy_tokio::TokioClock;

use super::{Conductor, OWN_DEATHS_MAX};
use crate::soak::{course::violated, figures::look, letters::LetterKind, process::WorkerProcess, protocol::Tell};

/// Interval of the question whether all is at rest.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// Time in which everything has to come to rest once no blow falls any more.
const REST_WITHIN: Duration = Duration::from_secs(180);
/// Time beyond `--keep` in which what is settled has to be forgotten; a longer `--keep` is not waited for.
const FORGET_WITHIN: Duration = Duration::from_secs(10);

impl Conductor<'_> {
    /// Starts the worker once more, with a clock that is right again, and waits until everything has come to rest. Returns
    /// whether it has.
    ///
    /// It is a start that the clock takes: a store whose clock was set back and put right while it ran goes by a time ahead of
    /// everybody's, and what it holds until then would be held for as long by the next process.
    pub(super) async fn come_to_rest(&mut self) -> Result<bool, CliError> {
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
    pub(super) async fn forget(&mut self) -> Result<(), CliError> {
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
    pub(super) async fn end(&mut self) -> Result<(), CliError> {
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
