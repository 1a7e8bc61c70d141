//! Faults that last, asked by the calls that may meet them.

use seaworthy_core::ports::{Call, Port};

use super::{
    timed::{Hit, Timed},
    world::World,
};
use crate::{plan::FaultKind, trace::ProcessIndex};

impl World {
    /// Returns `true` if an outage is on that a call of a process meets.
    pub(crate) fn is_out(&self, process: ProcessIndex, call: &Call<'_>) -> bool {
        let port = call.operation().port();
        let service = match call {
            Call::External { call } => self.external_index(&call.service).map(Hit::External),
            _ => None,
        };
        let store = Hit::Store(self.store_of(process));
        let mut out = false;
        self.disturb(
            |timed| match timed.kind {
                FaultKind::BrokerOutage => port == Port::Broker,
                FaultKind::Partition => port == Port::Broker && timed.hit == Hit::Process(process),
                FaultKind::StoreOutage => matches!(port, Port::Store | Port::Transaction) && timed.hit == store,
                FaultKind::ExternalOutage => service == Some(timed.hit),
                _ => false,
            },
            |_| out = true,
        );
        out
    }

    /// Returns the milliseconds that slow links add to each call of a process.
    pub(crate) fn slow_link(&self, process: ProcessIndex) -> Option<u64> {
        let mut extra_ms = 0;
        self.disturb(
            |timed| hits(timed, FaultKind::SlowLink, process),
            |timed| extra_ms += timed.amount.unsigned_abs(),
        );
        (extra_ms > 0).then_some(extra_ms)
    }

    /// Returns the time until which a process is paused.
    pub(crate) fn paused(&self, process: ProcessIndex) -> Option<u64> {
        let mut until_ms = None;
        self.disturb(
            |timed| hits(timed, FaultKind::Pause, process),
            |timed| until_ms = until_ms.max(Some(timed.to_ms)),
        );
        until_ms
    }
}

fn hits(timed: &Timed, kind: FaultKind, process: ProcessIndex) -> bool {
    timed.kind == kind && timed.hit == Hit::Process(process)
}
