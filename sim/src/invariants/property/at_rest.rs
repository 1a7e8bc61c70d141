use super::{Broken, Property, Ruling};
use crate::{
    invariants::{Ending, Interest, Invariant, Judge, Mode},
    trace::Event,
};

type Judgement<S> = Box<dyn FnMut(&mut S) -> Vec<Broken> + Send>;

/// A property that is judged once the run has come to rest, and before that as its constructor says: what
/// [`Property::at_rest`] returns.
pub struct AtRest<S, R = ()> {
    kept: Property<S, R>,
    judge: Judgement<S>,
}

impl<S: Send + 'static, R: Ruling + 'static> AtRest<S, R> {
    pub(super) fn new<B: IntoIterator<Item = Broken>>(
        kept: Property<S, R>,
        mut judge: impl FnMut(&mut S) -> B + Send + 'static,
    ) -> Self {
        Self { kept, judge: Box::new(move |state| judge(state).into_iter().collect()) }
    }

    /// Returns it as what [`Scenario::invariants`](crate::scenario::Scenario::invariants) consists of.
    pub fn boxed(self) -> Box<dyn Invariant> {
        Box::new(self)
    }
}

impl<S: Send + 'static, R: Ruling + 'static> Invariant for AtRest<S, R> {
    fn name(&self) -> &'static str {
        self.kept.name
    }

    fn mode(&self) -> Mode {
        self.kept.mode
    }

    fn interest(&self) -> Interest {
        self.kept.interest
    }

    fn subject(&self) -> Option<&'static str> {
        self.kept.subject
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        self.kept.see(event, judge);
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet {
            return;
        }
        // What was seen on the way and not judged there is judged now.
        *judge.judged += std::mem::take(judge.met);
        for broken in (self.judge)(&mut self.kept.state) {
            broken.tell(judge);
        }
    }
}
