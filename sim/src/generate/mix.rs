use crate::{
    draw::Draw,
    plan::{FaultKind, Profile, Targets},
};

/// The kinds of fault that one plan draws from; a kind that stands in it several times is drawn as often.
pub(super) struct Mix(Vec<FaultKind>);

/// Kinds of different classes, times the kinds of a class, divide this: each class gets the same share whatever its
/// number of kinds.
const SHARE: usize = 60;

impl Mix {
    /// Draws the mix of one plan, `None` where the profile has no faults for these targets.
    pub(super) fn draw(profile: Profile, targets: &Targets, draw: &mut Draw) -> Option<Self> {
        let mut kinds = Vec::new();
        if profile == Profile::Swarm {
            let certain = draw.below(Profile::CLASSES.len() as u64) as usize;
            for (index, class) in Profile::CLASSES.into_iter().enumerate() {
                // Both dice are thrown for every class, so that the classes are independent of one another.
                let (chosen, rate) = (draw.chance(400), draw.between(1, 4) as usize);
                if chosen || index == certain {
                    add(&mut kinds, class, rate, targets);
                }
            }
        } else {
            for class in profile.classes() {
                add(&mut kinds, *class, 1, targets);
            }
        }
        (!kinds.is_empty()).then_some(Self(kinds))
    }

    /// Draws the kind of one fault.
    pub(super) fn kind(&self, draw: &mut Draw) -> FaultKind {
        *draw.pick(&self.0).expect("a mix holds at least one kind")
    }
}

fn add(kinds: &mut Vec<FaultKind>, class: Profile, rate: usize, targets: &Targets) {
    let possible = |kind: &FaultKind| kind.is_possible(targets);
    let count = class.kinds().filter(possible).count();
    for kind in class.kinds().filter(possible) {
        kinds.extend(std::iter::repeat_n(kind, rate * SHARE / count));
    }
}
