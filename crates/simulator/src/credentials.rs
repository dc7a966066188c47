//! The credentials that both simulators know at start.

/// The OAuth client that both simulators know.
pub const CLIENT_ID: &str = "ringdown";
/// Its secret.
pub const CLIENT_SECRET: &str = "simulator-secret";
/// The user that both simulators know.
pub const USERNAME: &str = "ringdown";
/// That user's password.
pub const PASSWORD: &str = "simulator-password";
/// ServiceNow's API key.
pub const API_KEY: &str = "simulator-api-key";
/// The refresh token that is good at start.
pub const REFRESH_TOKEN: &str = "simulator-refresh-token";
