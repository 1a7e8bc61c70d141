//! Random histories of transactions, compared with a naive store that copies everything.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use bytes::Bytes;
use proptest::prelude::*;
use seaworthy_core::{
    conformance::block_on,
    ports::{Document, Expected, Store, Transaction},
};

use super::store;

/// A statement of a random history: which transaction, and what it does.
#[derive(Clone, Debug)]
enum Statement {
    Get(u8),
    Put(u8),
    Delete(u8),
    Scan,
    Commit,
    Abort,
}

/// A naive transaction: a copy of everything, as it was at its begin.
struct Copied {
    tx: Box<dyn Transaction>,
    view: BTreeMap<String, Document>,
    began: usize,
    wrote: BTreeMap<String, Option<Document>>,
}

/// A naive store: all that is committed, and who wrote what in which commit.
#[derive(Default)]
struct Naive {
    documents: BTreeMap<String, Document>,
    commits: Vec<Vec<String>>,
}

impl Naive {
    fn overtaken(&self, copied: &Copied, id: &str) -> bool {
        self.commits[copied.began..].iter().any(|written| written.iter().any(|other| other == id))
    }
}

fn compare(history: Vec<(u8, Statement)>) -> Result<(), TestCaseError> {
    let store: Arc<dyn Store> = Arc::new(store());
    let mut naive = Naive::default();
    let mut open: BTreeMap<u8, Copied> = BTreeMap::new();
    block_on(async {
        for (number, (who, statement)) in history.into_iter().enumerate() {
            let copied = match open.entry(who) {
                Entry::Occupied(copied) => copied.into_mut(),
                Entry::Vacant(new) => new.insert(Copied {
                    tx: store.begin().await.expect("begins"),
                    view: naive.documents.clone(),
                    began: naive.commits.len(),
                    wrote: BTreeMap::new(),
                }),
            };
            let mut failed = false;
            match statement {
                Statement::Get(id) => {
                    let id = id.to_string();
                    prop_assert_eq!(copied.tx.get("c", &id).await, Ok(copied.view.get(&id).cloned()));
                }
                Statement::Scan => {
                    let seen = copied.tx.scan("c", None, 9).await.expect("scans");
                    let seen: Vec<(String, Document)> = seen.into_iter().map(|(id, d)| (id.to_string(), d)).collect();
                    prop_assert_eq!(seen, copied.view.clone().into_iter().take(9).collect::<Vec<_>>());
                }
                Statement::Put(id) => {
                    let id = id.to_string();
                    let document = Document {
                        version: copied.view.get(&id).map_or(0, |document| document.version) + 1,
                        body: Bytes::from(number.to_string()),
                    };
                    let answer = copied.tx.put("c", &id, Expected::Any, document.body.clone()).await;
                    failed = answer.is_err();
                    prop_assert_eq!(failed, naive.overtaken(copied, &id));
                    copied.view.insert(id.clone(), document.clone());
                    copied.wrote.insert(id, Some(document));
                }
                Statement::Delete(id) => {
                    let id = id.to_string();
                    failed = copied.tx.delete("c", &id, Expected::Any).await.is_err();
                    prop_assert_eq!(failed, naive.overtaken(copied, &id));
                    if copied.view.remove(&id).is_some() {
                        copied.wrote.insert(id, None);
                    }
                }
                Statement::Abort => failed = true,
                Statement::Commit => {
                    let Some(copied) = open.remove(&who) else { continue };
                    let overtaken = copied.wrote.keys().any(|id| naive.overtaken(&copied, id));
                    prop_assert_eq!(copied.tx.commit().await.is_err(), overtaken);
                    if !overtaken {
                        // A document that was made and deleted in one transaction was written all the same.
                        naive.commits.push(copied.wrote.keys().cloned().collect());
                        for (id, document) in copied.wrote {
                            match document {
                                Some(document) => _ = naive.documents.insert(id, document),
                                None => _ = naive.documents.remove(&id),
                            }
                        }
                    }
                }
            }
            if failed {
                open.remove(&who);
            }
        }
        Ok(())
    })
}

proptest! {
    // 3,000 histories of up to 80 statements by four transactions at a time on six documents.
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn snapshots_without_copies_show_what_copies_show(history in prop::collection::vec((0_u8..4, prop_oneof![
        3 => (0_u8..6).prop_map(Statement::Get),
        3 => (0_u8..6).prop_map(Statement::Put),
        1 => (0_u8..6).prop_map(Statement::Delete),
        1 => Just(Statement::Scan),
        2 => Just(Statement::Commit),
        1 => Just(Statement::Abort),
    ]), 1..80)) {
        compare(history)?;
    }
}
