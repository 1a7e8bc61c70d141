use std::{pin::pin, sync::Arc};

use tracing::{debug, error, warn};

use super::{Subscriber, place::Reading};
use crate::{
    ports::{Part, StoreError, answered, scoped},
    startup::can_run,
    wake::Woken,
};

impl Subscriber {
    /// Handles events until a stop is asked for. What is being handled by then is finished.
    ///
    /// Ends at once, with an error in the log and to the process, if a setting can't work or the store lacks [events](Part::Events),
    /// [checkpoints](Part::Checkpoints) or the [inbox](Part::Inbox), in which failures are counted.
    ///
    /// Dropping the future, as a crash does, rolls back what is open; the next run goes on behind the checkpoint.
    pub async fn run(self) {
        let (process, settings) = (self.scopes.as_deref(), self.config.check());
        let needed = [Part::Events, Part::Checkpoints, Part::Inbox];
        if !can_run(format_args!("subscriber {}", self.name), process, settings, &*self.store, &needed) {
            return;
        }
        if let Some(spawner) = &self.scopes {
            spawner.offer(Arc::new(self.clone()));
        }
        let (mut reading, mut idle, mut errors) = (Reading::new(self.clock.clone()), 0_u32, 0_u32);
        while !self.stop.is_set() {
            let passed = scoped(self.scopes.as_deref(), pin!(self.pass(&mut reading))).await;
            match passed.unwrap_or_else(|dropped| Err(dropped.into())) {
                Ok(true) => {
                    (idle, errors) = (0, 0);
                    self.clock.yield_now().await;
                }
                Ok(false) => {
                    errors = 0;
                    let delay = self.config.poll.delay(idle, &*self.random);
                    idle = match self.wake.wait(&*self.clock, &self.stop, delay).await {
                        Woken::Hint => 0,
                        _ => idle.saturating_add(1),
                    };
                }
                Err(error) => {
                    // What is in memory may be older than what is stored.
                    reading.read_again();
                    let delay = self.config.store_backoff.delay(errors, &*self.random);
                    match error {
                        StoreError::Refused(_) => error!(
                            subscriber = %self.name, %error, ?delay,
                            "subscriber pauses: its store refuses, and trying again will hardly help"
                        ),
                        StoreError::Unavailable(_) => {
                            warn!(subscriber = %self.name, %error, ?delay, "subscriber pauses: its store can't be reached")
                        }
                        error => debug!(subscriber = %self.name, %error, ?delay, "subscriber reads again"),
                    }
                    errors = errors.saturating_add(1);
                    self.rest(delay).await;
                }
            }
        }
    }

    /// Handles what is there now, and returns the position that it has come to: for a projection that is built before
    /// anybody reads it, and for tests. What fails is tried again and parked as in [`run`](Self::run); what has waited behind a
    /// parked event and failed is left for its next attempt. It ends early where a stop is asked for, or a parked event blocks
    /// the subscriber.
    ///
    /// # Errors
    /// Any [`StoreError`]; what was handled before it stays handled. Dropping the future has the same effect.
    pub async fn catch_up(&self) -> Result<u64, StoreError> {
        let mut reading = Reading::new(self.clock.clone());
        while self.pass(&mut reading).await? && !self.stop.is_set() {}
        answered(&*self.clock, self.config.store_limit, self.position()).await
    }

    /// Returns the position up to which it has handled events; `0` before the first time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn position(&self) -> Result<u64, StoreError> {
        Ok(self.store.begin().await?.checkpoint(&self.name).await?.unwrap_or(0))
    }
}
