//! The span in which a message is handled names the trace that the message belongs to.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use seaworthy_core::{inbox::HandlerError, message::Message, ports::DeadLetterRequest};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::set_default,
};

use crate::support::{
    inbox::{Scripted, of_key, order},
    on_each_store,
};

/// Another that listens: where there is only one, a span that is first met on another thread counts as unwanted.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Spans::default()));

/// Fields of the spans of consumers, by the name of the span and of the field.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && matches!(metadata.name(), "consume" | "inbox.redrive")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(BTreeMap::from([("span", span.metadata().name().to_owned())]));
        span.record(&mut fields);
        let mut all = self.0.lock().expect("no panic with it in hand");
        all.push(fields.0);
        Id::from_u64(all.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn the_spans_of_handling_and_of_redriving_a_message_name_its_trace_where_it_carries_one() {
    LazyLock::force(&SECOND);
    for workers in [1, 4] {
        on_each_store(async |world| {
            let spans = Spans::default();
            let _heard = set_default(spans.clone());
            let traced = |number: u64, traceparent: &str| Message {
                traceparent: Some(traceparent.into()),
                ..of_key(&format!("key-{number}"), order(number))
            };
            let handler = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("not for us".into())) }));
            world
                .publish([
                    traced(1, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                    traced(2, "not a trace context"),
                    order(3),
                ])
                .await;
            let consumer = handler.consumer(&world.ports, |config| config.workers(workers));
            world.ports.spawn("consumer", consumer.clone().run());
            world.pass(Duration::from_secs(1)).await;
            consumer.redrive(&DeadLetterRequest::new("shop", 10)).await.expect("a store that is up");
            for span in ["consume", "inbox.redrive"] {
                let all = spans.0.lock().expect("no panic with it in hand").clone();
                let of = |number: u64| {
                    let id = order(number).id.to_string();
                    let found = all.iter().find(|fields| fields["span"] == span && fields["message"] == id);
                    let fields = found.unwrap_or_else(|| panic!("no {span} of {number}: {all:?}"));
                    (fields.get("trace_id").cloned(), fields.get("parent_id").cloned())
                };
                let named = (Some("4bf92f3577b34da6a3ce929d0e0e4736".into()), Some("00f067aa0ba902b7".into()));
                assert_eq!([of(1), of(2), of(3)], [named, (None, None), (None, None)]);
            }
        });
    }
}
