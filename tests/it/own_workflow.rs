//! The README's workflow of one's own is a scenario that compiles, runs and holds; its services run on tokio as they are.

use std::sync::Arc;

use bytes::Bytes;
use seaworthy_scenarios::welcoming::{accounts, mailer};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};
use seaworthy_tokio::{LocalBroker, LocalExternal, LocalIngress, Parts, Process, TokioClock};

#[tokio::test]
async fn the_services_of_the_readme_stop_when_they_are_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let (broker, ingress) = (Arc::new(LocalBroker::default()), Arc::new(LocalIngress::new(8)));
    let start = |name: &str| {
        let path = folder.path().join(name);
        let store = SqliteStore::open(path, Arc::new(TokioClock), SqliteConfig::default()).unwrap();
        let (store, external) = (Arc::new(store), Arc::new(LocalExternal::new()));
        Process::new(Parts { store, broker: broker.clone(), external, ingress: ingress.clone() }).unwrap()
    };
    let (first, second) = (start("accounts"), start("mailer"));
    first.start("accounts", accounts);
    second.start("mailer", mailer);
    assert_eq!(ingress.ask("sign_up", "ada".into()).await, Ok(Bytes::new()));
    // Far longer than anything here waits for; a service that does not listen for a stop would never end.
    let patience = std::time::Duration::from_secs(30);
    for process in [first, second] {
        tokio::time::timeout(patience, process.stop()).await.expect("it stops").unwrap();
    }
}

#[test]
fn the_readme_shows_this_very_file() {
    let own = include_str!("../../scenarios/src/welcoming.rs");
    let example = own.split_once("// README:begin\n").and_then(|(_, rest)| rest.split_once("// README:end"));
    let (example, _) = example.expect("the markers stand around the example");
    assert!(include_str!("../../README.md").contains(example.trim()), "the README's example differs from this test");
    let (_, test) = example.split_once("/// The workflow under test.").expect("the test half begins with these words");
    let lines = |text: &str| text.trim().lines().count();
    let uses = example.lines().filter(|line| line.starts_with("use ")).count();
    assert!(lines(example) <= 90 && lines(test) <= 40 && uses <= 3, "{}, {}, {uses}", lines(example), lines(test));
}
