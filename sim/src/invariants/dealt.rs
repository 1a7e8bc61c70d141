use smol_str::SmolStr;

/// What came of the messages that a consumer group acknowledged in a run.
///
/// Whether a group that leaves nothing behind looks on or forgets what it is there for, no trace can tell: a campaign adds
/// it up and says so ([`Gap::Idle`](crate::explore::Gap::Idle)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealt {
    /// The group.
    pub group: SmolStr,
    /// How many messages it acknowledged.
    pub acknowledged: u64,
    /// For how many of them something was left behind beyond doubt: a document, a message, a call, but not the inbox row.
    pub with_effect: u64,
    /// For how many of them nothing was left behind by anything that its process did meanwhile.
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
