use serde::Serialize;
use serde_json::Value;

use super::{Fault, Plan};
use crate::fingerprint::Fingerprint;

impl<W: Serialize> Plan<W> {
    /// A number of all that the plan says, whatever the order and layout of its file: the same for two plans that run
    /// the same. The format's version is left out, so that a newer version recognises what an older one wrote.
    pub fn digest(&self) -> u64 {
        digest_of(self.as_value())
    }

    /// The digest that older formats had: they had other names for some points.
    pub(super) fn former_digest(&self) -> u64 {
        let mut value = self.as_value();
        for (fault, written) in self.faults.iter().zip(value["faults"].as_array_mut().into_iter().flatten()) {
            if let Fault::Call(call) = fault {
                written["point"] = Value::from(call.point.former_name());
            }
        }
        digest_of(value)
    }

    fn as_value(&self) -> Value {
        serde_json::to_value(self).expect("a plan holds only strings, numbers and lists of them")
    }
}

fn digest_of(mut plan: Value) -> u64 {
    if let Value::Object(fields) = &mut plan {
        fields.remove("format");
    }
    let mut digest = Fingerprint::new();
    add(&plan, &mut digest);
    digest.value()
}

/// Each kind of value begins with a number of its own, and what has parts with how many: nothing runs together.
fn add(value: &Value, digest: &mut Fingerprint) {
    match value {
        Value::Null => digest.add(&0_u8),
        Value::Bool(value) => digest.add(&(1_u8, value)),
        Value::Number(number) => digest.add(&(2_u8, number.to_string())),
        Value::String(text) => digest.add(&(3_u8, text)),
        Value::Array(list) => {
            digest.add(&(4_u8, list.len()));
            list.iter().for_each(|value| add(value, digest));
        }
        Value::Object(fields) => {
            digest.add(&(5_u8, fields.len()));
            // A workload may hold maps that are written in any order.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                digest.add(name);
                add(value, digest);
            }
        }
    }
}
