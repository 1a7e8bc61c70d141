use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use smol_str::SmolStr;

use super::{Intercept, Intercepted};
use crate::{
    message::Message,
    ports::{
        Broker, BrokerError, Call, Delivery, DeliveryTag, Extended, External, ExternalCall, ExternalError, Ingress,
        PublishResult, Request, Response, Subscription, SubscriptionSpec,
    },
};

#[async_trait]
impl<I: Intercept + Clone + 'static> Broker for Intercepted<dyn Broker, I> {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        self.intercept.publish(batch, &*self.inner).await
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        let inner = self.intercept.call(Call::Subscribe { spec }, self.inner.subscribe(spec)).await?;
        Ok(Box::new(InterceptedSubscription { inner, group: spec.group.clone(), intercept: self.intercept.clone() }))
    }
}

/// Membership in a group behind an interceptor.
struct InterceptedSubscription<I> {
    inner: Box<dyn Subscription>,
    group: SmolStr,
    intercept: I,
}

#[async_trait]
impl<I: Intercept> Subscription for InterceptedSubscription<I> {
    async fn receive(&self, max: usize) -> Result<Vec<Delivery>, BrokerError> {
        self.intercept.receive(&self.group, max, &*self.inner).await
    }

    async fn ack(&self, tag: DeliveryTag) -> Result<(), BrokerError> {
        self.intercept.call(Call::Ack { group: &self.group, tag }, self.inner.ack(tag)).await
    }

    async fn nack(&self, tag: DeliveryTag, delay: Duration) -> Result<(), BrokerError> {
        self.intercept.call(Call::Nack { group: &self.group, tag, delay }, self.inner.nack(tag, delay)).await
    }

    async fn extend(&self, tag: DeliveryTag, by: Duration) -> Result<Extended, BrokerError> {
        self.intercept.call(Call::Extend { group: &self.group, tag, by }, self.inner.extend(tag, by)).await
    }
}

#[async_trait]
impl<I: Intercept> External for Intercepted<dyn External, I> {
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        self.intercept.external(call, &*self.inner).await
    }
}

#[async_trait]
impl<I: Intercept + Clone + 'static> Ingress for Intercepted<dyn Ingress, I> {
    async fn next(&self) -> Option<Request> {
        let Request { operation, body, response } = self.intercept.request(&*self.inner).await?;
        let intercept = self.intercept.clone();
        let response = Response::numbered(response.number(), move |said| intercept.reply(said, response));
        Some(Request { operation, body, response })
    }
}
