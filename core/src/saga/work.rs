//! Count of the steps, signals and nodes that are looked at or copied, for tests; nothing in a program.

#[cfg(test)]
thread_local!(static DONE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

#[cfg(test)]
pub(super) fn done(steps: usize) {
    DONE.with(|done| done.set(done.get() + steps));
}

#[cfg(not(test))]
#[inline]
pub(super) fn done(_: usize) {}

/// Returns what a piece of work has looked at and copied.
#[cfg(test)]
pub(super) fn of(work: impl FnOnce()) -> usize {
    let before = DONE.with(std::cell::Cell::get);
    work();
    DONE.with(std::cell::Cell::get) - before
}
