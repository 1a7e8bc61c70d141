//! Sagas that sleep at waits under a version that is gone: they pass to the next one, so that messages find them by keys that
//! they have only there.
//!
//! Nobody wakes them before their time, and a message that would has no way to find them. Where nothing but a correlation id
//! leads to a saga, it passes whenever it wakes.

use std::time::Duration;

use smol_str::SmolStr;

use super::{Orchestrator, launch::spawn};
use crate::{
    ports::{SagaListRequest, SagaStatus, StoreError},
    time::Timestamp,
};

/// Interval at which they are looked for: as long as an older release runs beside this one it may leave more of them, and a look
/// reads all that sleep.
const EVERY: Duration = Duration::from_secs(600);

/// Search for them, from boot on. It costs nothing where no migration leads to keys.
pub(super) struct Passing {
    /// Names of definitions, with versions that are gone.
    passages: Vec<(SmolStr, u32)>,
    /// Passage that is being looked at, and the place behind which to look; `None` until the next time.
    under_way: Option<(usize, u64)>,
    due: Timestamp,
}

impl Passing {
    pub(super) fn new(orchestrator: &Orchestrator) -> Self {
        Self { passages: orchestrator.registry.passages_to_keys(), under_way: None, due: Timestamp::EPOCH }
    }
}

impl Orchestrator {
    /// Takes over and drives sagas that are to pass, as many as there is room for, if it is time to look for them.
    pub(super) async fn pass_sleepers(&self, passing: &mut Passing) -> Result<(), StoreError> {
        let resources = &self.resources;
        if passing.passages.is_empty() {
            return Ok(());
        }
        if passing.under_way.is_none() && passing.due <= resources.clock.now() {
            (passing.under_way, passing.due) = (Some((0, 0)), resources.clock.now() + EVERY);
        }
        while let Some((at, after)) = &mut passing.under_way {
            let Some((definition, version)) = passing.passages.get(*at) else {
                passing.under_way = None;
                break;
            };
            let request = SagaListRequest::new(resources.config.batch).of_status(SagaStatus::Running).asleep();
            let request = request.of_definition(definition.clone()).after(*after);
            let page = resources.answered(resources.store.sagas(&request)).await?;
            let is_last = page.len() < resources.config.batch;
            for listed in page {
                if listed.saga.definition.version == *version {
                    if resources.room() == 0 {
                        return Ok(());
                    }
                    for instance in self.acquire(Some(listed.saga.id), 1).await? {
                        if let Ok((driver, owned)) = self.resolve(instance).await {
                            spawn(resources, driver, owned);
                        }
                    }
                }
                *after = listed.number;
            }
            if is_last {
                (*at, *after) = (*at + 1, 0);
            }
        }
        Ok(())
    }
}
