use std::collections::BTreeMap;

use seaworthy_core::ports::Operation;

use super::graph::Link;
use crate::trace::{Outcome, TxId, What};

/// Reads of open transactions. That a transaction began and read tells nothing by itself; but where a commit about the same
/// thing came before its own, it may not have seen that, and did what it did for this reason.
#[derive(Debug, Default)]
pub(super) struct Reads {
    open: BTreeMap<TxId, OpenTransaction>,
    /// Commits that wrote something, in order.
    commits: Vec<u32>,
    told: Vec<u32>,
}

#[derive(Debug)]
struct OpenTransaction {
    begun: u32,
    read: Option<u32>,
}

impl Reads {
    /// Takes in what begins, reads and writes, and forgets what came to nothing.
    pub(super) fn see(&mut self, position: u32, what: &What) {
        match what {
            What::Begin { tx, outcome: Outcome::Done } => {
                self.open.insert(*tx, OpenTransaction { begun: position, read: None });
            }
            What::Statement { tx, point: Operation::Get | Operation::Scan, outcome: Outcome::Done, .. } => {
                if let Some(open) = self.open.get_mut(tx) {
                    open.read = Some(position);
                }
            }
            What::Commit { effects, .. } if !effects.is_empty() => self.commits.push(position),
            What::Abort { tx, .. } => {
                self.open.remove(tx);
            }
            _ => {}
        }
    }

    /// A transaction commits at `position`, and the events `before` are about the same things. Links it with its begin and
    /// its last read, if one of those is a commit that came since it began.
    pub(super) fn overtaken(&mut self, tx: TxId, position: u32, before: impl Iterator<Item = u32>) -> Vec<Link> {
        let open = self.open.remove(&tx);
        let is_commit = |before: &u32| *before < position && self.commits.binary_search(before).is_ok();
        let latest = before.filter(is_commit).max();
        let told = match (open, latest) {
            (Some(OpenTransaction { begun, read: Some(read) }), Some(latest)) if begun < latest => vec![begun, read],
            _ => Vec::new(),
        };
        self.told.extend(&told);
        told.into_iter().map(|cause| Link { cause, effect: position, to_cause: 1, to_effect: 1 }).collect()
    }

    /// Positions of the begins and reads of transactions that were overtaken.
    pub(super) fn told(&self) -> &[u32] {
        &self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(tx: u64) -> What {
        What::Begin { tx: TxId(tx), outcome: Outcome::Done }
    }

    fn read(tx: u64) -> What {
        What::Statement { tx: TxId(tx), point: Operation::Get, on: "seats".into(), outcome: Outcome::Done }
    }

    fn overtaken(reads: &mut Reads, tx: u64, position: u32, before: &[u32]) -> Vec<u32> {
        reads.overtaken(TxId(tx), position, before.iter().copied()).iter().map(|link| link.cause).collect()
    }

    #[test]
    fn a_begin_and_a_read_are_told_if_a_commit_about_the_same_thing_came_between_them_and_their_own() {
        let mut reads = Reads::default();
        for (position, what) in [(1, begin(1)), (2, begin(2)), (3, read(1)), (6, begin(3)), (7, read(3)), (8, read(2))]
        {
            reads.see(position, &what);
        }
        reads.commits = vec![0, 5];
        assert_eq!(overtaken(&mut reads, 1, 9, &[0, 4]), [0; 0], "no commit came between");
        assert_eq!(overtaken(&mut reads, 2, 10, &[5]), [2, 8], "it may read what was there when it began");
        assert_eq!(overtaken(&mut reads, 3, 11, &[5]), [0; 0], "it began after that");
        assert_eq!(overtaken(&mut reads, 4, 12, &[5]), [0; 0], "it read nothing");
        assert_eq!(reads.told(), [2, 8]);
    }
}
