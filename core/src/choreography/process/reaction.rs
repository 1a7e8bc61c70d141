use std::time::Duration;

use smol_str::SmolStr;

use super::super::Command;

/// Outputs of a process manager's reaction: commands, timers, the end.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::choreography::Reaction;
///
/// let wait = Reaction::none().timer("overdue", Duration::from_secs(3_600));
/// let end = Reaction::none().cancel("overdue").end();
/// assert!(wait != end);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a reaction is returned"]
pub struct Reaction {
    pub(super) commands: Vec<Command>,
    /// Timers that are set or, where there is no duration, cancelled, in order.
    pub(super) timers: Vec<(SmolStr, Option<Duration>)>,
    pub(super) ends: bool,
}

impl Reaction {
    /// No outputs; the state is kept.
    pub const fn none() -> Self {
        Self { commands: Vec::new(), timers: Vec::new(), ends: false }
    }

    /// Sends a command.
    pub fn command(mut self, command: Command) -> Self {
        self.commands.push(command);
        self
    }

    /// Sends several commands.
    pub fn commands(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.commands.extend(commands);
        self
    }

    /// Sets a timer that goes off after a duration, by the clock of the store. Set again, it goes off at its new time only.
    pub fn timer(mut self, name: impl Into<SmolStr>, after: Duration) -> Self {
        self.timers.push((name.into(), Some(after)));
        self
    }

    /// Cancels a timer. One that is not set is no mistake.
    pub fn cancel(mut self, name: impl Into<SmolStr>) -> Self {
        self.timers.push((name.into(), None));
        self
    }

    /// Ends the process: its state is dropped, its timers do nothing, and whatever comes late is dropped.
    pub fn end(mut self) -> Self {
        self.ends = true;
        self
    }
}
