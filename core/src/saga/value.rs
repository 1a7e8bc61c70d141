use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;
use smol_str::format_smolstr;

use super::StepError;

/// Answer of a step: one JSON value, kept as text, so that it is encoded once and cloned for nothing.
///
/// ```
/// use bytes::Bytes;
/// use seaworthy_core::saga::Value;
///
/// let answer = Value::new(&("card", 1_200))?;
/// assert_eq!(answer.decode::<(String, u32)>()?, ("card".to_owned(), 1_200));
/// // What a participant answers is kept if it is JSON, and becomes a JSON string if it is not.
/// assert_eq!(Value::from(Bytes::from_static(b"{\"receipt\":7}")).as_json(), r#"{"receipt":7}"#);
/// assert_eq!(Value::from(Bytes::from_static(b"ok, 7")).as_json(), r#""ok, 7""#);
/// assert!(Value::NULL.is_null());
/// # Ok::<(), seaworthy_core::saga::StepError>(())
/// ```
#[derive(Clone, Default)]
pub struct Value(Option<Arc<RawValue>>);

impl Value {
    /// The answer of a step that has nothing to say.
    pub const NULL: Self = Self(None);

    /// Encodes a value.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if it has no JSON form, such as a map whose keys are no strings.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, StepError> {
        let raw = serde_json::value::to_raw_value(value)
            .map_err(|error| StepError::Unavailable(format_smolstr!("the step's answer can't be encoded: {error}")))?;
        Ok(Self::from_raw(raw))
    }

    /// Decodes the value.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if it is not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        serde_json::from_str(self.as_json())
            .map_err(|error| StepError::Unavailable(format_smolstr!("a step's answer can't be decoded: {error}")))
    }

    /// Returns `true` if it is `null`.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The value as JSON text.
    pub fn as_json(&self) -> &str {
        self.0.as_deref().map_or("null", RawValue::get)
    }

    fn from_raw(raw: Box<RawValue>) -> Self {
        Self((raw.get() != "null").then(|| Arc::from(raw)))
    }
}

impl From<Bytes> for Value {
    fn from(answer: Bytes) -> Self {
        match serde_json::from_slice::<Box<RawValue>>(&answer) {
            Ok(raw) => Self::from_raw(raw),
            Err(_) if answer.is_empty() => Self::NULL,
            Err(_) => {
                serde_json::value::to_raw_value(&String::from_utf8_lossy(&answer)).map_or(Self::NULL, Self::from_raw)
            }
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        serde_json::value::to_raw_value(&value).map_or(Self::NULL, Self::from_raw)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            None => serializer.serialize_unit(),
            Some(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> Result<Self, T::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from_raw)
    }
}
