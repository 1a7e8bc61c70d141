//! Disturbances that come only where a topology says that its services bear them - a group that takes no more, a next release that is
//! rolled out and taken back, a store that is put back to a copy - come to orders and stock, the bank and the card table, too.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use seaworthy_core::ports::{Store, Timestamp};
use seaworthy_scenarios::{card_table::CardTable, event_store::EventStore, order_inventory::OrderInventory};
use seaworthy_sim::{
    check,
    explore::Campaign,
    invariants::{Interest, Invariant, sometimes},
    plan::{FaultKind, Profile},
    scenario::{Client, Draw, Scenario, Topology},
    trace::{Outcome, What},
};

/// Runs of each scenario, in which profiles take turns.
const SEEDS: u64 = 300;
/// Profiles that draw what begins and ends with a process or a store.
const STORMS: [Profile; 3] = [Profile::Crash, Profile::Everything, Profile::Swarm];

/// A scenario, with something more that its topology says.
struct Declaring<S> {
    scenario: S,
    declare: fn(Topology) -> Topology,
    /// Whether its own invariants judge. They know nothing of a store that is put back: what was paid by what is lost is lost.
    own: bool,
}

#[async_trait]
impl<S: Scenario> Scenario for Declaring<S> {
    type Workload = S::Workload;

    fn name(&self) -> &str {
        self.scenario.name()
    }

    fn topology(&self) -> Topology {
        (self.declare)(self.scenario.topology())
    }

    fn workload(&self, draw: &mut Draw) -> S::Workload {
        self.scenario.workload(draw)
    }

    fn invariants(&self, workload: &S::Workload) -> Vec<Box<dyn Invariant>> {
        let own = if self.own { self.scenario.invariants(workload) } else { Vec::new() };
        // In a calm run nothing else puts a publisher off.
        let put_off = sometimes("put-off", ()).on_event(Interest::PUBLISH, |(), event| {
            matches!(event.what, What::Publish { outcome: Outcome::Unavailable, .. })
        });
        own.into_iter().chain([put_off.boxed()]).collect()
    }

    async fn prepare(&self, workload: &S::Workload, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        self.scenario.prepare(workload, store).await;
    }

    async fn drive(&self, workload: &S::Workload, client: Client) {
        self.scenario.drive(workload, client).await;
    }

    fn shares_threads(&self) -> bool {
        self.scenario.shares_threads()
    }

    fn epoch(&self) -> Timestamp {
        self.scenario.epoch()
    }
}

/// Runs all four with what a topology declares, and returns their campaigns, of which none is accused.
fn campaigns(declare: fn(Topology) -> Topology, own: bool, profiles: &[Profile]) -> BTreeMap<String, Campaign> {
    fn run<S: Scenario>(scenario: Declaring<S>, profiles: &[Profile]) -> (String, Campaign) {
        let name = scenario.name().to_owned();
        let campaign = check(scenario).profiles(profiles.iter().copied()).seeds(SEEDS).base_seed(0x5ea_0010);
        let campaign = campaign.strict(false).verify().unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, campaign)
    }
    [
        run(Declaring { scenario: OrderInventory::choreographed(), declare, own }, profiles),
        run(Declaring { scenario: OrderInventory::orchestrated(), declare, own }, profiles),
        run(Declaring { scenario: EventStore::new(), declare, own }, profiles),
        run(Declaring { scenario: CardTable::new(), declare, own }, profiles),
    ]
    .into()
}

fn fired(campaign: &Campaign, kind: FaultKind) -> u64 {
    campaign.faults.get(&kind).map_or(0, |tally| tally.fired)
}

#[test]
fn a_group_that_takes_one_message_at_a_time_puts_them_off_and_all_goes_through() {
    let narrow = |topology: Topology| topology.group_holds(1);
    for (name, campaign) in campaigns(narrow, true, &[Profile::Calm]) {
        let reached = campaign.goals.get("put-off").map_or(0, |goal| goal.runs);
        assert!(reached > 20, "{name}: in {reached} of {SEEDS} runs a group was full");
    }
    campaigns(narrow, true, &Profile::ALL);
}

#[test]
fn a_release_is_rolled_out_and_taken_back() {
    for (name, campaign) in campaigns(Topology::next_release, true, &STORMS) {
        let struck = fired(&campaign, FaultKind::Rollout);
        assert!(struck > 5, "{name}: {struck} rollouts");
    }
}

#[test]
fn a_store_is_put_back_to_a_copy() {
    for (name, campaign) in campaigns(Topology::restores, false, &STORMS) {
        let struck = fired(&campaign, FaultKind::Restore);
        assert!(struck > 5, "{name}: {struck} stores are put back");
    }
}
