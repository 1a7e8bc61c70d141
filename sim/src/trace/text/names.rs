use std::collections::BTreeMap;

use seaworthy_core::ids::{ClaimToken, MessageId, OperationId, SagaId};
use uuid::Uuid;

use crate::trace::{Effect, Event, What, Work};

/// Short names for ids, in the order of their first appearance: `m1`, `m2` ... for messages, `s1` for sagas, `op1` for
/// operations, `claim1` for claims, and `e1` for any other UUID, such as the id of a user's own document.
///
/// The same trace always gets the same names, and two traces that begin alike have the same names up to where they
/// part.
#[derive(Clone, Debug, Default)]
pub struct Names {
    messages: BTreeMap<Uuid, usize>,
    sagas: BTreeMap<Uuid, usize>,
    operations: BTreeMap<Uuid, usize>,
    claims: BTreeMap<Uuid, usize>,
    others: BTreeMap<Uuid, usize>,
}

impl Names {
    /// Nothing named yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The names of a whole trace: what is a message anywhere is one everywhere, also where a document had its id before.
    pub fn from_events(events: &[Event]) -> Self {
        let mut names = Self::new();
        for event in events {
            names.learn(event);
        }
        names
    }

    /// The name of a message.
    pub fn message(&mut self, id: MessageId) -> String {
        format!("m{}", number(&mut self.messages, id.0))
    }

    /// The name of a saga.
    pub fn saga(&mut self, id: SagaId) -> String {
        format!("s{}", number(&mut self.sagas, id.0))
    }

    /// The name of an operation.
    pub fn operation(&mut self, id: OperationId) -> String {
        format!("op{}", number(&mut self.operations, id.0))
    }

    /// The name of a piece of work.
    pub fn work(&mut self, work: Work) -> String {
        match work {
            Work::Message(id) | Work::Event(id) => self.message(id),
            Work::Saga(id) => self.saga(id),
            Work::Call(id) => self.operation(id),
        }
    }

    /// The name of a claim.
    pub fn claim(&mut self, token: ClaimToken) -> String {
        format!("claim{}", number(&mut self.claims, token.0))
    }

    /// The name of whatever has this id, if it has appeared: what an invariant calls by its id can be called by its
    /// name.
    pub fn find(&self, id: Uuid) -> Option<String> {
        let kinds = [
            ("m", &self.messages),
            ("s", &self.sagas),
            ("op", &self.operations),
            ("claim", &self.claims),
            ("e", &self.others),
        ];
        kinds.into_iter().find_map(|(prefix, known)| Some(format!("{prefix}{}", known.get(&id)?)))
    }

    /// A text with a name in place of each UUID; those that have not appeared yet get one.
    ///
    /// ```
    /// use seaworthy_core::ids::MessageId;
    /// use seaworthy_sim::trace::Names;
    ///
    /// let id = uuid::Uuid::from_u128(0x0192_f5a0_0000_7000_8000_0000_0000_0001);
    /// let mut names = Names::new();
    /// names.message(MessageId(id));
    /// assert_eq!(names.abbreviate(&format!("sent-{id} = 1")), "sent-m1 = 1");
    /// assert_eq!(names.abbreviate("row 0192f5a000007000800000000000000f"), "row e1", "also without hyphens");
    /// ```
    pub fn abbreviate(&mut self, text: &str) -> String {
        replaced(text, |id| Some(self.find(id).unwrap_or_else(|| format!("e{}", number(&mut self.others, id)))))
    }

    /// As [`abbreviate`](Self::abbreviate), but ids that have not appeared yet stay as they are.
    pub fn known_in(&self, text: &str) -> String {
        replaced(text, |id| self.find(id))
    }

    fn learn(&mut self, event: &Event) {
        match &event.what {
            What::Commit { effects, tried, .. } => {
                self.learn_effects(effects.iter().chain(tried));
            }
            What::Abort { tried, .. } => self.learn_effects(tried),
            What::Publish { message, .. } | What::Deliver { message, .. } => _ = self.message(message.id),
            What::DuplicateSeen { message, .. } => _ = self.message(*message),
            What::Claim { token, rows, .. } if !rows.is_empty() => {
                self.claim(*token);
                rows.iter().for_each(|row| _ = self.message(row.message));
            }
            What::Settle { token, .. } => _ = self.claim(*token),
            What::Acquire { sagas, .. } => sagas.iter().for_each(|(saga, _)| _ = self.saga(*saga)),
            What::Ack { message, .. } | What::Nack { message, .. } => _ = self.message(*message),
            What::Spoils { what, .. } | What::Said { about: what, .. } => _ = self.work(*what),
            What::External { operation_id, .. } => _ = self.operation(*operation_id),
            _ => {}
        }
    }

    fn learn_effects<'a>(&mut self, effects: impl IntoIterator<Item = &'a Effect>) {
        effects.into_iter().filter_map(Effect::about).for_each(|about| _ = self.work(about));
    }
}

fn number(known: &mut BTreeMap<Uuid, usize>, id: Uuid) -> usize {
    let next = known.len() + 1;
    *known.entry(id).or_insert(next)
}

/// The length of a UUID with and without hyphens.
const LENGTHS: [usize; 2] = [36, 32];

/// A text with `name` of each UUID in its place. An id stands by itself: letters or digits on either side make it another
/// word.
fn replaced(text: &str, mut name: impl FnMut(Uuid) -> Option<String>) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_inside_a_word = false;
    while let Some(letter) = rest.chars().next() {
        let id = if is_inside_a_word { None } else { LENGTHS.into_iter().find_map(|length| id_at(rest, length)) };
        if let Some((id, length)) = id
            && let Some(name) = name(id)
        {
            replaced += &name;
            rest = &rest[length..];
            is_inside_a_word = true;
            continue;
        }
        replaced.push(letter);
        rest = &rest[letter.len_utf8()..];
        is_inside_a_word = letter.is_alphanumeric();
    }
    replaced
}

/// The UUIDs that stand in a text.
pub(crate) fn ids_in(text: &str) -> Vec<Uuid> {
    let mut ids = Vec::new();
    if text.len() >= LENGTHS[1] {
        replaced(text, |id| {
            ids.push(id);
            None
        });
    }
    ids
}

fn id_at(text: &str, length: usize) -> Option<(Uuid, usize)> {
    let word = text.get(..length)?;
    let ends = text[length..].chars().next().is_none_or(|next| !next.is_alphanumeric());
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if ends && is_hex { Some((Uuid::try_parse(word).ok()?, length)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f5a0-0000-7000-8000-000000000001";

    #[test]
    fn an_id_is_replaced_wherever_it_stands_and_nothing_else_is() {
        let mut names = Names::new();
        let told = names.abbreviate(&format!("{ID}, order-{ID}/x {} {{\"id\":\"{ID}\"}}", ID.replace('-', "")));
        assert_eq!(told, "e1, order-e1/x e1 {\"id\":\"e1\"}");
        for untouched in ["order-17", "0192f5a0", &format!("{ID}0"), &format!("x{ID}"), "äöü-注文", ""] {
            assert_eq!(names.abbreviate(untouched), untouched);
        }
    }

    #[test]
    fn an_id_that_has_not_appeared_stays_where_no_name_may_be_given() {
        assert_eq!(Names::new().known_in(ID), ID);
    }

    #[test]
    fn what_is_a_message_somewhere_is_one_everywhere() {
        let mut names = Names::new();
        assert_eq!(names.abbreviate(ID), "e1");
        let id = Uuid::parse_str(ID).expect("an id");
        assert_eq!(names.message(MessageId(id)), "m1");
        assert_eq!(names.abbreviate(ID), "m1");
    }
}
