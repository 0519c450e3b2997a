//! `corexdp top`: who sends, what is asked, and whether it is dropped, from samples.

#![allow(dead_code)]
mod estimate;
mod input;
mod json;
mod level;
mod report;
mod screen;
mod sketch;
mod table;
mod tally;
mod text;
mod weights;

pub use table::By;
