use super::{Target, Targets, TimedKind};
use crate::{draw::Draw, plan::Profile};
use seaworthy_core::ports::{Operation, Port};

/// The broker is down.
#[derive(Clone)]
pub(super) struct BrokerOutage;

impl TimedKind for BrokerOutage {
    const CLASS: Profile = Profile::Outage;

    fn meets(operation: Operation) -> bool {
        operation.port() == Port::Broker
    }

    fn is_possible(_: &Targets) -> bool {
        true
    }

    fn draw(_: &mut Draw, _: &Targets) -> Option<Self> {
        Some(Self)
    }

    fn target(&self) -> Target {
        Target::Broker
    }

    fn extremes(_: &Targets) -> Vec<Self> {
        vec![Self]
    }

    fn words(&self) -> String {
        "the broker answers nobody".to_owned()
    }
}
