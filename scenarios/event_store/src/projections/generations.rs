//! A projection that is built anew while it is read: the new generation beside the old one, and a change over once it has
//! caught up.

use std::{collections::BTreeMap, time::Duration};

use seaworthy_core::{
    inbox::Handlers,
    ports::{Expected, Ports, StoreError, Transaction},
    stop::Stop,
    wake::{Wake, Woken},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use tracing::{debug, info};

use crate::parts::{Denied, encode, subscriber};

/// Collection that says, by projection, which [`Live`] generation there is.
pub const GENERATIONS: &str = "generations";

/// Pause between two looks at which generations there are to be.
const LOOK: Duration = Duration::from_millis(500);

/// Number of a generation, from 1.
pub type Generation = u32;

/// Generations of a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// Generation that is read.
    pub live: Generation,
    /// Generation that is being built, if one is.
    pub building: Option<Generation>,
}

impl Default for Live {
    fn default() -> Self {
        Self { live: 1, building: None }
    }
}

impl Live {
    /// Those that run: the one before goes on for as long as readers may be changed back to it.
    fn all(self) -> impl Iterator<Item = Generation> {
        (self.live - 1..=self.live).filter(|generation| *generation > 0).chain(self.building)
    }
}

/// The generations of one projection, in one process: a subscriber for each, under a name and into a place of its own. A
/// checkpoint never goes back, so to build anew is to begin another one.
///
/// The new generation becomes the live one in a transaction that sees both checkpoints: once it is where the old one is. The old
/// one goes on beside it until the next rebuild, so that readers can be changed back; what it wrote stays until somebody
/// deletes it.
#[derive(Clone)]
pub struct Generations {
    ports: Ports,
    name: &'static str,
    handlers: fn(Generation) -> Handlers,
    wake: Wake,
}

impl Generations {
    /// Generations of the projection of this name, which have these handlers.
    pub fn new(ports: &Ports, name: &'static str, handlers: fn(Generation) -> Handlers) -> Self {
        Self { ports: ports.clone(), name, handlers, wake: Wake::new() }
    }

    /// Returns which generations there are, and what is expected of the document that says so.
    ///
    /// # Errors
    /// Any [`StoreError`]; [`StoreError::Refused`] if the document can't be read.
    pub async fn now(&self, tx: &mut dyn Transaction) -> Result<(Live, Expected), StoreError> {
        let Some(found) = tx.get(GENERATIONS, self.name).await? else {
            return Ok((Live::default(), Expected::Absent));
        };
        let now = serde_json::from_slice(&found.body)
            .map_err(|error| StoreError::Refused(format_smolstr!("{GENERATIONS} of {}: {error}", self.name)))?;
        Ok((now, Expected::Version(found.version)))
    }

    /// Has a generation built, beside the one that is live. The same number is the same generation, whoever asks again.
    ///
    /// # Errors
    /// [`Denied::Refused`] unless it is the next one, or there already.
    pub async fn rebuild(&self, generation: Generation) -> Result<(), Denied> {
        let mut tx = self.ports.store.begin().await?;
        let (now, expected) = self.now(&mut *tx).await?;
        if generation <= now.live || now.building == Some(generation) {
            return Ok(());
        }
        if now.building.is_some() || generation != now.live + 1 {
            return Err(Denied::Refused(format_smolstr!("the next generation is {}", now.live + 1)));
        }
        let building = Live { building: Some(generation), ..now };
        tx.put(GENERATIONS, self.name, expected, encode(&building)).await?;
        tx.commit().await?;
        self.wake.hint();
        Ok(())
    }

    /// Runs the generations that there are until a stop is asked for.
    pub async fn run(self) {
        let mut running = BTreeMap::<Generation, Stop>::new();
        loop {
            match self.look().await {
                Ok(now) => {
                    for generation in now.all() {
                        running.entry(generation).or_insert_with(|| self.start(generation));
                    }
                    let retired = running.extract_if(.., |generation, _| now.all().all(|other| other != *generation));
                    retired.for_each(|(_, stop)| stop.set());
                }
                Err(error) => debug!(%error, "the generations are looked up again"),
            }
            if self.wake.wait(&*self.ports.clock, &self.ports.stop, LOOK).await == Woken::Stop {
                break;
            }
        }
        running.values().for_each(Stop::set);
    }

    fn start(&self, generation: Generation) -> Stop {
        let stop = Stop::new();
        let subscriber = subscriber(&self.ports, &self.subscriber(generation), (self.handlers)(generation));
        self.ports.spawn("generation", subscriber.stop(stop.clone()).run());
        stop
    }

    /// Returns the name of a generation's subscriber.
    pub fn subscriber(&self, generation: Generation) -> SmolStr {
        format_smolstr!("{}-{generation}", self.name)
    }

    /// Returns which generations there are, once the one that is built has taken over if it has caught up.
    async fn look(&self) -> Result<Live, StoreError> {
        let mut tx = self.ports.store.begin().await?;
        let (now, expected) = self.now(&mut *tx).await?;
        let Some(building) = now.building else { return Ok(now) };
        let built = tx.checkpoint(&self.subscriber(building)).await?.unwrap_or(0);
        if built < tx.checkpoint(&self.subscriber(now.live)).await?.unwrap_or(0) {
            return Ok(now);
        }
        let then = Live { live: building, building: None };
        tx.put(GENERATIONS, self.name, expected, encode(&then)).await?;
        tx.commit().await?;
        info!(projection = self.name, generation = building, "the new generation is live");
        Ok(then)
    }
}
