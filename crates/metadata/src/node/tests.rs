//! A controller process alone: it becomes active, answers once committed, and goes on from its files.

use super::*;
use protocol::messages::{BrokerHeartbeatRequest, BrokerRegistrationRequest};
use protocol::trace::Deaf;
use protocol::{BrokerEpoch, Protections};

const CONN: ConnectionId = ConnectionId(1);

struct Bench {
    node: Node,
    now: Instant,
    answers: Vec<Response>,
    correlation: i32,
}

impl Bench {
    fn new(files: QuorumFiles) -> Self {
        let controller = ControllerConfig::new(NodeId(100), "c", []).expect("defaults");
        let config = NodeConfig {
            controller,
            quorum: QuorumConfig::default(),
            directory_id: Uuid(9 << 64),
        };
        let node = Node::new(config, files);
        let mut bench = Self {
            node,
            now: Instant::start(),
            answers: Vec::new(),
            correlation: 0,
        };
        bench.step(|node, ctx, _| node.start(ctx));
        bench.step(|node, ctx, out| node.handle(Input::Accepted { conn: CONN }, ctx, out));
        bench
    }

    fn step(&mut self, f: impl FnOnce(&mut Node, &mut Ctx<'_>, &mut Outbox)) -> Option<Instant> {
        let mut out = Outbox::default();
        let mut ctx = Ctx {
            now: self.now,
            protections: Protections::ALL,
            draws: &mut protocol::ctx::NoChance,
            trace: &mut Deaf,
        };
        f(&mut self.node, &mut ctx, &mut out);
        let wake = self.node.poll(&mut ctx, &mut out);
        for output in out.outputs {
            if let Output::Respond { response, .. } = output {
                self.answers.push(response);
            }
        }
        wake
    }

    fn run(&mut self, until: Instant) {
        while let Some(at) = self.step(|_, _, _| {}).filter(|&at| at <= until) {
            self.now = self.now.max(at);
        }
        self.now = until;
    }

    fn ask(&mut self, request: Request) {
        self.correlation += 1;
        let header = RequestHeader {
            api_version: 0,
            correlation_id: CorrelationId(self.correlation),
            client_id: "t".into(),
        };
        self.step(|node, ctx, out| {
            node.handle(
                Input::Request {
                    conn: CONN,
                    header,
                    request,
                },
                ctx,
                out,
            )
        });
    }
}

fn registration() -> Request {
    BrokerRegistrationRequest {
        broker_id: NodeId(1),
        cluster_id: "c".into(),
        incarnation_id: Uuid(5),
        features: supported_features(),
        log_dirs: vec![Uuid(1 << 80)],
        ..Default::default()
    }
    .into()
}

#[test]
fn an_answer_leaves_when_its_records_are_committed_and_a_restart_replays_them() {
    let mut bench = Bench::new(QuorumFiles::default());
    bench.run(Instant::start().after_ms(100));
    assert!(
        bench.node.controller().is_active(),
        "a quorum of one leads at once"
    );
    bench.ask(registration());
    assert!(
        bench.answers.is_empty(),
        "the batch lingers before it is written"
    );
    bench.run(bench.now.after_ms(100));
    let [Response::BrokerRegistration(answer)] = &bench.answers[..] else {
        panic!("{:?}", bench.answers)
    };
    assert_eq!(answer.error, protocol::ErrorCode::None);
    let epoch = answer.broker_epoch;
    assert!(epoch > BrokerEpoch(0));

    let files = bench.node.into_files();
    let mut again = Bench::new(files);
    again.run(Instant::start().after_ms(10_000));
    assert!(again.node.controller().is_active());
    assert_eq!(
        again.node.image().cluster.broker_epoch(NodeId(1)),
        Some(epoch)
    );
}

#[test]
fn a_second_request_on_a_connection_waits_for_the_answer_to_the_first() {
    let mut bench = Bench::new(QuorumFiles::default());
    bench.run(Instant::start().after_ms(100));
    bench.ask(registration());
    let heartbeat = BrokerHeartbeatRequest {
        broker_id: NodeId(1),
        ..Default::default()
    };
    bench.ask(heartbeat.into());
    bench.run(bench.now.after_ms(100));
    assert_eq!(
        bench.answers.len(),
        1,
        "the second is not taken up by itself"
    );
    bench.step(|node, ctx, out| node.next(ctx, out));
    assert!(matches!(bench.answers[1], Response::BrokerHeartbeat(_)));
}
