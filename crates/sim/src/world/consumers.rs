//! Commands about consumers.

use super::World;
use crate::command::Command;
use crate::ids::EventId;
use crate::scenario::{Refusal, Scenario};

impl World {
    pub(super) fn start_consumers(&mut self, _scenario: &Scenario) -> Result<(), Refusal> {
        Ok(())
    }

    pub(super) fn consumer_command(&mut self, _command: &Command) -> Result<EventId, Refusal> {
        Err(Refusal::at("do", "there are no consumers here yet"))
    }
}
