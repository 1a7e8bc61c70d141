//! Little services, each of which takes one thing from outside its ports: a campaign must say so, and name it.

mod order;
mod randomness;
mod scenario;
mod story;
mod survivors;
mod system;
mod virtual_ones;

pub(crate) use scenario::{Leaky, caught};
