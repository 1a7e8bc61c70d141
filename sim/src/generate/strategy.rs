use std::sync::Arc;

use proptest::{
    prelude::Rng,
    strategy::{NewTree, Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::Generator;
use crate::{
    plan::{Plan, Profile, Shrinker, Workload},
    scenario::Scenario,
};

/// A proptest strategy over the plans of a scenario, for properties of the user's own. Its values shrink as
/// [`explore::shrink`](crate::explore::shrink) does, by the same [`Shrinker`].
///
/// Plans are drawn outside the simulation; run them with [`world::run`](crate::world::run).
///
/// ```no_run
/// # use seaworthy_sim::{scenario::Scenario, generate::strategy, plan::Profile, world::{run, RunOptions}};
/// # fn property<S: Scenario>(orders: S) -> Result<(), Box<dyn std::error::Error>> where S::Workload: 'static {
/// use proptest::test_runner::TestRunner;
///
/// let orders = std::sync::Arc::new(orders);
/// TestRunner::default().run(&strategy(orders.clone(), Profile::Crash), |plan| {
///     let report = run(&*orders, &plan, &RunOptions::default()).expect("a drawn plan fits");
///     proptest::prop_assert!(report.answered > 0);
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
pub fn strategy<S: Scenario>(scenario: Arc<S>, profile: Profile) -> PlanStrategy<S> {
    PlanStrategy { scenario, profile }
}

/// Strategy that [`strategy`] makes.
pub struct PlanStrategy<S> {
    scenario: Arc<S>,
    profile: Profile,
}

impl<S> std::fmt::Debug for PlanStrategy<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanStrategy").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl<S: Scenario> Strategy for PlanStrategy<S> {
    type Tree = PlanTree<S::Workload>;
    type Value = Plan<S::Workload>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = runner.rng().next_u64();
        Ok(PlanTree(Shrinker::new(Generator::new(&*self.scenario).plan(seed, self.profile))))
    }
}

/// A plan that proptest can shrink.
#[derive(Clone, Debug)]
pub struct PlanTree<W>(Shrinker<W>);

impl<W: Workload> ValueTree for PlanTree<W> {
    type Value = Plan<W>;

    fn current(&self) -> Plan<W> {
        self.0.current().clone()
    }

    /// Proptest calls this where the current plan fails: it becomes the best one.
    fn simplify(&mut self) -> bool {
        self.0.decide(true);
        self.0.propose().is_some()
    }

    /// Proptest calls this where the current plan passes: it is given up, and the next one tried.
    fn complicate(&mut self) -> bool {
        self.0.decide(false);
        self.0.propose().is_some()
    }
}
