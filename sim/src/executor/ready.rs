use std::{
    array,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

/// A task: its slot, and which of those that have lived there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// Tasks that are ready to be polled, in the order in which they became so.
#[derive(Default)]
pub(super) struct Ready {
    ids: Vec<Id>,
    woken: Arc<Woken>,
}

impl Ready {
    /// A waker of one task. It keeps alive where wakers leave word, and nothing of the task.
    pub(super) fn waker(&self, id: Id) -> Waker {
        Waker::from(Arc::new(TaskWaker { id, woken: self.woken.clone() }))
    }

    /// Makes a task ready; one that is ready already is so only once.
    pub(super) fn wake(&self, id: Id) {
        self.woken.add(id);
    }

    /// Takes one out: the one that `pick` picks of so many, if there are several.
    pub(super) fn take(&mut self, pick: impl FnOnce(u64) -> usize) -> Option<Id> {
        self.woken.take_into(&mut self.ids);
        match self.ids.len() {
            0 => None,
            1 => self.ids.pop(),
            count => {
                let picked = pick(count as u64);
                Some(self.ids.swap_remove(picked))
            }
        }
    }

    /// Has `outer` woken with whoever becomes ready next; `false` if somebody has become so.
    pub(super) fn tell(&mut self, outer: &Waker) -> bool {
        self.woken.take_into(&mut self.ids);
        if self.ids.is_empty() {
            self.woken.await_next(outer);
        }
        self.ids.is_empty()
    }
}

/// Number of tasks that are woken between two polls, as a rule.
const FEW: usize = 16;

/// Tasks that were woken since the executor looked last. A run keeps to one thread, and wakes its tasks hundreds of times: plain
/// loads and stores are enough, and cost a tenth of what a lock does.
struct Woken {
    count: AtomicUsize,
    few: [AtomicU64; FEW],
    /// Those that have no place among the few.
    more: Mutex<Vec<Id>>,
    is_awaited: AtomicBool,
    /// Waker to wake besides, while the executor itself waits.
    outer: Mutex<Option<Waker>>,
}

impl Default for Woken {
    fn default() -> Self {
        Self {
            count: AtomicUsize::new(0),
            few: array::from_fn(|_| AtomicU64::new(0)),
            more: Mutex::default(),
            is_awaited: AtomicBool::new(false),
            outer: Mutex::default(),
        }
    }
}

impl Woken {
    fn add(&self, id: Id) {
        let count = self.count.load(Ordering::Relaxed);
        match self.few.get(count) {
            Some(place) => {
                place.store(u64::from(id.generation) << 32 | u64::from(id.slot), Ordering::Relaxed);
                self.count.store(count + 1, Ordering::Relaxed);
            }
            None => self.more.lock().unwrap_or_else(PoisonError::into_inner).push(id),
        }
        if self.is_awaited.load(Ordering::Relaxed) {
            self.wake_outer();
        }
    }

    fn take_into(&self, ids: &mut Vec<Id>) {
        let count = self.count.load(Ordering::Relaxed);
        let mut take = |id| {
            if !ids.contains(&id) {
                ids.push(id);
            }
        };
        for place in &self.few[..count] {
            let id = place.load(Ordering::Relaxed);
            take(Id { slot: id as u32, generation: (id >> 32) as u32 });
        }
        if count == FEW {
            self.more.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(take);
        }
        self.count.store(0, Ordering::Relaxed);
    }

    fn await_next(&self, outer: &Waker) {
        *self.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer.clone());
        self.is_awaited.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn wake_outer(&self) {
        self.is_awaited.store(false, Ordering::Relaxed);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

struct TaskWaker {
    id: Id,
    woken: Arc<Woken>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken.add(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.add(self.id);
    }
}
