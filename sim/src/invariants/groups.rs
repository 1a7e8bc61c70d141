use seaworthy_core::ports::SubscriptionSpec;
use smol_str::SmolStr;

use super::practice::Practice;

/// The consumer groups of a scenario, each with a small number, so that a set of them is one word.
#[derive(Clone, Debug)]
pub(super) struct Groups(Vec<Group>);

#[derive(Clone, Debug)]
struct Group {
    name: SmolStr,
    consumer: SmolStr,
    topics: Vec<SmolStr>,
}

impl Groups {
    /// At most 64 groups: more than any scenario has, and enough for a word.
    pub(super) fn new(specs: &[SubscriptionSpec]) -> Self {
        assert!(specs.len() <= 64, "an invariant can tell 64 consumer groups apart, not {}", specs.len());
        let group = |spec: &SubscriptionSpec| Group {
            name: spec.group.clone(),
            consumer: spec.group.clone(),
            topics: spec.topics.clone(),
        };
        Self(specs.iter().map(group).collect())
    }

    /// Says under which name a group handles messages in its inbox.
    pub(super) fn rename(&mut self, group: &str, consumer: &str) {
        if let Some(group) = self.0.iter_mut().find(|known| known.name == group) {
            group.consumer = consumer.into();
        }
    }

    /// Takes over the names that were learnt, but for groups whose name was said.
    pub(super) fn learn(&mut self, practice: &Practice) {
        for group in self.0.iter_mut().filter(|group| group.consumer == group.name) {
            if let Some(consumer) = practice.consumer_of(&group.name) {
                group.consumer = consumer.clone();
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn name(&self, group: usize) -> &SmolStr {
        &self.0[group].name
    }

    /// The set of groups that are bound to a topic.
    pub(super) fn bound_to(&self, topic: &SmolStr) -> u64 {
        let bound = self.0.iter().enumerate().filter(|(_, group)| group.topics.contains(topic));
        bound.fold(0, |set, (index, _)| set | (1 << index))
    }

    pub(super) fn of_group(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|group| group.name == name)
    }

    pub(super) fn of_consumer(&self, consumer: &str) -> Option<usize> {
        self.0.iter().position(|group| group.consumer == consumer)
    }
}
