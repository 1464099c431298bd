//! `offsetscope run` and `offsetscope check`: a scenario without a page.

use serde_json::json;
use sim::predicate::Predicate;
use sim::scenario::{At, Limits, Scenario};
use sim::session::{Advanced, Journal, Machine, Session};
use sim::world::World;
use std::collections::BTreeMap;

/// Where a run ends if nobody says: long enough for every scene, short enough to wait for.
const DEFAULT_UNTIL_MS: f64 = 60_000.0;
/// A marker that has not come by then does not come.
const MARKER_PATIENCE_MS: f64 = 3_600_000.0;
/// Steps between two looks at the predicates is one: a marker is where it *first* holds.
const BUDGET: u64 = 200_000_000;
const CHECKPOINT_BYTES: usize = 64 << 20;

fn read(file: &str) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    Scenario::from_json(&text, &Limits::CLI, &sim::catalogue::tables())
        .map_err(|r| format!("{file}: {r}"))
}

fn open(scenario: &Scenario) -> Result<Session<World>, String> {
    let world = World::from_scenario(scenario).map_err(|r| r.to_string())?;
    Ok(Session::new(
        world,
        Journal::of_script(scenario),
        CHECKPOINT_BYTES,
    ))
}

fn instant(ms: f64) -> protocol::Instant {
    protocol::Instant::start().plus_micros((ms * 1_000.0) as i64)
}

/// `12.4s`, `300ms` or plain milliseconds.
fn time_ms(text: &str) -> Result<f64, String> {
    let (digits, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(ms), _) => (ms, 1.0),
        (None, Some(s)) => (s, 1_000.0),
        (None, None) => (text, 1.0),
    };
    let value: f64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is no time; write 12.4s, 300ms or marker:NAME"))?;
    Ok(value * factor)
}

/// What a command line asked for.
struct Wanted<'a> {
    file: &'a str,
    until: Option<&'a str>,
    events: bool,
    state: bool,
}

fn wanted(args: &[String]) -> Result<Wanted<'_>, String> {
    let mut found = Wanted {
        file: "",
        until: None,
        events: false,
        state: false,
    };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--until" => {
                found.until = Some(rest.next().ok_or("--until names a time or marker:NAME")?)
            }
            "--events" => found.events = true,
            "--state" => found.state = true,
            // the format may be named; there is one each
            "jsonl" | "json" => {}
            unknown if unknown.starts_with("--") => {
                return Err(format!(
                    "run does not know `{unknown}`; it knows --until, --events, --state"
                ));
            }
            file => found.file = file,
        }
    }
    if found.file.is_empty() {
        return Err("run needs a scenario file, such as web/lessons/first-record.json".into());
    }
    Ok(found)
}

pub fn run(args: &[String]) -> Result<bool, String> {
    let wanted = wanted(args)?;
    let scenario = read(wanted.file)?;
    let mut session = open(&scenario)?;
    let marker = match wanted.until.and_then(|u| u.strip_prefix("marker:")) {
        Some(name) => {
            let text = scenario
                .markers
                .get(name)
                .ok_or_else(|| format!("the scenario has no marker {name}"))?;
            Some(Predicate::parse(text)?)
        }
        None => None,
    };
    let until = match (wanted.until, &marker) {
        (_, Some(_)) => MARKER_PATIENCE_MS,
        (Some(text), None) => time_ms(text)?,
        (None, None) => DEFAULT_UNTIL_MS,
    };
    let mut problem = None;
    let ended = session.advance(instant(until), BUDGET, &mut |world| match &marker {
        Some(predicate) => predicate.holds(world).unwrap_or_else(|e| {
            problem = Some(e);
            true
        }),
        None => false,
    });
    if let Some(problem) = problem {
        return Err(problem);
    }
    if wanted.events {
        let (_, events) = session.take_heard();
        for event in events {
            println!(
                "{}",
                serde_json::to_string(&event).map_err(|e| e.to_string())?
            );
        }
    }
    let world = session.machine();
    let totals = world.ledger().totals();
    if wanted.state {
        let state = json!({
            "time_ms": world.now().ms() - protocol::time::EPOCH_MS,
            "events": Machine::last_event(world).0,
            "trace_hash": format!("{:016x}", world.trace_hash()),
            "ended": ended,
            "violation": world.violation(),
            "ledger": {
                "sent": totals.sent,
                "acked": totals.acked,
                "in_flight": totals.in_flight,
                "above_high_watermark": totals.above_high_watermark,
                "durable": totals.durable,
                "failed": totals.failed,
                "lost": totals.lost,
                "lost_after_ack": totals.lost_after_ack,
            },
        });
        println!(
            "{}",
            serde_json::to_string_pretty(&state).map_err(|e| e.to_string())?
        );
    }
    if let Some(v) = world.violation() {
        eprintln!("{} at event {}: {}", v.invariant, v.event.0, v.found);
    }
    let reached = ended == Advanced::Reached || (marker.is_some() && ended == Advanced::Breakpoint);
    if !reached {
        eprintln!("the run ended early: {ended:?}");
    }
    Ok(reached)
}

pub fn check(args: &[String]) -> Result<bool, String> {
    if args.is_empty() {
        return Err("check needs at least one scenario file".into());
    }
    let mut all = true;
    let (mut passed, mut failed) = (0, 0);
    for file in args {
        for (what, holds) in check_one(&read(file)?)? {
            println!("{} {file}: {what}", if holds { "holds " } else { "FAILS " });
            all &= holds;
            *(if holds { &mut passed } else { &mut failed }) += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(all)
}

/// Every expectation with whether it held, and every marker with whether it came.
fn check_one(scenario: &Scenario) -> Result<Vec<(String, bool)>, String> {
    let mut session = open(scenario)?;
    let mut markers = BTreeMap::new();
    for (name, text) in &scenario.markers {
        markers.insert(name.clone(), Predicate::parse(text)?);
    }
    let mut open: Vec<(usize, Predicate)> = Vec::new();
    for (i, e) in scenario.expect.iter().enumerate() {
        open.push((i, Predicate::parse(&e.holds)?));
    }
    let mut results = Vec::new();
    let latest = scenario.expect.iter().filter_map(|e| match e.at {
        At::Ms(ms) => Some(ms),
        At::Marker(_) => None,
    });
    let until = latest.fold(DEFAULT_UNTIL_MS, f64::max);
    let mut problem = None;
    let mut look = |world: &World, at_end: bool| {
        let came: Vec<String> = markers
            .iter()
            .filter(|(_, p)| {
                p.holds(world)
                    .unwrap_or_else(|e| problem.replace(e).is_some())
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in &came {
            markers.remove(name);
            results.push((format!("marker {name}"), true));
        }
        let now_ms = (world.now() - protocol::Instant::start()) as f64 / 1_000.0;
        open.retain(|(i, p)| {
            let e = &scenario.expect[*i];
            let due = match &e.at {
                At::Ms(ms) => now_ms >= *ms,
                At::Marker(name) => came.contains(name),
            };
            if due || at_end {
                let holds = due && p.holds(world).unwrap_or(false);
                results.push((e.holds.clone(), holds));
            }
            !due
        });
        markers.is_empty() && open.is_empty()
    };
    session.advance(instant(until), BUDGET, &mut |world| look(world, false));
    look(session.machine(), true);
    results.extend(
        markers
            .into_keys()
            .map(|name| (format!("marker {name}"), false)),
    );
    if let Some(v) = session.machine().violation() {
        results.push((format!("{}: {}", v.invariant, v.found), false));
    }
    match problem {
        Some(problem) => Err(problem),
        None => Ok(results),
    }
}
