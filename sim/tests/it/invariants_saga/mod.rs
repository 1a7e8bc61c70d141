//! Invariants of sagas, on traces written by hand: what each catches and what it lets pass.

mod compensation;
mod ending;
mod torn_step;

use seaworthy_core::{
    ports::SagaStatus::{self, Compensated, Compensating, Running},
    saga::{CompensationCause, Record, Value},
};
use seaworthy_sim::{
    invariants::{Ending, Invariant, Panel, Violation},
    trace::{
        Effect, Outcome, ProcessIndex,
        script::{self, Script, created},
    },
};

fn judge(invariant: impl Invariant + 'static, script: &Script) -> Vec<Violation> {
    Panel::new(vec![Box::new(invariant)]).judge(&script.events(), Ending::Quiet).violations
}

fn sentences(violations: &[Violation]) -> Vec<&str> {
    violations.iter().map(|violation| violation.sentence.as_str()).collect()
}

/// A saga `checkout` of `order-17`, its log written record by record.
struct Saga {
    script: Script,
    orders: ProcessIndex,
    length: u64,
}

impl Saga {
    fn start() -> Self {
        let mut script = Script::new();
        let orders = script.process("orders-1");
        script.commit(orders, "orders", Outcome::Done, [created(1, "checkout", "order-17")]);
        let mut saga = Self { script, orders, length: 0 };
        saga.log(Record::Started { deadline_us: None, traceparent: None }, Running);
        saga
    }

    fn append(&mut self, record: Record, status: SagaStatus) -> Effect {
        let records = vec![record.encode()];
        let length = self.length;
        self.length += 1;
        Effect::SagaLogged { saga: script::saga(1), epoch: 1, length, records, status }
    }

    fn log(&mut self, record: Record, status: SagaStatus) -> u64 {
        let effect = self.append(record, status);
        self.script.commit(self.orders, "orders", Outcome::Done, [effect])
    }

    /// Forward, one step after the other.
    fn done(mut self, steps: &[&str]) -> Self {
        for step in steps {
            self.log(done(step), Running);
        }
        self
    }

    /// Back, one step after the other.
    fn back(mut self, steps: &[&str]) -> Self {
        self.log(Record::CompensationBegun { cause: CompensationCause::Cancelled }, Compensating);
        for step in steps {
            self.log(compensated(step), Compensating);
        }
        self
    }

    fn end(mut self) -> Script {
        self.log(Record::RolledBack, Compensated);
        self.script
    }
}

fn done(step: &str) -> Record {
    Record::Done { step: step.into(), output: Value::NULL }
}

fn compensated(step: &str) -> Record {
    Record::Compensated { step: step.into(), maybe_executed: false }
}

fn attempting(step: &str, attempt: u32) -> Record {
    Record::Attempting { step: step.into(), attempt }
}
