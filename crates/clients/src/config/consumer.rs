//! `ConsumerConfig`'s table.

use super::*;

/// `ConsumerConfig`.
pub static CONSUMER: &[ConfigDef] = table!(
    Consumer,
    "65536",
    def(
        Scope::Consumer,
        "group.id",
        String,
        None,
        Any,
        true,
        "The group that this consumer belongs to, and under which it commits.",
        "이 컨슈머가 속하고 오프셋을 커밋하는 그룹."
    ),
    def(
        Scope::Consumer,
        "group.instance.id",
        String,
        None,
        NonEmpty,
        true,
        "Makes the member static: it keeps its partitions over a restart within the session timeout.",
        "정적 멤버로 만듭니다. 세션 타임아웃 안에 재시작하면 파티션을 그대로 유지합니다."
    ),
    def(
        Scope::Consumer,
        "group.protocol",
        String,
        Some("classic"),
        OneOf(&["classic", "consumer", "CLASSIC", "CONSUMER"]),
        true,
        "Which group protocol: classic, where a member assigns, or consumer (KIP-848), where the broker does.",
        "그룹 프로토콜: 멤버가 할당하는 classic, 브로커가 할당하는 consumer(KIP-848)."
    ),
    def(
        Scope::Consumer,
        "group.remote.assignor",
        String,
        None,
        Any,
        true,
        "The assignor that the broker should use (consumer protocol only).",
        "브로커가 쓸 어사이너(consumer 프로토콜 전용)."
    ),
    def(
        Scope::Consumer,
        "session.timeout.ms",
        Int,
        Some("45000"),
        Any,
        true,
        "A member that is not heard of for this long is removed (classic protocol only).",
        "이 시간 동안 소식이 없는 멤버는 제거된다(classic 프로토콜 전용)."
    ),
    def(
        Scope::Consumer,
        "heartbeat.interval.ms",
        Int,
        Some("3000"),
        Any,
        true,
        "How often a member says that it is alive (classic protocol only).",
        "멤버가 살아 있음을 알리는 간격(classic 프로토콜 전용)."
    ),
    def(
        Scope::Consumer,
        "max.poll.interval.ms",
        Int,
        Some("300000"),
        AtLeast(1.0),
        true,
        "A consumer that does not call poll() for this long leaves its group.",
        "이 시간 동안 poll()을 부르지 않으면 그룹을 떠납니다."
    ),
    def(
        Scope::Consumer,
        "max.poll.records",
        Int,
        Some("500"),
        AtLeast(1.0),
        true,
        "How many records one poll() returns at most.",
        "poll() 한 번이 돌려주는 최대 레코드 수."
    ),
    def(
        Scope::Consumer,
        "partition.assignment.strategy",
        List,
        Some(
            "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
        ),
        Any,
        true,
        "Assignors that this member supports, the preferred one first (classic protocol only).",
        "이 멤버가 지원하는 어사이너, 선호하는 순서대로(classic 프로토콜 전용)."
    ),
    def(
        Scope::Consumer,
        "enable.auto.commit",
        Boolean,
        Some("true"),
        Any,
        true,
        "Whether positions are committed by themselves, inside poll() and close().",
        "poll()과 close() 안에서 위치를 자동으로 커밋할지 여부."
    ),
    def(
        Scope::Consumer,
        "auto.commit.interval.ms",
        Int,
        Some("5000"),
        AtLeast(0.0),
        true,
        "The least time between two automatic commits.",
        "자동 커밋 사이의 최소 간격."
    ),
    def(
        Scope::Consumer,
        "auto.offset.reset",
        String,
        Some("latest"),
        Any,
        true,
        "Where to start without a valid committed offset: earliest, latest, none, or by_duration:<ISO-8601>.",
        "유효한 커밋 오프셋이 없을 때 시작하는 곳: earliest, latest, none, by_duration:<ISO-8601>."
    ),
    def(
        Scope::Consumer,
        "isolation.level",
        String,
        Some("read_uncommitted"),
        OneOf(&["read_committed", "read_uncommitted"]),
        true,
        "Whether records of open and aborted transactions are returned.",
        "열려 있거나 중단된 트랜잭션의 레코드를 돌려줄지 여부."
    ),
    def(
        Scope::Consumer,
        "fetch.min.bytes",
        Int,
        Some("1"),
        AtLeast(0.0),
        true,
        "How much a broker should have before it answers a fetch.",
        "브로커가 페치에 답하기 전에 모아야 하는 양."
    ),
    def(
        Scope::Consumer,
        "fetch.max.bytes",
        Int,
        Some("52428800"),
        AtLeast(0.0),
        true,
        "How much one fetch returns at most, unless the first batch is larger.",
        "페치 한 번의 최대 크기. 첫 배치가 더 크면 그 배치는 옵니다."
    ),
    def(
        Scope::Consumer,
        "fetch.max.wait.ms",
        Int,
        Some("500"),
        AtLeast(0.0),
        true,
        "How long a broker may wait for fetch.min.bytes.",
        "fetch.min.bytes를 기다리는 최대 시간."
    ),
    def(
        Scope::Consumer,
        "max.partition.fetch.bytes",
        Int,
        Some("1048576"),
        AtLeast(0.0),
        true,
        "How much one fetch returns of a partition at most, unless its first batch is larger.",
        "페치 한 번에 파티션 하나에서 오는 최대 크기. 첫 배치가 더 크면 그 배치는 옵니다."
    ),
    def(
        Scope::Consumer,
        "client.rack",
        String,
        Some(""),
        Any,
        true,
        "Where this client is, so that a broker can send it to a replica nearby.",
        "클라이언트의 위치. 브로커가 가까운 레플리카로 보낼 수 있습니다."
    ),
    def(
        Scope::Consumer,
        "default.api.timeout.ms",
        Int,
        Some("60000"),
        AtLeast(0.0),
        true,
        "How long calls without a timeout of their own may block.",
        "따로 시간을 정하지 않은 호출이 막혀 있을 수 있는 시간."
    ),
    def(
        Scope::Consumer,
        "allow.auto.create.topics",
        Boolean,
        Some("true"),
        Any,
        true,
        "Whether asking for a missing topic may create it.",
        "없는 토픽을 물어볼 때 만들어도 되는지 여부."
    ),
    def(
        Scope::Consumer,
        "exclude.internal.topics",
        Boolean,
        Some("true"),
        Any,
        true,
        "Whether a pattern leaves out internal topics.",
        "패턴 구독에서 내부 토픽을 뺄지 여부."
    ),
    def(
        Scope::Consumer,
        "check.crcs",
        Boolean,
        Some("true"),
        Any,
        true,
        "Whether the checksum of fetched batches is verified.",
        "가져온 배치의 체크섬을 확인할지 여부."
    ),
    def(
        Scope::Consumer,
        "share.acknowledgement.mode",
        String,
        Some("implicit"),
        OneOf(&["implicit", "explicit"]),
        false,
        "How a share consumer acknowledges (KIP-932); not modelled.",
        "셰어 컨슈머의 확인 방식(KIP-932). 구현하지 않았습니다."
    ),
    def(
        Scope::Consumer,
        "share.acquire.mode",
        String,
        Some("batch_optimized"),
        OneOf(&["batch_optimized", "record_limit"]),
        false,
        "How a share consumer acquires records (KIP-932); not modelled.",
        "셰어 컨슈머가 레코드를 얻는 방식(KIP-932). 구현하지 않았습니다."
    ),
    def(
        Scope::Consumer,
        "key.deserializer",
        Class,
        None,
        Any,
        false,
        "Class that turns bytes into keys; keys are bytes here.",
        "바이트를 키로 바꾸는 클래스. 여기서 키는 바이트입니다."
    ),
    def(
        Scope::Consumer,
        "value.deserializer",
        Class,
        None,
        Any,
        false,
        "Class that turns bytes into values; values are bytes here.",
        "바이트를 값으로 바꾸는 클래스. 여기서 값은 바이트입니다."
    ),
);
