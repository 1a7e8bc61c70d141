use super::{JudgeError, Rehearsal, Runner};
use crate::{invariants::Findings, trace::TraceFile, world::RunOptions};

/// Judges the run in a trace file again, without running it: what the invariants of its scenario say is what they said
/// when it ran.
///
/// What the world finds by itself while a run goes on (a panic, a request without an answer, a declared table that does
/// not fit) is no invariant's, and not found again. `options` are those of the run; its store and the invariants that it
/// was run without count. To judge many files, make one [`Rehearsal`] and ask it: [`Rehearsal::judge`].
///
/// ```no_run
/// # use seaworthy_sim::{explore::judge_file, scenario::Scenario, trace::TraceFile, world::RunOptions};
/// # fn again<S: Scenario>(scenario: &S) -> Result<(), Box<dyn std::error::Error>> {
/// let file = TraceFile::parse(&std::fs::read_to_string("run.trace")?)?;
/// for violation in judge_file(scenario, &file, &RunOptions::default())?.violations {
///     println!("{}: {}", violation.invariant, violation.sentence);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`JudgeError`] where the file does not say what was run, or something that the scenario does not know.
pub fn judge_file<R: Runner>(runner: &R, file: &TraceFile, options: &RunOptions) -> Result<Findings, JudgeError> {
    Rehearsal::new(runner, options.clone()).judge(file)
}
