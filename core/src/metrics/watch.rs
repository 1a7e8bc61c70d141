use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};
use smol_str::SmolStr;

use super::{Measure, Metrics};
use crate::{
    ports::{Census, Ports, SagaStatus, Tally, answered},
    settings::{Checks, InvalidSetting},
    startup::can_run,
    wake::pause,
};

/// Time that a store has for a census: longer than it waits for the one writer of a store, so that its own error is heard, which says
/// who holds that.
const CENSUS_LIMIT: Duration = Duration::from_secs(35);

/// Reads what waits in the process's store, at once and after each `every`, until the process is asked to stop: how many
/// rows are pending or dead, sagas by status, dead letters by consumer, and how old the oldest of what waits is. One process
/// for each store is enough; several say the same. A census counts what there is, so some seconds between two are right.
///
/// A store that does not answer, or takes no [census](crate::ports::Store::census), leaves the figures as they are; its
/// failure is one of [`PortFailures`](Measure::PortFailures) if the ports are [metered](super::metered). It has 35 s for a
/// census: one that has not come by then is dropped, which is said at `WARN`.
///
/// Ends at once, with an error in the log and to the process, where `every` is no time at all.
///
/// Dropping the future ends it.
pub async fn watch(ports: Ports, metrics: Arc<dyn Metrics>, every: Duration) {
    if !can_run(format_args!("watch of figures"), Some(&*ports.spawner), check(every), &*ports.store, &[]) {
        return;
    }
    // Consumers that had dead letters: where they have none any more, that is to be seen.
    let mut consumers = BTreeMap::new();
    loop {
        let census = answered(&*ports.clock, CENSUS_LIMIT, ports.store.census());
        // A stop waits for no figures.
        match select(pin!(census), pin!(ports.stop.wait())).await {
            Either::Right(((), _)) => return,
            Either::Left((Ok(census), _)) => show(&*metrics, &census, &mut consumers),
            Either::Left((Err(error), _)) => tracing::debug!(%error, "figures of the store are read at the next turn"),
        }
        if !pause(&*ports.clock, &ports.stop, every).await {
            return;
        }
    }
}

fn check(every: Duration) -> Result<(), InvalidSetting> {
    Checks::new("watch").lasting("every", every, "the store would be counted without rest")
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
