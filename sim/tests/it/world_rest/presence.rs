//! Services that show that they are alive by messages, or to somebody outside.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    ids::OperationId,
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, ExternalCall, Ports, Refusal, StoreError, Transaction, draw_id},
    wake::Wake,
};
use seaworthy_sim::{
    check,
    external::Service,
    plan::Profile,
    scenario::{Boot, Client, Draw, Scenario, Topology},
};
use smol_str::SmolStr;

use super::{booked::Asked, holds};

/// How a front shows that it is alive, beside the items that it takes and tells of through its outbox.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    /// A message straight to the broker.
    Published,
    /// A message in the outbox.
    Staged,
    /// A call to a service outside.
    Told,
}

#[derive(Clone)]
struct Fronted {
    name: &'static str,
    sign: Sign,
    declared: &'static [&'static str],
}

#[async_trait]
impl Scenario for Fronted {
    type Workload = Asked;

    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> &str {
        "a front that shows that it is alive"
    }

    fn topology(&self) -> Topology {
        let sign = self.sign;
        let topology = Topology::new()
            .process("front-1", "front", "front", move |boot| front(boot, sign))
            .process("monitor-1", "monitor", "monitor", |boot| keep(boot, "monitor", "presence", "presence", "seen"))
            .process("keeper-1", "keeper", "keeper", |boot| keep(boot, "keeper", "items", "item.taken", "kept"))
            .group("monitor", &["presence"])
            .group("keeper", &["items"])
            .external("metrics", || Gateway);
        self.declared.iter().fold(topology, |topology, name| topology.heartbeat(name))
    }

    fn workload(&self, draw: &mut Draw) -> Asked {
        Asked(draw.between(1, 3) as u32)
    }

    async fn drive(&self, asked: &Asked, client: Client) {
        for item in 0..asked.0 {
            let _ = client.ask("front", "take", Bytes::from(format!("item-{item}"))).await;
        }
    }
}

struct Gateway;

impl Service for Gateway {
    fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(Bytes::new())
    }

    fn subject(&self, _: &ExternalCall) -> SmolStr {
        "up".into()
    }
}

async fn front(boot: Boot, sign: Sign) {
    let ports = boot.ports.clone();
    let wake = Wake::new();
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    ports.spawn("sign", show(boot, sign));
    while let Some(request) = ports.ingress.next().await {
        if take(&ports, &request.body).await.is_ok() {
            request.response.accept(Bytes::new());
            wake.hint();
        }
    }
}

async fn show(boot: Boot, sign: Sign) {
    let ports = &boot.ports;
    loop {
        let message = MessageBuilder::new("front", "presence", &*boot.name).topic("presence");
        let message = message.draw(&*ports.clock, &*ports.random);
        // The next sign makes up for one that fails.
        match sign {
            Sign::Published => _ = ports.broker.publish(&[message]).await,
            Sign::Staged => _ = stage(ports, message).await,
            Sign::Told => {
                let operation_id = OperationId(draw_id(&*ports.clock, &*ports.random));
                let (service, operation) = ("metrics".into(), "push".into());
                let call = ExternalCall { service, operation, operation_id, body: Bytes::new() };
                let _ = ports.external.call(&call).await;
            }
        }
        ports.clock.sleep(Duration::from_secs(5)).await;
    }
}

async fn stage(ports: &Ports, message: Message) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.stage(&message).await?;
    tx.commit().await
}

async fn take(ports: &Ports, name: &[u8]) -> Result<(), StoreError> {
    let name = String::from_utf8_lossy(name);
    let mut tx = ports.store.begin().await?;
    if tx.get("items", &name).await?.is_some() {
        return Ok(());
    }
    tx.put("items", &name, Expected::Absent, Bytes::new()).await?;
    let event = MessageBuilder::new("front", "item.taken", &*name).topic("items");
    tx.stage(&event.draw(&*ports.clock, &*ports.random)).await?;
    tx.commit().await
}

/// Writes what each message is about, once for each message.
struct Keep(&'static str);

#[async_trait]
impl Handler for Keep {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        tx.put(self.0, &message.subject, Expected::Any, message.time.to_string().into()).await?;
        Ok(())
    }
}

async fn keep(boot: Boot, group: &str, topic: &str, kind: &str, collection: &'static str) {
    let handlers = Handlers::builder().on(kind, Keep(collection)).build().expect("one handler for one type");
    Consumer::new(&boot.ports, group, handlers, [topic]).run().await;
}

#[test]
fn messages_and_calls_that_only_show_that_somebody_is_alive_keep_no_run_alive_if_they_are_declared() {
    holds(Fronted { name: "presence/published", sign: Sign::Published, declared: &["presence"] }, 100);
    holds(Fronted { name: "presence/staged", sign: Sign::Staged, declared: &["presence"] }, 100);
    holds(Fronted { name: "presence/told", sign: Sign::Told, declared: &["metrics"] }, 100);
}

#[test]
fn what_beats_undeclared_is_told_with_the_declaration_that_it_needs() {
    for (sign, call) in [(Sign::Staged, ".heartbeat(\"presence\")"), (Sign::Told, ".heartbeat(\"metrics\")")] {
        let scenario = Fronted { name: "presence/undeclared", sign, declared: &[] };
        let check =
            check(scenario).profile(Profile::Calm).seeds(1).base_seed(1).strict(false).without("duplicate-effect");
        let error = check.verify().expect_err("it never ends").to_string();
        let text = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("livelock"), "{error}");
        assert!(text.contains(&format!("only shows that somebody is alive, the topology says `{call}`")), "{error}");
    }
}
