//! Accounts of a bank over one append-only event store: the scenario of `seaworthy-event-store`.
//!
//! What an earlier release has written is there before anything starts, in its old form. Bookings come close together, so that
//! writers of both replicas meet at the same streams; some are refused for want of money. In each second workload balances are
//! built anew meanwhile. The run begins shortly before midnight, so that statements have two days.

mod invariants;
mod workload;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::ports::{Ports, Store, Timestamp};
use seaworthy_event_store::{
    bookings::take_bookings,
    earlier,
    messages::{BALANCES, BANK, BOOK, DESK, GROUP, NOTICES, POST, REBUILD, SEARCH, STATEMENTS},
    notices::notices,
    parts::encode,
    post::post,
    projections::{balances, search, statements},
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::{SmolStr, format_smolstr};

pub use workload::{Bookings, Transfer};

/// One replica of a service.
pub type BankProgram = fn(Ports) -> BoxFuture<'static, ()>;

/// A quarter of a second before the end of 1 January 2024.
const EPOCH: Timestamp = Timestamp::from_micros(1_704_153_600_000_000 - 250_000);
/// Moment of what the earlier release wrote: the evening before.
const OPENED: Timestamp = Timestamp::from_micros(1_704_139_200_000_000);

/// The scenario, or the scenario with a mistake in one of its services.
#[derive(Clone, Debug)]
pub struct EventStore {
    name: SmolStr,
    about: &'static str,
    programs: [(&'static str, u32, BankProgram); 5],
    post: BankProgram,
    bears_what_fails_for_good: bool,
}

impl Default for EventStore {
    fn default() -> Self {
        Self::new()
    }
}

impl EventStore {
    /// The bank with everything right.
    pub fn new() -> Self {
        Self {
            name: SmolStr::new_static("event_store"),
            about: "projections, a rebuild and an integration consumer over one event store; everything is right",
            programs: [
                (DESK, 2, |ports| Box::pin(take_bookings(ports))),
                (BALANCES, 2, |ports| Box::pin(balances(ports))),
                (STATEMENTS, 1, |ports| Box::pin(statements(ports))),
                (SEARCH, 1, |ports| Box::pin(search(ports))),
                (NOTICES, 1, |ports| Box::pin(notices(ports))),
            ],
            post: |ports| Box::pin(post(ports)),
            bears_what_fails_for_good: true,
        }
    }

    /// Returns it with a mistake, which the program of this service makes.
    pub fn with_mistake(slug: &str, about: &'static str, service: &str, program: BankProgram) -> Self {
        let mut twin = Self { name: format_smolstr!("event_store/{slug}"), about, ..Self::new() };
        twin.bears_what_fails_for_good = false;
        if service == POST {
            twin.post = program;
        }
        for (_, _, right) in twin.programs.iter_mut().filter(|(name, ..)| *name == service) {
            *right = program;
        }
        twin
    }
}

#[async_trait]
impl Scenario for EventStore {
    type Workload = Bookings;

    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        let bank = self.programs.iter().fold(Topology::new(), |topology, (service, replicas, program)| {
            topology.service(service).store(BANK).replicas(*replicas).run(*program)
        });
        let subscribers = ["balances-1", STATEMENTS, SEARCH, NOTICES];
        let bank = subscribers.iter().fold(bank, |topology, name| topology.subscriber(BANK, name));
        let topology = bank.service(POST).run(self.post).group(GROUP.0, GROUP.1);
        if self.bears_what_fails_for_good { topology.fails_for_good() } else { topology }
    }

    fn workload(&self, draw: &mut Draw) -> Bookings {
        Bookings::draw(draw)
    }

    fn invariants(&self, bookings: &Bookings) -> Vec<Box<dyn Invariant>> {
        invariants::business(bookings)
    }

    async fn prepare(&self, bookings: &Bookings, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        earlier::open(&*store(BANK), &bookings.opened, OPENED).await.expect("an empty store takes the first events");
    }

    async fn drive(&self, bookings: &Bookings, client: Client) {
        if let Some(at_ms) = bookings.rebuild_at_ms {
            let asker = client.clone();
            client.spawn(async move {
                asker.sleep(Duration::from_millis(at_ms)).await;
                let _ = asker.ask(BALANCES, REBUILD, "2".into()).await;
            });
        }
        let mut now_ms = 0;
        for wish in &bookings.bookings {
            if wish.at_ms > now_ms {
                client.sleep(Duration::from_millis(wish.at_ms - now_ms)).await;
                now_ms = wish.at_ms;
            }
            let (asker, body) = (client.clone(), encode(&wish.booking));
            client.spawn(async move {
                // A refusal is an answer too; the invariants judge what became of the money.
                let _ = asker.ask(DESK, BOOK, body).await;
            });
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }

    fn epoch(&self) -> Timestamp {
        EPOCH
    }
}
