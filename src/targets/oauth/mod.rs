//! OAuth 2.0: tokens that are obtained once, shared, and renewed.

mod answer;
mod authenticator;
mod body;
mod dialect;
mod encryption;
mod error;
mod flow;
mod rotation;
mod token;

pub(super) use authenticator::Authenticator;
pub(super) use dialect::{ClientAuth, OAuthDialect, no_data_address};
pub(super) use error::SetupError;
