//! Stores whose lists of dead letters show none, or the first of them and no other: nobody finds what was given up.

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, DeadLetter, DeadLetterRequest, DelegateStore, InboxStore, Store, StoreError};
use seaworthy_sim::{scenario::Topology, store::MemoryStore};

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listener, placing},
};

pub(super) const WRONG: Service =
    Service { store: Some(Forgetful::make), ..Service::wrong("lists-nothing", topology).fails_for_good() };

fn topology(_: bool) -> Topology {
    listener(fronts(|boot| front_beside_relay(boot, placing)))
}

struct Forgetful(MemoryStore);

impl Forgetful {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for Forgetful {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn dead_letters(&self, _: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(Vec::new())
    }
}

/// Looks for the letters that are asked for among the first of the list, and not in all of it.
struct FirstPage(MemoryStore);

impl FirstPage {
    fn make(clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(Self(MemoryStore::new(clock)))
    }
}

#[async_trait]
impl DelegateStore for FirstPage {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn dead_letters(&self, request: &DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        let page = DeadLetterRequest::new(request.consumer.clone(), request.limit).after(request.after);
        let mut letters = InboxStore::dead_letters(&self.0, &page).await?;
        letters.retain(|letter| request.asks_for(letter));
        Ok(letters)
    }
}

#[test]
fn a_list_that_is_filtered_after_it_was_cut() {
    let wrong = Service::wrong("looks-at-the-first-page-alone", topology).fails_for_good();
    let wrong = Service { store: Some(FirstPage::make), ..wrong };
    is_found_and_the_right_service_holds("unlisted", wrong);
}
