//! Requests of consumers in the form in which cases show them.

use super::cluster::Topic;
use protocol::Name;
use protocol::messages::Request;
use serde_json::Value;
use std::collections::BTreeMap;

pub fn request(request: &Request, _topics: &BTreeMap<Name, Topic>) -> Value {
    unreachable!("{:?} is not a client's request", request.api())
}
