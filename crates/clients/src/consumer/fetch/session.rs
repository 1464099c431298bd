//! `FetchSessionHandler` (KIP-227): what a fetch to one broker must name, given what the broker remembers.

use protocol::messages::{FetchResponse, LeaderIdAndEpoch};
use protocol::{ErrorCode, LeaderEpoch, Name, Offset, TopicPartition, Uuid};

/// What a fetch says of one partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionRequest {
    pub topic_id: Uuid,
    pub offset: Offset,
    pub max_bytes: i32,
    pub leader_epoch: LeaderEpoch,
}

/// A fetch to send: which session, what is new or changed, what is left out from now on.
#[derive(Clone, Debug)]
pub struct FetchRequestData {
    pub session_id: i32,
    pub session_epoch: i32,
    pub to_send: Vec<(TopicPartition, PartitionRequest)>,
    pub to_forget: Vec<(TopicPartition, Uuid)>,
    /// All partitions of the session.
    pub partitions: Vec<(TopicPartition, PartitionRequest)>,
}

const INITIAL_EPOCH: i32 = 0;
const FINAL_EPOCH: i32 = -1;

/// One broker's session, as the client sees it.
#[derive(Clone, Debug, Default)]
pub struct FetchSession {
    id: i32,
    epoch: i32,
    partitions: Vec<(TopicPartition, PartitionRequest)>,
}

impl FetchSession {
    fn is_full(&self) -> bool {
        self.epoch == INITIAL_EPOCH || self.epoch == FINAL_EPOCH
    }

    fn set(&mut self, id: i32, epoch: i32) {
        self.id = id;
        self.epoch = epoch;
    }

    pub fn id(&self) -> i32 {
        self.id
    }

    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.iter().map(|(tp, _)| tp)
    }

    pub fn topic_name(&self, id: Uuid) -> Option<Name> {
        self.partitions
            .iter()
            .find(|(_, p)| p.topic_id == id)
            .map(|(tp, _)| tp.topic.clone())
    }

    /// The next request, if it is to read `next` (in order).
    pub fn build(&mut self, next: Vec<(TopicPartition, PartitionRequest)>) -> FetchRequestData {
        if self.is_full() {
            self.partitions = next;
            return self.request(self.partitions.clone(), Vec::new());
        }
        let mut forget = Vec::new();
        let mut altered = Vec::new();
        let mut added = next;
        self.partitions.retain_mut(|(tp, known)| {
            let Some(at) = added.iter().position(|(other, _)| other == tp) else {
                forget.push((tp.clone(), known.topic_id));
                return false;
            };
            let (_, wanted) = added.remove(at);
            if *known != wanted {
                if known.topic_id != wanted.topic_id {
                    forget.push((tp.clone(), known.topic_id));
                }
                *known = wanted.clone();
                altered.push((tp.clone(), wanted));
            }
            true
        });
        self.partitions.extend(added.iter().cloned());
        added.extend(altered);
        self.request(added, forget)
    }

    fn request(
        &self,
        to_send: Vec<(TopicPartition, PartitionRequest)>,
        to_forget: Vec<(TopicPartition, Uuid)>,
    ) -> FetchRequestData {
        FetchRequestData {
            session_id: self.id,
            session_epoch: self.epoch,
            to_send,
            to_forget,
            partitions: self.partitions.clone(),
        }
    }

    /// False = the answer is thrown away. `answered` names its partitions.
    pub fn handle_response(
        &mut self,
        response: &FetchResponse,
        answered: &[TopicPartition],
    ) -> bool {
        if !response.error.is_none() {
            if response.error == ErrorCode::FetchSessionIdNotFound {
                self.set(0, INITIAL_EPOCH);
            } else {
                self.set(self.id, INITIAL_EPOCH);
            }
            return false;
        }
        let known = |tp: &TopicPartition| self.partitions.iter().any(|(other, _)| other == tp);
        let extra = answered.iter().any(|tp| !known(tp));
        if self.is_full() {
            let omitted = self.partitions.iter().any(|(tp, _)| !answered.contains(tp));
            let throttled = answered.is_empty() && response.throttle_time_ms > 0;
            if throttled || extra || omitted {
                self.set(0, INITIAL_EPOCH);
                return false;
            }
            self.set(
                response.session_id,
                if response.session_id == 0 {
                    INITIAL_EPOCH
                } else {
                    1
                },
            );
            return true;
        }
        if extra {
            self.set(self.id, INITIAL_EPOCH);
            return false;
        }
        if response.session_id == 0 {
            self.set(0, INITIAL_EPOCH);
        } else {
            let next = if self.epoch == i32::MAX {
                1
            } else {
                self.epoch + 1
            };
            self.set(self.id, next);
        }
        true
    }

    /// The request failed: the next one closes this session and opens another.
    pub fn handle_error(&mut self) {
        self.set(self.id, INITIAL_EPOCH);
    }

    pub fn notify_close(&mut self) {
        self.set(self.id, FINAL_EPOCH);
    }
}

/// A leader that an answer named beside an error.
pub fn named_leader(leader: &LeaderIdAndEpoch) -> bool {
    !leader.leader_id.is_none() && !leader.leader_epoch.is_none()
}
