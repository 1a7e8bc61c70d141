//! A workflow of one's own, complete: what the README shows.

// README:begin
use seaworthy_core::{ports::StoreTable, prelude::*};
use seaworthy_sim::prelude::*;

/// The service that takes sign-ups: the account and its event commit together, a relay publishes.
pub async fn accounts(ports: Ports) {
    let wake = Wake::new();
    ports.spawn("relay", Relay::new(&ports).wake(wake.clone()).run());
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
    let handlers =
        Handlers::builder().on("account.opened", Letter("welcome")).on("account.verified", Letter("you are in"));
    let handlers = handlers.build().expect("one handler for each type");
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

/// The workflow under test. Its workload, the names that sign up, can be printed, read and shrunk.
pub struct Welcoming;

#[async_trait]
impl Scenario for Welcoming {
    type Workload = Vec<String>;

    fn name(&self) -> &str {
        "welcoming"
    }

    fn topology(&self) -> Topology {
        let accounts = Topology::new().service("accounts").replicas(2).run(accounts);
        accounts.service("mailer").run(mailer).group("mailer", &["accounts"]).keeps_per_item(StoreTable::Outbox, 2)
    }

    fn workload(&self, draw: &mut Draw) -> Vec<String> {
        (0..draw.between(1, 4)).map(|number| format!("user-{number}")).collect()
    }

    fn invariants(&self, _: &Vec<String>) -> Vec<Box<dyn Invariant>> {
        let two_letters_each = eventually("two-letters-each", 0)
            .on_write("accounts", |owed, _| *owed += 2)
            .on_write("letters", |owed, _| *owed -= 1)
            .at_rest(|owed| (*owed != 0).then(|| Broken::new("all accounts", format!("{owed} letters are owed"))));
        vec![two_letters_each.boxed()]
    }

    async fn drive(&self, names: &Vec<String>, client: Client) {
        for name in names {
            // `ask` repeats a request until an answer is heard: the service has to make that harmless.
            client.ask("accounts", "sign_up", name.clone().into()).await.expect("never refused");
        }
    }
}

#[test]
fn everyone_is_welcomed_once() {
    check(Welcoming).seeds(2_000).assert_seaworthy();
}
// README:end
