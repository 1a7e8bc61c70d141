//! What a source decides about a rejected command beyond its compensation, under every profile: each rejection is put aside, told to somebody
//! outside, has its event taken back and the rest of it stopped, once, whatever strikes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    aggregate::{Aggregate, Cause, DomainEvent, MessageMap, Repository, Tracked},
    choreography::{
        Command, CommandHandlers, Destination, Destinations, Domain, Escalations, FollowUp, REJECTED, REVOKED,
        Rejection, RejectionHandlers, RejectionReason, Router, TranslateError, Translator, rejected_letters,
    },
    inbox::Consumer,
    outbox::Relay,
    ports::{Expected, ExternalCall, Ports, Refusal, Store, StoreError},
    saga::{Orchestrator, OrchestratorConfig, Registry},
};
use seaworthy_sim::{
    check,
    external::Service,
    generate::generate,
    plan::Profile,
    scenario::{Boot, Client, Draw, Scenario, Topology},
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use crate::small_service::{Answer, Items, serve};

struct Wallets;

impl Domain for Wallets {
    const NAME: &'static str = "wallet";
    const EVENTS: &'static [&'static str] = &["wallet.reserved"];
    const COMMANDS: &'static [&'static str] = &[];
}

struct Tables;

impl Domain for Tables {
    const NAME: &'static str = "table";
    const EVENTS: &'static [&'static str] = &[];
    const COMMANDS: &'static [&'static str] = &["seat", "visit"];
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wallet {
    id: String,
    /// Commands that were rejected and are made up for.
    undone: Vec<String>,
}

struct Reserved(String);

impl DomainEvent for Reserved {
    const NAMES: &'static [&'static str] = &["reserved"];

    fn name(&self) -> &'static str {
        "reserved"
    }
}

impl Aggregate for Wallet {
    const NAME: &'static str = "wallet";
    type Event = Reserved;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(before: Option<&Self>, after: &Self) -> Option<Reserved> {
        before.is_none().then(|| Reserved(after.id.clone()))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Table {
    id: String,
    visits: u32,
}

struct Nothing;

impl DomainEvent for Nothing {
    const NAMES: &'static [&'static str] = &[];

    fn name(&self) -> &'static str {
        "nothing"
    }
}

impl Aggregate for Table {
    const NAME: &'static str = "table";
    type Event = Nothing;

    fn id(&self) -> &str {
        &self.id
    }

    fn transition(_: Option<&Self>, _: &Self) -> Option<Nothing> {
        None
    }
}

/// A seat at a table that is full, and a visit to one that everybody visits, at the version that it had.
struct SeatAndVisit;

impl Translator for SeatAndVisit {
    type Event = String;

    fn prepare(&self, _: &String) -> Vec<Destination> {
        vec![Destination::new::<Tables>("busy")]
    }

    fn handle(&self, wallet: &String, tables: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let seen = tables.version(&Destination::new::<Tables>("busy"))?;
        let visit = Command::new::<Tables>("visit", "busy", wallet)?.exact(seen);
        Ok(vec![Command::new::<Tables>("seat", "full", wallet)?, visit])
    }
}

fn router() -> Router {
    Router::builder("wallet-to-table")
        .source::<Wallets>()
        .on("wallet.reserved", SeatAndVisit)
        .build()
        .expect("one event")
}

fn repository<A: Aggregate + Serialize + DeserializeOwned>(
    ports: &Ports,
    messages: MessageMap<A::Event>,
) -> Repository<A> {
    Repository::new(messages, ports.clock.clone(), ports.random.clone())
}

fn wallets(ports: &Ports) -> Repository<Wallet> {
    let messages = MessageMap::builder("wallet").publish("reserved", "wallet.reserved", |Reserved(id)| id.clone());
    repository(ports, messages.build().expect("one event"))
}

async fn tables(boot: Boot) {
    let ports = boot.ports;
    ports.spawn("relay", Relay::new(&ports).run());
    ports.spawn("router", router().consumer(&ports).run());
    let tables = repository::<Table>(&ports, MessageMap::builder("table").build().expect("no event"));
    let handlers = CommandHandlers::builder::<Tables>(&ports, tables)
        .on("seat", |_: &mut Table, _: String| Err("table_full"))
        .on("visit", |table: &mut Table, _: String| {
            table.visits += 1;
            Ok::<_, ()>(())
        });
    let handlers = handlers.build().expect("two commands");
    Consumer::new(&ports, "table", handlers, ["table.commands"]).run().await;
}

async fn wallet(boot: Boot) {
    let ports = boot.ports;
    ports.spawn("relay", Relay::new(&ports).run());
    let undo = |wallet: &mut Wallet, rejection: &Rejection| {
        wallet.undone.push(rejection.command.kind.to_string());
        Ok(match rejection.command.kind.as_str() {
            "seat" => FollowUp::none().dead_letter().escalate().revoke().abort(),
            _ => FollowUp::none(),
        })
    };
    let rejections = RejectionHandlers::builder::<Wallets>(&ports, wallets(&ports)).on("seat", undo).on("visit", undo);
    let rejections = rejections.build().expect("two commands");
    let mut registry = Registry::new();
    registry.register(Escalations::definition("webhook").expect("one step")).expect("one definition");
    let sagas = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let escalations = Escalations::handlers(&sagas);
    let stop = ports.stop.clone();
    ports.spawn("recovery", async move { sagas.run_recovery(&stop).await });
    ports.spawn("rejections", Consumer::new(&ports, "wallet-rejections", rejections, ["wallet.rejections"]).run());
    ports.spawn("escalations", Consumer::new(&ports, "wallet-escalations", escalations, ["wallet.escalations"]).run());
    serve(ports, open).await;
}

/// Opens a wallet, once for each name.
fn open(ports: Ports, name: String) -> BoxFuture<'static, Result<Answer, StoreError>> {
    Box::pin(async move {
        let wallets = wallets(&ports);
        let mut tx = ports.store.begin().await?;
        if tx.get("wallet", &name).await?.is_none() {
            let wallet = Wallet { id: name, undone: Vec::new() };
            let saved = wallets.save(&mut *tx, Tracked::new(wallet), Cause::New).await;
            saved.map_err(|error| StoreError::Unavailable(error.to_string().into()))?;
            tx.commit().await?;
        }
        Ok(Answer::Yes)
    })
}

/// Somebody outside who hears of rejections.
struct Webhook;

impl Service for Webhook {
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, Refusal> {
        let told: Rejection = serde_json::from_slice(&call.body).expect("a rejection");
        assert_eq!(told.command.kind, "seat", "no other is escalated");
        Ok(Bytes::from_static(b"\"heard\""))
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        let told: Rejection = serde_json::from_slice(&call.body).expect("a rejection");
        told.command.id.to_string().into()
    }
}

struct FollowUps;

#[async_trait]
impl Scenario for FollowUps {
    type Workload = Items;

    fn name(&self) -> &str {
        "follow-ups"
    }

    fn topology(&self) -> Topology {
        let topology = Topology::new().service("wallet").replicas(2).boot(wallet);
        let topology = topology.service("table").replicas(2).boot(tables);
        let router = router();
        let topics = router.topics();
        topology
            .external("webhook", || Webhook)
            .group(router.name(), &topics.each_ref().map(SmolStr::as_str))
            .group("table", &["table.commands"])
            .group("wallet-rejections", &["wallet.rejections"])
            .group("wallet-escalations", &["wallet.escalations"])
            .saga(Escalations::definition("webhook").expect("one step").shape())
            .fails_for_good()
    }

    fn workload(&self, draw: &mut Draw) -> Items {
        Items::draw(draw)
    }

    async fn prepare(&self, _: &Items, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        let mut tx = store("table").begin().await.expect("an empty store");
        for id in ["full", "busy"] {
            let table = serde_json::to_vec(&Table { id: id.to_owned(), visits: 0 }).expect("a form");
            tx.put("table", id, Expected::Absent, table.into()).await.expect("an empty store");
        }
        tx.commit().await.expect("an empty store");
    }

    async fn drive(&self, workload: &Items, client: Client) {
        for name in workload.names() {
            client.ask("wallet", "open", Bytes::from(name.clone())).await.expect("it is never refused");
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}

/// What came of the rejections of a run.
#[derive(Debug, Default)]
struct Seen {
    /// Rejected seats, by command.
    rejected: BTreeSet<String>,
    /// Kept as dead letters.
    letters: Vec<String>,
    escalated: usize,
    /// Commands that somebody outside has acted on, as often as it did.
    heard: Vec<String>,
    revoked: usize,
    aborted: usize,
    /// Visits that were stale and are not sent again.
    stopped: usize,
}

fn seen(report: &RunReport) -> Seen {
    let mut seen = Seen::default();
    for event in report.trace.iter().flatten() {
        if let What::External { subject, acted: true, .. } = &event.what {
            seen.heard.push(subject.to_string());
        }
        for effect in event.effects() {
            match effect {
                Effect::Staged(message) if message.kind == REJECTED => {
                    let Rejection { command, reason } = message.json().expect("a rejection");
                    match command.kind.as_str() {
                        "seat" => _ = seen.rejected.insert(command.id.to_string()),
                        _ => seen.stopped += usize::from(reason == RejectionReason::Aborted),
                    }
                }
                Effect::Staged(message) => match message.kind.as_str() {
                    "command.escalated" => seen.escalated += 1,
                    REVOKED => seen.revoked += 1,
                    "event.aborted" => seen.aborted += 1,
                    _ => {}
                },
                Effect::Buried { consumer, message, .. } if *consumer == rejected_letters::<Wallets>() => {
                    seen.letters.push(message.to_string());
                }
                _ => {}
            }
        }
    }
    seen
}

#[test]
fn seed_25_each_rejection_is_followed_by_all_that_its_source_has_decided_once_under_every_profile() {
    let mut all = BTreeMap::<&str, usize>::new();
    for profile in Profile::ALL {
        for seed in 0..60 {
            let plan = generate(&FollowUps, seed, profile);
            let report =
                run(&FollowUps, &plan, &RunOptions::default().keep_trace(true)).expect("a drawn plan is valid");
            let about = format!("seed {seed}, {profile:?}: {:?}", plan.faults);
            assert!(report.held(), "{about}: {:?}", report.violations);
            let Seen { rejected, letters, escalated, mut heard, revoked, aborted, stopped } = seen(&report);
            assert_eq!(rejected.len(), plan.workload.names().len(), "{about}: each seat is rejected");
            heard.sort_unstable();
            assert_eq!(heard, rejected.iter().cloned().collect::<Vec<_>>(), "{about}: each is heard of outside, once");
            assert_eq!(letters.iter().cloned().collect::<BTreeSet<_>>(), rejected, "{about}: each is kept");
            assert_eq!(
                (letters.len(), escalated, revoked, aborted),
                (heard.len(), heard.len(), heard.len(), heard.len()),
                "{about}"
            );
            for (flag, times) in
                [("dead letter", letters.len()), ("escalate", escalated), ("revoke", revoked), ("abort", aborted)]
            {
                *all.entry(flag).or_default() += times;
            }
            *all.entry("stopped").or_default() += stopped;
        }
    }
    println!("{all:?}");
    assert!(all.values().all(|times| *times > 20), "{all:?}");
}

#[test]
fn no_single_fault_keeps_a_rejection_from_what_follows() {
    let campaign = check(FollowUps).exhaust(1).strict(false).verify().unwrap_or_else(|error| panic!("{error}"));
    assert!(campaign.runs > 500, "{}", campaign.line());
}
