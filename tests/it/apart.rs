//! What belongs to production, what to a scenario and what to the simulator stays apart.

use std::collections::BTreeSet;

use crate::architecture::{cargo, dependencies, sources, workspace};

#[test]
fn the_order_fulfilment_service_knows_the_core_and_no_other_crate_of_ours() {
    let mut own = dependencies(&workspace(), "seaworthy-order-fulfillment");
    own.retain(|name| name.starts_with("seaworthy-") || name == "madsim");
    assert_eq!(own, BTreeSet::from(["seaworthy-core".to_owned()]));
    // What these need in turn is theirs: nothing of a simulator is in a build for production.
    let simulator = &["madsim", "seaworthy-sim", "seaworthy-scenarios"][..];
    let adapters = &["seaworthy-memory", "seaworthy-metrics", "seaworthy-sqlite", "seaworthy-tokio", "rusqlite"][..];
    for (package, far) in
        [("seaworthy-order-fulfillment", [simulator, adapters].concat()), ("seaworthy-shop", simulator.to_vec())]
    {
        let tree = cargo(&["tree", "--package", package, "--edges", "normal", "--offline"]);
        let tree = String::from_utf8(tree).expect("cargo prints text");
        assert!(tree.contains("seaworthy-core"), "{tree}");
        for far in far {
            assert!(!tree.contains(far), "{package} needs {far}:\n{tree}");
        }
    }
}

/// A scenario's own nouns come from its workload, so that a program over other scenarios never speaks of orders.
#[test]
fn the_simulator_names_nothing_that_a_scenario_works_on() {
    for (path, text) in sources("sim/src") {
        // Tests are about somebody.
        if path.ends_with("tests.rs") || path.ends_with("/forgetting.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for noun in ["orders", "payment", "shipment", "order_fulfillment"] {
                assert!(!line.contains(noun), "{path}:{} names {noun}: {}", number + 1, line.trim());
            }
        }
    }
}
