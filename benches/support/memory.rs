/// Memory of this process that is resident now, in MB, where the system says so (Linux).
pub fn resident_mb() -> Option<f64> {
    status("VmRSS:")
}

/// The most that was ever resident, in MB, where the system says so (Linux).
pub fn peak_mb() -> Option<f64> {
    status("VmHWM:")
}

fn status(field: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024.0 / 1e6)
}
