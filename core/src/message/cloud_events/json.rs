use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, value::RawValue};
use smol_str::{SmolStr, ToSmolStr};

use super::{CloudEventError, attributes, from_attributes};
use crate::message::Message;

/// A message as a CloudEvent in JSON, its payload inside: as JSON or text where it is that, else in base64.
///
/// # Errors
/// As for [`attributes`].
pub fn to_json(message: &Message) -> Result<Vec<u8>, CloudEventError> {
    let event = Event { attributes: attributes(message)?, data: Data::from_message(message) };
    serde_json::to_vec(&event).map_err(|error| CloudEventError::Json(error.to_smolstr()))
}

/// A message of a CloudEvent in JSON, whoever wrote it.
///
/// # Errors
/// [`CloudEventError`] if it is no CloudEvent.
pub fn from_json(event: &[u8]) -> Result<Message, CloudEventError> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(event).map_err(|error| CloudEventError::Json(error.to_smolstr()))?;
    let mut attributes = Vec::with_capacity(members.len());
    let (mut data, mut in_base64) = (None, None);
    for (name, value) in members {
        match &*name {
            "data" => data = Some(value),
            "data_base64" => in_base64 = text_of("data_base64", value)?,
            name => attributes.extend(text_of(name, value)?.map(|text| (SmolStr::from(name), text))),
        }
    }
    let mut message = from_attributes(attributes, Bytes::new())?;
    message.data = match (data, in_base64) {
        (Some(_), Some(_)) => {
            return Err(CloudEventError::attribute("data_base64", "there is data beside it: an event has one of them"));
        }
        (None, None) => Bytes::new(),
        (None, Some(text)) => {
            let decoded = STANDARD.decode(text.as_bytes());
            decoded.map_err(|error| CloudEventError::attribute("data_base64", error.to_smolstr()))?.into()
        }
        (Some(data), None) if is_json(&message.content_type) => Bytes::copy_from_slice(data.get().as_bytes()),
        // A text stands for itself; of any other value it is its JSON.
        (Some(data), None) => match serde_json::from_str::<String>(data.get()) {
            Ok(text) => text.into(),
            Err(_) => Bytes::copy_from_slice(data.get().as_bytes()),
        },
    };
    Ok(message)
}

/// The text of an attribute, or none where it is null.
fn text_of(name: &str, value: &RawValue) -> Result<Option<SmolStr>, CloudEventError> {
    match serde_json::from_str(value.get()).map_err(|error| CloudEventError::Json(error.to_smolstr()))? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.into())),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.get().into())),
        Value::Array(_) | Value::Object(_) => {
            Err(CloudEventError::attribute(name, "it is a list or an object; expected a text, a number or a boolean"))
        }
    }
}

/// Returns `true` if a payload of this media type is JSON.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.ends_with("/json") || kind.ends_with("+json")
}

/// Returns `true` if a payload of this media type is text for people to read.
fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/") || kind.ends_with("/xml") || kind.ends_with("+xml")
}

enum Data<'a> {
    None,
    Json(&'a RawValue),
    Text(&'a str),
    Base64(String),
}

impl<'a> Data<'a> {
    fn from_message(message: &'a Message) -> Self {
        let data = &message.data[..];
        if data.is_empty() {
            return Self::None;
        }
        if is_json(&message.content_type) {
            // Only what comes back byte for byte: blanks around it would not.
            if let Ok(json) = serde_json::from_slice::<&RawValue>(data)
                && json.get().len() == data.len()
            {
                return Self::Json(json);
            }
        } else if is_text(&message.content_type)
            && let Ok(text) = str::from_utf8(data)
        {
            return Self::Text(text);
        }
        Self::Base64(STANDARD.encode(data))
    }
}

struct Event<'a> {
    attributes: Vec<(SmolStr, SmolStr)>,
    data: Data<'a>,
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.attributes {
            map.serialize_entry(name, value)?;
        }
        match &self.data {
            Data::None => {}
            Data::Json(json) => map.serialize_entry("data", json)?,
            Data::Text(text) => map.serialize_entry("data", text)?,
            Data::Base64(text) => map.serialize_entry("data_base64", text)?,
        }
        map.end()
    }
}
