/// Amount of work that waits in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Outbox rows that are pending or claimed.
    pub outbox_unsettled: u64,
    /// Outbox rows that are dead and were not redriven or purged.
    pub outbox_dead: u64,
    /// Sagas that are running or compensating, but for those that wait for a signal.
    pub sagas_active: u64,
    /// Sagas that wait for a signal, for as long as it takes: nothing moves them by itself.
    pub sagas_waiting: u64,
    /// Sagas that are stuck and wait for an operator.
    pub sagas_stuck: u64,
    /// Dead letters of all consumers of this store.
    pub inbox_dead: u64,
}

impl Backlog {
    /// Returns `true` if nothing is left that would move by itself.
    pub fn is_idle(&self) -> bool {
        self.outbox_unsettled == 0 && self.sagas_active == 0
    }
}
