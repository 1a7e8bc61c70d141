use seaworthy_core::message::Message;
use smol_str::SmolStr;

use crate::trace::Event;

/// A document as it was written.
#[derive(Debug)]
pub struct Written<'a, T: ?Sized> {
    /// Name of the store that it is in: services may have collections of one name.
    pub store: &'a SmolStr,
    /// Id of the document.
    pub id: &'a SmolStr,
    /// Its new version, from 1.
    pub version: u64,
    /// Its new content.
    pub value: &'a T,
    /// The commit that wrote it.
    pub event: &'a Event,
}

/// A call on which an external service acted.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    /// The operation that it was asked for.
    pub operation: &'a SmolStr,
    /// The subject of the call, as the service names it.
    pub subject: &'a SmolStr,
    /// The event of the call.
    pub event: &'a Event,
}

/// An event as it was appended to its stream.
#[derive(Clone, Copy, Debug)]
pub struct AppendedEvent<'a> {
    /// Name of the stream.
    pub stream: &'a SmolStr,
    /// Version of the stream at this event, from 1.
    pub version: u64,
    /// Its place among all events of the store.
    pub position: u64,
    /// The event: type, payload, cause.
    pub message: &'a Message,
}
