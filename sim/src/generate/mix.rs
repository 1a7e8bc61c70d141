use crate::{
    draw::Draw,
    plan::{FaultKind, Profile, Targets},
};

/// The kinds of fault that one plan draws from, by class: each class has its share, whatever its number of kinds.
pub(super) struct Mix(Vec<Class>);

/// The kinds of a class that are possible, of which there is one at least, and the share of the class.
struct Class {
    kinds: Vec<FaultKind>,
    rate: u64,
}

/// Parts of a share of one: a multiple of each number of kinds that a class may have.
const PARTS: u64 = 2_520;

impl Mix {
    /// Draws the mix of one plan, `None` where the profile has no faults for these targets.
    pub(super) fn draw(profile: Profile, targets: &Targets, draw: &mut Draw) -> Option<Self> {
        let mut classes = Vec::new();
        if profile == Profile::Swarm {
            let certain = draw.below(Profile::CLASSES.len() as u64) as usize;
            for (index, class) in Profile::CLASSES.into_iter().enumerate() {
                // Both dice are thrown for every class, so that the classes are independent of one another.
                let (chosen, rate) = (draw.chance(400), draw.between(1, 4));
                if chosen || index == certain {
                    add(&mut classes, class, rate, targets);
                }
            }
        } else {
            for class in profile.classes() {
                add(&mut classes, *class, 1, targets);
            }
        }
        (!classes.is_empty()).then_some(Self(classes))
    }

    /// Draws the kind of one fault.
    pub(super) fn kind(&self, draw: &mut Draw) -> FaultKind {
        let shares: u64 = self.0.iter().map(|class| class.rate).sum();
        let mut at = draw.below(shares * PARTS);
        let class = self.0.iter().find(|class| {
            let share = class.rate * PARTS;
            let is_in_it = at < share;
            if !is_in_it {
                at -= share;
            }
            is_in_it
        });
        let Class { kinds, rate } = class.expect("a part of the shares is a part of one of them");
        kinds[(at * kinds.len() as u64 / (rate * PARTS)) as usize]
    }
}

fn add(classes: &mut Vec<Class>, class: Profile, rate: u64, targets: &Targets) {
    let kinds: Vec<FaultKind> = class.kinds().filter(|kind| kind.is_possible(targets)).collect();
    if !kinds.is_empty() {
        classes.push(Class { kinds, rate });
    }
}
