-- Sagas that have ended and have no log any more, and operations of participants, by their age: what is purged next.
CREATE INDEX seaworthy_sagas_forgotten ON seaworthy_sagas (ended_at) WHERE ended_at IS NOT NULL AND log_purged = 1;
CREATE INDEX seaworthy_operations_by_age ON seaworthy_operations (at);
