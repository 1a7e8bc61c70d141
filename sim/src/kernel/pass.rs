use std::{
    pin::Pin,
    task::{Context, Poll},
};

use super::Incarnation;
use crate::executor::Moment;

/// The way of a call to its component: it is over when the call has taken as long as it takes, and never for a dead
/// incarnation. By hand, since every call has room for one.
pub(crate) struct Pass<'a> {
    pub(crate) incarnation: &'a Incarnation,
    pub(crate) takes: Takes<'a>,
}

/// Time that a call takes.
pub(crate) enum Takes<'a> {
    /// No time, but so often every other ready task has its chance first.
    Turns(u32),
    /// It sleeps until a moment of virtual time.
    Time(Moment<'a>),
}

impl Future for Pass<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.incarnation.is_dead() {
            return Poll::Pending;
        }
        match &mut self.takes {
            Takes::Turns(0) => Poll::Ready(()),
            Takes::Turns(left) => {
                *left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Takes::Time(moment) => Pin::new(moment).poll(cx),
        }
    }
}
