use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use seaworthy_core::ports::Clock;

use super::{BrokerConfig, model::BrokerModel};

/// State that a broker shares with its subscriptions.
pub(super) struct SharedModel {
    pub(super) clock: Arc<dyn Clock>,
    model: Mutex<BrokerModel>,
}

impl SharedModel {
    pub(super) fn new(clock: Arc<dyn Clock>, config: BrokerConfig) -> Self {
        Self { clock, model: Mutex::new(BrokerModel::new(config)) }
    }

    pub(super) fn model(&self) -> MutexGuard<'_, BrokerModel> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
