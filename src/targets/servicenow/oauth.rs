//! How ServiceNow speaks OAuth.

use crate::targets::oauth::{ClientAuth, OAuthDialect, no_data_address};

pub(crate) static DIALECT: OAuthDialect = OAuthDialect {
    // ServiceNow is not known to take HTTP Basic here.
    client_auth: ClientAuth::InForm,
    // A wrong secret, a locked user and a disabled grant are all `server_error` with 401.
    is_temporary: |answer, _error| answer.status >= 500,
    data_address: no_data_address,
};
