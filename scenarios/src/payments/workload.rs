use std::ops::Range;

use bytes::Bytes;
use seaworthy_sim::scenario::{Draw, Workload};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// One payment, as a client asks for it and as the outbox tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Time at which it is asked for, in virtual milliseconds since the start.
    pub at_ms: u64,
    /// Id of the payment: asked for twice, it is one payment.
    pub id: SmolStr,
    /// Account that the money comes from.
    pub account: SmolStr,
    /// Name of the payer.
    pub payer: SmolStr,
    /// Amount in cents.
    pub cents: i64,
}

impl Payment {
    /// Encodes the payment as JSON.
    pub fn encode(&self) -> Bytes {
        serde_json::to_vec(self).expect("a payment is plain data").into()
    }

    /// Decodes a payment from JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

/// The payments that are asked for, by the time at which they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payments {
    /// In the order of their times.
    pub payments: Vec<Payment>,
}

/// Names as people have them: one in eight does not begin with an ASCII letter.
const PAYERS: [&str; 8] = ["Ada", "Barbara", "Edith", "Grace", "Hedy", "Émilie", "Mary", "Sofia"];

impl Payments {
    /// One to six payments from up to three accounts within a second.
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let accounts = draw.between(1, 3);
        let mut at_ms = 0;
        let payments = (1..=draw.between(1, 6)).map(|number| {
            at_ms += draw.below(300);
            Payment {
                at_ms,
                id: format_smolstr!("payment-{number}"),
                account: format_smolstr!("account-{}", draw.between(1, accounts)),
                payer: draw.pick(&PAYERS).copied().unwrap_or(PAYERS[0]).into(),
                cents: draw.between(1, 100_000) as i64,
            }
        });
        Self { payments: payments.collect() }
    }
}

impl Workload for Payments {
    fn noun() -> &'static str {
        "payments"
    }

    fn len(&self) -> usize {
        self.payments.len()
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut payments = self.payments.clone();
        payments.drain(range);
        Self { payments }
    }

    fn simpler(&self) -> Vec<Self> {
        let with = |change: &dyn Fn(&mut Payment)| {
            let mut simpler = self.clone();
            simpler.payments.iter_mut().for_each(change);
            simpler
        };
        let variants = [
            with(&|payment| payment.at_ms = 0),
            with(&|payment| payment.cents = 1),
            with(&|payment| payment.payer = PAYERS[0].into()),
            with(&|payment| payment.account = "account-1".into()),
        ];
        variants.into_iter().filter(|simpler| simpler != self).collect()
    }
}
