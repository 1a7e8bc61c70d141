//! Calls to the payment provider, which is not ours.

use seaworthy_core::ids::OperationId;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::json::whole_number;

/// The provider's name in calls.
pub const PAYMENTS: &str = "payments";
/// Operation that takes money.
pub const CHARGE: &str = "charge";
/// Gives it back, or makes sure that it is never taken.
pub const REFUND: &str = "refund";

/// The body of both operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The order that is paid.
    pub order: SmolStr,
    /// Number of the customer whose card is charged.
    #[serde(with = "whole_number")]
    pub customer: u64,
    /// Amount in US cents.
    pub amount_cents: u64,
    /// The operation id of the charge; a refund names the charge that it takes back by it.
    pub charge: OperationId,
}
