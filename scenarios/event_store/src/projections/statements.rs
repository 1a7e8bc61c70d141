use std::collections::BTreeMap;

use async_trait::async_trait;
use seaworthy_core::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Ports, Transaction},
};
use serde::{Deserialize, Serialize};

use crate::{
    account::AccountEvent,
    messages::STATEMENTS,
    parts::{change, follow, on_both},
};

/// Microseconds of a day.
const DAY: i64 = 24 * 3_600 * 1_000_000;

/// Statement of an account: what came in and went out, day by day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Turnover of each day on which there was any, by the number of days since 1970.
    pub days: BTreeMap<i64, Turnover>,
}

/// Turnover of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turnover {
    /// Cents that came in.
    pub credits: u64,
    /// Cents that went out.
    pub debits: u64,
    /// Number of bookings.
    pub entries: u64,
}

/// Runs the one replica until a stop is asked for.
pub async fn statements(ports: Ports) {
    follow(ports, STATEMENTS, on_both(Statements)).await;
}

/// Enters each event in the statement of its account, on the day on which it happened.
#[derive(Clone, Copy)]
pub struct Statements;

#[async_trait]
impl Handler for Statements {
    async fn handle(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        let booked: AccountEvent = event.json()?;
        let day = event.time.as_micros().div_euclid(DAY);
        change(tx, STATEMENTS, &event.subject, |statement: &mut Statement| {
            let turnover = statement.days.entry(day).or_default();
            match &booked {
                AccountEvent::Credited(entry) => turnover.credits += entry.cents,
                AccountEvent::Debited(entry) => turnover.debits += entry.cents,
            }
            turnover.entries += 1;
        })
        .await
    }
}
