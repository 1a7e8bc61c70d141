-- Messages that have only failed so far, by the time of their last failure: a broker that has dropped one leaves its row behind.
CREATE INDEX seaworthy_inbox_failed ON seaworthy_inbox (consumer, at) WHERE state = 0;
