//! The broker's queue of ISR changes to the controller (`DefaultAlterPartitionManager`).
//!
//! One request in flight per broker, one change per partition. Partitions submit changes and learn the answers; this
//! queue does not know what a change means, nor how requests travel.

use protocol::{
    BrokerEpoch, ErrorCode, Instant, LeaderEpoch, Ms, NodeId, PartitionEpoch, TopicPartition, Uuid,
};
use std::collections::BTreeMap;

/// Wait before the queue is sent again after a top-level error (`DefaultAlterPartitionManager.sendRequest`).
pub const RETRY_BACKOFF_MS: Ms = 50;

/// Names one submitted change of one partition; never used twice by a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubmissionId(pub u64);

/// One change as it is put to the controller (`AlterPartitionItem` with its `LeaderAndIsr`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartitionItem {
    pub id: SubmissionId,
    pub topic_partition: TopicPartition,
    pub topic_id: Uuid,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    /// Ascending by broker id. The epoch is that of the member's last fetch, −1 unknown.
    pub new_isr: Vec<(NodeId, BrokerEpoch)>,
}

/// The controller's word on one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderAndIsr {
    pub leader: NodeId,
    pub leader_epoch: LeaderEpoch,
    pub isr: Vec<NodeId>,
    pub partition_epoch: PartitionEpoch,
}

pub type AlterPartitionResult = Result<LeaderAndIsr, ErrorCode>;

/// Unsent and in-flight changes of a broker.
#[derive(Clone, Debug, Default)]
pub struct AlterPartitionManager {
    unsent: BTreeMap<TopicPartition, AlterPartitionItem>,
    /// Submissions that the unanswered request carries.
    in_flight: Option<Vec<AlterPartitionItem>>,
    retry_at: Option<Instant>,
}

impl AlterPartitionManager {
    /// Queues a change. `Err` when this partition already has one queued: it is answered OPERATION_NOT_ATTEMPTED at once.
    pub fn submit(&mut self, item: AlterPartitionItem) -> Result<(), ErrorCode> {
        if self.unsent.contains_key(&item.topic_partition) {
            return Err(ErrorCode::OperationNotAttempted);
        }
        self.unsent.insert(item.topic_partition.clone(), item);
        Ok(())
    }

    /// The changes for a request that may leave now, or nothing: one is in flight, none is queued, or it backs off.
    pub fn next_request(&mut self, now: Instant) -> Option<Vec<AlterPartitionItem>> {
        if self.in_flight.is_some()
            || self.unsent.is_empty()
            || self.retry_at.is_some_and(|at| at > now)
        {
            return None;
        }
        self.retry_at = None;
        let items: Vec<_> = self.unsent.values().cloned().collect();
        self.in_flight = Some(items.clone());
        Some(items)
    }

    /// The answer to the request in flight. A top-level error keeps every change queued and backs off; else each change
    /// that the answer names leaves the queue with its result, in the order in which it was sent.
    pub fn on_response(
        &mut self,
        now: Instant,
        answer: Result<BTreeMap<TopicPartition, AlterPartitionResult>, ErrorCode>,
    ) -> Vec<(SubmissionId, AlterPartitionResult)> {
        let sent = self.in_flight.take().unwrap_or_default();
        let Ok(mut results) = answer else {
            self.retry_at = Some(now.after_ms(RETRY_BACKOFF_MS));
            return Vec::new();
        };
        let mut done = Vec::new();
        for item in sent {
            // A change that the answer leaves out stays queued and is sent again.
            if let Some(result) = results.remove(&item.topic_partition) {
                self.unsent.remove(&item.topic_partition);
                done.push((item.id, result));
            }
        }
        done
    }

    /// The request in flight is lost with its connection; the controller channel sends it again without a limit.
    pub fn on_disconnect(&mut self) {
        self.in_flight = None;
    }

    /// When the queue wants to be polled, if a back-off runs.
    pub fn next_wake_up(&self) -> Option<Instant> {
        self.retry_at
            .filter(|_| self.in_flight.is_none() && !self.unsent.is_empty())
    }

    pub fn in_flight(&self) -> Option<&[AlterPartitionItem]> {
        self.in_flight.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: u64, partition: i32) -> AlterPartitionItem {
        AlterPartitionItem {
            id: SubmissionId(id),
            topic_partition: TopicPartition::new("t", partition),
            topic_id: Uuid(7),
            leader_epoch: LeaderEpoch(1),
            partition_epoch: PartitionEpoch(1),
            new_isr: vec![(NodeId(1), BrokerEpoch(10))],
        }
    }

    #[test]
    fn one_request_is_in_flight_and_one_change_waits_per_partition() {
        let now = Instant::from_ms(0);
        let mut queue = AlterPartitionManager::default();
        queue.submit(item(1, 0)).expect("empty queue");
        assert_eq!(
            queue.submit(item(2, 0)),
            Err(ErrorCode::OperationNotAttempted)
        );
        assert_eq!(queue.next_request(now).map(|r| r.len()), Some(1));
        queue.submit(item(3, 1)).expect("another partition");
        assert_eq!(queue.next_request(now), None, "one at a time");
        let answer = BTreeMap::from([(
            TopicPartition::new("t", 0),
            Err(ErrorCode::IneligibleReplica),
        )]);
        let done = queue.on_response(now, Ok(answer));
        assert_eq!(done, [(SubmissionId(1), Err(ErrorCode::IneligibleReplica))]);
        assert_eq!(
            queue.next_request(now).map(|r| r[0].id),
            Some(SubmissionId(3))
        );
    }

    #[test]
    fn a_top_level_error_sends_the_same_changes_again_after_50_ms() {
        let now = Instant::from_ms(1_000);
        let mut queue = AlterPartitionManager::default();
        queue.submit(item(1, 0)).expect("empty queue");
        queue.next_request(now).expect("sent");
        assert!(
            queue
                .on_response(now, Err(ErrorCode::StaleBrokerEpoch))
                .is_empty()
        );
        assert_eq!(queue.next_request(now), None);
        assert_eq!(queue.next_wake_up(), Some(Instant::from_ms(1_050)));
        assert_eq!(
            queue.next_request(Instant::from_ms(1_050)).map(|r| r[0].id),
            Some(SubmissionId(1))
        );
    }
}
