//! A wrapper that overrides nothing keeps every promise of what it wraps; one method overridden is one method changed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{self, StoreSubject, block_on},
    message::Message,
    ports::{DelegateStore, DelegateTransaction, Store, StoreError, Transaction},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};

/// A store that passes everything on, transactions included; or one whose transactions stage nothing.
struct Wrapped {
    inner: MemoryStore,
    is_mute: bool,
}

#[async_trait]
impl DelegateStore for Wrapped {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let inner = self.inner.begin().await?;
        Ok(if self.is_mute { Box::new(Mute(inner)) } else { Box::new(Through(inner)) })
    }
}

struct Through(Box<dyn Transaction>);

impl DelegateTransaction for Through {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }
}

struct Mute(Box<dyn Transaction>);

#[async_trait]
impl DelegateTransaction for Mute {
    fn inner(&mut self) -> &mut dyn Transaction {
        &mut *self.0
    }

    fn into_inner(self: Box<Self>) -> Box<dyn Transaction> {
        self.0
    }

    async fn stage(&mut self, _: &Message) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Subject(Arc<ManualClock>, bool);

#[async_trait]
impl StoreSubject for Subject {
    async fn fresh(&self) -> Arc<dyn Store> {
        Arc::new(Wrapped { inner: MemoryStore::new(self.0.clone()), is_mute: self.1 })
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

seaworthy_core::store_conformance!(Subject(ManualClock::new(), false), block_on);

#[test]
fn a_wrapper_that_changes_one_method_breaks_the_promises_about_it_and_no_others() {
    let report = block_on(conformance::store_report(&Subject(ManualClock::new(), true)));
    let failed: Vec<&str> = report.failures().map(|check| check.name).collect();
    assert!(failed.contains(&"a_row_carries_its_message_unchanged_and_a_rising_sequence"), "{failed:?}");
    for untouched in ["a_document_counts_its_writes", "a_log_is_numbered_without_gaps", "dead_letters_survive_a_purge"]
    {
        assert!(!failed.contains(&untouched), "{failed:?}");
    }
}
