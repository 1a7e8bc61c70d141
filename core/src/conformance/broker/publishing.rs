//! Checks of what publishing returns.

use smol_str::SmolStr;

use super::steps::{drain, join, message_ids, sorted};
use crate::{
    conformance::{
        BrokenPromise, BrokerSubject, CheckVerdict, Outcome,
        outcome::{expect, expect_eq},
        samples::lone,
    },
    message::Message,
    ports::PublishError,
};

/// One result for each message, also for none.
pub async fn each_message_of_a_batch_has_its_own_result(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let _member = join(&*broker, "shipping").await?;
    let promise = "publishing returns one result for each message";
    expect_eq(promise, broker.publish(&[]).await?, vec![])?;
    expect_eq(promise, broker.publish(&[lone(1), lone(2), lone(3)]).await?, vec![Ok(()); 3])?;
    Ok(CheckVerdict::Held)
}

/// No group is bound to its topic: refused for good; its neighbours are delivered.
pub async fn an_unroutable_message_is_refused_alone(subject: &dyn BrokerSubject) -> Outcome {
    match subject.unroutable_topic() {
        None => Ok(CheckVerdict::NotApplicable("the broker keeps what nobody is bound to")),
        Some(topic) => refused_alone(subject, Message { topic: SmolStr::from(topic), ..lone(2) }).await,
    }
}

/// Too large: refused for good; its neighbours are delivered.
pub async fn an_oversized_message_is_refused_alone(subject: &dyn BrokerSubject) -> Outcome {
    match subject.payload_bytes_refused() {
        None => Ok(CheckVerdict::NotApplicable("the broker accepts payloads of any size")),
        Some(bytes) => refused_alone(subject, Message { data: vec![b'x'; bytes].into(), ..lone(2) }).await,
    }
}

async fn refused_alone(subject: &dyn BrokerSubject, refused: Message) -> Result<CheckVerdict, BrokenPromise> {
    let broker = subject.fresh().await;
    let member = join(&*broker, "shipping").await?;
    let results = broker.publish(&[lone(1), refused, lone(3)]).await?;
    let told = matches!(results[..], [Ok(()), Err(PublishError::Refused(_)), Ok(())]);
    expect("a message that can never be delivered is rejected, and its neighbours are accepted", told, || {
        format!("{results:?}")
    })?;
    let delivered = sorted(message_ids(&drain(subject, &*member).await?));
    expect_eq("what is accepted is delivered, and what is rejected is not", delivered, vec![lone(1).id, lone(3).id])?;
    Ok(CheckVerdict::Held)
}
