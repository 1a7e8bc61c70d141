use std::{str::FromStr, time::Duration};

use clap::{Args, Command, Subcommand};
use jiff::{Span, SpanRelativeTo};
use seaworthy_core::{
    ids::{MessageId, SagaId},
    ports::{DeadLetterRequest, DeadPlace, DeadRowRequest, SagaListRequest, SagaStatus, Timestamp},
};
use uuid::Uuid;

use crate::serve::StoreUrl;

/// The command `operate`.
#[derive(Debug, Args)]
pub(super) struct OperateArguments {
    /// The database of a service, as sqlite:FILE or redb:FILE; it is neither created nor migrated. A service on redb has to be
    /// stopped meanwhile
    #[arg(long, value_name = "sqlite:FILE|redb:FILE", global = true)]
    pub(super) store: Option<StoreUrl>,
    /// Prints one JSON document instead of tables
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Does what changes something; without it such a verb says what it would do
    #[arg(long, global = true)]
    pub(super) yes: bool,
    /// Name of the one who asks, for the log [default: the user of this machine]
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) by: Option<String>,
    /// Brings the tables of an older database up to date first; services of an older release can't open it afterwards
    #[arg(long, global = true)]
    pub(super) migrate: bool,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// Verbs of an operator.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Counts what waits, what is dead and what is stuck, and says how old the oldest of it is
    Counts,
    /// Lists sagas with what they wait for
    Sagas {
        /// Only sagas in this status; may be given several times: running, compensating, stuck, completed, compensated, abandoned
        #[arg(long, value_name = "STATUS", value_parser = status)]
        status: Vec<SagaStatus>,
        /// Only sagas that wait and that no process has: for a signal, a message, a moment or their next attempt
        #[arg(long)]
        waiting: bool,
        #[command(flatten)]
        filter: SagaFilter,
    },
    /// Lists sagas that wait for an operator, and why
    Stuck {
        #[command(flatten)]
        filter: SagaFilter,
    },
    /// Tells one saga: what it waits for, and its log in words
    Show {
        /// Its id, or DEFINITION/KEY
        saga: SagaName,
    },
    /// Sets stuck sagas going again, with fresh budgets
    Resume {
        /// Their ids, or DEFINITION/KEY
        #[arg(required_unless_present = "all")]
        sagas: Vec<SagaName>,
        /// All stuck sagas that the filter lets through
        #[arg(long, conflicts_with = "sagas")]
        all: bool,
        #[command(flatten)]
        filter: SagaFilter,
    },
    /// Skips a step of a saga: takes it as settled in the direction in which the saga goes
    Skip {
        /// Its id, or DEFINITION/KEY
        saga: SagaName,
        /// Path of the step
        step: String,
        #[command(flatten)]
        why: Why,
    },
    /// Tries at once what has failed and waits to be tried again, however long its backoff
    RetryNow {
        /// Its id, or DEFINITION/KEY
        saga: SagaName,
    },
    /// Says that a step in doubt, or one that a stuck saga is at, was carried out; or with --not-done that it was not
    Settle {
        /// Its id, or DEFINITION/KEY
        saga: SagaName,
        /// Path of the step
        step: String,
        /// Output of the step, as JSON [default: null]
        #[arg(value_name = "OUTPUT", value_parser = json, conflicts_with = "not_done")]
        output: Option<serde_json::Value>,
        /// The step was not carried out
        #[arg(long)]
        not_done: bool,
        #[command(flatten)]
        why: Why,
    },
    /// Turns a saga back, unless its pivot has committed or may have
    Cancel {
        /// Its id, or DEFINITION/KEY
        saga: SagaName,
        #[command(flatten)]
        why: Why,
    },
    /// Gives a saga up as it is: what is done stays done
    Abandon {
        /// Its id, or DEFINITION/KEY
        saga: SagaName,
        #[command(flatten)]
        why: Why,
    },
    /// Lists outbox rows that were given up, and why
    DeadRows {
        #[command(flatten)]
        filter: RowFilter,
    },
    /// Makes dead outbox rows pending again, under their ids
    RedriveRows {
        #[command(flatten)]
        filter: RowFilter,
    },
    /// Deletes dead outbox rows: their messages are never sent
    DiscardRows {
        #[command(flatten)]
        filter: RowFilter,
    },
    /// Sends dispatched rows once more that are still there, after a broker has lost what it had acknowledged
    RepublishSince {
        #[command(flatten)]
        asked: RepublishArguments,
    },
    /// Lists messages that consumers gave up, and why
    DeadLetters {
        #[command(flatten)]
        filter: LetterFilter,
    },
    /// Asks the consumers of dead letters to handle them again
    RedriveLetters {
        #[command(flatten)]
        filter: LetterFilter,
    },
    /// Deletes dead letters: their messages count as handled
    DiscardLetters {
        #[command(flatten)]
        filter: LetterFilter,
    },
}

/// Reason for the log.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// The reason, for the saga's log
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

/// Sagas to look for.
#[derive(Clone, Debug, Args)]
pub(super) struct SagaFilter {
    /// Only sagas of the definition of this name
    #[arg(long, value_name = "NAME")]
    pub(super) definition: Option<String>,
    /// Only sagas that have been in their status for so long, such as 90s, 2h or 3d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(super) lasting: Option<Duration>,
    /// Only sagas with this text in the reason for which they are stuck, were abandoned or turned back
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Only sagas that wait for something with this text in it, such as a step or an error
    #[arg(long, value_name = "TEXT")]
    pub(super) because: Option<String>,
    /// Goes on behind this place, as the end of the page before says
    #[arg(long, value_name = "PLACE")]
    pub(super) after: Option<u64>,
    /// Most of them that are listed or changed
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    pub(super) limit: usize,
}

impl SagaFilter {
    /// The request to a store whose clock shows `now`.
    pub(super) fn request(&self, statuses: &[SagaStatus], now: Timestamp) -> SagaListRequest {
        let mut request = SagaListRequest::new(self.limit).after(self.after.unwrap_or(0));
        request.statuses = statuses.to_vec();
        request.definition = self.definition.as_deref().map(Into::into);
        request.reason = self.reason.as_deref().map(Into::into);
        request.since_until = self.lasting.map(|lasting| now.before(lasting));
        request
    }
}

/// Dead outbox rows to look for.
#[derive(Clone, Debug, Args)]
pub(super) struct RowFilter {
    /// Only rows of these messages; all that the filter lets through where none is named
    #[arg(value_name = "MESSAGE")]
    pub(super) messages: Vec<Uuid>,
    /// Only messages of this type
    #[arg(long, value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// Only messages of this topic
    #[arg(long, value_name = "TOPIC")]
    pub(super) topic: Option<String>,
    /// Only messages of this partition key
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Only rows with this text in their reason
    #[arg(long, value_name = "TEXT")]
    pub(super) because: Option<String>,
    /// Only rows that have been dead for so long, such as 90s, 2h or 3d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(super) lasting: Option<Duration>,
    /// Goes on behind this place, as the end of the page before says
    #[arg(long, value_name = "PLACE")]
    pub(super) after: Option<DeadPlace>,
    /// Most of them that are listed or changed
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    pub(super) limit: usize,
}

impl RowFilter {
    /// The request to a store whose clock shows `now`.
    pub(super) fn request(&self, now: Timestamp) -> DeadRowRequest {
        let mut request = DeadRowRequest::new(self.limit);
        request.only = only(&self.messages);
        request.kind = self.kind.as_deref().map(Into::into);
        request.topic = self.topic.as_deref().map(Into::into);
        request.key = self.key.as_deref().map(Into::into);
        request.reason = self.because.as_deref().map(Into::into);
        request.died_until = self.lasting.map(|lasting| now.before(lasting));
        request.after = self.after;
        request
    }
}

/// Rows to send once more.
#[derive(Clone, Debug, Args)]
pub(super) struct RepublishArguments {
    /// The moment since which they were dispatched, such as 2026-11-29T20:15:00Z
    #[arg(value_name = "TIME", value_parser = moment)]
    pub(super) since: Timestamp,
    /// The moment until which they were dispatched [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) until: Option<Timestamp>,
    /// Only messages of this topic
    #[arg(long, value_name = "TOPIC")]
    pub(super) topic: Option<String>,
}

/// Dead letters to look for.
#[derive(Clone, Debug, Args)]
pub(super) struct LetterFilter {
    /// Only letters of these messages; all that the filter lets through where none is named
    #[arg(value_name = "MESSAGE")]
    pub(super) messages: Vec<Uuid>,
    /// Only letters of the consumer of this name
    #[arg(long, value_name = "NAME")]
    pub(super) consumer: Option<String>,
    /// Only messages of this type
    #[arg(long, value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// Only messages of this topic
    #[arg(long, value_name = "TOPIC")]
    pub(super) topic: Option<String>,
    /// Only messages of this partition key
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Only letters with this text in their reason
    #[arg(long, value_name = "TEXT")]
    pub(super) because: Option<String>,
    /// Only letters that have not failed for so long, such as 90s, 2h or 3d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(super) lasting: Option<Duration>,
    /// Goes on behind this place, as the end of the page before says
    #[arg(long, value_name = "PLACE")]
    pub(super) after: Option<u64>,
    /// Most of them that are listed or changed
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one)]
    pub(super) limit: usize,
}

impl LetterFilter {
    /// The request to a store whose clock shows `now`, for the letters of one consumer.
    pub(super) fn request(&self, consumer: &str, now: Timestamp) -> DeadLetterRequest {
        let mut request = DeadLetterRequest::new(consumer, self.limit).after(self.after.unwrap_or(0));
        request.only = only(&self.messages);
        request.kind = self.kind.as_deref().map(Into::into);
        request.topic = self.topic.as_deref().map(Into::into);
        request.key = self.key.as_deref().map(Into::into);
        request.reason = self.because.as_deref().map(Into::into);
        request.failed_until = self.lasting.map(|lasting| now.before(lasting));
        request
    }
}

fn only(messages: &[Uuid]) -> Option<Vec<MessageId>> {
    (!messages.is_empty()).then(|| messages.iter().copied().map(MessageId).collect())
}

/// A saga as people name it: by its id, or by the name of its definition and its business key.
#[derive(Clone, Debug)]
pub(super) enum SagaName {
    Id(SagaId),
    Key { definition: String, key: String },
}

impl FromStr for SagaName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = Uuid::parse_str(text) {
            return Ok(Self::Id(SagaId(id)));
        }
        let (definition, key) = text
            .split_once('/')
            .filter(|(definition, key)| !definition.is_empty() && !key.is_empty())
            .ok_or_else(|| format!("{text:?} names no saga: write its id, or DEFINITION/KEY"))?;
        Ok(Self::Key { definition: definition.to_owned(), key: key.to_owned() })
    }
}

fn status(text: &str) -> Result<SagaStatus, String> {
    SagaStatus::ALL.into_iter().find(|status| status.name() == text).ok_or_else(|| {
        let names = SagaStatus::ALL.map(SagaStatus::name).join(", ");
        format!("there is no such status: write one of {names}")
    })
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| "write a moment such as 2026-11-29T20:15:00Z".to_owned())?;
    Ok(Timestamp::from_micros(moment.as_microsecond()))
}

fn json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| format!("an output is JSON, such as 7 or {{\"receipt\":7}}: {error}"))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a number, 1 or more".to_owned()),
        Ok(limit) => Ok(limit),
    }
}

/// Reads `90s`, `2h 30m` or `3d`; a day has 24 hours.
fn duration(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|_| "write a duration such as 90s, 2h or 3d".to_owned())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    Duration::try_from(duration).map_err(|_| "a duration is not negative".to_owned())
}

/// The command as it stands in the program's help.
pub(crate) fn command() -> Command {
    let about = "Looks after the database of a service: what is stuck or dead, why, and verbs to mend it. Works beside running services, but for a file of redb, which one program opens at a time";
    OperateArguments::augment_args(Command::new("operate")).about(about)
}
