//! Between the words of the clients' network and those of the wire.

use clients::network::{Input as ClientInput, Output as ClientOutput};
use protocol::Name;
use protocol::messages::RequestHeader;
use protocol::wire::{Input, Outbox, Output};

pub(super) fn input_to_client(input: Input) -> Option<ClientInput> {
    match input {
        Input::Connected { conn } => Some(ClientInput::Connected { conn }),
        Input::Disconnected { conn } => Some(ClientInput::Disconnected { conn }),
        Input::Response {
            conn,
            correlation_id,
            response,
        } => Some(ClientInput::Response {
            conn,
            correlation_id,
            response,
        }),
        // nobody connects to a client
        Input::Accepted { .. } | Input::Closed { .. } | Input::Request { .. } => None,
    }
}

pub(super) fn outputs_from_client(outputs: Vec<ClientOutput>, client_id: &Name, out: &mut Outbox) {
    for output in outputs {
        out.push(match output {
            ClientOutput::Connect { conn, node } => Output::Connect { conn, node },
            ClientOutput::Send {
                conn,
                correlation_id,
                version,
                request,
                ..
            } => {
                let header = RequestHeader {
                    api_version: version,
                    correlation_id,
                    client_id: client_id.clone(),
                };
                Output::Send {
                    conn,
                    header,
                    request,
                }
            }
            ClientOutput::Close { conn } => Output::Close { conn },
        });
    }
}
