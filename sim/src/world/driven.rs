use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;

use crate::{
    kernel::{World, panics::catch},
    trace::ProcessIndex,
};

/// The client's program. Its panic ends the run, and not the program that the run is a part of: what was found until then
/// is still told.
pub(super) struct Driven<'a> {
    world: &'a World,
    drive: Option<BoxFuture<'a, ()>>,
}

impl<'a> Driven<'a> {
    pub(super) fn new(world: &'a World, drive: BoxFuture<'a, ()>) -> Self {
        Self { world, drive: Some(drive) }
    }
}

impl Future for Driven<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = self.world;
        // A run that is given up does not wait for a client that spins.
        let Some(drive) = self.drive.as_mut().filter(|_| !world.meter.is_spent()) else { return Poll::Pending };
        world.meter.poll_begins(ProcessIndex::WORLD);
        let polled = catch(|| drive.as_mut().poll(cx));
        world.meter.poll_ends();
        match polled {
            Ok(polled) => polled,
            Err(panicked) => {
                self.drive = None;
                world.client_panicked(&panicked);
                Poll::Pending
            }
        }
    }
}
