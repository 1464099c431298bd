//! Story pace: a monotone map from virtual time to screen time, made from what can be seen.
//!
//! Every visible change gets screen time by its kind; what overlaps in virtual time overlaps on screen; a stretch in which
//! nothing visible happens is folded. The map is a function of the trace alone, so the same run plays the same way. Speeds
//! scale it afterwards; interpolation is the page's.

use crate::view::{KnotCard, Us};

/// Screen time of a message on its way that carries records or their acknowledgement.
pub const FLIGHT_MS: f64 = 450.0;
/// Of one that only asks for records.
pub const ASK_MS: f64 = 250.0;
/// Of one of the many of a group's protocol, and of the control plane.
pub const PROTOCOL_MS: f64 = 140.0;
/// Screen time of an append.
pub const APPEND_MS: f64 = 120.0;
/// Screen time of a copy by a follower.
pub const COPY_MS: f64 = 250.0;
/// Screen time of a change of state: high watermark, ISR, leader, group.
pub const STATE_MS: f64 = 600.0;
/// A stretch without visible change takes at most this long.
pub const FOLD_MS: f64 = 300.0;
/// Quiet stretches up to this long are stretched rather than folded, so that linger can be seen.
const SHORT_US: Us = 30_000;
/// A millisecond of a short quiet stretch.
const SHORT_MS_PER_MS: f64 = 10.0;
/// Shorter folds are not worth a word.
const SAID_US: Us = 250_000;

/// Grows at its end as the run goes on; can be cut back to an event.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    knots: Vec<KnotCard>,
    /// The event that each knot follows.
    events: Vec<u64>,
    at_us: Us,
    screen_ms: f64,
    /// Messages on their way: when they arrive, and screen ms for a virtual µs.
    flights: Vec<(Us, f64)>,
    /// Screen time that the present instant has been given so far.
    dwell_ms: f64,
}

impl Pace {
    pub fn knots(&self) -> &[KnotCard] {
        &self.knots
    }

    /// A message left that is drawn.
    pub fn flight(&mut self, event: u64, sent_us: Us, arrives_us: Us, ms: f64) {
        self.go_to(event, sent_us);
        let span = (arrives_us - sent_us).max(1);
        self.flights.push((arrives_us, ms / span as f64));
    }

    /// A visible change, and the screen time of its kind. Changes of one instant are shown together.
    pub fn change(&mut self, event: u64, at_us: Us, ms: f64) {
        self.go_to(event, at_us);
        if ms > self.dwell_ms {
            self.screen_ms += ms - self.dwell_ms;
            self.dwell_ms = ms;
            self.knot(event, false);
        }
    }

    /// Nothing new happened up to then, but time has passed.
    pub fn go_to(&mut self, event: u64, until: Us) {
        if self.knots.is_empty() {
            self.at_us = until.min(0);
            self.knot(event, false);
        }
        while self.at_us < until {
            let from = self.at_us;
            let landing = self.flights.iter().map(|f| f.0).filter(|a| *a > from).min();
            let next = landing.map_or(until, |l| l.min(until));
            let rate = self.flights.iter().map(|f| f.1).fold(0.0, f64::max);
            let span = (next - from) as f64;
            let folded = rate == 0.0 && next - from > SAID_US;
            self.screen_ms += if rate > 0.0 {
                span * rate
            } else if next - from <= SHORT_US {
                span / 1_000.0 * SHORT_MS_PER_MS
            } else {
                FOLD_MS
            };
            self.at_us = next;
            self.dwell_ms = 0.0;
            self.flights.retain(|f| f.0 > next);
            self.knot(event, folded);
        }
    }

    fn knot(&mut self, event: u64, folded: bool) {
        self.knots.push(KnotCard {
            at_us: self.at_us,
            screen_ms: self.screen_ms,
            folded,
        });
        self.events.push(event);
    }

    /// Forgets what came after an event; `flights` are the messages that are on their way there, as (sent, arrives, ms).
    pub fn cut_after(
        &mut self,
        event: u64,
        at_us: Us,
        flights: impl Iterator<Item = (Us, Us, f64)>,
    ) {
        let keep = self.events.partition_point(|e| *e <= event);
        // A knot of a later event may close a stretch that reaches beyond the cut: those go too.
        let keep = keep.min(self.knots.partition_point(|k| k.at_us <= at_us));
        self.knots.truncate(keep);
        self.events.truncate(keep);
        let last = self.knots.last().copied().unwrap_or(KnotCard {
            at_us: 0,
            screen_ms: 0.0,
            folded: false,
        });
        self.at_us = last.at_us;
        self.screen_ms = last.screen_ms;
        self.dwell_ms = 0.0;
        self.flights = flights
            .map(|(sent, arrives, ms)| (arrives, ms / (arrives - sent).max(1) as f64))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_takes_its_time_however_short_it_is() {
        let mut pace = Pace::default();
        pace.flight(1, 1_000, 2_000, FLIGHT_MS);
        pace.change(2, 2_000, APPEND_MS);
        let end = pace.knots().last().expect("a knot").screen_ms;
        let before = pace.knots()[1].screen_ms;
        assert!(
            (end - before - FLIGHT_MS - APPEND_MS).abs() < 1e-6,
            "{:?}",
            pace.knots()
        );
    }

    #[test]
    fn what_overlaps_in_the_run_overlaps_on_screen() {
        let mut pace = Pace::default();
        pace.flight(1, 0, 1_000, FLIGHT_MS);
        pace.flight(2, 500, 1_500, FLIGHT_MS);
        pace.go_to(3, 1_500);
        let end = pace.knots().last().expect("a knot").screen_ms;
        assert!(end < 1.6 * FLIGHT_MS, "{end}");
    }

    #[test]
    fn a_quiet_minute_is_folded_and_said() {
        let mut pace = Pace::default();
        pace.change(1, 0, STATE_MS);
        pace.change(2, 60_000_000, STATE_MS);
        let folds: Vec<_> = pace.knots().iter().filter(|k| k.folded).collect();
        assert_eq!(folds.len(), 1);
        assert!((folds[0].screen_ms - STATE_MS - FOLD_MS).abs() < 1e-6);
    }

    #[test]
    fn changes_of_one_instant_share_the_longest_time() {
        let mut pace = Pace::default();
        pace.change(1, 0, APPEND_MS);
        pace.change(2, 0, STATE_MS);
        pace.change(3, 0, COPY_MS);
        assert!((pace.knots().last().expect("a knot").screen_ms - STATE_MS).abs() < 1e-6);
    }

    #[test]
    fn the_map_never_runs_backwards_even_after_a_cut() {
        let mut pace = Pace::default();
        for i in 0..20 {
            pace.flight(
                i * 2,
                (i as Us) * 3_000,
                (i as Us) * 3_000 + 1_000,
                FLIGHT_MS,
            );
            pace.change(i * 2 + 1, (i as Us) * 3_000 + 1_000, COPY_MS);
        }
        pace.cut_after(21, 31_000, std::iter::empty());
        pace.change(22, 31_500, STATE_MS);
        let sorted =
            |f: fn(&KnotCard) -> f64| pace.knots().windows(2).all(|w| f(&w[0]) <= f(&w[1]));
        assert!(sorted(|k| k.at_us as f64) && sorted(|k| k.screen_ms));
    }
}
