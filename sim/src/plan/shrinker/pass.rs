/// Position of the shrinker in its round. Positions and sizes count faults or items of the best plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Leave out faults `at..at + size`.
    Faults { at: usize, size: usize },
    /// Leave out the faults of process `which`.
    Process { which: usize },
    /// Leave out items `at..at + size`; with `earlier`, strike as much earlier as there are fewer calls to count.
    Items { at: usize, size: usize, earlier: bool },
    /// Take the workload's own simpler variant `variant`.
    Simpler { variant: usize },
    /// Take variant `variant` of the fault at `at`.
    Fault { at: usize, variant: usize },
    /// Take simpler schedule `variant`.
    Schedule { variant: usize },
    /// Leave out one fault, or one item beyond the faults, and let fault `keep` of those that are left strike variant
    /// `variant` of another call: what was left out may have made some of the calls that it counts.
    Shift { at: usize, keep: usize, variant: usize },
    /// Leave out one item, or one fault beyond the items, and draw schedule and latencies anew: a race that needs luck
    /// may need other luck where less is going on. Beyond both, leave out nothing and take a simpler schedule.
    Reseed { at: usize, schedule: usize, try_number: u64 },
    /// Take simpler latencies, number `schedule` of those that are constant, and let fault `keep` strike in variant
    /// `variant` of what it is, which may be longer: where calls take other times, it has to meet others.
    Trade { schedule: usize, keep: usize, variant: usize },
    /// Nothing is left to try.
    Over,
}
