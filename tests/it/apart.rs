//! What belongs to production, what to a scenario and what to the simulator stays apart.

use std::collections::BTreeSet;

use crate::architecture::{cargo, dependencies, sources, workspace};

#[test]
fn seed_55_the_services_know_the_core_and_no_other_crate_of_ours() {
    for service in
        ["seaworthy-order-fulfillment", "seaworthy-order-inventory", "seaworthy-card-table", "seaworthy-event-store"]
    {
        let mut own = dependencies(&workspace(), service);
        own.retain(|name| name.starts_with("seaworthy-") || name == "madsim");
        assert_eq!(own, BTreeSet::from(["seaworthy-core".to_owned()]), "{service}");
    }
    // What these need in turn is theirs: nothing of a simulator is in a build for production.
    let simulator = &["madsim", "seaworthy-sim", "seaworthy-scenarios"][..];
    let adapters = &[
        "seaworthy-memory",
        "seaworthy-metrics",
        "seaworthy-redb",
        "seaworthy-sqlite",
        "seaworthy-tokio",
        "redb v",
        "rusqlite",
    ][..];
    let both = [simulator, adapters].concat();
    for (package, far) in [
        ("seaworthy-order-fulfillment", both.clone()),
        ("seaworthy-order-inventory", both.clone()),
        ("seaworthy-card-table", both.clone()),
        ("seaworthy-event-store", both),
        ("seaworthy-shop", simulator.to_vec()),
    ] {
        let tree = cargo(&["tree", "--package", package, "--edges", "normal", "--offline"]);
        let tree = String::from_utf8(tree).expect("cargo prints text");
        assert!(tree.contains("seaworthy-core"), "{tree}");
        for far in far {
            assert!(!tree.contains(far), "{package} needs {far}:\n{tree}");
        }
    }
}

/// Modules of the service that each of its two contexts has for itself.
const ORDERS: [&str; 6] = ["checkout", "order", "orders", "payments", "requests", "stock"];
const SHIPPING: [&str; 2] = ["shipment", "shipping"];

/// What either context knows of the other is messages. It could not reach the other's store either: a process has one, and
/// takes it from its ports.
#[test]
fn seed_55_neither_context_of_the_shop_names_a_module_of_the_other() {
    let files = sources("scenarios/order_fulfillment/src");
    let mut judged = 0;
    // Of the documents, which stand in one file, each knows its own.
    let contexts =
        [(&ORDERS[..], &SHIPPING[..], "SHIPMENT_COLLECTION"), (&SHIPPING[..], &ORDERS[..], "ORDER_COLLECTION")];
    for (mine, theirs, document) in contexts {
        for module in mine {
            let name = format!("/src/{module}.rs");
            let (path, text) = files.iter().find(|(path, _)| path.ends_with(&name)).expect("a module is a file");
            let imports =
                text.split("use crate::{").nth(1).and_then(|rest| rest.split("};").next()).unwrap_or_default();
            assert!(!text.contains(document), "{path} names {document}");
            for other in theirs {
                judged += 1;
                let names = [format!("{other}::"), format!("crate::{other}")];
                let is_named = names.iter().any(|name| imports.split([' ', '\n']).any(|word| word.starts_with(name)));
                assert!(!is_named && !text.contains(&format!("crate::{other}")), "{path} names {other}");
            }
        }
    }
    assert_eq!(judged, 24);
}

/// Services of several domains in one crate each: a folder for each domain, and the modules that all of them may know.
const DOMAINS: [(&str, &[&str], &[&str]); 2] = [
    ("scenarios/card_table/src", &["players", "tables", "hands"], &["messages", "parts"]),
    ("scenarios/order_inventory/src", &["orders", "inventory"], &["messages", "parts"]),
];

/// Names of the modules of its crate that a text imports from, or reaches by a path.
fn modules_of_crate(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let listed: Vec<&str> = match rest.strip_prefix('{') {
            // Those of the list itself, and not of lists within it.
            Some(list) => {
                let (mut depth, mut from, mut names) = (0, 0, Vec::new());
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            names.push(&list[from..at]);
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.push(&list[from..at]);
                            from = at + 1;
                        }
                        _ => {}
                    }
                }
                names
            }
            None => vec![rest],
        };
        let name = |path: &str| -> String {
            path.trim().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
        };
        found.extend(listed.into_iter().map(name).filter(|name| !name.is_empty()));
    }
    found
}

#[test]
fn seed_55_no_domain_of_a_service_names_a_module_of_another() {
    let lists = "use crate::{\n    hands::{Hand, Act},\n    parts::encode,\n};\nfn f() { crate::tables::serve() }\n// crate::none";
    assert_eq!(modules_of_crate(lists), BTreeSet::from(["hands", "parts", "tables"].map(str::to_owned)));
    for (crate_folder, domains, shared) in DOMAINS {
        for domain in domains {
            let mut named = BTreeSet::new();
            for (path, text) in sources(&format!("{crate_folder}/{domain}")) {
                // Two up is where the crate's other modules are.
                assert!(!text.contains("super::super"), "{path} goes beyond its domain");
                named.extend(modules_of_crate(&text));
            }
            assert!(!named.is_empty(), "{crate_folder}/{domain} knows no message of others");
            let foreign: Vec<_> =
                named.iter().filter(|name| name != domain && !shared.contains(&name.as_str())).collect();
            assert!(foreign.is_empty(), "{crate_folder}/{domain} names {foreign:?}");
        }
        for module in shared {
            let (path, text) = sources(crate_folder)
                .into_iter()
                .find(|(path, _)| path.ends_with(&format!("/src/{module}.rs")))
                .expect("a module is a file");
            let named = modules_of_crate(&text);
            let inner: Vec<_> = domains.iter().filter(|domain| named.contains(**domain)).collect();
            assert!(inner.is_empty(), "what all know, {path}, names {inner:?}");
        }
    }
}

/// A consumer is made of its own store; nothing in the crate of consumers can even name a row of an outbox.
#[test]
fn seed_62_consumers_know_nothing_of_the_outbox_that_a_message_came_from() {
    for (path, text) in sources("core/src/inbox") {
        for word in ["OutboxStore", "OutboxRow", "ClaimToken", "Settlement", "settle(", "outbox::"] {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let named: Vec<_> = code.filter(|line| line.contains(word)).collect();
            assert!(named.is_empty(), "{path} names {word}: {named:?}");
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
