//! Things that come in any order.
#![allow(clippy::disallowed_types, clippy::disallowed_macros, reason = "these are the leaks")]

use std::collections::HashMap;

use futures_util::future::ready;
use seaworthy_sim::explore::DifferenceCause;

use super::{Leaky, caught};

#[test]
fn a_hash_map_is_caught_where_runs_share_a_thread() {
    let source = Leaky {
        source: |_| {
            Box::pin(async {
                let map: HashMap<u32, ()> = (0..32).map(|number| (number, ())).collect();
                format!("{:?}", map.keys().collect::<Vec<_>>())
            })
        },
        shares_threads: true,
        rehearses: false,
    };
    let difference = caught(&source);
    assert_eq!(difference.cause, DifferenceCause::HashOrder, "{}", difference.story);
    assert!(difference.story.contains("shares_threads"), "{}", difference.story);
}

#[test]
fn a_select_without_bias_is_caught() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            let mut chosen = String::new();
            for _ in 0..32 {
                let (mut left, mut right) = (ready(()), ready(()));
                futures_util::select! {
                    () = left => chosen.push('l'),
                    () = right => chosen.push('r'),
                }
            }
            chosen
        })
    });
    caught(&source);
}

#[test]
fn an_order_by_address_is_caught() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            // Scattered by a hash of where they lie, as in a map with pointers for keys.
            let boxes: Vec<Box<u32>> = (0..32).map(Box::new).collect();
            let mut numbers: Vec<u32> = (0..32).collect();
            numbers.sort_by_key(|number| {
                let address = std::ptr::from_ref(&*boxes[*number as usize]).addr();
                (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
            });
            format!("{numbers:?}")
        })
    });
    assert_eq!(caught(&source).cause, DifferenceCause::Order);
}

#[test]
fn the_address_of_a_box_is_caught_as_one() {
    let source = Leaky::new(|_| Box::pin(async { format!("{:p}", Box::new([0_u8; 100])) }));
    assert_eq!(caught(&source).cause, DifferenceCause::Address);
}

#[test]
fn the_address_of_a_local_is_caught_as_one() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            let local = 0_u8;
            format!("{:p}", &raw const local)
        })
    });
    assert_eq!(caught(&source).cause, DifferenceCause::Address);
}
