//! What a hand may do to one message: hold, release, delay, drop.

use super::{MessageName, MessageState, Network};
use protocol::Instant;
use std::sync::Arc;

/// Why a hand was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandError {
    /// It has arrived, was lost, or was never sent.
    NotInFlight,
    /// Only a held message can be released.
    NotHeld,
}

impl Network {
    fn position(&self, name: MessageName) -> Result<usize, HandError> {
        let connection = self
            .connections
            .get(&name.conn)
            .ok_or(HandError::NotInFlight)?;
        let queue = &connection.lane(name.direction).queue;
        queue
            .iter()
            .position(|m| m.nth == name.nth)
            .ok_or(HandError::NotInFlight)
    }

    /// Changes one message in flight; if it is the head, its arrival is scheduled anew.
    fn change(
        &mut self,
        now: Instant,
        name: MessageName,
        change: impl FnOnce(&mut super::Message) -> Result<(), HandError>,
    ) -> Result<(), HandError> {
        let at = self.position(name)?;
        let lane =
            &mut self.connections.get_mut(&name.conn).expect("found").lanes[name.direction.index()];
        change(Arc::make_mut(&mut lane.queue[at]))?;
        if at == 0
            && let Some(due) = lane.schedule_head(name.conn, name.direction, now)
        {
            self.due.push(due);
        }
        Ok(())
    }

    /// Stops a message; everything behind it on its connection waits.
    pub fn hold(&mut self, now: Instant, name: MessageName) -> Result<(), HandError> {
        self.change(now, name, |m| {
            m.state = MessageState::Held;
            Ok(())
        })
    }

    /// Lets a held message go on; it arrives at once if its time has passed.
    pub fn release(&mut self, now: Instant, name: MessageName) -> Result<(), HandError> {
        self.change(now, name, |m| {
            if m.state != MessageState::Held {
                return Err(HandError::NotHeld);
            }
            m.state = MessageState::Moving;
            m.arrives_at = m.arrives_at.max(now);
            Ok(())
        })
    }

    /// Makes a message, and so what follows it, arrive later.
    pub fn delay(&mut self, now: Instant, name: MessageName, by_us: i64) -> Result<(), HandError> {
        self.change(now, name, |m| {
            m.arrives_at = m.arrives_at + by_us.max(0);
            Ok(())
        })
    }

    /// Loses a message with everything behind it: the direction is dead. The ends are not told. Answers the lost ones.
    pub fn drop_message(
        &mut self,
        name: MessageName,
    ) -> Result<Vec<Arc<super::Message>>, HandError> {
        let at = self.position(name)?;
        let lane =
            &mut self.connections.get_mut(&name.conn).expect("found").lanes[name.direction.index()];
        lane.dead = true;
        Ok(lane.queue.drain(at..).collect())
    }
}
