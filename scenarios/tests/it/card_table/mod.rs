//! A card table of three domains: right under everything, and each mistake found.

mod ends;
mod hundred;
mod keeps;
mod twins;
