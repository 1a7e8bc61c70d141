use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
};

/// A task: its slot, and which of those that have lived there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) slot: usize,
    pub(super) generation: u32,
}

/// Tasks that are ready to be polled.
#[derive(Default)]
pub(super) struct Ready(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    ids: Vec<Id>,
    /// Waker to wake besides, while the executor itself waits.
    outer: Option<Waker>,
}

impl Ready {
    /// A waker of one task. It keeps the queue alive, and nothing of the task.
    pub(super) fn waker(self: &Arc<Self>, id: Id) -> Waker {
        Waker::from(Arc::new(TaskWaker { id, ready: self.clone() }))
    }

    /// Makes a task ready; one that is ready already is so only once.
    pub(super) fn wake(&self, id: Id) {
        let mut queue = self.queue();
        if !queue.ids.contains(&id) {
            queue.ids.push(id);
        }
        if let Some(outer) = queue.outer.take() {
            drop(queue);
            outer.wake();
        }
    }

    /// Takes one out: the one that `pick` picks of so many, if there are several.
    pub(super) fn take(&self, pick: impl FnOnce(u64) -> usize) -> Option<Id> {
        let mut queue = self.queue();
        match queue.ids.len() {
            0 => None,
            1 => queue.ids.pop(),
            count => {
                let picked = pick(count as u64);
                Some(queue.ids.swap_remove(picked))
            }
        }
    }

    /// Has `outer` woken with whoever becomes ready next; `false` if somebody has become so.
    pub(super) fn tell(&self, outer: &Waker) -> bool {
        let mut queue = self.queue();
        queue.outer = queue.ids.is_empty().then(|| outer.clone());
        queue.outer.is_some()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskWaker {
    id: Id,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.wake(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.wake(self.id);
    }
}
