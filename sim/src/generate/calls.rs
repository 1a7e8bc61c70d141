use seaworthy_core::ports::Operation;

use crate::{
    draw::Draw,
    plan::{CallFault, Targets, Verdict},
};

/// Returns the weight with which a call of an operation is chosen, and an upper bound for `nth`: how many of them one
/// process makes for one item of a workload. The first is not proportional to the second: what is called rarely is
/// struck as well.
const fn chance(operation: Operation, has_events: bool) -> (u32, u64) {
    match operation {
        // Only who reads or writes events comes by here: a topology says on which stores.
        Operation::AppendEvents if has_events => (28, 4),
        Operation::ReadEvents if has_events => (16, 12),
        Operation::ReadStream if has_events => (8, 4),
        Operation::StreamSnapshot | Operation::PutStreamSnapshot if has_events => (4, 2),
        Operation::Checkpoint | Operation::SetCheckpoint if has_events => (12, 8),
        // Elsewhere an exhaustive search strikes them where they are called.
        Operation::AppendEvents
        | Operation::ReadEvents
        | Operation::ReadStream
        | Operation::StreamSnapshot
        | Operation::PutStreamSnapshot => (0, 4),
        Operation::Begin => (24, 16),
        Operation::Get => (16, 24),
        Operation::Put => (16, 8),
        // Only a user's own SQL comes by here.
        Operation::Statement => (8, 8),
        Operation::Stage => (24, 4),
        Operation::InboxInsert => (28, 4),
        Operation::SagaCreate => (10, 2),
        Operation::SagaAppend => (24, 8),
        Operation::Commit => (64, 16),
        Operation::Claim => (28, 24),
        Operation::Settle => (48, 6),
        Operation::AcquireSagas => (14, 12),
        Operation::SagaLog => (6, 4),
        Operation::Publish => (64, 6),
        Operation::Subscribe => (8, 1),
        Operation::Receive => (32, 12),
        Operation::Ack => (48, 6),
        Operation::Nack => (16, 2),
        Operation::External => (64, 3),
        Operation::Request => (16, 2),
        Operation::Reply => (24, 2),
        Operation::Scan | Operation::Operation | Operation::PutOperation | Operation::Tail | Operation::Saga => (4, 6),
        Operation::Checkpoint | Operation::SetCheckpoint => (3, 6),
        Operation::PutIf | Operation::Delete | Operation::InboxFailed | Operation::SagaByKey => (2, 4),
        // An operator's, where a service plays one itself.
        Operation::Republish => (1, 1),
        // Upkeep, whose next turn does what this one did not.
        Operation::PurgeSagas | Operation::PurgeOperations => (2, 2),
        // Only a handler that outlasts half of its delivery comes by here.
        Operation::Extend => (4, 2),
        // Only reads, where `set_checkpoint` is next and is struck.
        Operation::OutboxSettledTo => (0, 4),
        // Only an operator's tool asks for them, and no tool is part of a run.
        Operation::Sagas | Operation::Census | Operation::AskRedrive => (0, 4),
        // Only a message or a request that a saga waits for comes by here.
        Operation::SagaSignal => (4, 2),
        // Only a relay that reads the log comes by here, in the first rows after its start. An exhaustive search strikes it there.
        Operation::OutboxAttempt => (0, 4),
        // Whatever else there is, and what will be added.
        _ => (1, 4),
    }
}

/// Workloads with more items than this are long runs. Their faults lie anywhere in them, as in life; those of others, which are
/// there to be tried in all combinations, lie near the beginning more often than not.
const LONG: u64 = 1_000;

/// In a long run a process makes about one in so many of the calls that it may make for one item at most: replicas share the
/// work, and most items need nothing to be done again. Drawn evenly up to the most, most faults would come too late to strike.
const SHARE: u64 = 6;

/// Draws where a fault at a port call strikes, `None` where there is nothing to strike.
pub(super) fn draw(verdict: Verdict, items: u64, targets: &Targets, draw: &mut Draw) -> Option<CallFault> {
    let process = draw.pick(&targets.processes)?.clone();
    let has_events = targets.with_events.contains(&process);
    let (operation, calls) = operation(verdict, !targets.services.is_empty(), has_events, draw)?;
    // A few more than one item's worth, so that the calls of recovery and of idle loops are reached as well.
    let most = 2 + calls.saturating_mul(items.max(1));
    let nth = if items > LONG { draw.between(1, most / SHARE) } else { draw.small(most) };
    Some(CallFault { process, point: operation.into(), nth: u32::try_from(nth).unwrap_or(u32::MAX), verdict })
}

/// Draws among the operations that can honour the verdict.
fn operation(verdict: Verdict, externals: bool, has_events: bool, draw: &mut Draw) -> Option<(Operation, u64)> {
    let fits = |operation: &Operation| verdict.fits(*operation) && (externals || *operation != Operation::External);
    let fitting = || Operation::ALL.iter().copied().filter(fits);
    let total: u32 = fitting().map(|operation| chance(operation, has_events).0).sum();
    let mut at = draw.below(u64::from(total)) as u32;
    for operation in fitting() {
        let (weight, calls) = chance(operation, has_events);
        match at.checked_sub(weight) {
            Some(rest) => at = rest,
            None => return Some((operation, calls)),
        }
    }
    None
}
