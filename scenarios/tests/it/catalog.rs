//! The scenarios by their names.

use seaworthy_scenarios::catalog::{all, entries, find};
use seaworthy_sim::{catalogue::Catalogue, plan::Profile, scenario::Scenario, world::RunOptions};

#[test]
fn each_scenario_is_found_by_its_name_and_no_name_is_taken_twice() {
    let catalogue = Catalogue::new(entries()).expect("no name is taken twice");
    for name in all().iter().map(Scenario::name) {
        assert_eq!(find(name).expect("listed").name(), name);
        assert_eq!(catalogue.find(name).expect("listed").name(), name);
    }
}

#[test]
fn scenarios_of_four_workloads_stand_side_by_side_run_and_go_by_their_own_nouns() {
    let catalogue = Catalogue::new(entries()).expect("no name is taken twice");
    for (name, noun) in [
        ("order_fulfillment", "orders"),
        ("payments", "payments"),
        ("controls/heartbeat", "requests"),
        ("welcoming", "items"),
    ] {
        let entry = catalogue.find(name).expect("listed");
        let case = entry.draw(7, Profile::Swarm);
        assert_eq!((entry.noun(), case.noun(), case.scenario()), (noun, noun, name));
        assert!(case.run(&RunOptions::default()).expect("a drawn plan is valid").held(), "{name}");
    }
}
