//! The scripted cluster: connections that open at once, requests that wait for the script, answers that come by
//! themselves where the case says so.

use super::bodies;
use super::sent;
use clients::network::{Input, Output};
use protocol::messages::{Request, Response};
use protocol::{ApiKey, ConnectionId, CorrelationId, Name, NodeId, Uuid};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A topic as METADATA shows it: leader (−1 = none) and leader epoch of each partition.
#[derive(Clone, Debug)]
pub struct Topic {
    pub id: Uuid,
    pub partitions: Vec<(i32, i32)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Down {
    Refuse,
    Hang,
}

#[derive(Debug)]
pub struct Asked {
    pub correlation_id: CorrelationId,
    pub request: Request,
    automatic: bool,
}

#[derive(Debug)]
struct Connection {
    node: i32,
    open: bool,
    waiting: VecDeque<Asked>,
}

/// Everything around the client under test.
#[derive(Debug)]
pub struct Cluster {
    pub brokers: Vec<i32>,
    pub topics: BTreeMap<Name, Topic>,
    auto: BTreeSet<String>,
    auto_bodies: Map<String, Value>,
    pub group_coordinator: i32,
    pub txn_coordinator: i32,
    transaction_version: i16,
    features_epoch: i64,
    down: BTreeMap<i32, Down>,
    connections: BTreeMap<ConnectionId, Connection>,
    inputs: Vec<Input>,
    /// Order in which the answer under way names its partitions.
    pub order: Vec<String>,
    pub sent: Vec<Value>,
}

impl Cluster {
    pub fn new(init: &Value) -> Self {
        let brokers: Vec<i32> = match init["brokers"].as_array() {
            Some(ids) => ids
                .iter()
                .map(|id| id.as_i64().expect("an id") as i32)
                .collect(),
            None => vec![1, 2, 3],
        };
        let producer = init["client"] == "producer";
        let auto = match init["auto"].as_array() {
            Some(apis) => apis
                .iter()
                .map(|a| a.as_str().expect("an api").to_owned())
                .collect(),
            None if producer => ["METADATA", "INIT_PRODUCER_ID"].map(String::from).into(),
            None => ["METADATA", "FIND_COORDINATOR"].map(String::from).into(),
        };
        let mut cluster = Self {
            brokers,
            topics: BTreeMap::new(),
            auto,
            auto_bodies: init["auto_bodies"].as_object().cloned().unwrap_or_default(),
            group_coordinator: init["group_coordinator"].as_i64().unwrap_or(1) as i32,
            txn_coordinator: init["txn_coordinator"].as_i64().unwrap_or(1) as i32,
            transaction_version: init["transaction_version"].as_i64().unwrap_or(2) as i16,
            features_epoch: 1,
            down: BTreeMap::new(),
            connections: BTreeMap::new(),
            inputs: Vec::new(),
            order: Vec::new(),
            sent: Vec::new(),
        };
        match init["topics"].as_object() {
            Some(topics) => cluster.set_topics(topics),
            None => cluster.set_topics(
                json!({"t": [[1, 0], [2, 0], [3, 0]]})
                    .as_object()
                    .expect("an object"),
            ),
        }
        cluster
    }

    fn set_topics(&mut self, topics: &Map<String, Value>) {
        for (name, partitions) in topics {
            let partitions = partitions
                .as_array()
                .expect("a list of partitions")
                .iter()
                .map(|p| {
                    (
                        p[0].as_i64().expect("a leader") as i32,
                        p[1].as_i64().expect("an epoch") as i32,
                    )
                })
                .collect();
            let next = Uuid(self.topics.len() as u128 + 1000);
            let id = self.topics.get(name.as_str()).map_or(next, |t| t.id);
            self.topics
                .insert(name.as_str().into(), Topic { id, partitions });
        }
    }

    /// `cluster` step.
    pub fn change(&mut self, step: &Map<String, Value>) {
        if let Some(topics) = step.get("topics").and_then(Value::as_object) {
            self.set_topics(topics);
        }
        for (tp, state) in step
            .get("partitions")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let tp = super::values::tp(tp);
            let topic = self.topics.get_mut(&tp.topic).expect("a known topic");
            topic.partitions[tp.partition as usize] = (
                state[0].as_i64().expect("a leader") as i32,
                state[1].as_i64().expect("an epoch") as i32,
            );
        }
        let number = |name: &str| step.get(name).and_then(Value::as_i64);
        if let Some(id) = number("group_coordinator") {
            self.group_coordinator = id as i32;
        }
        if let Some(id) = number("txn_coordinator") {
            self.txn_coordinator = id as i32;
        }
        if let Some(version) = number("transaction_version") {
            self.transaction_version = version as i16;
            self.features_epoch += 1;
        }
    }

    /// `auto` step.
    pub fn set_auto(&mut self, step: &Map<String, Value>) {
        let apis = |name: &str| -> Vec<String> {
            let list = step.get(name).and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .map(|a| a.as_str().expect("an api").to_owned())
                .collect()
        };
        self.auto.extend(apis("on"));
        for api in apis("off") {
            self.auto.remove(&api);
        }
    }

    pub fn node_down(&mut self, node: i32, mode: Option<&str>) {
        self.down.insert(
            node,
            if mode == Some("hang") {
                Down::Hang
            } else {
                Down::Refuse
            },
        );
        self.disconnect(node);
    }

    pub fn node_up(&mut self, node: i32) {
        self.down.remove(&node);
    }

    pub fn disconnect(&mut self, node: i32) {
        let lost: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, c)| c.node == node && c.open)
            .map(|(id, _)| *id)
            .collect();
        for conn in lost {
            self.connections.remove(&conn);
            self.inputs.push(Input::Disconnected { conn });
        }
    }

    /// What the client asks of the wire, at `t` ms since the start of the case. Connections that an ended client closes
    /// are not shown.
    pub fn take(&mut self, output: Output, t: i64, ended: bool) {
        match output {
            Output::Connect { conn, node } => match self.down.get(&node.0) {
                Some(Down::Refuse) => {
                    self.sent.push(json!({"t": t, "refused": node.0}));
                    self.inputs.push(Input::Disconnected { conn });
                }
                down => {
                    let open = down.is_none();
                    self.connections.insert(
                        conn,
                        Connection {
                            node: node.0,
                            open,
                            waiting: VecDeque::new(),
                        },
                    );
                    if open {
                        self.inputs.push(Input::Connected { conn });
                    }
                }
            },
            Output::Close { conn } => {
                if let Some(connection) = self.connections.remove(&conn) {
                    if !connection.waiting.is_empty() && !ended {
                        self.sent.push(json!({"t": t, "closed": connection.node}));
                    }
                }
            }
            Output::Send {
                conn,
                correlation_id,
                version,
                expects_response,
                request,
            } => {
                let Some(connection) = self.connections.get_mut(&conn) else {
                    return;
                };
                if let Some(shown) = sent::request(&request, version, connection.node, &self.topics)
                {
                    let mut line = json!({"t": t});
                    line.as_object_mut().expect("an object").extend(shown);
                    self.sent.push(line);
                }
                if expects_response {
                    let automatic = request.api() == ApiKey::ApiVersions
                        || self.auto.contains(request.api().name());
                    connection.waiting.push_back(Asked {
                        correlation_id,
                        request,
                        automatic,
                    });
                    self.answer_automatically(conn);
                }
            }
        }
    }

    fn answer_automatically(&mut self, conn: ConnectionId) {
        while let Some(asked) =
            self.connections
                .get_mut(&conn)
                .and_then(|c| match c.waiting.front() {
                    Some(asked) if asked.automatic => c.waiting.pop_front(),
                    _ => None,
                })
        {
            let body = self.auto_bodies.get(asked.request.api().name()).cloned();
            let body = body.unwrap_or_else(|| json!({"pid": 1000, "epoch": 0}));
            let response = self.respond(&asked.request, body.as_object().expect("an object"));
            self.inputs.push(Input::Response {
                conn,
                correlation_id: asked.correlation_id,
                response,
            });
        }
    }

    /// `answer` step: the oldest unanswered request of a connection to `node` (0 = any) if it is of that api.
    pub fn answer(&mut self, step: &Map<String, Value>, order: &[String]) {
        let node = step["node"].as_i64();
        let api = step["api"].as_str().expect("an api");
        let conn = self
            .connections
            .iter()
            .filter(|(_, c)| node.is_none_or(|id| i64::from(c.node) == id))
            .find(|(_, c)| {
                c.waiting
                    .front()
                    .is_some_and(|asked| asked.request.api().name() == api)
            })
            .map(|(id, _)| *id)
            .unwrap_or_else(|| {
                panic!(
                    "no connection to {:?} has an unanswered {api} in front",
                    step["node"]
                )
            });
        let asked = self
            .connections
            .get_mut(&conn)
            .and_then(|c| c.waiting.pop_front())
            .expect("found");
        self.order = order.to_vec();
        let response = self.respond(&asked.request, step);
        self.inputs.push(Input::Response {
            conn,
            correlation_id: asked.correlation_id,
            response,
        });
        self.answer_automatically(conn);
    }

    fn respond(&self, request: &Request, body: &Map<String, Value>) -> Response {
        bodies::response(self, request, body)
    }

    pub fn transaction_version(&self) -> (i64, i16) {
        (self.features_epoch, self.transaction_version)
    }

    pub fn topic_id(&self, name: &str) -> Uuid {
        self.topics.get(name).map_or(Uuid::ZERO, |t| t.id)
    }

    pub fn topic_name(&self, id: Uuid) -> Option<Name> {
        self.topics
            .iter()
            .find(|(_, t)| t.id == id)
            .map(|(name, _)| name.clone())
    }

    pub fn bootstrap(&self) -> NodeId {
        NodeId(self.brokers[0])
    }

    pub fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    pub fn take_inputs(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.inputs)
    }
}
