use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, Scope},
};

use crate::{
    explore::{Runner, WorkloadOf},
    plan::{Plan, PlanError},
    world::{RunOptions, RunReport},
};

/// A thread beside those of the workers, for the second runs of their plans. One that is started anew for each of them has to
/// get all its memory from the operating system first, which takes longer than the run; and one for each worker would keep as
/// much of it as the worker does, to be used once in a hundred runs.
pub(in crate::explore) struct Elsewhere<'scope, 'env, R: Runner> {
    scope: &'scope Scope<'scope, 'env>,
    runner: &'env R,
    started: Mutex<Option<Started<WorkloadOf<R>>>>,
}

struct Started<W> {
    plans: Sender<(Plan<W>, RunOptions)>,
    reports: Receiver<thread::Result<Result<RunReport, PlanError>>>,
}

impl<'scope, 'env, R: Runner> Elsewhere<'scope, 'env, R> {
    /// A thread that is started when it is first needed, and ends with the last of the workers.
    pub(in crate::explore) fn new(scope: &'scope Scope<'scope, 'env>, runner: &'env R) -> Self {
        Self { scope, runner, started: Mutex::new(None) }
    }

    pub(in crate::explore) fn runner(&self) -> &'env R {
        self.runner
    }

    /// Runs a plan there, after those that others have there. Passes on a panic.
    pub(super) fn run(&self, plan: &Plan<WorkloadOf<R>>, options: &RunOptions) -> Result<RunReport, PlanError> {
        let (scope, runner) = (self.scope, self.runner);
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let there = started.get_or_insert_with(|| {
            let (plans, asked) = mpsc::channel::<(Plan<WorkloadOf<R>>, RunOptions)>();
            let (answers, reports) = mpsc::channel();
            scope.spawn(move || {
                for (plan, options) in asked {
                    let report = catch_unwind(AssertUnwindSafe(|| runner.run(&plan, &options)));
                    if answers.send(report).is_err() {
                        break;
                    }
                }
            });
            Started { plans, reports }
        });
        there.plans.send((plan.clone(), options.clone())).expect("it waits for plans as long as this is there");
        let report = there.reports.recv().expect("it answers each plan");
        drop(started);
        report.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
