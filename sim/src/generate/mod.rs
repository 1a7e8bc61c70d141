//! Draws plans for a scenario: a pure function of scenario, seed and profile.

mod calls;
mod mix;
mod schedule;
mod strategy;
mod timed;

use smol_str::SmolStr;

use crate::{
    draw::Draw,
    plan::{Drawn, FORMAT, Fault, Plan, Profile, Targets, Workload, stream},
    scenario::Scenario,
};
use mix::Mix;

pub use strategy::{PlanStrategy, PlanTree, strategy};

/// The plan that `profile` draws for a scenario under `seed`: a pure function of the three.
///
/// ```
/// # use std::sync::Arc;
/// # use seaworthy_sim::{invariants::Invariant, generate::generate, plan::Profile, scenario::{Client, Draw, Scenario, Topology, Workload}};
/// # #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)] struct Nothing;
/// # impl Workload for Nothing { fn len(&self) -> usize { 0 } fn without(&self, _: std::ops::Range<usize>) -> Self { Nothing } }
/// # struct Orders;
/// # #[async_trait::async_trait] impl Scenario for Orders {
/// #     type Workload = Nothing;
/// #     fn name(&self) -> &str { "orders" }
/// #     fn about(&self) -> &str { "" }
/// #     fn topology(&self) -> Topology { Topology::new().process("orders-1", "orders", "orders", |_| async {}) }
/// #     fn workload(&self, _: &mut Draw) -> Nothing { Nothing }
/// #     fn invariants(&self, _: &Nothing) -> Vec<Box<dyn Invariant>> { Vec::new() }
/// #     async fn drive(&self, _: &Nothing, _: Client) {}
/// # }
/// let plan = generate(&Orders, 7, Profile::Swarm);
/// assert_eq!(plan, generate(&Orders, 7, Profile::Swarm));
/// ```
pub fn generate<S: Scenario>(scenario: &S, seed: u64, profile: Profile) -> Plan<S::Workload> {
    Generator::new(scenario).plan(seed, profile)
}

/// Draws plans for one scenario. It asks for the topology once, so that a plan costs a few microseconds.
///
/// It knows the topology and nothing else of the scenario: which processes, stores and external services there are, not
/// which port calls they make. So it also plans faults that the scenario turns out never to give a place to strike, such
/// as a lost acknowledgement where nobody consumes; a campaign does not ask for these. To leave them out it would have to
/// run the scenario first, and then a seed would stand for another plan after each change of the code that it is run on,
/// in the shard, the replay and the test as in the sweep. Who knows better leaves a kind out by its name.
pub struct Generator<'a, S> {
    scenario: &'a S,
    name: SmolStr,
    targets: Targets,
}

impl<'a, S: Scenario> Generator<'a, S> {
    /// A generator of plans for `scenario`.
    pub fn new(scenario: &'a S) -> Self {
        let topology = scenario.topology();
        let targets = Targets::from_topology(&topology);
        Self { scenario, name: scenario.name().into(), targets }
    }

    /// The plan of one seed; see [`generate`].
    pub fn plan(&self, seed: u64, profile: Profile) -> Plan<S::Workload> {
        let workload = self.scenario.workload(&mut Draw::stream(seed, stream::WORKLOAD));
        let faults = self.faults(&workload, &mut Draw::stream(seed, stream::FAULTS), profile);
        let schedule = schedule::draw(profile, || Draw::stream(seed, stream::SCHEDULE));
        Plan { format: SmolStr::new_static(FORMAT), scenario: self.name.clone(), seed, schedule, workload, faults }
    }

    fn faults(&self, workload: &S::Workload, draw: &mut Draw, profile: Profile) -> Vec<Fault> {
        let Some(mix) = Mix::draw(profile, &self.targets, draw) else { return Vec::new() };
        let items = workload.len() as u64;
        let count = count(items, draw);
        let span_ms = u64::try_from(workload.span().as_millis()).unwrap_or(u64::MAX);
        let mut faults: Vec<Fault> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let fault = match mix.kind(draw).draw(draw, &self.targets) {
                Some(Drawn::Call(verdict)) => calls::draw(verdict, items, &self.targets, draw).map(Fault::Call),
                Some(Drawn::Timed(what)) => Some(Fault::Timed(timed::draw(what, span_ms, draw))),
                None => None,
            };
            // Two faults at one call: the second could never strike.
            faults.extend(fault.filter(|fault| !faults.iter().rev().take(64).any(|other| collide(fault, other))));
        }
        faults
    }
}

/// Draws the number of faults: mostly 1 to 4, at most 8, and more where there is more to strike.
fn count(items: u64, draw: &mut Draw) -> u64 {
    const FEW: [u64; 16] = [0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 8];
    let few = *draw.pick(&FEW).expect("the list is not empty");
    few + if items > 8 { draw.below(1 + items / 8) } else { 0 }
}

fn collide(one: &Fault, other: &Fault) -> bool {
    match (one, other) {
        (Fault::Call(one), Fault::Call(other)) => {
            (one.nth, one.point, &one.process) == (other.nth, other.point, &other.process)
        }
        _ => false,
    }
}
