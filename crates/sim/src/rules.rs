//! What the simulator adds to the rules of Kafka: how clients look from outside, and what things cost.

use protocol::trace::{Fidelity, Rule, RuleId};

pub const ACCUMULATE: RuleId = RuleId("client.accumulate");
pub const SEND: RuleId = RuleId("client.send");
pub const ASSIGNMENT: RuleId = RuleId("client.assignment");
pub const POSITION: RuleId = RuleId("client.position");
pub const PROCESS: RuleId = RuleId("client.process");
pub const COST: RuleId = RuleId("sim.cost");
pub const WIRE: RuleId = RuleId("sim.wire");

const fn rule(
    id: RuleId,
    en: &'static str,
    ko: &'static str,
    configs: &'static [&'static str],
    source: &'static str,
    fidelity: Fidelity,
) -> Rule {
    Rule {
        id,
        en,
        ko,
        configs,
        kip: "",
        source,
        fidelity,
    }
}

/// The catalogue of this crate.
pub static RULES: &[Rule] = &[
    rule(
        ACCUMULATE,
        "A record that was sent waits in the producer until a request takes its batch, and counts as undecided until its callback.",
        "보낸 레코드는 배치가 요청에 실릴 때까지 프로듀서 안에서 기다리고, 콜백이 올 때까지는 결과가 정해지지 않은 것으로 셉니다.",
        &["linger.ms", "batch.size", "buffer.memory"],
        "RecordAccumulator.append",
        Fidelity::Modelled,
    ),
    rule(
        SEND,
        "The producer keeps at most so many unanswered requests on a connection.",
        "프로듀서는 연결마다 응답받지 못한 요청을 정해진 수까지만 둡니다.",
        &["max.in.flight.requests.per.connection"],
        "Sender.sendProducerData",
        Fidelity::Modelled,
    ),
    rule(
        ASSIGNMENT,
        "A consumer reads the partitions that it was assigned, by its group or by itself.",
        "컨슈머는 그룹이 배정했거나 스스로 지정한 파티션을 읽습니다.",
        &["partition.assignment.strategy"],
        "SubscriptionState.assignFromSubscribed",
        Fidelity::Modelled,
    ),
    rule(
        POSITION,
        "The position is the offset of the next record that poll will return; poll moves it.",
        "포지션은 다음 poll이 돌려줄 레코드의 오프셋입니다. poll이 포지션을 옮깁니다.",
        &["auto.offset.reset", "max.poll.records"],
        "FetchCollector.collectFetch",
        Fidelity::Modelled,
    ),
    rule(
        PROCESS,
        "The application works on the records of a poll one after the other before it polls again.",
        "애플리케이션은 poll로 받은 레코드를 하나씩 처리한 뒤 다시 poll합니다.",
        &["max.poll.interval.ms"],
        "",
        Fidelity::Modelled,
    ),
    rule(
        COST,
        "Messages take 1 ms one way at 100 MB/s; a node works on one thing at a time, 50 µs a request.",
        "메시지는 편도 1ms, 초당 100MB로 움직입니다. 노드는 한 번에 하나씩, 요청마다 50µs 동안 일합니다.",
        &[],
        "",
        Fidelity::Simplified,
    ),
    rule(
        WIRE,
        "Inside a connection nothing is lost, doubled or reordered; a cut swallows, and healing resets what lost something.",
        "한 연결 안에서는 유실, 중복, 순서 바뀜이 없습니다. 끊긴 링크는 메시지를 삼키고, 복구되면 무언가를 잃은 연결은 재설정됩니다.",
        &[],
        "",
        Fidelity::Simplified,
    ),
];
