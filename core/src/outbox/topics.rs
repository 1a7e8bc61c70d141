use std::{collections::BTreeMap, time::Duration};

use smol_str::SmolStr;

use super::RelayConfig;
use crate::ports::{Random, Timestamp};

/// Number of topics whose outages a relay remembers. One that is forgotten is asked again at once.
const OUTAGES_MAX: usize = 1_024;

/// Topics that can't be reached: an outage is one of a topic, and a broker that is down is down for each.
///
/// While a topic is left alone none of its rows is taken up, so it costs nothing and stops nobody, however many wait.
#[derive(Debug, Default)]
pub(super) struct Topics {
    outages: BTreeMap<SmolStr, Outage>,
}

#[derive(Debug)]
struct Outage {
    /// Times in a row that nothing of the topic was answered.
    failures: u32,
    /// Moment, by the process's clock, until which it is left alone.
    until: Timestamp,
}

impl Topics {
    /// Topics that are left alone for now.
    pub(super) fn left_alone(&self, now: Timestamp) -> Vec<SmolStr> {
        self.outages.iter().filter(|(_, outage)| outage.until > now).map(|(topic, _)| topic.clone()).collect()
    }

    /// Returns `true` if nothing of a topic was answered when it was last asked.
    pub(super) fn is_out(&self, topic: &str) -> bool {
        !self.outages.is_empty() && self.outages.contains_key(topic)
    }

    /// The broker answered for a topic: its next outage starts from the shortest pause.
    pub(super) fn answered(&mut self, topic: &str) {
        if !self.outages.is_empty() {
            self.outages.remove(topic);
        }
    }

    /// Nothing of a topic was answered. Returns how long it is left alone: longer each time.
    pub(super) fn failed(
        &mut self,
        topic: &SmolStr,
        now: Timestamp,
        config: &RelayConfig,
        random: &dyn Random,
    ) -> Duration {
        let outage = self.outages.entry(topic.clone()).or_insert(Outage { failures: 0, until: now });
        let pause = config.outage_backoff.delay(outage.failures, random);
        outage.failures = outage.failures.saturating_add(1);
        outage.until = now + pause;
        if self.outages.len() > OUTAGES_MAX {
            self.outages.pop_first();
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;

    impl Random for Zero {
        fn next_u64(&self) -> u64 {
            0
        }
    }

    #[test]
    fn a_topic_is_left_alone_longer_each_time_and_from_the_shortest_pause_on_after_an_answer() {
        let (config, mut topics, topic) = (RelayConfig::default(), Topics::default(), SmolStr::from("orders"));
        let now = Timestamp::EPOCH;
        let first = topics.failed(&topic, now, &config, &Zero);
        assert!(topics.is_out("orders") && !topics.is_out("stock"));
        assert_eq!(topics.left_alone(now), ["orders"]);
        assert_eq!(topics.left_alone(now + first), [""; 0], "it is asked again, but counts as out");
        assert!(topics.is_out("orders"));
        assert!(topics.failed(&topic, now, &config, &Zero) > first);
        topics.answered("orders");
        assert!(!topics.is_out("orders"));
        assert_eq!(topics.failed(&topic, now, &config, &Zero), first);
    }

    #[test]
    fn outages_of_any_number_of_topics_take_no_more_than_so_much_memory() {
        let (config, mut topics) = (RelayConfig::default(), Topics::default());
        for number in 0..2 * OUTAGES_MAX {
            topics.failed(&format!("topic-{number}").into(), Timestamp::EPOCH, &config, &Zero);
        }
        assert_eq!(topics.outages.len(), OUTAGES_MAX);
    }
}
