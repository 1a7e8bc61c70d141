//! The scenarios by their names.

use seaworthy_scenarios::catalog::{all, entries, find};
use seaworthy_sim::{catalogue::Catalogue, scenario::Scenario};

#[test]
fn each_scenario_is_found_by_its_name_and_no_name_is_taken_twice() {
    let catalogue = Catalogue::new(entries()).expect("no name is taken twice");
    for name in all().iter().map(Scenario::name) {
        assert_eq!(find(name).expect("listed").name(), name);
        assert_eq!(catalogue.find(name).expect("listed").name(), name);
    }
}
