//! The rules of producers and consumers, as the catalogue lists them.

protocol::rules! {
    CLIENT_LEAST_LOADED = "client.least-loaded",
        "Requests that any broker can answer go to the idle connection that comes first, else to the one with the fewest unanswered requests.",
        "어느 브로커나 답할 수 있는 요청은 먼저 나오는 쉬고 있는 연결로, 없으면 응답을 기다리는 요청이 가장 적은 연결로 보냅니다.",
        [], "", "NetworkClient.leastLoadedNode", Simplified;
    CLIENT_RECONNECT = "client.reconnect-backoff",
        "After a connection was lost or refused the client waits before it tries again, twice as long after each failure; the jitter of 20 % is left out.",
        "연결이 끊기거나 거부되면 클라이언트는 기다렸다가 다시 시도합니다. 실패할 때마다 두 배로 기다리며, 20 % 흔들림은 생략했습니다.",
        ["reconnect.backoff.ms", "reconnect.backoff.max.ms"], "KIP-144", "ClusterConnectionStates.updateReconnectBackoff", Simplified;
    CLIENT_REQUEST_TIMEOUT = "client.request-timeout",
        "A request that stays unanswered for longer than request.timeout.ms closes its connection, but only when the client's network loop wakes up and looks.",
        "request.timeout.ms보다 오래 응답이 없는 요청은 그 연결을 닫게 합니다. 다만 네트워크 루프가 깨어나 확인할 때에만 그렇습니다.",
        ["request.timeout.ms"], "", "NetworkClient.handleTimedOutRequests", Modelled;
    CLIENT_METADATA_FIRST = "client.metadata-first",
        "While metadata is due and not asked for yet, no connection takes anything else.",
        "메타데이터를 물어볼 때가 되었는데 아직 묻지 않은 동안에는 어떤 연결로도 다른 요청을 보내지 않습니다.",
        ["metadata.max.age.ms"], "", "NetworkClient.isReady", Modelled;
    CLIENT_METADATA_BACKOFF = "client.metadata-backoff",
        "Metadata is asked for at most once per back-off, which grows while the answers bring nothing new; a new topic does not wait.",
        "메타데이터는 백오프마다 한 번까지만 물어보며, 새로운 내용이 없으면 간격이 늘어납니다. 새 토픽은 기다리지 않습니다.",
        ["retry.backoff.ms", "retry.backoff.max.ms"], "", "Metadata.timeToAllowUpdate", Modelled;
    CLIENT_NEWER_EPOCH = "client.newer-leader-epoch",
        "A client believes metadata about a partition only if its leader epoch is not older than the newest it has seen.",
        "클라이언트는 지금까지 본 것보다 오래되지 않은 리더 에폭의 메타데이터만 믿습니다.",
        [], "KIP-320", "Metadata.updateLatestMetadata", Modelled;
    CLIENT_LEADER_HINT = "client.leader-hint",
        "An error that names the new leader is enough: the client goes there without asking for metadata and without waiting.",
        "오류 응답이 새 리더를 알려 주면 충분합니다. 메타데이터를 묻거나 기다리지 않고 바로 새 리더로 갑니다.",
        [], "KIP-951", "Metadata.updatePartitionLeadership", Modelled;
    CLIENT_THROTTLE = "client.throttle",
        "A throttled client sends nothing over this connection until the time is over.",
        "스로틀된 클라이언트는 시간이 지날 때까지 그 연결로 아무것도 보내지 않습니다.",
        [], "KIP-219", "NetworkClient.maybeThrottle", Modelled;

    PRODUCER_KEY_HASH = "producer.key-hash",
        "A record with a key goes to murmur2(key) modulo the number of partitions, whether that partition has a leader or not.",
        "키가 있는 레코드는 리더가 있든 없든 murmur2(키)를 파티션 수로 나눈 나머지 파티션으로 갑니다.",
        ["partitioner.ignore.keys"], "", "BuiltInPartitioner.partitionForKey", Modelled;
    PRODUCER_STICKY = "producer.sticky",
        "Records without a key stick to one partition until batch.size bytes went there and its last batch is full, or twice as many bytes went there.",
        "키 없는 레코드는 한 파티션에 batch.size만큼 쌓이고 마지막 배치가 가득 차거나, 그 두 배가 쌓일 때까지 그 파티션에 붙습니다.",
        ["batch.size"], "KIP-794", "BuiltInPartitioner.updatePartitionInfo", Modelled;
    PRODUCER_ADAPTIVE = "producer.adaptive",
        "Once every partition has a queue, partitions with shorter queues are chosen more often.",
        "모든 파티션에 대기열이 있으면 대기열이 짧은 파티션을 더 자주 고릅니다.",
        ["partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms"], "KIP-794", "BuiltInPartitioner.updatePartitionLoadStats", Modelled;
    PRODUCER_ROUND_ROBIN = "producer.round-robin",
        "RoundRobinPartitioner takes the partitions with a leader in turn, in the order of the client's view of the cluster, which is not ascending.",
        "RoundRobinPartitioner는 리더가 있는 파티션을 차례로 고르며, 순서는 번호순이 아니라 클라이언트가 보는 클러스터 순서입니다.",
        ["partitioner.class"], "", "RoundRobinPartitioner.partition", Modelled;
    PRODUCER_BATCH_READY = "producer.batch-ready",
        "A batch may leave when it is full, when linger.ms has passed since it was created, or when memory is short, a flush runs, or the producer closes.",
        "배치는 가득 찼거나, 만든 뒤 linger.ms가 지났거나, 메모리가 부족하거나, flush 중이거나, 프로듀서가 닫힐 때 보낼 수 있습니다.",
        ["linger.ms", "batch.size", "buffer.memory"], "", "RecordAccumulator.batchReady", Modelled;
    PRODUCER_DRAIN = "producer.drain",
        "A request to a broker takes at most one batch of each partition, in rotation, up to max.request.size.",
        "브로커로 가는 요청 하나는 파티션마다 배치를 하나까지, 돌아가며, max.request.size까지 담습니다.",
        ["max.request.size"], "", "RecordAccumulator.drainBatchesForOneNode", Modelled;
    PRODUCER_BUFFER = "producer.buffer-memory",
        "send() blocks while buffer.memory is used up, first come first served, and fails after max.block.ms.",
        "buffer.memory를 다 쓰면 send()는 온 순서대로 기다리고, max.block.ms가 지나면 실패합니다.",
        ["buffer.memory", "max.block.ms"], "", "BufferPool.allocate", Modelled;
    PRODUCER_IN_FLIGHT = "producer.max-in-flight",
        "A connection has at most max.in.flight.requests.per.connection unanswered requests; with 1, a partition waits for its answer.",
        "한 연결에는 응답을 기다리는 요청이 max.in.flight.requests.per.connection개까지 있습니다. 1이면 파티션은 응답을 기다립니다.",
        ["max.in.flight.requests.per.connection"], "", "InFlightRequests.canSendMore", Modelled;
    PRODUCER_RETRY = "producer.retry",
        "A batch that failed with a retriable error goes back to its queue and waits retry.backoff.ms, doubling, unless a new leader is known.",
        "재시도할 수 있는 오류로 실패한 배치는 대기열로 돌아가 retry.backoff.ms만큼(두 배씩 늘며) 기다립니다. 새 리더를 알면 기다리지 않습니다.",
        ["retries", "retry.backoff.ms", "retry.backoff.max.ms"], "KIP-580", "Sender.reenqueueBatch", Modelled;
    PRODUCER_DELIVERY_TIMEOUT = "producer.delivery-timeout",
        "A record that is not acknowledged delivery.timeout.ms after its batch was created fails, wherever it is by then.",
        "배치를 만든 뒤 delivery.timeout.ms 안에 확인 응답을 받지 못한 레코드는 어디에 있든 실패합니다.",
        ["delivery.timeout.ms"], "KIP-91", "ProducerBatch.hasReachedDeliveryTimeout", Modelled;
    PRODUCER_SPLIT = "producer.split",
        "A batch that the broker finds too large is cut into smaller ones that keep its sequence numbers.",
        "브로커가 너무 크다고 한 배치는 시퀀스 번호를 유지한 채 더 작은 배치로 나눕니다.",
        ["batch.size"], "KIP-126", "RecordAccumulator.splitAndReenqueue", Modelled;
    PRODUCER_ACKS_NONE = "producer.acks-0",
        "With acks=0 a record counts as sent once it is written to the connection; its offset stays unknown.",
        "acks=0이면 연결에 쓴 순간 보낸 것으로 치며, 오프셋은 알 수 없습니다.",
        ["acks"], "", "Sender.sendProduceRequest", Modelled;
    PRODUCER_SEQUENCE = "producer.sequence",
        "An idempotent producer numbers records per partition when their batch leaves for the first time; a retry keeps the number.",
        "멱등성 프로듀서는 배치가 처음 나갈 때 파티션별로 시퀀스 번호를 매기고, 재시도는 그 번호를 유지합니다.",
        ["enable.idempotence"], "KIP-98", "RecordAccumulator.drainBatchesForOneNode", Modelled;
    PRODUCER_EPOCH_BUMP = "producer.epoch-bump",
        "When a sequence cannot be continued, the idempotent producer raises its own epoch and starts that partition at sequence 0.",
        "시퀀스를 이어 갈 수 없으면 멱등성 프로듀서는 스스로 에폭을 올리고 그 파티션을 시퀀스 0부터 다시 시작합니다.",
        ["enable.idempotence"], "KIP-360", "TransactionManager.bumpIdempotentProducerEpoch", Modelled;
    PRODUCER_UNRESOLVED = "producer.unresolved-sequence",
        "After a retried batch expired nobody knows whether the broker has it: the partition takes nothing new until the rest in flight is answered.",
        "재시도하던 배치가 만료되면 브로커가 그것을 받았는지 알 수 없습니다. 전송 중인 나머지의 응답이 올 때까지 그 파티션은 새 배치를 보내지 않습니다.",
        ["delivery.timeout.ms"], "", "TransactionManager.maybeResolveSequences", Modelled;
    PRODUCER_TXN_STATES = "producer.transaction-states",
        "A transactional producer moves through Kafka's states; an error makes the transaction abortable or the producer useless.",
        "트랜잭션 프로듀서는 Kafka의 상태를 따라 움직이며, 오류가 나면 트랜잭션을 중단해야 하거나 프로듀서를 더 쓸 수 없게 됩니다.",
        ["transactional.id"], "KIP-98", "TransactionManager.transitionTo", Modelled;
    PRODUCER_TXN_V2 = "producer.transaction-v2",
        "Under transaction version 2 partitions join a transaction with their first produce, and every end of a transaction raises the epoch.",
        "트랜잭션 버전 2에서는 파티션이 첫 produce로 트랜잭션에 들어가고, 트랜잭션이 끝날 때마다 에폭이 올라갑니다.",
        ["transactional.id"], "KIP-890", "TransactionManager.maybeAddPartition", Modelled;
    PRODUCER_2PC = "producer.two-phase-commit",
        "Two-phase commit with an outside coordinator is not carried out.",
        "외부 조정자와의 2단계 커밋은 구현하지 않았습니다.",
        ["transaction.two.phase.commit.enable"], "KIP-939", "TransactionManager.prepareTransaction", Absent;

    CONSUMER_POSITION = "consumer.position",
        "The position moves when records are handed to the application, whether it processes them or not.",
        "position은 레코드를 애플리케이션에 넘기는 순간 움직입니다. 처리했는지와는 상관없습니다.",
        [], "", "FetchCollector.fetchRecords", Modelled;
    CONSUMER_PREFETCH = "consumer.prefetch",
        "Before poll returns records it sends the next fetches, but only to brokers none of whose partitions still has fetched data.",
        "poll은 레코드를 돌려주기 전에 다음 fetch를 보냅니다. 단, 아직 넘기지 않은 데이터가 있는 브로커로는 보내지 않습니다.",
        [], "", "AbstractFetch.prepareFetchRequests", Modelled;
    CONSUMER_FETCH_SESSION = "consumer.fetch-session",
        "A fetch after the first names only partitions that are new, changed or dropped; an error starts a new session.",
        "두 번째부터의 fetch는 새로 들어오거나 바뀌거나 빠진 파티션만 적습니다. 오류가 나면 세션을 새로 시작합니다.",
        [], "KIP-227", "FetchSessionHandler.Builder.build", Modelled;
    CONSUMER_MAX_POLL_RECORDS = "consumer.max-poll-records",
        "One poll returns at most max.poll.records; what is left of an answer stays in the client and is returned by the next polls.",
        "poll 한 번은 max.poll.records까지만 돌려주고, 남은 데이터는 클라이언트에 두었다가 다음 poll에서 돌려줍니다.",
        ["max.poll.records"], "KIP-41", "FetchCollector.collectFetch", Modelled;
    CONSUMER_RESET = "consumer.offset-reset",
        "Without a valid committed offset, or when the position is outside of the log, auto.offset.reset decides where to go on.",
        "유효한 커밋된 오프셋이 없거나 position이 로그 범위를 벗어나면 auto.offset.reset이 어디서 이어 읽을지 정합니다.",
        ["auto.offset.reset"], "KIP-1106", "SubscriptionState.resetInitializingPositions", Modelled;
    CONSUMER_VALIDATION = "consumer.position-validation",
        "When a partition's leader changes, the consumer compares its position with the new leader's epochs and goes back if the log was cut.",
        "파티션의 리더가 바뀌면 컨슈머는 position을 새 리더의 에폭과 비교하고, 로그가 잘렸으면 뒤로 돌아갑니다.",
        [], "KIP-320", "SubscriptionState.maybeCompleteValidation", Modelled;
    CONSUMER_READ_COMMITTED = "consumer.read-committed",
        "With read_committed the client drops the batches of aborted transactions that the broker names; markers are never returned.",
        "read_committed이면 클라이언트는 브로커가 알려 준 중단된 트랜잭션의 배치를 버립니다. 마커는 어느 경우에도 돌려주지 않습니다.",
        ["isolation.level"], "KIP-98", "CompletedFetch.nextFetchedRecord", Modelled;
    CONSUMER_AUTO_COMMIT = "consumer.auto-commit",
        "Inside poll, once auto.commit.interval.ms has passed, the positions that earlier polls reached are committed before new data is returned.",
        "auto.commit.interval.ms가 지나면 poll 안에서, 새 데이터를 돌려주기 전에, 이전 poll까지의 position을 커밋합니다.",
        ["enable.auto.commit", "auto.commit.interval.ms"], "", "ConsumerCoordinator.maybeAutoCommitOffsetsAsync", Modelled;
    CONSUMER_COMMIT_SYNC = "consumer.commit-sync",
        "commitSync retries until it succeeds, fails for good, or its time is over; commitAsync never retries and reports in the next call.",
        "commitSync는 성공하거나 완전히 실패하거나 시간이 다할 때까지 재시도합니다. commitAsync는 재시도하지 않고 다음 호출에서 결과를 알립니다.",
        ["default.api.timeout.ms"], "", "ConsumerCoordinator.commitOffsetsSync", Modelled;
    CONSUMER_JOIN = "consumer.join",
        "Joining a group goes on over several polls; a poll does not wait for it longer than its own time.",
        "그룹 참여는 여러 poll에 걸쳐 이어지며, poll은 자기 시간보다 오래 기다리지 않습니다.",
        [], "KIP-266", "AbstractCoordinator.joinGroupIfNeeded", Modelled;
    CONSUMER_HEARTBEAT = "consumer.heartbeat",
        "A thread of its own sends heartbeats every heartbeat.interval.ms, whether the application polls or not.",
        "별도의 스레드가 heartbeat.interval.ms마다 하트비트를 보냅니다. 애플리케이션이 poll을 부르는지와는 상관없습니다.",
        ["heartbeat.interval.ms", "session.timeout.ms"], "KIP-62", "AbstractCoordinator.HeartbeatThread.run", Modelled;
    CONSUMER_MAX_POLL_INTERVAL = "consumer.max-poll-interval",
        "A member whose application does not poll for max.poll.interval.ms leaves the group by itself; a static member only falls silent.",
        "애플리케이션이 max.poll.interval.ms 동안 poll을 부르지 않으면 멤버가 스스로 그룹을 떠납니다. 정적 멤버는 하트비트만 멈춥니다.",
        ["max.poll.interval.ms"], "KIP-62", "AbstractCoordinator.handlePollTimeoutExpiry", Modelled;
    CONSUMER_EAGER = "consumer.eager-revoke",
        "Under the eager protocol every partition is given up before the member joins again.",
        "eager 프로토콜에서는 다시 참여하기 전에 모든 파티션을 내놓습니다.",
        ["partition.assignment.strategy"], "", "ConsumerCoordinator.onJoinPrepare", Modelled;
    CONSUMER_COOPERATIVE = "consumer.cooperative-revoke",
        "Under the cooperative protocol partitions are kept during the join, and only what was taken away is revoked afterwards, followed by a second join.",
        "cooperative 프로토콜에서는 참여하는 동안 파티션을 유지하고, 빼앗긴 것만 나중에 내놓은 뒤 한 번 더 참여합니다.",
        ["partition.assignment.strategy"], "KIP-429", "ConsumerCoordinator.onJoinComplete", Modelled;
    CONSUMER_CLOSE = "consumer.close",
        "close commits if auto-commit is on, gives its partitions up and leaves the group; a static member stays, a killed one does none of this.",
        "close는 자동 커밋이 켜져 있으면 커밋하고, 파티션을 내놓고, 그룹을 떠납니다. 정적 멤버는 남고, 강제 종료된 멤버는 아무것도 하지 않습니다.",
        ["group.instance.id", "enable.auto.commit"], "KIP-1092", "ConsumerCoordinator.close", Modelled;
    CONSUMER_PREFERRED_REPLICA = "consumer.preferred-replica",
        "A broker may send a consumer to a replica in its rack, until metadata is too old or that replica does not have the offset.",
        "브로커는 컨슈머를 같은 랙의 레플리카로 보낼 수 있습니다. 메타데이터가 오래되거나 그 레플리카에 오프셋이 없으면 리더로 돌아갑니다.",
        ["client.rack"], "KIP-392", "AbstractFetch.selectReadReplica", Modelled;
    CONSUMER_PROTOCOL = "consumer.group-protocol-consumer",
        "The client side of the consumer group protocol is not carried out; groups with it exist on the broker's side.",
        "컨슈머 그룹 프로토콜의 클라이언트 쪽은 구현하지 않았습니다. 브로커 쪽에는 있습니다.",
        ["group.protocol", "group.remote.assignor"], "KIP-848", "AsyncKafkaConsumer.poll", Absent;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_both_sentences_and_configs_that_exist() {
        for (i, rule) in RULES.iter().enumerate() {
            assert!(
                !rule.en.is_empty() && rule.ko.ends_with("다."),
                "{:?}",
                rule.id
            );
            assert!(
                RULES[i + 1..].iter().all(|other| other.id != rule.id),
                "{:?} twice",
                rule.id
            );
            for name in rule.configs {
                let known = crate::config::PRODUCER
                    .iter()
                    .chain(crate::config::CONSUMER)
                    .any(|d| d.name == *name);
                assert!(known, "{name} of {:?}", rule.id);
            }
        }
    }
}
