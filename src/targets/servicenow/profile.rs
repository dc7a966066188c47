//! What the settings and the texts of tickets must know of ServiceNow.

use super::ids;
use crate::settings::{
    CrmProfile, CrmSetting, InvalidValue, KeyField, LoginFlow, LoginProfile, SettingValues,
    check_api_name,
};
use crate::text::without_code_tags;

/// Fields that only append, and read back as `""`.
pub(super) const JOURNALS: &[&str] = &["work_notes", "comments", "comments_and_work_notes"];

/// The field that carries our key.
pub(super) const KEY_FIELD: &str = "correlation_id";

pub(super) static TABLE: CrmSetting = CrmSetting {
    name: "table",
    default: Some("incident"),
    values: SettingValues::Text(check_table),
    description: "The table that tickets are records of: incident, or another that extends task.",
};

pub(in crate::targets) static PROFILE: CrmProfile = CrmProfile {
    name: "servicenow",
    settings: &[&TABLE],
    records: &TABLE,
    check_base_url: |_| Ok(()),
    login: LoginProfile {
        flows: &[
            LoginFlow::ClientCredentials,
            LoginFlow::Password,
            LoginFlow::RefreshToken,
            LoginFlow::Basic,
            LoginFlow::ApiKey,
        ],
        discouraged: &[],
        token_path: "/oauth_token.do",
        check_token_url: |_, _| Ok(()),
        // ServiceNow targets do not log in by assertion.
        audience: "",
        key_header: "x-sn-apikey",
    },
    // ServiceNow ends a slow call within 60 s. A shorter timeout would miss its answer.
    timeout: "65s",
    concurrent: 12,
    title_field: "short_description",
    description_field: "description",
    key_field: |_| KeyField::OrRecordId(KEY_FIELD),
    state_field: "state",
    own_fields: &["correlation_display"],
    write_only_fields: JOURNALS,
    // A journal shows the text between [code] tags as HTML.
    without_markup: without_code_tags,
    record_id: ids::in_callback,
    api_path: "/api/now/",
};

fn check_table(name: &str) -> Result<(), InvalidValue> {
    check_api_name(name)?;
    let lower = name.to_ascii_lowercase();
    if name != lower {
        let reason = "a table's name is in lower case";
        return Err(InvalidValue::suggesting(reason, lower));
    }
    Ok(())
}
