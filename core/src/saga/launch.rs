//! A saga that was just created begins as soon as its transaction is known to be committed.

use std::{
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    DriveOutcome,
    registry::Driver,
    resources::{Owned, Reserved, Resources},
};
use crate::ports::{AfterCommit, scoped};

/// Everything that is needed to drive a new saga without reading anything.
struct Launch {
    driver: Arc<dyn Driver>,
    owned: Owned,
    /// Keeps room for it until it is driven.
    room: Reserved,
}

enum Stage {
    /// There was no room for it: any process may take it.
    NoRoom,
    Ready(Box<Launch>),
    /// It was launched, or recovery has been told of it.
    Gone,
}

/// A new saga that is launched once: by whoever started it, or when its transaction has committed and nobody holds this
/// any more, as where a handler started it.
pub(crate) struct Launcher {
    resources: Arc<Resources>,
    stage: Mutex<Stage>,
    is_committed: AtomicBool,
}

impl Launcher {
    /// A launcher of a saga that this process owns, or that nobody does where there is no room for it.
    pub(super) fn new(
        resources: Arc<Resources>,
        driver: Arc<dyn Driver>,
        owned: Owned,
        room: Option<Reserved>,
    ) -> Arc<Self> {
        let stage = room.map_or(Stage::NoRoom, |room| Stage::Ready(Box::new(Launch { driver, owned, room })));
        Arc::new(Self { resources, stage: Mutex::new(stage), is_committed: AtomicBool::new(false) })
    }

    /// Returns the work of its transaction for after the commit.
    pub(super) fn after_commit(self: &Arc<Self>) -> AfterCommit {
        let launcher = self.clone();
        Box::new(move || {
            launcher.is_committed.store(true, Ordering::Release);
            // Where nobody else holds it, this launches the saga.
            drop(launcher);
        })
    }

    /// Drives the saga in a task of its own, unless it was launched before; without room, recovery does.
    pub(super) fn launch(&self) {
        match self.take() {
            Stage::Ready(launch) => {
                let Launch { driver, owned, room } = *launch;
                spawn(&self.resources, driver, owned);
                drop(room);
            }
            Stage::NoRoom => self.resources.left.hint(),
            Stage::Gone => {}
        }
    }

    /// Drives the saga in the caller's task, unless it was launched before.
    pub(super) async fn drive(&self) -> DriveOutcome {
        let resources = &self.resources;
        match self.take() {
            Stage::Ready(launch) => {
                let Launch { driver, owned, room } = *launch;
                let active = resources.enter();
                drop(room);
                let outcome = driver.drive(resources.clone(), owned).await;
                drop(active);
                outcome
            }
            Stage::NoRoom => {
                resources.left.hint();
                DriveOutcome::Elsewhere
            }
            Stage::Gone => DriveOutcome::Elsewhere,
        }
    }

    fn take(&self) -> Stage {
        mem::replace(&mut *self.stage.lock().unwrap_or_else(PoisonError::into_inner), Stage::Gone)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        if self.is_committed.load(Ordering::Acquire) {
            self.launch();
        }
    }
}

/// Drives an owned saga in a task of its own.
pub(super) fn spawn(resources: &Arc<Resources>, driver: Arc<dyn Driver>, owned: Owned) {
    let shared = resources.clone();
    // Counted from now on, not from its first poll: whoever looks for more work does so before that.
    let active = resources.enter();
    let task = async move {
        let _active = active;
        // Dropped on its way, it is left to recovery.
        let driven = scoped(Some(&*shared.spawner), pin!(driver.drive(shared.clone(), owned))).await;
        if driven.is_err() {
            tracing::debug!("a saga was dropped on its way");
        }
    };
    resources.spawner.spawn("saga", Box::pin(task));
}
