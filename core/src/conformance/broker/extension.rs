//! More time for a delivery. A broker that gives none says so at each call, and is asked no further.

use std::time::Duration;

use super::steps::{ids, join, publish, take};
use crate::{
    conformance::{
        BrokenPromise, BrokerSubject, CheckVerdict, Outcome,
        outcome::{expect, expect_eq},
        samples::lone,
    },
    ports::{Delivery, DeliveryTag, Extended, Subscription},
};

const NONE: CheckVerdict = CheckVerdict::NotApplicable("the broker extends no deliveries, and says so");

/// A member of a fresh broker with one delivery out.
async fn one_out(subject: &dyn BrokerSubject) -> Result<(Box<dyn Subscription>, Delivery), BrokenPromise> {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    publish(&*broker, &[lone(1)]).await?;
    let mut out = take(subject, &*member, 9).await?;
    expect_eq("every accepted message is delivered", ids(&out), vec![lone(1).id])?;
    Ok((member, out.swap_remove(0)))
}

/// `false` where the broker extends nothing.
async fn extends(member: &dyn Subscription, tag: DeliveryTag, by: Duration) -> Result<bool, BrokenPromise> {
    match member.extend(tag, by).await? {
        Extended::Unsupported => Ok(false),
        extended => {
            expect_eq("a delivery that is out can be extended", extended, Extended::Held)?;
            Ok(true)
        }
    }
}

/// From the moment of the call on, and no longer than that for good.
pub async fn a_delivery_that_is_extended_stays_out_for_as_long(subject: &dyn BrokerSubject) -> Outcome {
    let (member, first) = one_out(subject).await?;
    let timeout = subject.visibility_timeout();
    subject.advance(timeout / 2).await;
    if !extends(&*member, first.tag, timeout * 2).await? {
        return Ok(NONE);
    }
    subject.advance(timeout + timeout / 4).await;
    let promise = "a delivery that is extended is delivered to nobody for as long";
    expect_eq(promise, ids(&take(subject, &*member, 9).await?), vec![])?;
    subject.advance(timeout).await;
    let again = take(subject, &*member, 9).await?;
    expect_eq("a delivery that was extended comes back in the end", ids(&again), vec![lone(1).id])?;
    expect_eq("a redelivery says how many there were before", again[0].redeliveries, 1)?;
    Ok(CheckVerdict::Held)
}

/// Less than what is left changes nothing.
pub async fn an_extension_takes_no_time_away(subject: &dyn BrokerSubject) -> Outcome {
    let (member, first) = one_out(subject).await?;
    let timeout = subject.visibility_timeout();
    if !extends(&*member, first.tag, timeout / 20).await? {
        return Ok(NONE);
    }
    subject.advance(timeout / 2).await;
    let promise = "an extension takes nothing from the visibility timeout";
    expect_eq(promise, ids(&take(subject, &*member, 9).await?), vec![])?;
    member.ack(first.tag).await?;
    subject.advance(timeout * 2).await;
    let again = take(subject, &*member, 9).await?;
    expect_eq("a delivery that was extended can be acknowledged", ids(&again), vec![])?;
    Ok(CheckVerdict::Held)
}

/// Timed out or acknowledged: its member hears that it has it no longer.
pub async fn a_delivery_that_is_over_is_not_extended(subject: &dyn BrokerSubject) -> Outcome {
    let (member, first) = one_out(subject).await?;
    let timeout = subject.visibility_timeout();
    subject.advance(timeout).await;
    let second = take(subject, &*member, 9).await?;
    expect_eq("a message that is not acknowledged comes back", ids(&second), vec![lone(1).id])?;
    let late = member.extend(first.tag, timeout * 4).await?;
    if late == Extended::Unsupported {
        return Ok(NONE);
    }
    let promise = "a delivery that timed out is not extended";
    expect_eq(promise, late, Extended::Lost)?;
    subject.advance(timeout).await;
    let third = take(subject, &*member, 9).await?;
    expect_eq(promise, ids(&third), vec![lone(1).id])?;
    member.ack(third[0].tag).await?;
    let settled = member.extend(third[0].tag, timeout).await?;
    expect("a delivery that was acknowledged is not extended", settled == Extended::Lost, || format!("{settled:?}"))?;
    Ok(CheckVerdict::Held)
}
