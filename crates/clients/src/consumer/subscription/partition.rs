//! One assigned partition: fetch state, position, and where a reset leads.

use crate::network::metadata::LeaderAndEpoch;
use protocol::{LeaderEpoch, Ms, Name, NodeId, Offset};

/// `AutoOffsetResetStrategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetStrategy {
    None,
    Earliest,
    Latest,
    /// So many ms before now.
    ByDuration(Ms),
}

impl ResetStrategy {
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Some(Self::None),
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            lower => {
                let duration = lower.strip_prefix("by_duration:")?;
                parse_duration(duration)
                    .filter(|ms| *ms >= 0)
                    .map(Self::ByDuration)
            }
        }
    }

    /// What ListOffsets asks for at `now`; `None` for no strategy.
    pub fn timestamp(self, now: Ms) -> Option<Ms> {
        match self {
            Self::None => None,
            Self::Earliest => Some(protocol::messages::EARLIEST_TIMESTAMP),
            Self::Latest => Some(protocol::messages::LATEST_TIMESTAMP),
            Self::ByDuration(ms) => Some(now - ms),
        }
    }
}

/// ISO-8601 durations of days and less, such as `PT1H` or `P1DT2H3M4.5S`, in ms.
fn parse_duration(text: &str) -> Option<Ms> {
    let text = text.to_ascii_uppercase();
    let rest = text.strip_prefix('P')?;
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (rest, ""),
    };
    let mut total = 0i64;
    let mut parts = 0;
    let mut take = |text: &str, units: &[(char, i64)]| -> Option<()> {
        let mut number = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() || c == '.' || c == '-' {
                number.push(c);
                continue;
            }
            let unit = units.iter().find(|(u, _)| *u == c)?.1;
            let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
            let mut ms = whole.parse::<i64>().ok()?.checked_mul(unit)?;
            if !fraction.is_empty() {
                let digits = format!("{fraction:0<3}");
                ms += digits[..3].parse::<i64>().ok()? * (unit / 1000);
            }
            total = total.checked_add(ms)?;
            parts += 1;
            number.clear();
        }
        number.is_empty().then_some(())
    };
    take(days, &[('D', 86_400_000)])?;
    take(time, &[('H', 3_600_000), ('M', 60_000), ('S', 1_000)])?;
    (parts > 0).then_some(total)
}

/// `SubscriptionState.FetchStates`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FetchState {
    Initializing,
    Fetching,
    AwaitReset,
    AwaitValidation,
}

impl FetchState {
    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::Fetching => "FETCHING",
            Self::AwaitReset => "AWAIT_RESET",
            Self::AwaitValidation => "AWAIT_VALIDATION",
        }
    }
}

/// `FetchPosition`: the next offset to read, the epoch of what was read last, and where to read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchPosition {
    pub offset: Offset,
    pub offset_epoch: Option<LeaderEpoch>,
    pub leader: LeaderAndEpoch,
}

/// What is committed: offset, epoch and metadata (`OffsetAndMetadata`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetAndMetadata {
    pub offset: Offset,
    pub leader_epoch: Option<LeaderEpoch>,
    pub metadata: Name,
}

/// `TopicPartitionState`.
#[derive(Clone, Debug)]
pub struct PartitionState {
    pub fetch_state: FetchState,
    pub position: Option<FetchPosition>,
    pub high_watermark: Option<Offset>,
    pub last_stable_offset: Option<Offset>,
    pub log_start_offset: Option<Offset>,
    pub paused: bool,
    pub pending_revocation: bool,
    pub pending_assigned_callback: bool,
    pub reset_strategy: Option<ResetStrategy>,
    pub(super) next_retry_ms: Option<Ms>,
    pub(super) preferred_replica: Option<(NodeId, Ms)>,
    pub end_offset_requested: bool,
}

impl PartitionState {
    pub(super) fn new() -> Self {
        Self {
            fetch_state: FetchState::Initializing,
            position: None,
            high_watermark: None,
            last_stable_offset: None,
            log_start_offset: None,
            paused: false,
            pending_revocation: false,
            pending_assigned_callback: false,
            reset_strategy: None,
            next_retry_ms: None,
            preferred_replica: None,
            end_offset_requested: false,
        }
    }

    /// False = not allowed; nothing changed but a position that the state does not keep.
    pub(super) fn transition(&mut self, new: FetchState) -> bool {
        if self.fetch_state == FetchState::AwaitReset && new == FetchState::AwaitValidation {
            self.position = None;
            return false;
        }
        self.fetch_state = new;
        true
    }

    pub fn has_valid_position(&self) -> bool {
        self.fetch_state == FetchState::Fetching
    }

    pub(super) fn reset(&mut self, strategy: ResetStrategy) {
        self.transition(FetchState::AwaitReset);
        self.position = None;
        self.reset_strategy = Some(strategy);
        self.next_retry_ms = None;
    }

    pub(super) fn seek_validated(&mut self, position: FetchPosition) {
        self.transition(FetchState::Fetching);
        self.position = Some(position);
        self.reset_strategy = None;
        self.next_retry_ms = None;
    }

    pub(super) fn validate(&mut self, position: FetchPosition) {
        let checks = position.offset_epoch.is_some() && position.leader.epoch.is_some();
        let target = if checks {
            FetchState::AwaitValidation
        } else {
            FetchState::Fetching
        };
        if self.transition(target) {
            self.position = Some(position);
            self.next_retry_ms = None;
        }
    }

    pub(super) fn seek_unvalidated(&mut self, position: FetchPosition) {
        self.seek_validated(position);
        self.validate(position);
    }

    pub(super) fn backs_off(&self, now: Ms) -> bool {
        self.next_retry_ms.is_some_and(|at| now < at)
    }

    pub fn is_fetchable(&self) -> bool {
        !self.paused
            && !self.pending_revocation
            && !self.pending_assigned_callback
            && self.has_valid_position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_iso_8601() {
        assert_eq!(
            ResetStrategy::parse("by_duration:PT1H"),
            Some(ResetStrategy::ByDuration(3_600_000))
        );
        assert_eq!(
            ResetStrategy::parse("by_duration:P1DT2M3.5S"),
            Some(ResetStrategy::ByDuration(86_523_500))
        );
        for bad in [
            "by_duration:",
            "by_duration:PT",
            "by_duration:1H",
            "sometimes",
        ] {
            assert_eq!(ResetStrategy::parse(bad), None, "{bad}");
        }
    }
}
