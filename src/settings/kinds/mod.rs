//! The kinds of values, each for every key that has it.

mod addresses;
mod numbers;
mod places;
mod routes;
mod secrets;
mod texts;

pub(crate) use addresses::{
    base_url, header_name, host_name, network, socket_address, topic_arn, url,
};
pub(crate) use numbers::{duration, number, positive_duration, whole};
pub(crate) use places::{one_place, place};
pub(crate) use routes::routes;
pub(crate) use secrets::{admin_token, find_secret, secret, secret_schema, shared_secret};
pub(crate) use texts::{
    condition, event_type, expression, known_name, name_of, one_of, parse_template, parsed, quoted,
    severity, template, text, text_called, word_of,
};
