//! `ProducerConfig`'s table.

use super::*;

/// `ProducerConfig`.
pub static PRODUCER: &[ConfigDef] = table!(
    Producer,
    "32768",
    def(
        Scope::Producer,
        "acks",
        String,
        Some("all"),
        OneOf(&["all", "-1", "0", "1"]),
        true,
        "Who must have a record before it is acknowledged: nobody (0), the leader (1), all in-sync replicas (all).",
        "레코드를 누가 받아야 확인 응답을 하는지: 아무도(0), 리더만(1), 동기화된 레플리카 모두(all)."
    ),
    def(
        Scope::Producer,
        "enable.idempotence",
        Boolean,
        Some("true"),
        Any,
        true,
        "Numbers the records so that brokers can refuse duplicates and gaps.",
        "레코드에 번호를 매겨 브로커가 중복과 빈틈을 거부할 수 있게 합니다."
    ),
    def(
        Scope::Producer,
        "retries",
        Int,
        Some("2147483647"),
        Between(0.0, 2_147_483_647.0),
        true,
        "How often a failed batch is sent again; delivery.timeout.ms usually ends it first.",
        "실패한 배치를 몇 번까지 다시 보낼지. 보통 delivery.timeout.ms가 먼저 끝냅니다."
    ),
    def(
        Scope::Producer,
        "max.in.flight.requests.per.connection",
        Int,
        Some("5"),
        AtLeast(1.0),
        true,
        "How many unanswered requests a connection may have.",
        "한 연결에서 응답을 기다릴 수 있는 요청 수."
    ),
    def(
        Scope::Producer,
        "delivery.timeout.ms",
        Int,
        Some("120000"),
        AtLeast(0.0),
        true,
        "How long a record may take from send() to its acknowledgement or failure.",
        "send()부터 확인 응답이나 실패까지 허용되는 시간."
    ),
    def(
        Scope::Producer,
        "linger.ms",
        Long,
        Some("5"),
        AtLeast(0.0),
        true,
        "How long a batch waits for more records before it is sent.",
        "배치를 보내기 전에 레코드를 더 기다리는 시간."
    ),
    def(
        Scope::Producer,
        "batch.size",
        Int,
        Some("16384"),
        AtLeast(0.0),
        true,
        "Size at which a batch is full; 0 sends every record alone.",
        "배치가 가득 찬 것으로 보는 크기. 0이면 레코드를 하나씩 보냅니다."
    ),
    def(
        Scope::Producer,
        "buffer.memory",
        Long,
        Some("33554432"),
        AtLeast(0.0),
        true,
        "Memory for records that wait to be sent; send() blocks when it is used up.",
        "전송을 기다리는 레코드를 위한 메모리. 다 쓰면 send()가 막힙니다."
    ),
    def(
        Scope::Producer,
        "max.block.ms",
        Long,
        Some("60000"),
        AtLeast(0.0),
        true,
        "How long send() and the transaction calls may block.",
        "send()와 트랜잭션 호출이 막혀 있을 수 있는 시간."
    ),
    def(
        Scope::Producer,
        "max.request.size",
        Int,
        Some("1048576"),
        AtLeast(0.0),
        true,
        "The largest record, and the largest request that is filled with batches.",
        "레코드 하나의 최대 크기이자 배치로 채우는 요청의 최대 크기."
    ),
    def(
        Scope::Producer,
        "compression.type",
        String,
        Some("none"),
        OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]),
        true,
        "Codec with which batches are compressed.",
        "배치에 메시지 압축(compression)을 적용하는 코덱."
    ),
    def(
        Scope::Producer,
        "compression.gzip.level",
        Int,
        Some("-1"),
        Between(-1.0, 9.0),
        false,
        "How hard gzip tries.",
        "gzip 메시지 압축 수준."
    ),
    def(
        Scope::Producer,
        "compression.lz4.level",
        Int,
        Some("9"),
        Between(1.0, 17.0),
        false,
        "How hard lz4 tries.",
        "lz4 메시지 압축 수준."
    ),
    def(
        Scope::Producer,
        "compression.zstd.level",
        Int,
        Some("3"),
        Between(-131_072.0, 22.0),
        false,
        "How hard zstd tries.",
        "zstd 메시지 압축 수준."
    ),
    def(
        Scope::Producer,
        "partitioner.class",
        Class,
        None,
        Any,
        true,
        "Class that chooses partitions; without one, keys are hashed and the rest sticks to a partition for a while.",
        "파티션을 고르는 클래스. 없으면 키는 해시하고, 키 없는 레코드는 한동안 한 파티션에 붙습니다."
    ),
    def(
        Scope::Producer,
        "partitioner.ignore.keys",
        Boolean,
        Some("false"),
        Any,
        true,
        "Whether records with a key are spread like those without.",
        "키가 있는 레코드도 키 없는 레코드처럼 나눌지 여부."
    ),
    def(
        Scope::Producer,
        "partitioner.adaptive.partitioning.enable",
        Boolean,
        Some("true"),
        Any,
        true,
        "Whether partitions with shorter queues are chosen more often.",
        "대기열이 짧은 파티션을 더 자주 고를지 여부."
    ),
    def(
        Scope::Producer,
        "partitioner.availability.timeout.ms",
        Long,
        Some("0"),
        AtLeast(0.0),
        true,
        "Partitions whose leader could take nothing for this long are not chosen; 0 turns this off.",
        "이 시간 동안 아무것도 받지 못한 리더의 파티션은 고르지 않습니다. 0이면 끕니다."
    ),
    def(
        Scope::Producer,
        "metadata.max.idle.ms",
        Long,
        Some("300000"),
        AtLeast(5000.0),
        true,
        "Topics that were not produced to for this long are forgotten.",
        "이 시간 동안 쓰지 않은 토픽은 메타데이터에서 잊습니다."
    ),
    def(
        Scope::Producer,
        "transactional.id",
        String,
        None,
        NonEmpty,
        true,
        "Name under which transactions survive a restart and older instances are fenced.",
        "재시작 후에도 트랜잭션을 잇고 이전 인스턴스를 차단하는 이름."
    ),
    def(
        Scope::Producer,
        "transaction.timeout.ms",
        Int,
        Some("60000"),
        Any,
        true,
        "How long a transaction may stay open before the coordinator aborts it.",
        "코디네이터가 중단하기 전까지 트랜잭션이 열려 있을 수 있는 시간."
    ),
    def(
        Scope::Producer,
        "transaction.two.phase.commit.enable",
        Boolean,
        Some("false"),
        Any,
        false,
        "Whether an outside coordinator decides about transactions (KIP-939); not modelled.",
        "트랜잭션을 외부 조정자가 결정할지 여부(KIP-939). 구현하지 않았습니다."
    ),
    def(
        Scope::Producer,
        "key.serializer",
        Class,
        None,
        Any,
        false,
        "Class that turns keys into bytes; keys are bytes here.",
        "키를 바이트로 바꾸는 클래스. 여기서 키는 바이트입니다."
    ),
    def(
        Scope::Producer,
        "value.serializer",
        Class,
        None,
        Any,
        false,
        "Class that turns values into bytes; values are bytes here.",
        "값을 바이트로 바꾸는 클래스. 여기서 값은 바이트입니다."
    ),
);
