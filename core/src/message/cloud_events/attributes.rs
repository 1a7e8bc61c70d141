use std::str::FromStr;

use bytes::Bytes;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};
use uuid::Uuid;

use super::CloudEventError;
use crate::{
    ids::{self, MessageId},
    message::{Headers, Message, Schedule, headers::ORIGINALS},
    time::Timestamp,
};

/// The parent of ids that are derived from a foreign one. Fixed for good, like the ids.
const FOREIGN: Uuid = Uuid::from_u128(0x0c6e_0d5b_53a5_4f0b_8f4e_5c1a_77d3_9b10);

const JSON: &str = "application/json";

/// The attributes of a message as text, in a fixed order: the event without its payload. A transport adds its own prefix
/// to each name (`ce_` on Kafka, `ce-` on HTTP, which also percent-encodes values), but for `datacontenttype`, which is its
/// `content-type`.
///
/// # Errors
/// [`CloudEventError`] if the message has no source, type, content type or partition key, or a time beyond year 9999:
/// a CloudEvent can't be without.
pub fn attributes(message: &Message) -> Result<Vec<(SmolStr, SmolStr)>, CloudEventError> {
    let id = written_id(message, message.id.0, "originalid");
    let correlation_id = written_id(message, message.correlation_id, "originalcorrelationid");
    let causation_id = message.causation_id.map(|id| written_id(message, id.0, "originalcausationid"));
    let sequence = match message.headers.get("originalsequence") {
        Some(original) if message.sequence == 0 => Some(original.into()),
        _ => (message.sequence > 0).then(|| message.sequence.to_smolstr()),
    };
    let mut all = vec![(SmolStr::new_static("specversion"), SmolStr::new_static("1.0"))];
    let mut required = |name, value: SmolStr| {
        if value.is_empty() {
            return Err(CloudEventError::Missing(name));
        }
        all.push((SmolStr::new_static(name), value));
        Ok(())
    };
    required("id", id)?;
    required("source", message.source.clone())?;
    required("type", message.kind.clone())?;
    required("datacontenttype", message.content_type.clone())?;
    required("partitionkey", message.partition_key.clone())?;
    required("topic", message.topic.clone())?;
    required("correlationid", correlation_id)?;
    let time = if message.time == Timestamp::EPOCH { None } else { Some(written(message.time)?) };
    let moment = |moment: Option<Timestamp>| moment.map(written).transpose();
    let (not_before, expires) = (moment(message.schedule.not_before)?, moment(message.schedule.expires)?);
    let optional = [
        ("subject", Some(message.subject.clone()).filter(|subject| !subject.is_empty())),
        ("time", time),
        ("sequence", sequence),
        ("sourceepoch", (message.epoch > 0).then(|| message.epoch.to_smolstr())),
        ("gap", (message.gap > 0).then(|| message.gap.to_smolstr())),
        ("causationid", causation_id),
        ("notbefore", not_before),
        ("expirytime", expires),
        ("traceparent", message.traceparent.clone().filter(|traceparent| !traceparent.is_empty())),
    ];
    all.extend(optional.into_iter().filter_map(|(name, value)| Some((SmolStr::new_static(name), value?))));
    let own = message.headers.iter().filter(|(name, _)| !ORIGINALS.contains(name));
    all.extend(own.map(|(name, value)| (name.into(), value.into())));
    for (name, value) in &all {
        if value.chars().any(char::is_control) {
            return Err(CloudEventError::attribute(name.clone(), "it holds a control character"));
        }
    }
    Ok(all)
}

/// A message of attributes, without a transport's prefixes, and a payload.
///
/// # Errors
/// [`CloudEventError`] if an attribute that every event has is missing, or one is not what it has to be.
pub fn from_attributes<N, V>(
    attributes: impl IntoIterator<Item = (N, V)>,
    data: Bytes,
) -> Result<Message, CloudEventError>
where
    N: Into<SmolStr>,
    V: Into<SmolStr>,
{
    let mut headers = Headers::new();
    for (name, value) in attributes {
        let name = name.into();
        headers
            .set(name.clone(), value.into())
            .map_err(|error| CloudEventError::attribute(name, error.to_smolstr()))?;
    }
    let mut take = |name: &'static str| headers.remove(name).filter(|value| !value.is_empty());
    let version = take("specversion").ok_or(CloudEventError::Missing("specversion"))?;
    if version != "1.0" {
        return Err(CloudEventError::Version(version));
    }
    let id = take("id").ok_or(CloudEventError::Missing("id"))?;
    let source = take("source").ok_or(CloudEventError::Missing("source"))?;
    let kind = take("type").ok_or(CloudEventError::Missing("type"))?;
    let subject = take("subject").unwrap_or_default();
    let time = take("time").map_or(Ok(Timestamp::EPOCH), |time| read("time", &time))?;
    let mut moment = |name| take(name).map(|moment| read(name, &moment)).transpose();
    let schedule = Schedule { not_before: moment("notbefore")?, expires: moment("expirytime")? };
    let epoch = take("sourceepoch").map_or(Ok(0), |epoch| {
        let expected = || format_smolstr!("{epoch:?}; expected a whole number");
        epoch.parse().map_err(|_| CloudEventError::attribute("sourceepoch", expected()))
    })?;
    let gap = take("gap").map_or(Ok(0), |gap| {
        gap.parse().map_err(|_| CloudEventError::attribute("gap", format_smolstr!("{gap:?}; expected a whole number")))
    })?;
    let partition_key =
        take("partitionkey").unwrap_or_else(|| if subject.is_empty() { id.clone() } else { subject.clone() });
    let (message_id, original_id) = uuid_of(&source, id);
    let correlation = take("correlationid").map(|id| uuid_of(&source, id));
    let causation = take("causationid").map(|id| uuid_of(&source, id));
    let sequence = take("sequence");
    let number =
        sequence.as_ref().and_then(|text| text.parse().ok().filter(|number: &u64| number.to_smolstr() == *text));
    let mut message = Message {
        id: MessageId(message_id),
        topic: take("topic").unwrap_or_else(|| source.clone()),
        source,
        kind,
        subject,
        time,
        content_type: take("datacontenttype").unwrap_or(SmolStr::new_static(JSON)),
        partition_key,
        sequence: number.unwrap_or(0),
        epoch,
        gap,
        correlation_id: correlation.as_ref().map_or(message_id, |(id, _)| *id),
        causation_id: causation.as_ref().map(|(id, _)| MessageId(*id)),
        traceparent: take("traceparent"),
        headers,
        schedule,
        data,
    };
    // What the event itself calls so is not its original: it would be written as its id.
    for name in ORIGINALS {
        message.headers.remove(name);
    }
    let kept = [
        ("originalid", original_id),
        ("originalcorrelationid", correlation.and_then(|(_, original)| original)),
        ("originalcausationid", causation.and_then(|(_, original)| original)),
        ("originalsequence", sequence.filter(|_| number.is_none())),
    ];
    for (name, original) in kept {
        if let Some(original) = original {
            let set = message.headers.set(SmolStr::new_static(name), original);
            set.map_err(|error| CloudEventError::attribute(name, error.to_smolstr()))?;
        }
    }
    Ok(message)
}

/// The UUID of an id, and the id itself if it is none. Only the usual form counts: two spellings are two ids.
fn uuid_of(source: &str, id: SmolStr) -> (Uuid, Option<SmolStr>) {
    match Uuid::from_str(&id) {
        Ok(uuid) if uuid.to_smolstr() == id => (uuid, None),
        _ => (ids::derive(FOREIGN, &[source, &id]), Some(id)),
    }
}

/// An id as it is written: as it came, where it came from elsewhere and is still the same.
fn written_id(message: &Message, id: Uuid, original: &str) -> SmolStr {
    let original = message.headers.get(original);
    original
        .filter(|original| ids::derive(FOREIGN, &[&message.source, original]) == id)
        .map_or_else(|| id.to_smolstr(), SmolStr::from)
}

/// RFC 3339 in UTC.
fn written(time: Timestamp) -> Result<SmolStr, CloudEventError> {
    const YEAR_ZERO: i64 = -62_167_219_200_000_000;
    let moment = jiff::Timestamp::from_microsecond(time.as_micros()).ok().filter(|_| time.as_micros() >= YEAR_ZERO);
    let moment = moment.ok_or_else(|| {
        CloudEventError::attribute("time", format_smolstr!("{time} s since 1970 is not within the years 0 to 9999"))
    })?;
    Ok(moment.to_smolstr())
}

fn read(name: &'static str, time: &str) -> Result<Timestamp, CloudEventError> {
    let moment: jiff::Timestamp = time.parse().map_err(|_| {
        CloudEventError::attribute(name, format_smolstr!("{time:?}; expected RFC 3339, as 2018-04-05T17:31:00Z"))
    })?;
    Ok(Timestamp::from_micros(moment.as_microsecond()))
}
