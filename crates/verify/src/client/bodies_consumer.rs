//! Answers to a consumer's requests, from the bodies that cases give.

use super::cluster::Cluster;
use protocol::messages::{Request, Response};
use serde_json::{Map, Value};

pub fn response(_cluster: &Cluster, request: &Request, _body: &Map<String, Value>) -> Response {
    unreachable!("{:?} is not a client's request", request.api())
}
