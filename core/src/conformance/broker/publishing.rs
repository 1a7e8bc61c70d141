//! What publishing returns.

use crate::conformance::{
    BrokerSubject, Outcome, Verdict,
    outcome::expect_eq,
    samples::lone,
};

/// One result for each message of a batch.
pub async fn each_message_of_a_batch_has_its_own_result(subject: &dyn BrokerSubject) -> Outcome {
    let broker = subject.fresh().await;
    let results = broker.publish(&[lone(1), lone(2), lone(3)]).await?;
    expect_eq("publishing returns one result for each message", results.len(), 3)?;
    Ok(Verdict::Held)
}
