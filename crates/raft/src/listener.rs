//! What the state machine above the quorum gets to see: committed batches in order, snapshots, and who leads.
//!
//! It tells a leader of its own leadership only when the state machine has seen everything from before it.

use crate::batch;
use crate::log::{Isolation, OffsetAndEpoch, RaftLog};
use crate::node::Node;
use crate::state::{EpochState, Role};
use bytes::Bytes;
use protocol::record::RecordBatch;
use protocol::{LeaderEpoch, NodeId, Offset};

/// One thing that the state machine sees (`RaftClient.Listener`).
#[derive(Clone, Debug)]
pub enum Event {
    /// A committed batch. Control batches come too: they carry no values but move the offset on.
    Commit(RecordBatch),
    /// Start over from this snapshot. Its bytes are batches.
    LoadSnapshot { id: OffsetAndEpoch, content: Bytes },
    /// `leader` none = nobody known.
    LeaderChange {
        leader: Option<NodeId>,
        epoch: LeaderEpoch,
    },
}

/// How far the state machine has come (`KafkaRaftClient.ListenerContext`).
#[derive(Clone, Debug, Default)]
pub struct ListenerContext {
    registered: bool,
    /// `None` until the first high watermark is known.
    next_offset: Option<Offset>,
    last_leader: Option<NodeId>,
    last_epoch: LeaderEpoch,
}

impl ListenerContext {
    pub fn register(&mut self) {
        self.registered = true;
    }

    pub fn next_offset(&self) -> Option<Offset> {
        self.next_offset
    }

    fn should_fire(&self, leader: Option<NodeId>, epoch: LeaderEpoch) -> bool {
        if !self.registered || (leader, epoch) == (self.last_leader, self.last_epoch) {
            return false;
        }
        epoch > self.last_epoch || (leader.is_some() && self.last_leader.is_none())
    }
}

impl<L: RaftLog> Node<L> {
    /// First offset that the state machine has not seen yet.
    pub fn next_commit_offset(&self) -> Offset {
        self.listener.next_offset().unwrap_or(Offset::ZERO)
    }

    /// Brings the state machine up to date (`KafkaRaftClient.pollListeners`).
    pub(crate) fn poll_listeners(&mut self) {
        if let Some(high_watermark) = self.quorum.high_watermark() {
            self.update_listener_progress(high_watermark);
        }
        self.maybe_fire_leader_change();
    }

    pub(crate) fn update_listener_progress(&mut self, high_watermark: Offset) {
        if !self.listener.registered {
            return;
        }
        let start = self.log.start_offset();
        let behind_the_log = self.listener.next_offset.is_none_or(|next| next < start);
        if behind_the_log && self.listener.next_offset.unwrap_or(Offset::NONE) < high_watermark {
            if let Some(id) = self.log.latest_snapshot_id()
                && let Some(content) = self.log.snapshot(id)
            {
                self.listener.next_offset = Some(id.offset);
                self.events.push(Event::LoadSnapshot { id, content });
                self.changes += 1;
            } else if self.listener.next_offset.is_none() {
                self.listener.next_offset = Some(Offset::ZERO);
            } else {
                self.stop("the log starts beyond what the state machine has seen and there is no snapshot");
                return;
            }
        }
        while let Some(next) = self
            .listener
            .next_offset
            .filter(|&next| next < high_watermark)
        {
            let info = self.log.read(next, Isolation::Committed, i32::MAX);
            let mut reached = next;
            for batch in info.records {
                reached = Offset(batch.next_offset());
                self.events.push(Event::Commit(batch));
            }
            if reached <= next {
                break;
            }
            self.listener.next_offset = Some(reached);
            self.changes += 1;
        }
    }

    /// Tells of a new leader or epoch. Nothing while resigned; of itself only when the state machine is beyond the start of the epoch.
    pub(crate) fn maybe_fire_leader_change(&mut self) {
        if self.quorum.role() == Role::Resigned {
            return;
        }
        let (leader, epoch) = self.quorum.state().leader_and_epoch();
        if !self.listener.should_fire(leader, epoch) {
            return;
        }
        if let EpochState::Leader(state) = self.quorum.state()
            && self
                .listener
                .next_offset
                .is_none_or(|next| next <= state.epoch_start_offset())
        {
            return;
        }
        self.listener.last_leader = leader;
        self.listener.last_epoch = epoch;
        self.events.push(Event::LeaderChange { leader, epoch });
        self.changes += 1;
    }

    /// Writes a snapshot of what the state machine holds after everything below `id.offset` (`KafkaRaftClient.createSnapshot`).
    /// False if there is such a snapshot already or the log starts beyond it.
    ///
    /// # Errors
    /// A snapshot beyond the high watermark, of another epoch, or inside a batch is refused.
    pub fn create_snapshot(
        &mut self,
        id: OffsetAndEpoch,
        last_contained_log_timestamp_ms: i64,
        values: &[Bytes],
        now_ms: i64,
    ) -> Result<bool, &'static str> {
        use crate::log::ValidOffsetAndEpoch;
        if id.offset < self.log.start_offset() || self.log.snapshot(id).is_some() {
            return Ok(false);
        }
        if self.quorum.high_watermark().is_none_or(|hw| id.offset > hw) {
            return Err("a snapshot must lie below the high watermark");
        }
        if self.log.validate_offset_and_epoch(id.offset, id.epoch) != ValidOffsetAndEpoch::Valid {
            return Err("the log does not know this offset in this epoch");
        }
        if self
            .log
            .read(id.offset, Isolation::Committed, 1)
            .records
            .first()
            .is_some_and(|b| b.base_offset() != id.offset.get())
        {
            return Err("a snapshot must end where a batch ends");
        }
        let max = crate::config::MAX_BATCH_SIZE_BYTES;
        let content = batch::snapshot(
            self.quorum.epoch(),
            now_ms,
            last_contained_log_timestamp_ms,
            values,
            max,
        );
        self.log.store_snapshot(id, content);
        self.changes += 1;
        Ok(true)
    }
}
