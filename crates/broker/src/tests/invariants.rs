//! What must hold after every step, whatever happens (`inv/R7`, `inv/R8`, `inv/R15`), in runs of random steps.

use super::One;
use protocol::{ErrorCode, LeaderEpoch};

/// A small generator, so that a seed names a run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The marks of one moment, and the epoch they belong to.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Moment {
    epoch: LeaderEpoch,
    hw: i64,
}

fn check(one: &One, before: Moment, min_isr: usize, what: &str) -> Moment {
    let now = Moment {
        epoch: one.partition().leader_epoch(),
        hw: one.hw(),
    };
    assert!(
        one.log().log_start_offset().get() <= now.hw && now.hw <= one.leo(),
        "inv/R7 after {what}"
    );
    if now.epoch == before.epoch {
        assert!(
            now.hw >= before.hw,
            "inv/R7: {before:?} fell to {now:?} after {what}"
        );
    }
    if one.isr().len() < min_isr {
        assert_eq!(
            now.hw, before.hw,
            "inv/R15: moved below min ISR after {what}"
        );
    }
    let replicas = &one.partition().assignment().replicas;
    assert!(
        one.partition()
            .state()
            .isr()
            .iter()
            .all(|id| replicas.contains(id)),
        "inv/R8 after {what}"
    );
    now
}

/// 40 runs of 400 steps of a leader of three replicas with min.insync.replicas=2.
#[test]
fn r7_r8_r15_hold_in_random_runs() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut one = One::leading(&[("min.insync.replicas", "2")], &[1, 2, 3], &[1, 2, 3]);
        let (mut epoch, mut partition_epoch) = (1, 1);
        let mut moment = Moment {
            epoch: LeaderEpoch(1),
            hw: 0,
        };
        for step in 0..400 {
            let what = match dice.below(8) {
                0 | 1 => {
                    one.append(
                        1 + dice.below(3) as usize,
                        if dice.below(2) == 0 { 1 } else { -1 },
                    );
                    "an append"
                }
                2..=4 => {
                    let follower = 2 + dice.below(2) as i32;
                    let offset = dice.below(one.leo() as u64 + 1) as i64;
                    one.fetch(follower, offset);
                    "a fetch"
                }
                5 => {
                    one.advance(1 + dice.below(20_000) as i64);
                    one.with(|replicas, ctx| replicas.maybe_shrink_isr(ctx));
                    "an ISR check"
                }
                6 if !one.proposed.is_empty() => {
                    let sent: Vec<_> = one.proposed[0]
                        .new_isr
                        .iter()
                        .map(|(id, _)| id.get())
                        .collect();
                    if dice.below(3) == 0 {
                        one.answer(Err(ErrorCode::IneligibleReplica));
                    } else {
                        partition_epoch += 1;
                        one.answer(Ok((partition_epoch, &sent)));
                    }
                    "an answer"
                }
                7 if dice.below(6) == 0 => {
                    (epoch, partition_epoch) = (epoch + 1, partition_epoch + 1);
                    let isr: &[i32] = [&[1, 2, 3][..], &[1, 2], &[1]][dice.below(3) as usize];
                    one.metadata(1, epoch, partition_epoch, &[1, 2, 3], isr);
                    one.proposed.clear();
                    "new metadata"
                }
                _ => continue,
            };
            moment = check(
                &one,
                moment,
                2,
                &format!("{what}, step {step} of seed {seed}"),
            );
        }
    }
}
