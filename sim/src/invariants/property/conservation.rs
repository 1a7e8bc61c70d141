use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use crate::{
    invariants::{
        Ending, Entity, Interest, Invariant, Judge, Mode,
        conserved::{Change, Sum, about},
    },
    trace::{Effect, Event, ProcessIndex, What},
};

/// A sum over documents, events and messages that stands: money, chips, stock. Make one with [`conserved`].
pub struct Conservation {
    name: &'static str,
    at_rest: bool,
    /// Worth of documents that were prepared, by collection and id, in all terms that look at them together.
    prepared: BTreeMap<(&'static str, SmolStr), i64>,
    terms: Vec<Term>,
    interest: Interest,
    /// Worth of each document that has any: by term, store and id.
    worth: BTreeMap<(usize, SmolStr, SmolStr), i64>,
    sum: Sum,
    /// A store was put back to an earlier moment, and the others were not: nothing stands any more.
    is_over: bool,
}

type Worth = Box<dyn FnMut(&mut Judge<'_>, &Event, usize, &[u8]) -> Result<Amount, String> + Send>;

/// Worth of one thing.
struct Amount {
    sum: i64,
    /// The smallest part of it, where none may be less than nothing.
    smallest: Option<i64>,
}

impl From<i64> for Amount {
    fn from(sum: i64) -> Self {
        Self { sum, smallest: None }
    }
}

/// One part of a sum.
struct Term {
    of: Of,
    /// No term before it looks at the same things.
    is_first: bool,
    worth: Worth,
}

/// Kind of things that have a worth, and their name.
#[derive(PartialEq, Eq)]
enum Of {
    Documents(&'static str),
    Events(&'static str),
    Messages(&'static str),
}

/// A sum that stands, whatever happens: what one thing loses, another one gains. Its terms are read by closures from documents, from
/// events of streams and from staged messages, in JSON, in whichever stores they are. Judged in each commit or, where its terms
/// lie in several stores or what one transaction takes another one gives, [at rest](Conservation::at_rest).
///
/// A document is worth what it holds now, and nothing once it is deleted. An event and a message is a flow, which counts once: chips
/// that come in from outside are worth as much with the sign turned, so that they are no change. What
/// [`Scenario::prepare`](crate::scenario::Scenario::prepare) wrote is no part of the trace: say what [documents](Conservation::prepared) of it
/// that have a worth are worth, and [events](Conservation::begins_at). Amounts are whole numbers: count money in its smallest unit.
///
/// A sum over columns of tables is declared by the topology, as [`Conserved`](crate::scenario::Conserved).
///
/// ```
/// use seaworthy_sim::invariants::conserved;
///
/// #[derive(serde::Deserialize)]
/// struct Wallet {
///     free: i64,
///     reserved: i64,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Table {
///     stacks: Vec<i64>,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Deposited {
///     chips: i64,
/// }
///
/// let chips = conserved("chips")
///     .on_document("wallets", |wallet: &Wallet| wallet.free + wallet.reserved)
///     .on_document("tables", |table: &Table| table.stacks.iter().sum())
///     .on_appended("wallet.deposited", |deposited: &Deposited| -deposited.chips)
///     .at_rest();
/// # drop(chips);
/// ```
pub fn conserved(name: &'static str) -> Conservation {
    Conservation {
        name,
        at_rest: false,
        prepared: BTreeMap::new(),
        terms: Vec::new(),
        interest: Interest::RESTORED,
        worth: BTreeMap::new(),
        sum: Sum::new(name.into(), false),
        is_over: false,
    }
}

impl Conservation {
    /// Adds what each document of a collection is worth.
    #[must_use]
    pub fn on_document<T>(self, collection: &'static str, mut worth: impl FnMut(&T) -> i64 + Send + 'static) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let read: Worth =
            Box::new(move |judge, event, at, body| Ok(worth(&*judge.decoded.document::<T>(event, at, body)?).into()));
        self.term(Of::Documents(collection), Interest::DOCUMENT, read)
    }

    /// Adds what each document of a collection is worth in several parts, and none of them may ever be less than nothing, whatever
    /// becomes of the sum: units in stock and units that are reserved, free seats and taken ones.
    ///
    /// ```
    /// use seaworthy_sim::invariants::conserved;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Level {
    ///     available: i64,
    ///     reserved: i64,
    ///     sold: i64,
    /// }
    ///
    /// let units = conserved("units").on_parts("stock", |level: &Level| [level.available, level.reserved, level.sold]);
    /// # drop(units);
    /// ```
    #[must_use]
    pub fn on_parts<T, const N: usize>(
        self,
        collection: &'static str,
        mut parts: impl FnMut(&T) -> [i64; N] + Send + 'static,
    ) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let read: Worth = Box::new(move |judge, event, at, body| {
            let parts = parts(&*judge.decoded.document::<T>(event, at, body)?);
            let sum = parts.iter().fold(0, |sum: i64, part| sum.saturating_add(*part));
            Ok(Amount { sum, smallest: parts.into_iter().min() })
        });
        self.term(Of::Documents(collection), Interest::DOCUMENT, read)
    }

    /// Adds what each event of a type brings, once, when it is appended to its stream.
    #[must_use]
    pub fn on_appended<T>(self, kind: &'static str, worth: impl FnMut(&T) -> i64 + Send + 'static) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.term(Of::Events(kind), Interest::STREAM, from_payload(worth))
    }

    /// Adds what each message of a type brings, once, when it is staged.
    #[must_use]
    pub fn on_staged<T>(self, kind: &'static str, worth: impl FnMut(&T) -> i64 + Send + 'static) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.term(Of::Messages(kind), Interest::STAGED, from_payload(worth))
    }

    /// Judges the sum once everything has come to rest, and not in each commit.
    #[must_use]
    pub fn at_rest(mut self) -> Self {
        self.at_rest = true;
        self
    }

    /// Says what a document is worth that is there before anything starts, in all terms together that look at its collection; said again
    /// of the same one, it adds up. One of which nothing is said is worth nothing until it is first written.
    ///
    /// ```
    /// use seaworthy_sim::invariants::conserved;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Account {
    ///     cents: i64,
    /// }
    ///
    /// let cents = conserved("cents").on_document("accounts", |account: &Account| account.cents).prepared("accounts", "ada", 500);
    /// # drop(cents);
    /// ```
    #[must_use]
    pub fn prepared(mut self, collection: &'static str, id: impl Into<SmolStr>, worth: i64) -> Self {
        let known = self.prepared.entry((collection, id.into())).or_default();
        *known = known.saturating_add(worth);
        self
    }

    /// Says where the sum begins, at what the events and messages are worth that are there before anything starts; it is judged
    /// [at rest](Self::at_rest), and has to come to zero. It is for two books of one thing, of which one is older: a projection, and the log that
    /// it is made of.
    ///
    /// ```
    /// use seaworthy_sim::invariants::conserved;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Balance {
    ///     entries: i64,
    /// }
    ///
    /// // Two events are in the log before the run, and the projection has yet to enter them.
    /// let each_event_once = conserved("entries-of-balances")
    ///     .on_document("balances", |balance: &Balance| balance.entries)
    ///     .on_appended("account.booked", |_: &serde::de::IgnoredAny| -1)
    ///     .begins_at(-2);
    /// # drop(each_event_once);
    /// ```
    #[must_use]
    pub fn begins_at(mut self, sum: i64) -> Self {
        self.sum = Sum::beginning_at(self.name.into(), sum);
        self.at_rest()
    }

    /// Returns it as what [`Scenario::invariants`](crate::scenario::Scenario::invariants) consists of.
    pub fn boxed(self) -> Box<dyn Invariant> {
        Box::new(self)
    }

    fn term(mut self, of: Of, interest: Interest, worth: Worth) -> Self {
        self.interest = self.interest | interest;
        let is_first = self.terms.iter().all(|term| term.of != of);
        self.terms.push(Term { of, is_first, worth });
        self
    }

    /// Returns the amount by which a commit changes the sum; `None` if it is about none of its terms.
    fn change(&mut self, event: &Event, store: &SmolStr, effects: &[Effect], judge: &mut Judge<'_>) -> Option<i64> {
        let mut by = None::<i64>;
        for (at, effect) in effects.iter().enumerate() {
            for (number, Term { of, is_first, worth }) in self.terms.iter_mut().enumerate() {
                let (id, body) = match (&*of, effect) {
                    (Of::Documents(known), Effect::Document { collection, id, body, .. }) if collection == known => {
                        (Some(id), body.as_deref())
                    }
                    (Of::Events(known), Effect::Appended { event, .. }) if event.kind == *known => {
                        (None, Some(&*event.data))
                    }
                    (Of::Messages(known), Effect::Staged(message)) if message.kind == *known => {
                        (None, Some(&*message.data))
                    }
                    _ => continue,
                };
                let now = match body.map(|body| worth(judge, event, at, body)) {
                    Some(Ok(Amount { sum, smallest })) => {
                        if let (Some(smallest @ ..0), Some(id)) = (smallest, id) {
                            let sentence =
                                format!("a part of `{}` is {smallest} in `{id}`: less than nothing", self.name);
                            judge.violate(Entity::named(self.name, id.clone()), sentence, vec![event.number]);
                        }
                        sum
                    }
                    None => 0,
                    Some(Err(error)) => {
                        let sentence = format!("a term of `{}` can't be read: {error}", self.name);
                        judge.violate(Entity::named(self.name, self.name), sentence, vec![event.number]);
                        continue;
                    }
                };
                let before = id.map_or(0, |id| {
                    let before = self.worth.insert((number, store.clone(), id.clone()), now);
                    before.unwrap_or_else(|| match of {
                        Of::Documents(known) if *is_first => {
                            self.prepared.get(&(*known, id.clone())).copied().unwrap_or(0)
                        }
                        Of::Documents(_) | Of::Events(_) | Of::Messages(_) => 0,
                    })
                });
                by = Some(by.unwrap_or(0).saturating_add(now).saturating_sub(before));
            }
        }
        by
    }
}

fn from_payload<T: DeserializeOwned>(mut worth: impl FnMut(&T) -> i64 + Send + 'static) -> Worth {
    Box::new(move |_, _, _, body| match serde_json::from_slice::<T>(body) {
        Ok(value) => Ok(worth(&value).into()),
        Err(error) => Err(format!("it is no {}: {error}", std::any::type_name::<T>())),
    })
}

impl Invariant for Conservation {
    fn name(&self) -> &'static str {
        self.name
    }

    fn mode(&self) -> Mode {
        if self.at_rest { Mode::Eventually } else { Mode::Always }
    }

    fn interest(&self) -> Interest {
        self.interest
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { .. } = &event.what {
            self.is_over = true;
        }
        let What::Commit { store, outcome, effects, .. } = &event.what else { return };
        if self.is_over || !outcome.took_effect() {
            return;
        }
        let Some(by) = self.change(event, store, effects, judge) else { return };
        // What was there before anything started is where the sum begins.
        if event.process == ProcessIndex::WORLD {
            return;
        }
        if self.at_rest {
            judge.met();
        } else {
            judge.judged();
        }
        if by != 0 && self.at_rest {
            self.sum.add(Change { event: event.number, by, about: about(effects) });
        } else if by != 0 {
            let sentence = format!("`{}`, which has to stand, changed by {by:+} in one commit", self.name);
            judge.violate(Entity::named(self.name, self.name), sentence, vec![event.number]);
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending != Ending::Quiet || !self.at_rest || self.is_over {
            return;
        }
        *judge.judged += std::mem::take(judge.met);
        self.sum.conclude(judge);
    }
}
