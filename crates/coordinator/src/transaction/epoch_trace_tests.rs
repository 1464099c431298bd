//! Kafka's own trace of what each change does to producer id, epoch and state.

use super::*;
use protocol::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};

/// Kafka's own trace of epochs, line by line.
#[test]
fn the_recorded_epochs_are_equal() {
    let recorded = include_str!("../../../../tests/vectors/transaction_epoch_traces.txt");
    let mut ours = String::new();
    let mut line = |what: &str, m: &TransactionMetadata| {
        let n = &m.now;
        let parts: Vec<String> = n.partitions.iter().map(ToString::to_string).collect();
        ours += &format!(
            "{what}: pid={} epoch={} last={} prevPid={} state={} parts=[{}]\n",
            n.producer_id,
            n.producer_epoch,
            n.last_producer_epoch,
            n.prev_producer_id,
            n.state.constant(),
            parts.join(", ")
        );
    };
    let (tv2, tv0) = (TransactionVersion::TV_2, TransactionVersion::TV_0);
    let t0 = [TopicPartition::new("t", 0)].into();
    let none = ProducerId::NONE;
    let created = || TransactionMetadata::created("t".into(), ProducerId(7), 60_000, 0);
    let complete = |m: &mut TransactionMetadata, to: Result<TxnTransitMetadata, ErrorCode>| {
        m.complete_transition(to.expect("valid"));
    };
    let mut m = created();
    let to = m.prepare_increment_producer_epoch(60_000, None, 1);
    complete(&mut m, to);
    line("init#1", &m);
    let to = m.prepare_increment_producer_epoch(60_000, None, 1);
    complete(&mut m, to);
    line("init#2 (restart)", &m);
    let to = m.prepare_add_partitions(&t0, 1, tv2);
    complete(&mut m, to);
    line("TV2 add", &m);
    let to = m.prepare_abort_or_commit(TransactionState::PrepareCommit, tv2, none, 1, false);
    complete(&mut m, to);
    line("TV2 PrepareCommit", &m);
    let to = m.prepare_complete(1);
    complete(&mut m, to);
    line("TV2 CompleteCommit", &m);
    let to = m.prepare_add_partitions(&t0, 1, tv2);
    complete(&mut m, to);
    line("ongoing again", &m);
    let fence = m.prepare_fence_producer_epoch().expect("valid");
    m.pending = None;
    let fenced = format!(" fence transit epoch={}\n", fence.producer_epoch);
    let to = m.prepare_abort_or_commit(TransactionState::PrepareAbort, tv2, none, 1, false);
    complete(&mut m, to);
    line("TV2 fence PrepareAbort", &m);
    let to = m.prepare_complete(1);
    complete(&mut m, to);
    line("CompleteAbort", &m);
    let to = m.prepare_increment_producer_epoch(60_000, None, 1);
    complete(&mut m, to);
    line("init of new instance", &m);
    let to = m.prepare_increment_producer_epoch(60_000, Some(ProducerEpoch(4)), 1);
    complete(&mut m, to);
    line("epoch-bump recovery with current epoch", &m);
    let to = m.prepare_increment_producer_epoch(60_000, Some(ProducerEpoch(4)), 1);
    complete(&mut m, to);
    line("retry of it with last epoch", &m);
    let refused = m.prepare_increment_producer_epoch(60_000, Some(ProducerEpoch(0)), 1);
    assert_eq!(refused, Err(ErrorCode::ProducerFenced));
    let mut at = |epoch: i16, next: i64, what: &str, after: &str| {
        let mut m = created();
        m.now.producer_epoch = ProducerEpoch(epoch);
        let to = m.prepare_add_partitions(&t0, 1, tv2);
        complete(&mut m, to);
        let to = m.prepare_abort_or_commit(
            TransactionState::PrepareCommit,
            tv2,
            ProducerId(next),
            1,
            false,
        );
        complete(&mut m, to);
        line(what, &m);
        let to = m.prepare_complete(1);
        complete(&mut m, to);
        line(after, &m);
    };
    at(32765, -1, "TV2 commit at 32765", " complete");
    at(
        32766,
        8,
        "TV2 commit at 32766 (exhausted, next pid 8)",
        " complete",
    );
    let mut m = created();
    m.now.producer_epoch = ProducerEpoch(3);
    let to = m.prepare_add_partitions(&t0, 1, tv0);
    complete(&mut m, to);
    let to = m.prepare_abort_or_commit(TransactionState::PrepareCommit, tv0, none, 1, false);
    complete(&mut m, to);
    line("TV1 PrepareCommit", &m);
    let to = m.prepare_complete(1);
    complete(&mut m, to);
    line("TV1 CompleteCommit", &m);
    let mut m = created();
    m.now.producer_epoch = ProducerEpoch(3);
    let to = m.prepare_abort_or_commit(TransactionState::PrepareAbort, tv2, none, 1, true);
    complete(&mut m, to);
    line("TV2 abort on Empty", &m);
    let to = m.prepare_complete(1);
    complete(&mut m, to);
    line(" complete", &m);
    let ours: Vec<&str> = ours.lines().collect();
    let recorded: Vec<&str> = recorded
        .lines()
        .filter(|l| !l.contains("Exception") && !l.contains("fence transit"))
        .collect();
    assert_eq!(ours, recorded);
    assert!(
        include_str!("../../../../tests/vectors/transaction_epoch_traces.txt").contains(&fenced)
    );
}
