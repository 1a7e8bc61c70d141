use std::{collections::BTreeMap, sync::Arc, time::Duration};

use smol_str::SmolStr;

use super::{Measure, Metrics};
use crate::{
    ports::{Census, Ports, SagaStatus, Tally},
    wake::pause,
};

/// Reads what waits in the process's store, at once and after each `every`, until the process is asked to stop: how many
/// rows are pending or dead, sagas by status, dead letters by consumer, and how old the oldest of what waits is. One process
/// for each store is enough; several say the same. A census counts what there is, so some seconds between two are right.
///
/// A store that does not answer, or takes no [census](crate::ports::Store::census), leaves the figures as they are; its
/// failure is one of [`PortFailures`](Measure::PortFailures) if the ports are [metered](super::metered).
///
/// Dropping the future ends it.
pub async fn watch(ports: Ports, metrics: Arc<dyn Metrics>, every: Duration) {
    // Consumers that had dead letters: where they have none any more, that is to be seen.
    let mut consumers = BTreeMap::new();
    loop {
        match ports.store.census().await {
            Ok(census) => show(&*metrics, &census, &mut consumers),
            Err(error) => tracing::debug!(%error, "figures of the store are read at the next turn"),
        }
        if !pause(&*ports.clock, &ports.stop, every).await {
            return;
        }
    }
}

fn show(metrics: &dyn Metrics, census: &Census, consumers: &mut BTreeMap<SmolStr, Tally>) {
    let count = |measure, labels: &[_], tally: Tally| metrics.set(measure, labels, tally.count as f64);
    let age = |measure, tally: Tally| {
        metrics.set(measure, &[], tally.age(census.at).unwrap_or_default().as_secs_f64());
    };
    count(Measure::Pending, &[], census.outbox_pending);
    age(Measure::OldestPending, census.outbox_pending);
    count(Measure::Dead, &[], census.outbox_dead);
    for status in &SagaStatus::ALL {
        let sagas = census.sagas.get(status).copied().unwrap_or_default();
        count(Measure::Sagas, &[("status", status.name())], sagas);
    }
    age(Measure::OldestStuck, census.sagas.get(&SagaStatus::Stuck).copied().unwrap_or_default());
    consumers.values_mut().for_each(|letters| *letters = Tally::default());
    consumers.extend(census.dead_letters.iter().map(|(consumer, letters)| (consumer.clone(), *letters)));
    for (consumer, letters) in consumers {
        count(Measure::DeadLetters, &[("consumer", consumer)], *letters);
    }
}
