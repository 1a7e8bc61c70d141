use std::iter;

use crate::{
    message::Message,
    ports::{Broker, BrokerError, PublishError, PublishResult},
};

/// Publishes a batch; a failure of the whole call is one of each message.
pub(super) async fn offer(broker: &dyn Broker, messages: &[Message]) -> Vec<PublishResult> {
    let failure = match broker.publish(messages).await {
        Ok(results) => return results,
        Err(BrokerError::Unavailable(why)) => PublishError::Unavailable(why),
        Err(BrokerError::Unknown(why)) => PublishError::Unknown(why),
    };
    iter::repeat_n(Err(failure), messages.len()).collect()
}
