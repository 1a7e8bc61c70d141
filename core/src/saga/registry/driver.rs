use std::{
    any::{Any, TypeId, type_name},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use smol_str::SmolStr;

use crate::{
    message::Message,
    ports::{SagaKey, Spawner},
    saga::{
        Awaits, Definition, DriveOutcome, SagaData, Shape, State, execution,
        resources::{Owned, Resources},
        result::ResultOf,
    },
};

/// A type-erased saga definition.
pub(crate) trait Driver: Send + Sync {
    fn shape(&self) -> &Arc<Shape>;
    /// Returns the id and the name of the input type.
    fn input(&self) -> (TypeId, &'static str);
    /// Returns what its result is made of, if it has one.
    fn result(&self) -> Option<&ResultOf>;
    /// Returns the keys by which messages find a new saga, whose input is of the type that it takes.
    fn keys(&self, data: &dyn Any, state: &State, spawner: &dyn Spawner) -> Vec<SagaKey>;
    /// Returns the keys that a message has for its steps, and whether it is for one by its correlation id.
    fn keys_of(&self, message: &Message) -> (Vec<SmolStr>, bool);
    fn drive(self: Arc<Self>, resources: Arc<Resources>, owned: Owned) -> BoxFuture<'static, DriveOutcome>;
}

impl<D: SagaData> Driver for Definition<D> {
    fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    fn input(&self) -> (TypeId, &'static str) {
        (TypeId::of::<D>(), type_name::<D>())
    }

    fn result(&self) -> Option<&ResultOf> {
        self.result.as_ref()
    }

    fn keys(&self, data: &dyn Any, state: &State, spawner: &dyn Spawner) -> Vec<SagaKey> {
        data.downcast_ref().map_or_else(Vec::new, |data| Definition::keys(self, data, state, spawner))
    }

    fn keys_of(&self, message: &Message) -> (Vec<SmolStr>, bool) {
        let (mut keys, mut by_id) = (Vec::new(), false);
        for (index, step) in self.shape.steps.iter().enumerate() {
            if step.awaits.as_ref().and_then(Awaits::signal) != Some(&message.kind) {
                continue;
            }
            match self.actions[index].key_of(message).filter(|_| self.keyed.contains(&index)) {
                Some(key) => keys.push(key),
                None => by_id = true,
            }
        }
        (keys, by_id)
    }

    fn drive(self: Arc<Self>, resources: Arc<Resources>, owned: Owned) -> BoxFuture<'static, DriveOutcome> {
        Box::pin(execution::drive(self, resources, owned))
    }
}
