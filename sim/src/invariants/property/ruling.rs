use super::Broken;
use crate::invariants::Judge;

/// Ruling of a property's closure on what it saw: `Ok(())` or `Err` of [`Broken`] for `always`, nothing for
/// `eventually`, and for `sometimes` whether it happened. No other type is one.
pub trait Ruling: sealed::Sealed {
    #[doc(hidden)]
    fn rule(self, event: u64, judge: &mut Judge<'_>) -> bool;
}

/// A ruling that is final at the event: of `always` and `sometimes`.
pub trait AtEachEvent: Ruling {}

/// A ruling on what must hold, now or in the end: of `always` and `eventually`.
pub trait Holds: Ruling {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for Result<(), super::Broken> {}
    impl Sealed for () {}
    impl Sealed for bool {}
}

impl Ruling for Result<(), Broken> {
    fn rule(self, event: u64, judge: &mut Judge<'_>) -> bool {
        judge.judged();
        if let Err(broken) = self {
            broken.shown_by(event).tell(judge);
        }
        false
    }
}

impl Ruling for () {
    fn rule(self, _: u64, judge: &mut Judge<'_>) -> bool {
        judge.met();
        false
    }
}

impl Ruling for bool {
    fn rule(self, _: u64, judge: &mut Judge<'_>) -> bool {
        if self {
            judge.judged();
            judge.reached(judge.invariant);
        }
        self
    }
}

impl AtEachEvent for Result<(), Broken> {}
impl AtEachEvent for bool {}
impl Holds for Result<(), Broken> {}
impl Holds for () {}
