//! Who takes part: the processes that the world runs, behind one narrow door.
//!
//! The world knows a process only as something that takes inputs, wants to be woken, and leaves messages in an outbox.

pub mod admin;

use admin::{Admin, Question};
use protocol::wire::{Input, Outbox};
use protocol::{Ctx, Instant};

/// What a process is, for those who look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Broker,
    Controller,
    Producer,
    Consumer,
    Admin,
}

/// What a person or a program asks of the process that it runs.
#[derive(Clone, PartialEq, Debug)]
pub enum Order {
    Ask(Question),
    #[cfg(test)]
    Echo {
        node: protocol::NodeId,
        count: u32,
    },
}

/// A running process.
#[derive(Clone, Debug)]
pub enum Actor {
    Admin(Box<Admin>),
    #[cfg(test)]
    Echo(Box<crate::world::tests::Echo>),
}

impl Actor {
    /// Begins: opens what it needs, sets its timers.
    pub fn start(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match self {
            Actor::Admin(_) => {
                let _ = (ctx, out);
            }
            #[cfg(test)]
            Actor::Echo(echo) => echo.start(ctx, out),
        }
    }

    pub fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match self {
            Actor::Admin(admin) => admin.handle(input, ctx, out),
            #[cfg(test)]
            Actor::Echo(echo) => echo.handle(input, ctx, out),
        }
    }

    /// Takes up a request that waited behind another on its connection.
    pub fn next(&mut self, _ctx: &mut Ctx<'_>, _out: &mut Outbox) {
        match self {
            Actor::Admin(_) => {}
            #[cfg(test)]
            Actor::Echo(_) => {}
        }
    }

    /// Carries out an order; one that is for another kind of process is ignored.
    pub fn order(&mut self, order: &Order, ctx: &mut Ctx<'_>, out: &mut Outbox) {
        match (self, order) {
            (Actor::Admin(admin), Order::Ask(question)) => admin.ask(question.clone(), ctx, out),
            #[cfg(test)]
            (Actor::Echo(echo), order) => echo.order(order, ctx, out),
            #[cfg(test)]
            _ => {}
        }
    }

    /// Does what is due at `ctx.now`; answers when it wants to be woken next.
    pub fn poll(&mut self, ctx: &mut Ctx<'_>, out: &mut Outbox) -> Option<Instant> {
        match self {
            Actor::Admin(admin) => admin.poll(ctx, out),
            #[cfg(test)]
            Actor::Echo(echo) => echo.poll(ctx, out),
        }
    }
}
