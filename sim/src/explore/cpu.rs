use std::time::Duration;

/// CPU time of this process so far, where the system says so.
#[cfg(unix)]
pub(super) fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

/// CPU time of this process so far, where the system says so.
#[cfg(not(unix))]
pub(super) fn cpu_time() -> Option<Duration> {
    None
}
