//! Chance: one seed, one stream for each owner and purpose.
//!
//! A draw for one purpose never shifts another: each (owner, label) has a generator of its own, made from the seed and the
//! label's text. It knows neither who the owners are nor what is drawn for.

use protocol::Draws;

/// All streams of a world.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    /// In order of first use, which the run itself decides; looked up, never listed.
    streams: Vec<Stream>,
}

#[derive(Clone, Debug)]
struct Stream {
    owner: u32,
    label: &'static str,
    state: SplitMix,
}

/// SplitMix64: one addition and two multiplications a draw, full period, equal on every platform.
#[derive(Clone, Copy, Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

/// The finalizer of SplitMix64: every input bit reaches every output bit.
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            streams: Vec::new(),
        }
    }

    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The draws of one owner (an actor's number).
    pub fn of(&mut self, owner: u32) -> OwnerDraws<'_> {
        OwnerDraws {
            chance: self,
            owner,
        }
    }

    fn next(&mut self, owner: u32, label: &'static str) -> u64 {
        let known = self
            .streams
            .iter()
            .position(|s| s.owner == owner && s.label == label);
        let index = known.unwrap_or_else(|| {
            let mut state = mix(self.seed ^ mix(u64::from(owner) + 1));
            for byte in label.bytes() {
                state = mix(state ^ u64::from(byte)).wrapping_add(1);
            }
            self.streams.push(Stream {
                owner,
                label,
                state: SplitMix(state),
            });
            self.streams.len() - 1
        });
        self.streams[index].state.next()
    }
}

/// What one actor draws from.
#[derive(Debug)]
pub struct OwnerDraws<'a> {
    chance: &'a mut Chance,
    owner: u32,
}

impl Draws for OwnerDraws<'_> {
    fn next_int(&mut self, bound: u32, label: &'static str) -> u32 {
        let bits = self.chance.next(self.owner, label) >> 32;
        // multiply-shift: the bias is below bound / 2³², far under what a scenario could notice
        ((bits * u64::from(bound.max(1))) >> 32) as u32
    }

    fn next_u64(&mut self, label: &'static str) -> u64 {
        self.chance.next(self.owner, label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_for_one_purpose_does_not_shift_another() {
        let mut plain = Chance::new(7);
        let first = plain.of(1).next_int(1_000_000, "a");
        let mut other = Chance::new(7);
        other.of(1).next_int(1_000_000, "b");
        other.of(2).next_int(1_000_000, "a");
        assert_eq!(other.of(1).next_int(1_000_000, "a"), first);
        assert_ne!(
            other.of(1).next_int(1_000_000, "a"),
            first,
            "and it moves on"
        );
    }

    #[test]
    fn draws_stay_below_their_bound_and_reach_every_value() {
        let mut chance = Chance::new(1);
        let mut seen = [0u32; 5];
        for _ in 0..1_000 {
            seen[chance.of(0).next_int(5, "x") as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 120), "{seen:?}");
    }
}
