//! A relay a moment ahead of the consumers in its process: its broker knows of nobody yet who is bound to the topic, and what it says of that is
//! taken for final.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use futures_util::future::join3;
use seaworthy_core::{
    inbox::{Consumer, Handlers},
    message::Message,
    outbox::Relay,
    ports::{Broker, BrokerError, Ports, PublishError, PublishResult, Subscription, SubscriptionSpec},
};
use seaworthy_sim::scenario::Topology;

use super::is_found_and_the_right_service_holds;
use crate::small_service::{
    Service,
    messaging::{Note, fronts, placing},
    serve,
};

#[test]
fn what_is_published_before_anybody_has_subscribed_is_buried() {
    let wrong = Service::wrong("buries-what-nobody-listens-to-yet", topology);
    is_found_and_the_right_service_holds("dead-only-injected", wrong);
}

fn topology(is_right: bool) -> Topology {
    let fronts = fronts(move |boot| async move {
        let broker = Broadcasts { inner: boot.ports.broker.clone(), is_bound: AtomicBool::new(false), is_right };
        let ports = Ports { broker: Arc::new(broker), ..boot.ports };
        let handlers = Handlers::builder().on("order.placed", Note).build().expect("one handler for one type");
        let consumer = Consumer::new(&ports, "listener", handlers, ["orders"]);
        join3(Relay::new(&ports).run(), consumer.run(), serve(ports.clone(), placing)).await;
    });
    fronts.group("listener", &["orders"])
}

/// A broker that takes a message only while somebody of its process is subscribed, as one in the memory of a process does.
struct Broadcasts {
    inner: Arc<dyn Broker>,
    is_bound: AtomicBool,
    is_right: bool,
}

#[async_trait]
impl Broker for Broadcasts {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        if self.is_bound.load(Ordering::Relaxed) {
            return self.inner.publish(batch).await;
        }
        let why = "nobody is bound to the topic";
        let error = match self.is_right {
            true => PublishError::Unavailable(why.into()),
            false => PublishError::Refused(why.into()),
        };
        Ok(vec![Err(error); batch.len()])
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let subscription = self.inner.subscribe(spec).await?;
        self.is_bound.store(true, Ordering::Relaxed);
        Ok(subscription)
    }
}
