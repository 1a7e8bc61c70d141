//! Properties in a few lines: state, closures over what the trace shows, and a constructor that says when they are judged.
//!
//! | constructor | judged | its closures return |
//! |---|---|---|
//! | [`always`] | at each event that they see, and at rest if [`Property::at_rest`] says so | `Ok(())`, or `Err` with what is [`Broken`] |
//! | [`eventually`] | once the run has come to rest, by [`Property::at_rest`] | nothing: they only keep count |
//! | [`sometimes`] | over a campaign: it has to happen in one run at least | whether it happened |
//! | [`conserved`] | at each commit, or at rest if [`Conservation::at_rest`] says so | what documents, events and messages are worth |
//! | [`stays`] | at each commit | the state in which a document has ended, once it has |
//! | [`ends`] | once the run has come to rest | what a document still waits for |
//!
//! Each closure sees what it was given for and nothing else; documents are decoded once, however many properties read them.
//! What a closure sees counts as judged, so that a campaign tells a property that never saw anything.

mod at_rest;
mod broken;
mod conservation;
mod last;
mod ruling;
mod seen;
mod watches;

pub use at_rest::AtRest;
pub use broken::{Broken, EventNumber};
pub use conservation::{Conservation, conserved};
pub use last::{ends, stays};
pub use ruling::{AtEachEvent, Holds, Ruling};
pub use seen::{AppendedEvent, Called, Written};

use super::{Interest, Invariant, Judge, Mode};
use crate::trace::Event;

type Watch<S> = Box<dyn FnMut(&mut S, &Event, &mut Watched<'_, '_>) + Send>;

/// A property that is watched by closures over a state of its own. Make one with [`always`], [`eventually`] or
/// [`sometimes`].
///
/// After the pattern of `always`, `eventually` and `sometimes` properties of model checkers (stateright's `Property`) and
/// of assertions in simulation testing.
pub struct Property<S, R> {
    name: &'static str,
    mode: Mode,
    interest: Interest,
    subject: Option<&'static str>,
    state: S,
    watches: Vec<Watch<S>>,
    /// `true` once a goal was reached: nothing more is asked then.
    is_over: bool,
    ruling: std::marker::PhantomData<fn() -> R>,
}

/// Receiver of a closure's ruling on one event.
struct Watched<'a, 'b> {
    judge: &'a mut Judge<'b>,
    /// Number of the event.
    event: u64,
    is_over: bool,
    /// `true` if the property has no other watch: then it is handed nothing but what this one is for.
    is_alone: bool,
}

/// A property that must hold at every event: its closures say what is [`Broken`], by the event that they see unless they
/// name [others](Broken::at). What must hold of the same state in the
/// end, too, is judged by [`Property::at_rest`].
///
/// ```
/// use seaworthy_sim::invariants::{Broken, Written, always};
///
/// #[derive(serde::Deserialize)]
/// struct Account {
///     balance: i64,
/// }
///
/// let never_overdrawn = always("never-overdrawn", ()).on_document("accounts", |(), account: Written<'_, Account>| {
///     let balance = account.value.balance;
///     if balance < 0 {
///         return Err(Broken::new(account.id, format!("{} is overdrawn by {}", account.id, -balance)));
///     }
///     Ok(())
/// });
/// # drop(never_overdrawn);
/// ```
pub fn always<S: Send + 'static>(name: &'static str, state: S) -> Property<S, Result<(), Broken>> {
    Property::new(name, Mode::Always, state)
}

/// A property that must hold once the run has come to rest: its closures keep count, [`Property::at_rest`] judges.
///
/// ```
/// use seaworthy_sim::invariants::{Broken, eventually};
///
/// let all_answered = eventually("all-answered", (0_u32, 0_u32))
///     .on_staged("question", |(questions, _), _, _| *questions += 1)
///     .on_staged("answer", |(_, answers), _, _| *answers += 1)
///     .at_rest(|(questions, answers)| {
///         (questions != answers).then(|| Broken::new("all questions", format!("{questions} got {answers} answers")))
///     });
/// # drop(all_answered);
/// ```
pub fn eventually<S: Send + 'static>(name: &'static str, state: S) -> Property<S, ()> {
    Property::new(name, Mode::Eventually, state)
}

/// A goal that a campaign must reach in one of its runs at least: a closure says that it happened.
///
/// A campaign that never compensated proves nothing about compensation; this makes it say so.
///
/// ```
/// use seaworthy_core::ports::SagaStatus;
/// use seaworthy_sim::{invariants::{Interest, sometimes}, trace::Effect};
///
/// let compensated = sometimes("compensated", ()).on_event(Interest::SAGA_LOGGED, |(), event| {
///     let is_it = |effect: &Effect| matches!(effect, Effect::SagaLogged { status: SagaStatus::Compensated, .. });
///     event.effects().iter().any(is_it)
/// });
/// # drop(compensated);
/// ```
pub fn sometimes<S: Send + 'static>(name: &'static str, state: S) -> Property<S, bool> {
    Property::new(name, Mode::Sometimes, state)
}

impl<S: Send + 'static, R: Ruling> Property<S, R> {
    fn new(name: &'static str, mode: Mode, state: S) -> Self {
        let (interest, watches) = (Interest::NONE, Vec::new());
        Self { name, mode, interest, subject: None, state, watches, is_over: false, ruling: std::marker::PhantomData }
    }

    /// Says what has to happen for the property to have anything to judge, see [`Invariant::subject`].
    #[must_use]
    pub fn subject(mut self, subject: &'static str) -> Self {
        self.subject = Some(subject);
        self
    }

    fn watch(
        mut self,
        interest: Interest,
        watch: impl FnMut(&mut S, &Event, &mut Watched<'_, '_>) + Send + 'static,
    ) -> Self {
        self.interest = self.interest | interest;
        self.watches.push(Box::new(watch));
        self
    }

    fn see(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if self.is_over {
            return;
        }
        let mut watched = Watched { judge, event: event.number, is_over: false, is_alone: self.watches.len() == 1 };
        for watch in &mut self.watches {
            watch(&mut self.state, event, &mut watched);
        }
        self.is_over = watched.is_over;
    }
}

impl Watched<'_, '_> {
    fn rule(&mut self, ruling: impl Ruling) {
        self.is_over |= ruling.rule(self.event, self.judge);
    }
}

impl<S: Send + 'static, R: Holds + 'static> Property<S, R> {
    /// Judges the state once the run has come to rest: returns all that is [`Broken`], an `Option` or a list of it.
    #[must_use]
    pub fn at_rest<B>(self, judge: impl FnMut(&mut S) -> B + Send + 'static) -> AtRest<S, R>
    where
        B: IntoIterator<Item = Broken>,
    {
        AtRest::new(self, judge)
    }
}

impl<S: Send + 'static, R: AtEachEvent> Property<S, R> {
    /// Returns it as what [`Scenario::invariants`](crate::scenario::Scenario::invariants) consists of.
    pub fn boxed(self) -> Box<dyn Invariant>
    where
        R: 'static,
    {
        Box::new(self)
    }
}

impl<S: Send + 'static, R: AtEachEvent + 'static> Invariant for Property<S, R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn mode(&self) -> Mode {
        self.mode
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn subject(&self) -> Option<&'static str> {
        self.subject
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        self.see(event, judge);
    }
}
