use seaworthy_core::ports::{Operation, Port};
use smol_str::SmolStr;

use super::on_store::OnStore;
use crate::plan::Profile;

/// One store is down.
#[derive(Clone)]
pub(super) struct StoreOutage {
    pub(super) store: SmolStr,
}

impl OnStore for StoreOutage {
    const CLASS: Profile = Profile::Outage;

    fn meets(operation: Operation) -> bool {
        matches!(operation.port(), Port::Store | Port::Transaction)
    }

    fn new(store: SmolStr, _: bool) -> Self {
        Self { store }
    }

    fn store(&self) -> &SmolStr {
        &self.store
    }

    fn in_words(&self) -> String {
        format!("store `{}` answers nobody", self.store)
    }
}
