//! Setters of a topology that declare what its services can bear, what the broker does, and what is asked for.

use std::time::Duration;

use seaworthy_core::ports::StoreTable;

use super::{Operator, Topology};

impl Topology {
    /// Declares that the programs have a next release: that they behave in another way where [`Boot::release`](seaworthy_core::boot::Boot::release) is 2.
    /// Faults that bring a process back as its next release are then tried by [`exhaust`](crate::explore::exhaust()),
    /// too.
    #[must_use]
    pub fn next_release(mut self) -> Self {
        self.has_next_release = true;
        self
    }

    /// Declares that the service copes with what fails each time: plans hold the disturbances
    /// [`Poison`](crate::plan::Disturbance::Poison), [`PoisonPublish`](crate::plan::Disturbance::PoisonPublish),
    /// [`PoisonCall`](crate::plan::Disturbance::PoisonCall), [`EndlessConflict`](crate::plan::Disturbance::EndlessConflict),
    /// [`EndlessUnavailable`](crate::plan::Disturbance::EndlessUnavailable) and, where there is a
    /// [next release](Self::next_release), [`Rollout`](crate::plan::Disturbance::Rollout) from then on. A consumer needs a
    /// bound for attempts and a dead letter for that, and not to die of one message with others in hand.
    ///
    /// A call outside or at the broker that [hangs](crate::plan::Verdict::Hang) does so for good then, unless it is one that receives: the world heals
    /// once whoever makes it has given it up or died, or after ten minutes, and who still waits then has no limit
    /// ([`UnboundedWait`](crate::invariants::UnboundedWait), [`gives_up_within`](Self::gives_up_within())).
    #[must_use]
    pub fn fails_for_good(mut self) -> Self {
        self.fails_for_good = true;
        self
    }

    /// Declares how long a process may take that is asked to stop, as at each deployment, before it is killed; 10 s if it is not
    /// said, and platforms give 10 to 30 s. Who is still there by then is told
    /// ([`StopsWhenAsked`](crate::invariants::StopsWhenAsked)); with ten seconds more than a call [may hang](Self::gives_up_within()), also one
    /// whose call outside or at the broker hangs.
    #[must_use]
    pub fn stops_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }

    /// Declares after how long whoever makes a call outside or at the broker has given it up, where nobody ever answers; ten minutes if it is
    /// not said, and no more than that. Such a call hangs for so long, and who still waits then is told
    /// ([`UnboundedWait`](crate::invariants::UnboundedWait)).
    ///
    /// ```
    /// use std::time::Duration;
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// // The core's consumers and relays wait for twenty seconds at most.
    /// let topology = Topology::new().fails_for_good().gives_up_within(Duration::from_secs(30));
    /// assert_eq!(topology.give_up_within, Duration::from_secs(30));
    /// ```
    ///
    /// # Panics
    /// If the limit is zero: no call could ever be answered.
    #[must_use]
    pub fn gives_up_within(mut self, limit: Duration) -> Self {
        assert!(
            !limit.is_zero(),
            "Topology::gives_up_within: a limit of zero lets no call be answered; say how long one may take"
        );
        self.give_up_within = limit;
        self
    }

    /// Declares that the service copes with a store that is put back to a copy of an earlier time: plans hold the disturbance
    /// [`Restore`](crate::plan::Disturbance::Restore) from then on, of some seconds, some minutes or an hour ago. Whoever restores has the store begin another
    /// [epoch](seaworthy_core::message::Message::epoch).
    ///
    /// What was committed after the copy is lost with it, and no invariant of the protocol asks for that. They ask that what
    /// comes afterwards is dealt with: that no message of the new life is taken for one of the old. What a scenario asks for
    /// besides has to know [`What::Restored`](crate::trace::What::Restored). Of a service with declared tables no store is put
    /// back.
    #[must_use]
    pub fn restores(mut self) -> Self {
        self.restores = true;
        self
    }

    /// Declares that the broker confirms messages that it can route to nobody, as AMQP does for a producer that leaves
    /// the mandatory flag out: such a message is gone, and plans hold [`Verdict::Unroutable`] from then on. A service
    /// that has to hold all the same compares what it sent with what arrived. By default a confirmation means what the
    /// broker port says it does.
    ///
    /// [`Verdict::Unroutable`]: crate::plan::Verdict::Unroutable
    #[must_use]
    pub fn confirms_unroutable(mut self) -> Self {
        self.confirms_unroutable = true;
        self
    }

    /// Sets how long the broker waits for an acknowledgement.
    #[must_use]
    pub fn visibility_timeout(mut self, timeout: Duration) -> Self {
        self.visibility_timeout = timeout;
        self
    }

    /// Sets how many messages a group may leave unacknowledged before the broker takes no more for it, as a queue with a limit
    /// does: it puts the publisher off until there is room.
    #[must_use]
    pub fn group_holds(mut self, most: usize) -> Self {
        self.group_holds = Some(most);
        self
    }

    /// Sets how long nothing may have changed, at least, before a run counts as at rest. Needed only where a process does
    /// something after more than three waits that change nothing, and that shows in no store:
    /// [`Scenario::pending`](crate::scenario::Scenario::pending) is the better way to say so where it does.
    #[must_use]
    pub fn rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Sets who looks after rows that died.
    #[must_use]
    pub fn operator(mut self, operator: Operator) -> Self {
        self.operator = operator;
        self
    }

    /// Declares that something only shows that somebody is alive, so that it keeps no run from coming to rest. `name`
    /// is a collection of documents, a table, a type of messages or an external service: what is written to it, sent as
    /// it, or told to it.
    ///
    /// A process that writes the same documents again and again is known without it; one that writes a new one each time,
    /// as a log of its rounds, that sends a message at each interval, or that reports to a service outside, is not. Such
    /// messages need no outbox, and such a service may be told the same again and again: `phantom-event` and
    /// `duplicate-effect` know.
    #[must_use]
    pub fn heartbeat(mut self, collection: &str) -> Self {
        self.heartbeats.push(collection.into());
        self
    }

    /// Declares that each document of a collection is a lock, held for as long as it is there. A run is not at rest
    /// while one is held, and one that nobody releases is a violation, `lock-stranded`. Where a document stays and only
    /// its owner goes, where it has a lease, and for locks in a table of SQL, see [`Topology::lock_table`].
    #[must_use]
    pub fn lock(mut self, collection: &str) -> Self {
        self.locks.push(collection.into());
        self
    }

    /// Declares how many rows of a table each store may have when a run is over, for a service that clears away after itself:
    /// `bounded-growth` asks for it. Of a table of which nothing is said, here or by [`keeps_per_item`](Self::keeps_per_item()), it asks
    /// that its rows grow with the work that was done, and not with the time or the attempts that it took.
    ///
    /// A run may be over before what clears away has had its turn: [`rest`](Self::rest()) is to be as long as that takes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use seaworthy_core::ports::StoreTable;
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// // What was handled is forgotten within some seconds, whatever comes of it.
    /// let topology = Topology::new().keeps_at_most(StoreTable::Inbox, 0).rest(Duration::from_secs(10));
    /// assert_eq!(topology.kept_rows, [(StoreTable::Inbox, 0)]);
    /// ```
    #[must_use]
    pub fn keeps_at_most(mut self, table: StoreTable, rows: u64) -> Self {
        self.kept_rows.push((table, rows));
        self
    }

    /// Declares how many rows of a table each store may have when a run is over, beside those that were there before, for each request
    /// that reached a process and each message that was handled: `bounded-growth` asks for it. It is the bound of a service that keeps
    /// what it has done. [`keeps_at_most`](Self::keeps_at_most()) of the same table takes its place.
    ///
    /// ```
    /// use seaworthy_core::ports::StoreTable;
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// // An order is placed by one request, and stages two messages at most.
    /// let topology = Topology::new().keeps_per_item(StoreTable::Outbox, 2);
    /// assert_eq!(topology.kept_per_item, [(StoreTable::Outbox, 2)]);
    /// ```
    #[must_use]
    pub fn keeps_per_item(mut self, table: StoreTable, rows: u64) -> Self {
        self.kept_per_item.push((table, rows));
        self
    }

    /// Leaves out an invariant of the protocol by its name, for example `per-key-order`: every other one judges the
    /// scenario. A name that none of them has is an error of the campaign.
    #[must_use]
    pub fn without(mut self, invariant: &str) -> Self {
        self.left_out.push(invariant.into());
        self
    }

    /// Leaves out all invariants of the protocol: the scenario is judged by its own alone.
    #[must_use]
    pub fn without_protocol(mut self) -> Self {
        self.judges_itself = true;
        self
    }
}
