use smol_str::SmolStr;

use super::{Event, ProcessIndex, VirtualTime, What};

/// A trace in the making, of whatever happened somewhere else than in a simulated world: events are appended with their
/// process and moment, and numbered as the world numbers them. The invariants judge it like any other.
///
/// ```
/// use seaworthy_sim::{
///     invariants::{Ending, Panel, SagaResolves},
///     trace::{Log, What},
/// };
///
/// let mut log = Log::new();
/// let orders = log.process("orders-1");
/// log.append(orders, 1_000, What::Boot { release: 1 });
/// let findings = Panel::new(vec![Box::new(SagaResolves::new())]).judge(log.events(), Ending::Quiet);
/// assert!(findings.violations.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    events: Vec<Event>,
    /// Names and incarnations.
    processes: Vec<(SmolStr, u32)>,
}

impl Log {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// A process, in its first incarnation; the same name gives the same process.
    ///
    /// # Panics
    /// If there are more than 65,534 processes.
    pub fn process(&mut self, name: &str) -> ProcessIndex {
        let index = self.processes.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.processes.push((name.into(), 1));
            self.processes.len() - 1
        });
        let index = u16::try_from(index).ok().map(ProcessIndex).filter(|index| *index != ProcessIndex::WORLD);
        index.expect("a log has fewer processes than a trace can tell apart")
    }

    /// Restarts a process: what it does next, it does in its next incarnation.
    pub fn restart(&mut self, process: ProcessIndex) {
        if let Some((_, incarnation)) = self.processes.get_mut(usize::from(process.0)) {
            *incarnation += 1;
        }
    }

    /// Appends what happened at a moment, in virtual microseconds, and returns its number. Time does not run backwards:
    /// what is appended with an earlier moment has that of the event before it.
    pub fn append(&mut self, process: ProcessIndex, at: VirtualTime, what: What) -> u64 {
        let number = self.events.len() as u64;
        let at = self.events.last().map_or(at, |last| at.max(last.at));
        let incarnation = self.processes.get(usize::from(process.0)).map_or(0, |(_, incarnation)| *incarnation);
        let task = u32::from(process != ProcessIndex::WORLD);
        self.events.push(Event { number, at, process, incarnation, task, what });
        number
    }

    /// The names of the processes, by their index.
    pub fn processes(&self) -> Vec<SmolStr> {
        self.processes.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}
