use serde::{Serialize, de::DeserializeOwned};

/// A decider: state that is a fold of its events, and the decisions that lead to new ones.
///
/// Both functions are pure: `decide` looks at the state and says what happens, or refuses; `evolve` says what the state is
/// once it has happened. So all that an aggregate ever was is in its stream, and the decision that a conflict undoes is taken
/// again on what the stream holds then.
///
/// Source of the pattern: *functional event sourcing decider*.
///
/// ```
/// use seaworthy_core::{aggregate::DomainEvent, events::Sourced};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
/// struct Account {
///     balance: u64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// enum AccountEvent {
///     Credited { amount: u64 },
///     Debited { amount: u64 },
/// }
///
/// impl DomainEvent for AccountEvent {
///     const NAMES: &'static [&'static str] = &["Credited", "Debited"];
///
///     fn name(&self) -> &'static str {
///         match self {
///             Self::Credited { .. } => "Credited",
///             Self::Debited { .. } => "Debited",
///         }
///     }
/// }
///
/// enum Command {
///     Credit(u64),
///     Debit(u64),
/// }
///
/// impl Sourced for Account {
///     const NAME: &'static str = "account";
///     type Event = AccountEvent;
///     type Command = Command;
///     type Refusal = &'static str;
///
///     fn decide(&self, command: &Command) -> Result<Vec<AccountEvent>, &'static str> {
///         match *command {
///             Command::Credit(amount) => Ok(vec![AccountEvent::Credited { amount }]),
///             Command::Debit(amount) if amount > self.balance => Err("not enough"),
///             Command::Debit(amount) => Ok(vec![AccountEvent::Debited { amount }]),
///         }
///     }
///
///     fn evolve(&mut self, event: &AccountEvent) {
///         match event {
///             AccountEvent::Credited { amount } => self.balance += amount,
///             AccountEvent::Debited { amount } => self.balance -= amount,
///         }
///     }
/// }
///
/// let mut account = Account::default();
/// for event in account.decide(&Command::Credit(5)).unwrap() {
///     account.evolve(&event);
/// }
/// assert!(account.decide(&Command::Debit(6)).is_err());
/// ```
pub trait Sourced: Default + Send + Sync + 'static {
    /// Name of the aggregate type, for example `account`: its streams are called `account-ID`.
    const NAME: &'static str;

    /// Shape of the state in snapshots: raise it whenever `evolve` or the state's form changes, and older snapshots are left
    /// aside, as if there were none.
    const SHAPE: u32 = 1;

    /// Events of the aggregate. They are stored for good: give a new form a new variant, and go on reading the old one.
    type Event: crate::aggregate::DomainEvent + Serialize + DeserializeOwned;

    /// Command that may be given to it.
    type Command: Send + Sync;

    /// Reason for which a command is refused.
    type Refusal: Send;

    /// Decides what happens: no event where there is nothing to do, as when it was done before.
    ///
    /// # Errors
    /// The refusal; then nothing happens.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes in what has happened. It can't refuse: it has happened.
    fn evolve(&mut self, event: &Self::Event);
}
