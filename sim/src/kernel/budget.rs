use std::time::Duration;

/// Hours of faults for which a run has all the calls that it may need: four days of an outage. Of more hours a hundredth of
/// them is counted, or a service that spins through ten years would take days of real time.
const FULL_FAULT_HOURS: u64 = 100;

/// Budget of a run, after which it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Port calls that any run may make.
    pub port_calls: u64,
    /// Port calls that it may make beyond that for each item of the workload.
    pub port_calls_per_item: u64,
    /// Port calls that it may make beyond that for each hour of the workload's span: a system that waits for work still
    /// looks for it.
    pub port_calls_per_hour: u64,
    /// Port calls that it may make beyond that for each hour that its faults last, up to the hundredth, and a hundredth of it
    /// for each hour after that: a system that waits for what is down, or for a copy that comes late, asks and polls again
    /// and again.
    pub port_calls_per_fault_hour: u64,
    /// Times that tasks of a run may be polled, for each port call that it may make: a process that spins makes none.
    pub steps_per_port_call: u64,
    /// Virtual time that may pass without a change of anything that the run is judged by, after the last moment that the
    /// plan or the workload had fixed. What waits for longer is stuck.
    pub quiesce: Duration,
    /// Virtual time that may pass altogether, changes or not, since the world has healed, the client is done and nothing
    /// more was fixed by the plan or the workload. What still moves then moves for ever: where it does so slowly, it would
    /// take days to use up its port calls.
    pub settle: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            // A one-order lifecycle makes about 130 calls; the worst storm seen multiplies that by less than 50.
            port_calls: 100_000,
            port_calls_per_item: 5_000,
            // Four processes that wait for work make about 75 calls an hour with the default poll settings.
            port_calls_per_hour: 1_000,
            // Four replicas that poll and write a lease every 100 ms, with seven calls for each.
            port_calls_per_fault_hour: 1_000_000,
            // A port call of a service that runs takes about three.
            steps_per_port_call: 30,
            // Longer than the longest backoff, lease and deadline of any scenario together.
            quiesce: Duration::from_secs(3_600),
            // Six times as long as the longest time without any change.
            settle: Duration::from_secs(6 * 3_600),
        }
    }
}

impl Budget {
    /// Sets the port calls that any run may make.
    #[must_use]
    pub fn port_calls(mut self, port_calls: u64) -> Self {
        self.port_calls = port_calls;
        self
    }

    /// Sets the port calls that it may make beyond that for each item of the workload.
    #[must_use]
    pub fn port_calls_per_item(mut self, port_calls_per_item: u64) -> Self {
        self.port_calls_per_item = port_calls_per_item;
        self
    }

    /// Sets the port calls that it may make beyond that for each hour of the workload's span: a system that waits for
    /// work still looks for it.
    #[must_use]
    pub fn port_calls_per_hour(mut self, port_calls_per_hour: u64) -> Self {
        self.port_calls_per_hour = port_calls_per_hour;
        self
    }

    /// Sets the port calls that it may make beyond that for each hour that its faults last.
    #[must_use]
    pub fn port_calls_per_fault_hour(mut self, port_calls_per_fault_hour: u64) -> Self {
        self.port_calls_per_fault_hour = port_calls_per_fault_hour;
        self
    }

    /// Sets the times that tasks of a run may be polled, for each port call that it may make: a process that spins
    /// makes none.
    #[must_use]
    pub fn steps_per_port_call(mut self, steps_per_port_call: u64) -> Self {
        self.steps_per_port_call = steps_per_port_call;
        self
    }

    /// Sets the virtual time that may pass without a change of anything that the run is judged by, after the last
    /// moment that the plan or the workload had fixed.
    #[must_use]
    pub fn quiesce(mut self, quiesce: Duration) -> Self {
        self.quiesce = quiesce;
        self
    }

    /// Sets the virtual time that may pass altogether, changes or not, since the world has healed, the client is done
    /// and nothing more was fixed by the plan or the workload.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Port calls that a run of such a workload may make.
    pub(crate) fn calls(&self, items: usize, span: Duration, faults_last: Duration) -> u64 {
        let hours = |duration: Duration| duration.as_secs() / 3_600;
        let fault_hours = hours(faults_last);
        let (soon, late) = (fault_hours.min(FULL_FAULT_HOURS), fault_hours.saturating_sub(FULL_FAULT_HOURS));
        self.port_calls
            .saturating_add(self.port_calls_per_item.saturating_mul(items as u64))
            .saturating_add(self.port_calls_per_hour.saturating_mul(hours(span)))
            .saturating_add(self.port_calls_per_fault_hour.saturating_mul(soon))
            .saturating_add((self.port_calls_per_fault_hour / FULL_FAULT_HOURS).saturating_mul(late))
    }
}
