/// Type of the system event by which a domain takes an event back, see [`FollowUp::revoke`].
pub const REVOKED: &str = "event.revoked";

/// Decision of a source about a rejected command, beyond what it changes in itself. The four can be had in any
/// combination; each is staged in the transaction of the compensation, so it happens once.
///
/// | flag | effect |
/// |---|---|
/// | [`dead_letter`](Self::dead_letter) | the command is kept, whole and with the reason, as a dead letter of [`rejected_letters`](super::rejected_letters), where an operator lists it and [discards](crate::inbox::discard) it; it is said at `WARN` |
/// | [`escalate`](Self::escalate) | a durable message goes to the domain's [escalations](super::Domain::escalations_topic); its [handler](super::Escalations) calls a service outside, once |
/// | [`revoke`](Self::revoke) | the source says to everybody that the event is void: a message of type [`REVOKED`] on its topic, about the same aggregate |
/// | [`abort`](Self::abort) | the router handles the event no more: commands of it that are stale from then on are rejected |
///
/// ```
/// use seaworthy_core::choreography::FollowUp;
///
/// let unusual = FollowUp::none().dead_letter().escalate();
/// assert_eq!((unusual.dead_letter, unusual.escalate, unusual.revoke, unusual.abort), (true, true, false, false));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use = "the handler of a rejection returns it"]
pub struct FollowUp {
    /// Keeps the command as a dead letter.
    pub dead_letter: bool,
    /// Tells somebody outside.
    pub escalate: bool,
    /// Takes the event back.
    pub revoke: bool,
    /// Has the event handled no more.
    pub abort: bool,
}

impl FollowUp {
    /// Nothing beyond the compensation.
    pub const fn none() -> Self {
        Self { dead_letter: false, escalate: false, revoke: false, abort: false }
    }

    /// Keeps the command as a dead letter, too.
    pub const fn dead_letter(mut self) -> Self {
        self.dead_letter = true;
        self
    }

    /// Tells somebody outside, too.
    pub const fn escalate(mut self) -> Self {
        self.escalate = true;
        self
    }

    /// Takes the event back, too: for one that should not have happened at all without this command.
    pub const fn revoke(mut self) -> Self {
        self.revoke = true;
        self
    }

    /// Has the event handled no more, too. Commands that are on their way already are carried out if they are not stale.
    pub const fn abort(mut self) -> Self {
        self.abort = true;
        self
    }
}
