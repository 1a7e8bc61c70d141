use super::{
    Dealt, Ending, Interest, Invariant, Judge, Judged, Violation, decoded::Decoded, lately::Lately, seating::Seating,
};
use crate::trace::Event;
use seaworthy_core::ids::MessageId;

/// A run that goes on being wrong says so this often and no more: the first violations tell the story.
const VIOLATIONS_MAX: usize = 64;

/// All invariants of one run: hands each event to those that it concerns and keeps what they say.
///
/// The world feeds one as the trace grows; a test feeds one with a trace of its own:
///
/// ```
/// use seaworthy_sim::{
///     invariants::{Ending, Panel, SagaResolves},
///     trace::script::Script,
/// };
///
/// let mut script = Script::new();
/// let orders = script.process("orders-1");
/// script.boot(orders);
///
/// let findings = Panel::new(vec![Box::new(SagaResolves::new())]).judge(&script.events(), Ending::Quiet);
/// assert!(findings.violations.is_empty());
/// assert_eq!(findings.judged[0].times, 0, "a run without a saga proves nothing about sagas");
/// ```
pub struct Panel {
    seats: Vec<Seat>,
    seating: Seating,
    reached: Vec<&'static str>,
    violations: Vec<Violation>,
    dealt: Vec<Dealt>,
    decoded: Decoded,
    lately: Lately,
}

struct Seat {
    name: &'static str,
    judged: u64,
    met: u64,
    invariant: Box<dyn Invariant>,
}

/// Findings of all invariants about one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Violations, in the order in which they were found.
    pub violations: Vec<Violation>,
    /// Every invariant, and how often it had something to judge.
    pub judged: Vec<Judged>,
    /// Goals that were reached, in the order in which they were.
    pub reached: Vec<&'static str>,
    /// Fates of the messages that each consumer group acknowledged, where an invariant looks: `handled-without-effect`.
    pub dealt: Vec<Dealt>,
}

impl Panel {
    /// A panel of these invariants, which must not have seen anything yet.
    pub fn new(invariants: Vec<Box<dyn Invariant>>) -> Self {
        let interests: Vec<Interest> = invariants.iter().map(|invariant| invariant.interest()).collect();
        let seats = invariants.into_iter();
        let seats = seats.map(|invariant| Seat { name: invariant.name(), judged: 0, met: 0, invariant });
        Self {
            seats: seats.collect(),
            seating: Seating::new(&interests),
            reached: Vec::new(),
            violations: Vec::new(),
            dealt: Vec::new(),
            decoded: Decoded::default(),
            lately: Lately::default(),
        }
    }

    /// Hands over the next event of the trace, and returns the classes that it is in.
    pub fn observe(&mut self, event: &Event) -> Interest {
        let classes = Interest::from_event(event);
        self.lately.note(event);
        if self.violations.len() >= VIOLATIONS_MAX {
            return classes;
        }
        let Self { seats, seating, reached, violations, dealt, decoded, .. } = self;
        decoded.note(event);
        seating.each_concerned(classes, |seat| {
            let Some(Seat { name, judged, met, invariant }) = seats.get_mut(seat) else { return };
            invariant.observe(
                event,
                &mut Judge { invariant: name, at_the_end: false, judged, met, reached, violations, dealt, decoded },
            );
        });
        classes
    }

    /// Returns the message of a row of the settlement that was handed over last, by the row's position.
    pub(crate) fn settled(&self, at: usize) -> Option<MessageId> {
        self.decoded.settled(at).map(|(message, _)| message)
    }

    /// Adds what the world itself found: a panic, a livelock.
    pub fn violate(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// Says that the trace is over.
    ///
    /// A run that is given up while it moves always leaves something half done: a row that was just claimed, a message on
    /// its way. What has to be done by the end is judged only if it began more than some seconds before.
    /// One that was cut short is not asked at all: only what was found so far counts.
    pub fn conclude(mut self, ending: Ending) -> Findings {
        if ending == Ending::CutShort {
            return self.stop();
        }
        let before = self.violations.len();
        for seat in &mut self.seats {
            let mut judge = Judge {
                invariant: seat.name,
                at_the_end: true,
                judged: &mut seat.judged,
                met: &mut seat.met,
                reached: &mut self.reached,
                violations: &mut self.violations,
                dealt: &mut self.dealt,
                decoded: &mut self.decoded,
            };
            seat.invariant.conclude(ending, &mut judge);
        }
        if ending == Ending::OutOfBudget {
            let at_the_end = self.violations.split_off(before);
            let lately = &self.lately;
            self.violations.extend(at_the_end.into_iter().filter(|violation| !lately.holds(&violation.events)));
        }
        self.stop()
    }

    fn stop(mut self) -> Findings {
        self.violations.truncate(VIOLATIONS_MAX);
        let judged = self.seats.iter().map(|seat| Judged {
            invariant: seat.name,
            mode: seat.invariant.mode(),
            times: seat.judged,
            subject: seat.invariant.subject(),
            met: seat.judged + seat.met,
        });
        Findings { judged: judged.collect(), violations: self.violations, reached: self.reached, dealt: self.dealt }
    }

    /// Judges a whole trace at once.
    pub fn judge(mut self, trace: &[Event], ending: Ending) -> Findings {
        for event in trace {
            self.observe(event);
        }
        self.conclude(ending)
    }

    /// Returns the violations so far: a campaign may end a run at the first one.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}
