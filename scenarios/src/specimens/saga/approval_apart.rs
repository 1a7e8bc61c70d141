//! A consumer that notes an approval as handled in one transaction, and gives it to the saga that waits for it in the next. A
//! crash between the two leaves the saga waiting for what nobody will send again.
//!
//! Threads: one consumer, and the redelivery of its message. A crash or a lost reply between the two commits is enough.
//!
//! Mechanism: the redelivery finds the inbox row, and is acknowledged without another word; the signal was never written.
//!
//! Violates: `saga-resolves`, which names the signal; `handled-without-effect` where it looks first.
//!
//! Right: the twin below gives the saga its approval in the transaction of the inbox row, by
//! [`deliver_in`](seaworthy_core::saga::Orchestrator::deliver_in).

use seaworthy_core::{
    inbox::{Handler, HandlerError},
    ports::{Delivery, InboxEntry, InboxInsert, Ports},
    saga::Orchestrator,
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use crate::{
    small::{
        FRONT, SmallService,
        approvals::{APPROVER, ASKED, Approve, GIVEN, approver, lender, loan},
    },
    specimens::by_hand::{Acknowledge, consume},
};

/// The specimen and its right twin.
pub fn pair() -> (SmallService, SmallService) {
    let broken = SmallService {
        name: "saga/approval-apart",
        about: "an approval is noted as handled in one transaction, and given to its saga in the next",
        topology: || topology(false),
    };
    let right = SmallService {
        name: "saga/approval-apart/right",
        about: "an approval is noted as handled and given to its saga in one transaction; everything is right",
        topology: || topology(true),
    };
    (broken, right)
}

fn topology(together: bool) -> Topology {
    let front = Topology::new().service(FRONT).run(move |ports| {
        lender(ports, move |ports, orchestrator| {
            let handle = move |ports, delivery| approve(ports, orchestrator.clone(), delivery, together);
            ports.spawn("approvals", consume(ports.clone(), (FRONT, GIVEN), Wake::new(), Acknowledge::Handled, handle));
        })
    });
    front.group(FRONT, &[GIVEN]).service(APPROVER).run(approver).group(APPROVER, &[ASKED]).saga(loan().shape())
}

async fn approve(
    ports: Ports,
    orchestrator: Orchestrator,
    delivery: Delivery,
    together: bool,
) -> Result<(), HandlerError> {
    let mut tx = ports.store.begin().await?;
    if tx.inbox_insert(&InboxEntry::for_message(FRONT, &delivery.message)).await? != InboxInsert::First {
        return Ok(());
    }
    if !together {
        tx.commit().await?;
        tx = ports.store.begin().await?;
    }
    Approve(orchestrator).handle(&mut *tx, &delivery.message).await?;
    Ok(tx.commit().await?)
}
