//! Two contexts that agree on orders and stock, by events and by a saga: right under everything, and to the same end.

mod comparison;
mod ends;
mod same_end;
mod twins;
