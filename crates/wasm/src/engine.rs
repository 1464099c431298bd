//! A session and its story behind calls that JavaScript can make.

use serde::Serialize;
use sim::command::Command;
use sim::ids::EventId;
use sim::scenario::{Limits, Refusal, Scenario};
use sim::session::{Advanced, Author, BranchId, Journal, Session, Stride};
use sim::story::Story;
use sim::view::{self, BranchCard, CauseCard, Columns, KnotCard, MarkCard, RefusalCard, Window};
use sim::world::World;
use wasm_bindgen::prelude::*;

/// Bytes that checkpoints may hold in the playground.
const CHECKPOINT_BYTES: usize = 128 << 20;

/// Events of one call, whatever is asked for.
const MAX_EVENTS: usize = 5_000;

#[wasm_bindgen]
pub struct Engine {
    session: Session<World>,
    story: Story,
    keys: view::Keys,
    columns: Columns,
}

/// Part of a story: what is new since a place that the page knows.
#[derive(Serialize)]
struct StoryPart<'a> {
    version: u32,
    from: usize,
    knots: &'a [KnotCard],
    marks_from: usize,
    marks: &'a [MarkCard],
}

#[wasm_bindgen]
impl Engine {
    /// Plays `scenario` (JSON); `journal` (JSON, may be empty) holds what a person did in it.
    #[wasm_bindgen(constructor)]
    pub fn new(scenario: &str, journal: &str) -> Result<Engine, JsValue> {
        let scenario =
            Scenario::from_json(scenario, &Limits::APP, &tables()).map_err(|r| refused(&r))?;
        let world = World::from_scenario(&scenario).map_err(|r| refused(&r))?;
        let journal = read_journal(&scenario, journal).map_err(|r| refused(&r))?;
        let session = Session::new(world, journal, CHECKPOINT_BYTES);
        let story = Story::new(session.scout());
        Ok(Self {
            session,
            story,
            keys: view::Keys::default(),
            columns: Columns::default(),
        })
    }

    // ---- frame out

    /// Everything that is drawn but cells and messages, which are in [`Engine::columns`] afterwards.
    pub fn frame(&mut self, slots: u32, back: u32) -> Result<JsValue, JsValue> {
        let window = Window { slots, back };
        let run_us = self.run_us();
        let world = self.session.machine();
        let frame = view::frame(
            world,
            run_us as i64,
            window,
            &mut self.keys,
            &mut self.columns,
        );
        js(&frame)
    }

    /// Names of actors by index, as messages speak of them.
    pub fn actors(&self) -> Result<JsValue, JsValue> {
        let world = self.session.machine();
        let names = world.actors().iter().map(|s| view::actor_name(world, s.id));
        js(&names.collect::<Vec<_>>())
    }

    /// Address and length of each column: offset, key, flags, epoch, batch, flights.
    pub fn columns(&self) -> Vec<u32> {
        let c = &self.columns;
        vec![
            c.cell_offset.as_ptr() as u32,
            c.cell_offset.len() as u32,
            c.cell_key.as_ptr() as u32,
            c.cell_key.len() as u32,
            c.cell_flags.as_ptr() as u32,
            c.cell_flags.len() as u32,
            c.cell_epoch.as_ptr() as u32,
            c.cell_epoch.len() as u32,
            c.cell_batch.as_ptr() as u32,
            c.cell_batch.len() as u32,
            c.flights.as_ptr() as u32,
            c.flights.len() as u32,
        ]
    }

    // ---- where the cursor is, and how it moves

    pub fn now_us(&self) -> f64 {
        view::us(self.session.place().at) as f64
    }

    pub fn event(&self) -> f64 {
        self.session.event().0 as f64
    }

    /// How far the current branch has been run.
    pub fn run_us(&self) -> f64 {
        view::us(self.session.branch().end.at) as f64
    }

    /// Runs on until `until_us`, at most `budget` steps; says how it ended.
    pub fn advance(&mut self, until_us: f64, budget: u32) -> String {
        let until = view::instant(until_us as i64);
        let budget = u64::from(budget);
        // The story must not be overtaken by its reader.
        if self.story.event() <= self.session.event() || self.story.now() < until {
            let journal = &self.session.branch().journal;
            self.story
                .look_ahead(journal, until, budget, &mut self.keys);
        }
        let ended = self.session.advance(until, budget, &mut |_| false);
        self.session.take_heard();
        match ended {
            Advanced::Reached => "reached",
            Advanced::BudgetSpent => "budget_spent",
            Advanced::Breakpoint => "breakpoint",
            Advanced::InvariantViolated => "invariant_violated",
        }
        .to_owned()
    }

    pub fn seek_us(&mut self, us: f64) {
        self.session.seek_instant(view::instant(us as i64));
    }

    pub fn seek_event(&mut self, event: f64) {
        self.session.seek(EventId(event as u64));
    }

    /// One stride on: `event`, `change` or `request`. False if nothing of the kind was found.
    pub fn step(&mut self, stride: &str) -> bool {
        let found = self.session.step(read_stride(stride), &view::visible);
        self.session.take_heard();
        self.catch_up();
        found
    }

    pub fn step_back(&mut self, stride: &str) -> bool {
        self.session.step_back(read_stride(stride), &view::visible)
    }

    // ---- the story

    /// Sends the scout on by at most `budget` steps; true if it found something visible.
    pub fn look_ahead(&mut self, budget: u32) -> bool {
        let journal = &self.session.branch().journal;
        let far = never();
        self.story
            .look_ahead(journal, far, u64::from(budget), &mut self.keys)
    }

    /// Knots and marks beyond those that the page has of `version`.
    pub fn story(&self, version: u32, knots: usize, marks: usize) -> Result<JsValue, JsValue> {
        let same = version == self.story.version();
        let all = self.story.pace().knots();
        let all_marks = self.story.marks();
        let from = if same { knots.min(all.len()) } else { 0 };
        let marks_from = if same { marks.min(all_marks.len()) } else { 0 };
        js(&StoryPart {
            version: self.story.version(),
            from,
            knots: &all[from..],
            marks_from,
            marks: &all_marks[marks_from..],
        })
    }

    /// The story knows at least what the cursor has seen.
    fn catch_up(&mut self) {
        let until = self.session.place().at;
        while self.story.event() < self.session.event() {
            let before = self.story.event();
            let journal = &self.session.branch().journal;
            self.story
                .look_ahead(journal, until, 10_000, &mut self.keys);
            if self.story.event() == before {
                break;
            }
        }
    }

    // ---- commands in

    /// Carries out a command (JSON) at the cursor; answers its event.
    pub fn act(&mut self, command: &str) -> Result<f64, JsValue> {
        let command = Command::from_json(command).map_err(|r| refused(&r))?;
        let event = self
            .session
            .act(command, Author::You)
            .map_err(|r| refused(&r))?;
        let (_, heard) = self.session.take_heard();
        self.story.restart(self.session.scout(), false);
        self.story.hear(&heard, &mut self.keys);
        Ok(event.0 as f64)
    }

    /// Takes the last command back; the cursor then stands just before it.
    pub fn undo(&mut self) -> bool {
        let undone = self.session.undo().is_some();
        if undone {
            self.story.restart(self.session.scout(), false);
        }
        undone
    }

    pub fn can_undo(&self) -> bool {
        let branch = self.session.branch();
        branch.journal.0.iter().any(|e| e.by == Author::You)
    }

    /// Commands of the current branch with their places, as JSON.
    pub fn journal(&self) -> String {
        serde_json::to_string(&self.session.branch().journal).unwrap_or_default()
    }

    pub fn branches(&self) -> Result<JsValue, JsValue> {
        let current = self.session.current();
        let cards = self.session.branches().map(|(id, b)| BranchCard {
            id: id.0,
            current: id == current,
            left_at_us: b.fork.map(|f| view::us(f.place.at)),
            from: b.fork.map(|f| f.from.0),
            end_us: view::us(b.end.at),
            events: b.end_event.0 - b.fork.map_or(0, |f| f.event.0).min(b.end_event.0),
            commands: b.journal.0.iter().filter(|e| e.by == Author::You).count() as u32,
        });
        js(&cards.collect::<Vec<_>>())
    }

    /// Goes to the end of another branch.
    pub fn switch_to(&mut self, branch: u32) -> bool {
        let switched = self.session.switch(BranchId(branch));
        if switched {
            self.story
                .restart(self.session.scout_from_the_beginning(), true);
            self.catch_up();
        }
        switched
    }

    // ---- events out, inspect

    /// Events of `from..=to` on the current branch, at most `most`, the newest ones.
    pub fn events(&mut self, from: f64, to: f64, most: u32) -> Result<JsValue, JsValue> {
        let most = (most as usize).min(MAX_EVENTS);
        let begins = self.session.machine().beginning().0;
        let to = (to as u64).min(self.session.event().0);
        let from = (from as u64)
            .max(begins)
            .max((to + 1).saturating_sub(most as u64));
        let events = self.session.events(EventId(from), EventId(to), most);
        let world = self.session.machine();
        let cards = events.iter().map(|e| view::card(world, e));
        js(&cards.collect::<Vec<_>>())
    }

    /// From an event back to its beginning, effect first.
    pub fn why(&mut self, event: f64) -> Result<JsValue, JsValue> {
        let causes = self.session.why(EventId(event as u64));
        let world = self.session.machine();
        let cards = causes.iter().map(|c| CauseCard {
            event: view::card(world, &c.event),
            folded: c.folded,
        });
        js(&cards.collect::<Vec<_>>())
    }

    /// Describes a thing (JSON of a target); undefined if there is none such.
    pub fn inspect(&self, target: &str) -> Result<JsValue, JsValue> {
        let target: view::inspect::Target = serde_json::from_str(target)
            .map_err(|e| refused(&Refusal::at("target", e.to_string())))?;
        js(&view::inspect::inspect(self.session.machine(), &target))
    }
}

fn never() -> protocol::Instant {
    protocol::Instant::NEVER
}

fn read_stride(stride: &str) -> Stride {
    match stride {
        "event" => Stride::Event,
        "request" => Stride::Request,
        _ => Stride::Change,
    }
}

/// The scenario's script as a journal, and what a person did on top of it.
fn read_journal(scenario: &Scenario, journal: &str) -> Result<Journal, Refusal> {
    if !journal.is_empty() {
        return serde_json::from_str(journal).map_err(|e| Refusal::at("journal", e.to_string()));
    }
    Ok(Journal::of_script(scenario))
}

fn js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(JsValue::from)
}

fn refused(r: &Refusal) -> JsValue {
    let card = RefusalCard {
        what: r.reason.clone(),
        at: r.path.clone(),
        nearest: r.nearest.clone(),
    };
    js(&card).unwrap_or_else(|e| e)
}

fn tables() -> sim::scenario::Tables {
    sim::catalogue::tables()
}
