//! Plays the recorded cases of producers and consumers against [`clients`], over a scripted cluster without latency.
//!
//! Calls, answers and time go in; requests, what the application saw, and the state after each step come out.

mod bodies;
mod bodies_consumer;
mod cluster;
mod consumer;
mod producer;
mod sent;
mod sent_consumer;
pub(crate) mod sha256;
mod values;

use crate::{Case, Outcome};
use protocol::Draws;
use std::collections::VecDeque;

pub fn play(case: &Case) -> Outcome {
    if case.init["client"] == "producer" {
        producer::play(case)
    } else {
        if case
            .config
            .get("group.protocol")
            .is_some_and(|p| p.eq_ignore_ascii_case("consumer"))
        {
            return Outcome::NotModelled("config group.protocol=consumer".into());
        }
        consumer::play(case)
    }
}

/// The built-in partitioner's numbers: those that the case gives, then 0, 1, 2 … counted over all draws.
struct Numbers {
    given: VecDeque<u32>,
    drawn: u32,
}

impl Draws for Numbers {
    fn next_int(&mut self, bound: u32, _label: &'static str) -> u32 {
        let number = self.given.pop_front().unwrap_or(self.drawn);
        self.drawn += 1;
        number % bound
    }
}
