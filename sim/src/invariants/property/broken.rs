use crate::{
    invariants::{Entity, Judge},
    trace::Event,
};

/// Something that does not hold: what it is about, one sentence, and the events that show it.
///
/// ```
/// use seaworthy_sim::invariants::Broken;
///
/// let broken = Broken::new("order-17", "order-17 was charged twice").at(12).at(31);
/// # drop(broken);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    entity: Entity,
    sentence: String,
    events: Vec<u64>,
}

impl Broken {
    /// Of an entity (a message, a saga, an order), with a sentence that says what is wrong and names it.
    pub fn new(entity: impl Into<Entity>, sentence: impl Into<String>) -> Self {
        Self { entity: entity.into(), sentence: sentence.into(), events: Vec::new() }
    }

    /// Adds an event that shows it, or its number. A story is told around them. Where a closure of
    /// [`always`](super::always) names none, the event that it judged is the one.
    #[must_use]
    pub fn at(mut self, event: impl Into<EventNumber>) -> Self {
        self.events.push(event.into().0);
        self
    }

    /// The same, shown by this event unless it names others.
    pub(super) fn shown_by(self, event: u64) -> Self {
        if self.events.is_empty() { self.at(event) } else { self }
    }

    pub(super) fn tell(self, judge: &mut Judge<'_>) {
        judge.violate(self.entity, self.sentence, self.events);
    }
}

/// The number of an event in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventNumber(u64);

impl From<u64> for EventNumber {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<&Event> for EventNumber {
    fn from(event: &Event) -> Self {
        Self(event.number)
    }
}
