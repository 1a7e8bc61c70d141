use std::collections::{BTreeMap, BTreeSet};

use seaworthy_card_table::{
    messages::{FUNDS_RELEASED, FUNDS_RESERVED, Funds, PLAYER_SEATED, Release},
    tables::Table,
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use crate::card_table::Evening;

/// A seat is free or taken, and of neither there are ever fewer than none.
pub(super) fn seats(evening: &Evening) -> Box<dyn Invariant> {
    let signed = |seats: usize| i64::try_from(seats).unwrap_or(i64::MAX);
    let seats = conserved("seats").on_parts("table", move |table: &Table| {
        let taken = signed(table.seated.len());
        [signed(table.seats) - taken, taken]
    });
    let tables = evening.tables();
    tables.into_iter().fold(seats, |all, (table, seats)| all.prepared("table", table, signed(seats))).boxed()
}

/// Nobody sits at a table twice.
pub(super) fn one_seat_each() -> Box<dyn Invariant> {
    always("one-seat-each", ())
        .on_document("table", |(), table: Written<'_, Table>| {
            let Table { id, seated, .. } = table.value;
            let players: BTreeSet<_> = seated.iter().map(|seat| &seat.player).collect();
            if players.len() < seated.len() {
                return Err(Broken::new(id.as_str(), format!("somebody sits at {id} twice")));
            }
            Ok(())
        })
        .boxed()
}

/// A join that has its seat, or its chips back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Seated,
    Released,
}

/// Joins with their chips, their last event and their ends.
type Joins = BTreeMap<SmolStr, (u64, u64, Option<End>)>;

/// Each join comes to one end: it has a seat, or exactly what it reserved is released, once.
pub(super) fn joins_end() -> Box<dyn Invariant> {
    let end = |joins: &mut Joins, id: &SmolStr, chips: u64, end: End, event: &Event| {
        let Some((reserved, before, known)) = joins.get_mut(id) else {
            return Err(Broken::new(id.as_str(), format!("{id} ends, and nothing was reserved for it")));
        };
        let (last, was) = (std::mem::replace(before, event.number), known.replace(end));
        let sentence = match was {
            Some(End::Seated) => format!("{id} has a seat already"),
            Some(End::Released) => format!("what {id} had reserved is released already"),
            None if chips != *reserved => format!("{id} has reserved {reserved} chips, and {chips} are moved"),
            None => return Ok(()),
        };
        Err(Broken::new(id.as_str(), sentence).at(last).at(event))
    };
    always("joins-end-once", Joins::new())
        .on_staged(FUNDS_RESERVED, |joins, message, event| {
            if let Ok(Funds { join, chips, .. }) = message.json() {
                joins.insert(join, (chips, event.number, None));
            }
            Ok(())
        })
        .on_staged(PLAYER_SEATED, move |joins, message, event| match message.json() {
            Ok(Funds { join, chips, .. }) => end(joins, &join, chips, End::Seated, event),
            Err(_) => Ok(()),
        })
        .on_staged(FUNDS_RELEASED, move |joins, message, event| match message.json() {
            Ok(Release { join, chips, .. }) => end(joins, &join, chips, End::Released, event),
            Err(_) => Ok(()),
        })
        .at_rest(|joins| {
            let open = std::mem::take(joins).into_iter().filter(|(_, (.., end))| end.is_none());
            open.map(|(id, (chips, event, _))| {
                Broken::new(id.as_str(), format!("{chips} chips stay reserved for {id}, which has no seat")).at(event)
            })
        })
        .boxed()
}
