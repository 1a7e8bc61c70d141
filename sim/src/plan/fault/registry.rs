//! All kinds of fault. A new one is a file beside this one and a line here, apart from where it acts.

use seaworthy_core::ports::Operation;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Call, CallKind, Edge, Restart, Target, Targets, TimedKind, define::fault_kinds};
use crate::{
    draw::Draw,
    plan::{Point, Profile},
};

/// Fault that was drawn: one at a call, or one over a span of time.
pub(crate) enum Drawn {
    Call(Verdict),
    Timed(Disturbance),
}

fault_kinds! {
    calls {
        /// Proceed, later: a slow statement, a slow commit, a slow network.
        Delay "delay" in delay {
            /// Additional delay, in virtual milliseconds.
            ms: u32
        };
        /// Refuse with a conflict; not applied.
        Conflict "conflict" in conflict;
        /// Refuse as unavailable; not applied.
        Unavailable "unavailable" in unavailable;
        /// Refuse for good: an unroutable or oversized message, a declined payment.
        Reject "reject" in reject;
        /// Apply, but lose the reply: the caller sees `Unknown`.
        LoseReply "lose_reply" in lose_reply;
        /// Lose the request: not applied, but the caller can't know and sees `Unknown`.
        LoseRequest "lose_request" in lose_request weaker Unavailable;
        /// Apply, and have the effect happen once more later: the broker keeps a second copy, a request is repeated.
        Duplicate "duplicate" in duplicate {
            /// Time until the copy turns up, in virtual milliseconds from now.
            after_ms: u32
        };
        /// Drop the acknowledgement silently: the caller sees success, the broker never hears of it.
        DropAck "drop_ack" in drop_ack;
        /// Of a batch, only the first `accepted` entries go through; the rest are throttled.
        PartialBatch "partial_batch" in partial_batch {
            /// Number of entries that go through.
            accepted: u32
        };
        /// The process dies before the call takes effect.
        CrashBefore "crash_before" in crash_before (restart: Restart) weaker Unavailable, LoseRequest;
        /// The process dies after the call took effect, before it hears of it.
        CrashAfter "crash_after" in crash_after (restart: Restart) weaker LoseReply;
        /// The process is asked to stop while the call is under way, which goes on; it has ten seconds to end.
        Stop "stop" in stop (restart: Restart);
        /// One statement fails with an error of the moment - a deadlock, a lock that took too long - and the transaction is
        /// lost.
        StatementError "statement_error" in statement_error weaker Unavailable;
        /// The broker confirms a message that it can route to nobody, as AMQP does without the mandatory flag. Only where the
        /// topology [says so](crate::scenario::Topology::confirms_unroutable).
        Unroutable "unroutable" in unroutable;
        /// The piece of work that makes the call is dropped at it, as by a timeout, a `select!` or a client that hangs up, and its
        /// process lives on. Only within a [scope](seaworthy_core::ports::Ports::scope).
        Cancel "cancel" in cancel {
            /// `true` if the call has taken effect by then.
            after: bool
        } weaker Unavailable;
        /// The answer does not come for as long as the caller waits: until a limit of its own strikes, its process dies, or the
        /// storm is over. It is not over before a call outside or a publish that hangs is given up, or has hung for ten minutes,
        /// where the topology [asks for that](crate::scenario::Topology::fails_for_good()).
        Hang "hang" in hang {
            /// `true` if the call has taken effect.
            after: bool
        } weaker Unavailable;
    }
    timed {
        /// The broker answers nobody.
        BrokerOutage "broker_outage" in broker_outage;
        /// One store answers nobody.
        StoreOutage "store_outage" in store_outage {
            /// Name of the store.
            store: SmolStr
        };
        /// One external service answers nobody.
        ExternalOutage "external_outage" in external_outage {
            /// Name of the service.
            service: SmolStr
        };
        /// The broker takes no message of one topic.
        TopicOutage "topic_outage" in topic_outage {
            /// Name of the topic.
            topic: SmolStr,
            /// `true` if it does not say so: the publisher waits for an answer in vain, and can't know.
            unheard: bool
        };
        /// One message that is handled on a store, or one event that has its effect on a subscriber there, panics its handler, or kills
        /// its process, at each attempt for as long as it lasts: the first one that comes by.
        Poison "poison" in poison {
            /// Name of the store.
            store: SmolStr,
            /// `true` if the process dies of it; otherwise the handler panics.
            kills: bool
        };
        /// One message that is handled on a store, one event at a subscriber, or one step of one saga there, meets a conflict at each
        /// attempt for as long as it lasts: the first one that comes by.
        EndlessConflict "endless_conflict" in endless_conflict {
            /// Name of the store.
            store: SmolStr
        };
        /// One process runs its next release meanwhile, and then the one before again. Only where there
        /// [is one](crate::scenario::Topology::next_release).
        Rollout "rollout" in rollout {
            /// Name of the process.
            process: SmolStr
        };
        /// One process can't reach the broker.
        Partition "partition" in partition {
            /// Name of the process.
            process: SmolStr
        };
        /// One process stands still and then goes on as if nothing had been.
        Pause "pause" in pause {
            /// Name of the process.
            process: SmolStr
        };
        /// One process's port calls take longer.
        SlowLink "slow_link" in slow_link {
            /// Name of the process.
            process: SmolStr,
            /// Additional delay of each call, in virtual milliseconds.
            extra_ms: u32
        };
        /// One process's clock is wrong; a negative offset makes it step back when the fault begins.
        ClockSkew "clock_skew" in clock_skew {
            /// Name of the process.
            process: SmolStr,
            /// Offset of its clock, in milliseconds.
            offset_ms: i64
        };
        /// One message panics whoever publishes it from a store, or kills its process, at each attempt for as long as it lasts: the
        /// first one that comes by.
        PoisonPublish "poison_publish" in poison_publish {
            /// Name of the store.
            store: SmolStr,
            /// `true` if the process dies of it; otherwise it panics.
            kills: bool
        };
        /// One call of an external service, by its idempotency key, panics whoever makes it, or kills its process, at each
        /// attempt for as long as it lasts: the first one that comes by.
        PoisonCall "poison_call" in poison_call {
            /// Name of the service.
            service: SmolStr,
            /// `true` if the process dies of it; otherwise it panics.
            kills: bool
        };
        /// One store is put back, when the fault ends, to what it was when it began; the processes on it die of that and come
        /// back. Only where the topology [says so](crate::scenario::Topology::restores()).
        Restore "restore" in restore {
            /// Name of the store.
            store: SmolStr
        };
        /// The transaction of one message that is handled on a store, one event at a subscriber, or one step of one saga there, meets
        /// a store that says it is unavailable at each attempt for as long as it lasts: the first one that comes by. To all others it answers.
        EndlessUnavailable "endless_unavailable" in endless_unavailable {
            /// Name of the store.
            store: SmolStr
        };
    }
}
