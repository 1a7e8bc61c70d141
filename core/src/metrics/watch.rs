use std::{sync::Arc, time::Duration};

use super::{Measure, Metrics};
use crate::{
    ports::{Backlog, Ports},
    wake::pause,
};

/// Reads what waits in the process's store, at once and after each `every`, until the process is asked to stop: counts of
/// pending and dead rows, sagas and dead letters. One process for each store is enough; several say the same.
///
/// A store that does not answer leaves the figures as they are; its failure is one of
/// [`PortFailures`](Measure::PortFailures) if the ports are [metered](super::metered).
///
/// Dropping the future ends it.
pub async fn watch(ports: Ports, metrics: Arc<dyn Metrics>, every: Duration) {
    loop {
        match ports.store.backlog().await {
            Ok(backlog) => show(&*metrics, &backlog),
            Err(error) => tracing::debug!(%error, "figures of the store are read at the next turn"),
        }
        if !pause(&*ports.clock, &ports.stop, every).await {
            return;
        }
    }
}

fn show(metrics: &dyn Metrics, backlog: &Backlog) {
    let set = |measure, labels: &[_], count: u64| metrics.set(measure, labels, count as f64);
    set(Measure::Pending, &[], backlog.outbox_unsettled);
    set(Measure::Dead, &[], backlog.outbox_dead);
    set(Measure::Sagas, &[("status", "active")], backlog.sagas_active);
    set(Measure::Sagas, &[("status", "stuck")], backlog.sagas_stuck);
    set(Measure::DeadLetters, &[], backlog.inbox_dead);
}
