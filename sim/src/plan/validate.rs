use std::time::Duration;

use super::{FORMAT, Fault, Plan, PlanError, Workload};
use crate::topology::Topology;

/// The most virtual time that a workload may take: beyond all use, and far below where microseconds overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Longest time after the last request at which a fault may end. The run goes on for as long as a fault lasts, and
/// processes that wait for its end look for work all the while: ten years of that take minutes, and no outage takes
/// longer.
const FAULT_OUTLASTS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

impl<W> Plan<W> {
    /// Returns the time for which faults may keep the run from its rest: until the last one over time has ended, and for as
    /// long as those at calls last, which may strike one after the other.
    pub(crate) fn faults_last(&self) -> Duration {
        let mut over_time = Duration::ZERO;
        let mut at_calls = Duration::ZERO;
        for fault in &self.faults {
            match fault {
                Fault::Timed(timed) => over_time = over_time.max(Duration::from_millis(timed.to_ms)),
                Fault::Call(call) => at_calls += Duration::from_millis(call.verdict.lasts_ms().into()),
            }
        }
        over_time + at_calls
    }

    /// Checks that the plan can be honoured to the letter by a scenario of this name and topology.
    ///
    /// # Errors
    /// Every [`PlanError`] but the malformed one.
    pub fn validate(&self, scenario: &str, topology: &Topology) -> Result<(), PlanError>
    where
        W: Workload,
    {
        if self.format != FORMAT {
            return Err(PlanError::Format { found: self.format.to_string() });
        }
        if self.scenario != scenario {
            return Err(PlanError::Scenario { found: self.scenario.to_string(), wanted: scenario.to_owned() });
        }
        if let Some(name) = topology.name_of_two() {
            return Err(PlanError::SameName { scenario: scenario.to_owned(), name: name.to_string() });
        }
        self.schedule.validate()?;
        if self.workload.span() > LONGEST {
            return Err(PlanError::Range { what: "a workload that takes longer than 100 years".to_owned() });
        }
        let latest_end = self.workload.span() + FAULT_OUTLASTS;
        for (index, fault) in self.faults.iter().enumerate() {
            fault.is_known_to(topology, index)?;
            match fault {
                Fault::Call(call) if call.nth == 0 => {
                    return Err(PlanError::Range { what: format!("fault {index} at call 0: calls count from 1") });
                }
                Fault::Call(call) if !call.verdict.fits(call.point) => {
                    return Err(PlanError::Unfit { index, point: call.point, verdict: call.verdict });
                }
                Fault::Timed(timed) if timed.to_ms <= timed.from_ms => {
                    return Err(PlanError::Range {
                        what: format!("fault {index} that ends at {} ms, not after its start", timed.to_ms),
                    });
                }
                Fault::Timed(timed) if Duration::from_millis(timed.to_ms) > latest_end => {
                    return Err(PlanError::Range {
                        what: format!("fault {index} ({fault}) that ends more than ten years after the last request"),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
