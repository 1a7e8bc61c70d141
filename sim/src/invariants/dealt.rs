use smol_str::SmolStr;

/// Tally of the messages that a consumer group acknowledged in a run.
///
/// Whether a group that leaves nothing behind looks on or forgets what it is there for, no trace can tell: a campaign adds
/// it up and says so ([`Gap::Idle`](crate::explore::Gap::Idle)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealt {
    /// Name of the consumer group.
    pub group: SmolStr,
    /// Number of messages that it acknowledged.
    pub acknowledged: u64,
    /// Number of them for which something was left behind beyond doubt: a document, a message, a call, but not the
    /// inbox row.
    pub with_effect: u64,
    /// Number of them for which nothing was left behind by anything that its process did meanwhile.
    pub without: u64,
}

/// Finds the group or adds it. A run has a handful.
pub(super) fn of<'a>(all: &'a mut Vec<Dealt>, group: &SmolStr) -> &'a mut Dealt {
    let known = all.iter().position(|dealt| dealt.group == *group);
    let index = known.unwrap_or_else(|| {
        all.push(Dealt { group: group.clone(), acknowledged: 0, with_effect: 0, without: 0 });
        all.len() - 1
    });
    &mut all[index]
}
