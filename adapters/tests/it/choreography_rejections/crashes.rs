//! Rejections over crashes: whichever commit is cut, the source hears of each once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use seaworthy_core::{
    ids::derive,
    ports::{Answers, Call, Intercept, InterceptTransaction, Intercepted, PortError, Store, StoreError, Transaction},
};

use crate::support::{
    Kind, World,
    card_room::{Funds, NoSeat, on_store, open, player, table},
    on, on_each_store,
};

use super::{SECOND, rejections};

/// What becomes of the commit that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The process dies before it: nothing of it was applied.
    Before,
    /// The process dies right after it: it was applied, and nobody heard.
    After,
}

/// Cuts one commit of a store, by its number.
#[derive(Clone)]
struct Cuts {
    commits: Arc<AtomicUsize>,
    at: usize,
    cut: Cut,
}

impl Intercept for Cuts {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        inner.await
    }
}

impl InterceptTransaction for Cuts {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        inner.await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let inner = inner?;
        if self.commits.fetch_add(1, Ordering::SeqCst) != self.at {
            return inner.commit().await;
        }
        if self.cut == Cut::After {
            inner.commit().await?;
        }
        Err(StoreError::Unknown("the process died".into()))
    }
}

/// A full table, and a player who wants to join it. Returns how many commits it took.
async fn refused_join(world: &World, cuts: Cuts) -> usize {
    world.declare_room();
    world.furnish([player("ann", 100)], [table("t-1", 0)]).await;
    let store: Arc<dyn Store> = Arc::new(Intercepted::new(world.ports.store.clone(), cuts.clone()));
    open(&on_store(&world.ports, store));
    world.change_player("ann", |player| player.join("t-1", 40)).await;
    world.pass(120 * SECOND).await;
    cuts.commits.load(Ordering::SeqCst)
}

#[test]
fn seed_23_a_full_table_has_the_funds_released_with_the_reason_exactly_once_whichever_commit_is_cut() {
    for kind in [Kind::Memory, Kind::Sqlite, Kind::Redb] {
        let commits = Arc::new(AtomicUsize::new(0));
        on(kind, async |world| {
            let cuts = Cuts { commits: commits.clone(), at: usize::MAX, cut: Cut::Before };
            refused_join(world, cuts).await;
        });
        let commits = commits.load(Ordering::SeqCst);
        // The router's, the table's and the player's, and those of retries.
        assert!(commits >= 3, "{commits} commits");
        for (at, cut) in (0..commits).flat_map(|at| [(at, Cut::Before), (at, Cut::After)]) {
            on(kind, async |world| {
                let commits = Arc::new(AtomicUsize::new(0));
                let made = refused_join(world, Cuts { commits, at, cut }).await;
                assert!(made > at, "cut {cut:?} of commit {at} struck nothing");
                let ann = world.player("ann").await;
                assert_eq!((ann.chips, ann.joins.len()), (100, 0), "{cut:?} commit {at}");
                let (rejected, released) = (rejections(world), world.sent("funds.released"));
                assert_eq!((rejected.len(), released.len()), (1, 1), "{cut:?} commit {at}");
                assert_eq!(rejected[0].refusal::<NoSeat>(), Some(NoSeat::TableFull));
                let (command, told) = (rejected[0].command.id, world.sent("command.rejected")[0].id);
                assert_eq!(told.0, derive(command.0, &["rejection"]), "said again, it is the same message");
                let event = rejected[0].event().expect("readable").expect("it followed from one");
                assert_eq!((event.kind.as_str(), event.subject.as_str()), ("funds.reserved", "ann"));
                let funds: Funds = released[0].json().expect("funds");
                assert_eq!((funds.table.as_str(), funds.chips), ("t-1", 40));
                world.assert_at_rest().await;
            });
        }
    }
}

#[test]
fn seed_29_each_lifecycle_comes_to_rest_although_broker_and_processes_fail() {
    on_each_store(async |world| {
        world.declare_room();
        let names = ["ann", "bob", "cid", "dan"];
        world.furnish(names.map(|name| player(name, 100)), [table("t-1", 3)]).await;
        let before = world.chips(&names, &["t-1"]).await;
        // The broker is down for a minute, and refuses every third message at first after that.
        let mut taken = 0;
        world.broker.says(move |_, now| {
            taken += 1;
            match now.as_millis() < 60_000 || taken % 3 == 0 {
                true => Err(seaworthy_core::ports::PublishError::Unavailable("down".into())),
                false => Ok(()),
            }
        });
        let first = world.replica(2);
        open(&first);
        for name in names {
            world.change_player(name, |player| player.join("t-1", 40)).await;
        }
        world.pass(61 * SECOND).await;
        // That process stops, and another goes on.
        first.stop.set();
        open(&world.replica(3));
        world.pass(900 * SECOND).await;
        let seated = world.table("t-1").await.seated.len();
        assert_eq!((seated, rejections(world).len()), (3, 1));
        assert_eq!(world.chips(&names, &["t-1"]).await, before, "no chip is lost, and none made");
        for name in names {
            assert!(world.player(name).await.joins.is_empty(), "{name} is seated, or has the chips back");
        }
        world.assert_at_rest().await;
    });
}
