//! Calls that a store has not answered: what hangs is in no trace by itself, since a call is written down when it is over.

use crate::trace::{Outcome, ProcessIndex, TxId, VirtualTime, What};
use seaworthy_core::ports::Operation;
use smol_str::SmolStr;

/// Origin of an event: process, incarnation, task.
pub(crate) type Whose = (ProcessIndex, u32, u32);

/// So many calls that hang are told at the end of a run.
const TOLD_MAX: usize = 5;

/// Waits for stores, and the transactions that the waiting tasks hold open meanwhile.
#[derive(Debug, Default)]
pub(crate) struct InVain {
    open: Vec<OpenTransaction>,
    waits: Vec<Wait>,
    next: u64,
}

/// A transaction that has begun and not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenTransaction {
    pub(crate) tx: TxId,
    pub(crate) whose: Whose,
    pub(crate) since: VirtualTime,
    /// Event that says that it began.
    pub(crate) event: u64,
}

/// A call that hangs when the run is given up, and who may be what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Hang {
    pub(crate) whose: Whose,
    pub(crate) what: What,
    pub(crate) holder: Option<OpenTransaction>,
}

/// A call that its store did not answer at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    number: u64,
    pub(crate) whose: Whose,
    point: Operation,
    tx: Option<TxId>,
    since: VirtualTime,
}

impl InVain {
    /// Takes in what opens a transaction, and what ends it: an event of `since`, by its number.
    pub(crate) fn see(&mut self, whose: Whose, what: &What, since: VirtualTime, event: u64) {
        match what {
            What::Begin { tx, outcome: Outcome::Done } => {
                self.open.push(OpenTransaction { tx: *tx, whose, since, event })
            }
            What::Commit { tx, .. } | What::Abort { tx, .. } => {
                if let Some(index) = self.open.iter().position(|open| open.tx == *tx) {
                    self.open.swap_remove(index);
                }
            }
            _ => {}
        }
    }

    /// Somebody begins to wait, for a call of transaction `tx` or of none; gives the number of the wait.
    pub(crate) fn begin(&mut self, whose: Whose, point: Operation, tx: Option<TxId>, since: VirtualTime) -> u64 {
        self.next += 1;
        self.waits.push(Wait { number: self.next, whose, point, tx, since });
        self.next
    }

    /// A wait is over, for better or worse.
    pub(crate) fn end(&mut self, number: u64) -> Option<Wait> {
        let index = self.waits.iter().position(|wait| wait.number == number)?;
        Some(self.waits.swap_remove(index))
    }

    /// Returns the event of a wait that came to nothing, where its own task may be what it waited for.
    pub(crate) fn deadlock(&self, wait: &Wait) -> Option<What> {
        self.behind(wait).map(|_| self.say(wait))
    }

    /// An incarnation has died: what it waited for in vain, as far as its own tasks may be to blame.
    pub(crate) fn bury(&mut self, process: ProcessIndex, incarnation: u32) -> Vec<(Whose, What)> {
        let is_its_own = |whose: &Whose| whose.0 == process && whose.1 == incarnation;
        let told = self.waits.iter().filter(|wait| is_its_own(&wait.whose));
        let told = told.filter_map(|wait| Some((wait.whose, self.deadlock(wait)?))).collect();
        self.waits.retain(|wait| !is_its_own(&wait.whose));
        self.open.retain(|open| !is_its_own(&open.whose));
        told
    }

    /// The run is given up: who waits still, those first who may be their own obstacle, then those who have waited longest.
    /// Processes that share a store may wait for one another's transactions.
    pub(crate) fn told_at_last(&self, share_a_store: &dyn Fn(ProcessIndex, ProcessIndex) -> bool) -> Vec<Hang> {
        let mut waits: Vec<&Wait> = self.waits.iter().collect();
        waits.sort_by_key(|wait| (self.behind(wait).is_none(), wait.since, wait.number));
        let told = waits.into_iter().take(TOLD_MAX);
        told.map(|wait| Hang { whose: wait.whose, what: self.say(wait), holder: self.holder(wait, share_a_store) })
            .collect()
    }

    /// The transactions that are open, the oldest first.
    pub(crate) fn open(&self) -> Vec<OpenTransaction> {
        let mut open = self.open.clone();
        open.sort_unstable_by_key(|open| open.event);
        open
    }

    /// A transaction other than its own that the waiting task has open.
    fn behind(&self, wait: &Wait) -> Option<TxId> {
        self.own(wait).map(|open| open.tx)
    }

    fn own(&self, wait: &Wait) -> Option<OpenTransaction> {
        let open = self.open.iter().filter(|open| open.whose == wait.whose && Some(open.tx) != wait.tx);
        open.min_by_key(|open| open.tx).copied()
    }

    /// Returns the transaction that a call may wait for: one of its own task's, or the oldest that is open in its store.
    fn holder(
        &self,
        wait: &Wait,
        share_a_store: &dyn Fn(ProcessIndex, ProcessIndex) -> bool,
    ) -> Option<OpenTransaction> {
        let others =
            self.open.iter().filter(|open| Some(open.tx) != wait.tx && share_a_store(open.whose.0, wait.whose.0));
        self.own(wait).or_else(|| others.min_by_key(|open| open.event).copied())
    }

    fn say(&self, wait: &Wait) -> What {
        let whom = SmolStr::default();
        What::NeverReturned { point: wait.point, tx: wait.tx, since: wait.since, behind: self.behind(wait), whom }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Whose = (ProcessIndex(0), 1, 2);
    const OTHER: Whose = (ProcessIndex(0), 1, 3);

    fn begun(tx: u64) -> What {
        What::Begin { tx: TxId(tx), outcome: Outcome::Done }
    }

    fn behind(what: &What) -> Option<u64> {
        let What::NeverReturned { behind, .. } = what else { panic!("{what:?}") };
        behind.map(|tx| tx.0)
    }

    #[test]
    fn a_task_is_its_own_obstacle_by_what_it_holds_and_not_by_what_others_hold() {
        let mut in_vain = InVain::default();
        in_vain.see(ONE, &begun(1), 3, 7);
        in_vain.begin(OTHER, Operation::Begin, None, 5);
        in_vain.begin(ONE, Operation::Begin, None, 9);
        // A statement waits in its own transaction, which is no obstacle to it.
        in_vain.begin(ONE, Operation::Put, Some(TxId(1)), 9);
        let told = in_vain.told_at_last(&|_, _| true);
        let holds = OpenTransaction { tx: TxId(1), whose: ONE, since: 3, event: 7 };
        assert!(told.iter().take(2).all(|hang| hang.holder == Some(holds)), "whoever waits, waits for it: {told:?}");
        assert_eq!(told[2].holder, None, "no call waits for its own transaction");
        assert_eq!(in_vain.told_at_last(&|_, _| false)[1].holder, None, "another store's is in nobody's way");
        let told: Vec<_> = told.iter().map(|hang| (hang.whose, behind(&hang.what))).collect();
        assert_eq!(told, [(ONE, Some(1)), (OTHER, None), (ONE, None)]);
        in_vain.see(ONE, &What::Abort { tx: TxId(1), tried: Box::default() }, 9, 8);
        let told = in_vain.told_at_last(&|_, _| true);
        assert!(told.iter().all(|hang| behind(&hang.what).is_none() && hang.holder.is_none()), "{told:?}");
    }

    #[test]
    fn what_dies_with_its_process_is_told_once_and_what_was_answered_never() {
        let mut in_vain = InVain::default();
        in_vain.see(ONE, &begun(1), 3, 7);
        let answered = in_vain.begin(ONE, Operation::Begin, None, 5);
        in_vain.end(answered);
        in_vain.begin(ONE, Operation::Begin, None, 7);
        in_vain.begin(OTHER, Operation::Begin, None, 8);
        assert_eq!(in_vain.bury(ProcessIndex(0), 2), [], "another incarnation");
        let told = in_vain.bury(ProcessIndex(0), 1);
        let (point, behind, whom) = (Operation::Begin, Some(TxId(1)), SmolStr::default());
        let what = What::NeverReturned { point, tx: None, since: 7, behind, whom };
        assert_eq!(told, [(ONE, what)], "the other task held nothing");
        assert!(in_vain.told_at_last(&|_, _| true).is_empty());
    }
}
