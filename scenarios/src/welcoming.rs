//! A workflow of one's own, complete: what the README shows.

// README:begin
use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::{
    inbox::{Consumer, Handler, HandlerError, Handlers},
    message::Message,
    outbox::{MessageBuilder, Relay},
    ports::{Expected, Ports, StoreError, Transaction},
    wake::Wake,
};
use seaworthy_sim::{
    invariants::{Ending, Interest, Invariant, Judge, Mode, delivery},
    scenario::{Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, What},
    world::Client,
};
use serde::{Deserialize, Serialize};

/// The service that takes sign-ups: the account and its event commit together, a relay publishes.
pub async fn accounts(ports: Ports) {
    let wake = Wake::new();
    let relay = Relay::new(&ports).wake(wake.clone());
    ports.spawn("relay", relay.run());
    while let Some(request) = ports.ingress.next().await {
        // Dropped without an answer, a request is asked again: that is what an error means here.
        if sign_up(&ports, &request.body).await.is_ok() {
            request.response.accept(Bytes::new());
            wake.hint();
        }
    }
}

async fn sign_up(ports: &Ports, name: &[u8]) -> Result<(), StoreError> {
    let name = String::from_utf8_lossy(name);
    let mut tx = ports.store.begin().await?;
    if tx.get("accounts", &name).await?.is_some() {
        return Ok(());
    }
    tx.put("accounts", &name, Expected::Absent, Bytes::from_static(b"{}")).await?;
    for kind in ["account.opened", "account.verified"] {
        let event = MessageBuilder::new("accounts", kind, &*name).topic("accounts");
        tx.stage(&event.draw(&*ports.clock, &*ports.random)).await?;
    }
    tx.commit().await
}

/// The service that welcomes: the inbox makes sure that it does so once.
pub async fn mailer(ports: Ports) {
    let handlers = Handlers::builder()
        .on("account.opened", Letter("welcome"))
        .on("account.verified", Letter("you are in"))
        .build()
        .expect("one handler for one type");
    Consumer::new(&ports, "mailer", handlers, ["accounts"]).run().await;
}

struct Letter(&'static str);

#[async_trait]
impl Handler for Letter {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let text = format!("{}, dear {}!", self.0, message.subject);
        tx.put("letters", &message.id.to_string(), Expected::Absent, text.into()).await?;
        Ok(())
    }
}

/// What the outside asks: names that sign up. It can be printed, read and shrunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignUps(Vec<String>);

impl Workload for SignUps {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn without(&self, items: std::ops::Range<usize>) -> Self {
        let mut left = self.clone();
        left.0.drain(items);
        left
    }
}

/// The workflow under test.
pub struct Welcoming;

#[async_trait]
impl Scenario for Welcoming {
    type Workload = SignUps;

    fn name(&self) -> &str {
        "welcoming"
    }

    fn about(&self) -> &str {
        "every account gets its two letters, once each"
    }

    fn topology(&self) -> Topology {
        Topology::new()
            .process("accounts-1", "accounts", "accounts", |boot| accounts(boot.ports))
            .process("accounts-2", "accounts", "accounts", |boot| accounts(boot.ports))
            .process("mailer-1", "mailer", "mailer", |boot| mailer(boot.ports))
            .group("mailer", &["accounts"])
    }

    fn workload(&self, draw: &mut Draw) -> SignUps {
        SignUps((0..draw.between(1, 4)).map(|number| format!("user-{number}")).collect())
    }

    fn invariants(&self, _: &SignUps) -> Vec<Box<dyn Invariant>> {
        let mut all = delivery(&self.topology());
        all.push(Box::new(TwoLettersEach::default()));
        all
    }

    async fn drive(&self, workload: &SignUps, client: Client) {
        for name in &workload.0 {
            // `ask` repeats a request until an answer is heard: the service has to make that harmless.
            client.ask("accounts", "sign_up", Bytes::copy_from_slice(name.as_bytes())).await.expect("never refused");
        }
    }
}

/// After the system has come to rest, there are two letters for each account.
#[derive(Default)]
struct TwoLettersEach {
    accounts: usize,
    letters: usize,
}

impl Invariant for TwoLettersEach {
    fn name(&self) -> &'static str {
        "two-letters-each"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::COMMIT
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        let What::Commit { effects, .. } = &event.what else { return };
        for effect in effects.iter() {
            match effect {
                Effect::Document { collection, .. } if collection == "accounts" => self.accounts += 1,
                Effect::Document { collection, .. } if collection == "letters" => self.letters += 1,
                _ => continue,
            }
            judge.judged();
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        if self.accounts * 2 != self.letters {
            let sentence = format!("{} accounts got {} letters", self.accounts, self.letters);
            judge.violate("all accounts", sentence, vec![]);
        }
    }
}

#[test]
fn everyone_is_welcomed_once() {
    seaworthy_sim::check(Welcoming).seeds(2_000).assert_seaworthy();
}
// README:end
