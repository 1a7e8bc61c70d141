use std::{ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Judge, Mode},
    scenario::{Client, Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, What},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Whom to greet: a workload of another type than the deposits'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Guests {
    names: Vec<SmolStr>,
}

impl Workload for Guests {
    fn noun() -> &'static str {
        "guests"
    }

    fn len(&self) -> usize {
        self.names.len()
    }

    fn span(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.names.drain(range);
        fewer
    }
}

/// Writes down whom it has greeted. Everything is right.
pub(super) struct Greetings;

async fn greet(ports: &Ports, name: &str) -> Result<(), StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("greeted", name, Expected::Any, Bytes::new()).await?;
    tx.observe("greeted", name, 1);
    tx.commit().await
}

#[async_trait]
impl Scenario for Greetings {
    type Workload = Guests;

    fn name(&self) -> &str {
        "greetings"
    }

    fn about(&self) -> &str {
        "each guest is greeted"
    }

    fn topology(&self) -> Topology {
        Topology::new().without_protocol().process("porter", "porter", "book", |boot| async move {
            while let Some(request) = boot.ports.ingress.next().await {
                let name = String::from_utf8_lossy(&request.body).into_owned();
                if greet(&boot.ports, &name).await.is_ok() {
                    request.response.accept(Bytes::new());
                }
            }
        })
    }

    fn workload(&self, draw: &mut Draw) -> Guests {
        let names = (1..=draw.between(1, 3)).map(|number| SmolStr::from(format!("guest-{number}"))).collect();
        Guests { names }
    }

    fn invariants(&self, workload: &Guests) -> Vec<Box<dyn Invariant>> {
        vec![Box::new(Greeted { missing: workload.names.clone() })]
    }

    async fn drive(&self, workload: &Guests, client: Client) {
        for name in &workload.names {
            let _ = client.ask("porter", "greet", Bytes::from(name.to_string())).await;
        }
    }
}

struct Greeted {
    missing: Vec<SmolStr>,
}

impl Invariant for Greeted {
    fn name(&self) -> &'static str {
        "each-guest-greeted"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn observe(&mut self, event: &Event, _: &mut Judge<'_>) {
        let What::Commit { effects, .. } = &event.what else { return };
        for effect in effects.iter() {
            if let Effect::Observed { fact, subject, .. } = effect
                && fact == "greeted"
            {
                self.missing.retain(|name| *name != *subject);
            }
        }
    }

    fn conclude(&mut self, _: Ending, judge: &mut Judge<'_>) {
        judge.judged();
        for name in self.missing.drain(..) {
            judge.violate(name.as_str(), format!("{name} was never greeted"), Vec::new());
        }
    }
}
