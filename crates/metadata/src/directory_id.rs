//! Ids of log directories, and the reserved ones among them.
//!
//! It knows what the reserved ids mean (`org.apache.kafka.common.DirectoryId`, KIP-858); it does not know which replica
//! lies where.

use protocol::Uuid;

/// The replica has a directory, which nobody has told yet (upgrade from a cluster without directory ids).
pub const MIGRATING: Uuid = Uuid(0);
/// The replica may lie in any directory: its broker has not chosen, or has not said.
pub const UNASSIGNED: Uuid = Uuid(1);
/// A directory that is offline and whose id is not known.
pub const LOST: Uuid = Uuid(2);

/// True for the first 100 ids, which no directory may have (`DirectoryId.reserved`; both words are signed there).
pub fn reserved(dir: Uuid) -> bool {
    (dir.0 >> 64) == 0 && (dir.0 as i64) < 100
}

/// Whether a replica in `dir` is reachable on a broker whose online directories are `online_dirs`
/// (`DirectoryId.isOnline`). An empty list means "unknown", and counts as online (KAFKA-16162).
pub fn is_online(dir: Uuid, online_dirs: &[Uuid]) -> bool {
    match dir {
        UNASSIGNED | MIGRATING => true,
        LOST => false,
        _ => online_dirs.is_empty() || online_dirs.contains(&dir),
    }
}

/// Kafka's order of UUIDs: two signed words, the high one first (`Uuid.compareTo`).
pub fn kafka_order(id: &Uuid) -> (i64, i64) {
    ((id.0 >> 64) as i64, id.0 as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_ids_are_reserved() {
        assert!(
            reserved(MIGRATING) && reserved(UNASSIGNED) && reserved(LOST) && reserved(Uuid(99))
        );
        assert!(!reserved(Uuid(100)) && !reserved(Uuid(1 << 64)));
    }

    #[test]
    fn an_unknown_list_of_directories_counts_as_online() {
        let dir = Uuid(1 << 70);
        assert!(is_online(dir, &[]) && is_online(dir, &[dir]));
        assert!(!is_online(dir, &[Uuid(1 << 71)]) && !is_online(LOST, &[]));
        assert!(is_online(UNASSIGNED, &[dir]) && is_online(MIGRATING, &[dir]));
    }
}
