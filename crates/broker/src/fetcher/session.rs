//! The follower's side of a fetch session (KIP-227): only what changed since the last fetch is sent
//! (`FetchSessionHandler`).
//!
//! It compares requests and keeps the session's id and epoch. What the partitions mean is not known here.

use super::request::ReplicaFetchPartition;
use protocol::{ErrorCode, TopicPartition, Uuid};

/// No session (`FetchMetadata.INVALID_SESSION_ID`).
pub const INVALID_SESSION_ID: i32 = 0;
/// Asks for a new session (`FetchMetadata.INITIAL_EPOCH`).
pub const INITIAL_EPOCH: i32 = 0;
/// Closes the session, or wants none (`FetchMetadata.FINAL_EPOCH`).
pub const FINAL_EPOCH: i32 = -1;

/// The epoch of the request after one of `epoch` (`FetchMetadata.nextEpoch`): wraps to 1.
pub fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        i32::MIN..0 => FINAL_EPOCH,
        i32::MAX => 1,
        _ => epoch + 1,
    }
}

/// The part of a fetch that travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFetch {
    pub session_id: i32,
    pub session_epoch: i32,
    pub to_send: Vec<ReplicaFetchPartition>,
    pub to_forget: Vec<(TopicPartition, Uuid)>,
}

/// One fetcher's session with its leader.
#[derive(Clone, Debug, Default)]
pub struct FetchSessionHandler {
    session_id: i32,
    next_epoch: i32,
    /// What the leader has been told, in its order.
    partitions: Vec<ReplicaFetchPartition>,
}

impl FetchSessionHandler {
    fn is_full(&self) -> bool {
        matches!(self.next_epoch, INITIAL_EPOCH | FINAL_EPOCH)
    }

    /// The next request, for all partitions that are wanted (`FetchSessionHandler.Builder.build`).
    pub fn build(&mut self, wanted: &[ReplicaFetchPartition]) -> SessionFetch {
        let mut fetch = SessionFetch {
            session_id: self.session_id,
            session_epoch: self.next_epoch,
            ..SessionFetch::default()
        };
        if self.is_full() {
            self.partitions = wanted.to_vec();
            fetch.to_send = wanted.to_vec();
            return fetch;
        }
        let same = |a: &ReplicaFetchPartition, b: &ReplicaFetchPartition| {
            a.topic_partition == b.topic_partition && a.topic_id == b.topic_id
        };
        let mut kept = Vec::with_capacity(wanted.len());
        let mut moved = Vec::new();
        for known in std::mem::take(&mut self.partitions) {
            match wanted.iter().find(|next| same(next, &known)) {
                None => fetch
                    .to_forget
                    .push((known.topic_partition, known.topic_id)),
                Some(next) if *next == known => kept.push(known),
                // What changed goes behind what did not, so that the leader serves the others first.
                Some(next) => moved.push(next.clone()),
            }
        }
        let is_new = |next: &&ReplicaFetchPartition| {
            !kept.iter().chain(&moved).any(|known| same(known, next))
        };
        let added: Vec<_> = wanted.iter().filter(is_new).cloned().collect();
        moved.extend(added);
        fetch.to_send.clone_from(&moved);
        kept.extend(moved);
        self.partitions = kept;
        fetch
    }

    /// Takes an answer over; `false` when it says nothing about partitions (`FetchSessionHandler.handleResponse`).
    pub fn handle_response(
        &mut self,
        error: ErrorCode,
        session_id: i32,
        answered: &[&TopicPartition],
    ) -> bool {
        if error == ErrorCode::FetchSessionIdNotFound {
            *self = Self::default();
            return false;
        }
        if error != ErrorCode::None {
            self.handle_error();
            return false;
        }
        let known = |tp: &TopicPartition| self.partitions.iter().any(|p| p.topic_partition == *tp);
        let foreign = answered.iter().any(|tp| !known(tp));
        if self.is_full() {
            let complete = !foreign
                && self
                    .partitions
                    .iter()
                    .all(|p| answered.contains(&&p.topic_partition));
            if complete && session_id != INVALID_SESSION_ID {
                (self.session_id, self.next_epoch) = (session_id, next_epoch(INITIAL_EPOCH));
            } else {
                (self.session_id, self.next_epoch) = (INVALID_SESSION_ID, INITIAL_EPOCH);
            }
            return complete;
        }
        if foreign {
            self.handle_error();
        } else if session_id == INVALID_SESSION_ID {
            (self.session_id, self.next_epoch) = (INVALID_SESSION_ID, INITIAL_EPOCH);
        } else {
            self.next_epoch = next_epoch(self.next_epoch);
        }
        !foreign
    }

    /// No answer, or one that cannot be used: close the session and try for a new one.
    pub fn handle_error(&mut self) {
        self.next_epoch = INITIAL_EPOCH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{LeaderEpoch, Offset};

    fn part(partition: i32, offset: i64) -> ReplicaFetchPartition {
        ReplicaFetchPartition {
            topic_partition: TopicPartition::new("t", partition),
            topic_id: Uuid(5),
            fetch_offset: Offset(offset),
            log_start_offset: Offset(0),
            current_leader_epoch: LeaderEpoch(1),
            last_fetched_epoch: None,
            max_bytes: 100,
        }
    }

    fn partitions(fetch: &SessionFetch) -> Vec<i32> {
        fetch
            .to_send
            .iter()
            .map(|p| p.topic_partition.partition)
            .collect()
    }

    /// KIP-227.
    #[test]
    fn only_changes_travel_once_a_session_stands() {
        let mut session = FetchSessionHandler::default();
        let full = session.build(&[part(0, 0), part(1, 0)]);
        assert_eq!(
            (full.session_epoch, partitions(&full)),
            (INITIAL_EPOCH, vec![0, 1])
        );
        let (p0, p1) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
        assert!(session.handle_response(ErrorCode::None, 9, &[&p0, &p1]));
        let next = session.build(&[part(0, 4), part(1, 0)]);
        assert_eq!(
            (next.session_id, next.session_epoch, partitions(&next)),
            (9, 1, vec![0])
        );
        assert!(session.handle_response(ErrorCode::None, 9, &[]));
        let fewer = session.build(&[part(1, 0)]);
        assert_eq!((fewer.session_epoch, partitions(&fewer)), (2, vec![]));
        assert_eq!(fewer.to_forget, [(p0, Uuid(5))]);
    }

    #[test]
    fn an_unknown_session_begins_anew() {
        let mut session = FetchSessionHandler::default();
        session.build(&[part(0, 0)]);
        session.handle_response(ErrorCode::None, 9, &[&TopicPartition::new("t", 0)]);
        assert!(!session.handle_response(ErrorCode::FetchSessionIdNotFound, 0, &[]));
        let full = session.build(&[part(0, 0)]);
        assert_eq!(
            (full.session_id, full.session_epoch, partitions(&full)),
            (0, INITIAL_EPOCH, vec![0])
        );
    }
}
