//! What the settings and the texts of tickets must know of Salesforce.

use std::borrow::Cow;

use url::Url;

use super::ids;
use crate::settings::{
    CrmProfile, CrmSetting, CrmSettings, InvalidValue, KeyField, LoginFlow, LoginProfile,
    SettingValues, check_api_name,
};

/// The first API version whose upserts behave as ours expect.
const OLDEST_API: u32 = 46;

/// Hosts that log users in and hold no records.
const LOGIN_HOSTS: [&str; 2] = ["login.salesforce.com", "test.salesforce.com"];

pub(super) static API_VERSION: CrmSetting = CrmSetting {
    name: "api_version",
    default: Some("v64.0"),
    values: SettingValues::Text(check_api_version),
    description: "The version of the REST API, v46.0 or later.",
};

pub(super) static OBJECT: CrmSetting = CrmSetting {
    name: "object",
    default: Some("Case"),
    values: SettingValues::OneOf(&["Case", "Incident"]),
    description: "The object that tickets are records of.",
};

pub(super) static EXTERNAL_ID_FIELD: CrmSetting = CrmSetting {
    name: "external_id_field",
    default: None,
    values: SettingValues::Text(check_external_id_field),
    description: "The unique external id field that carries our key. Without it the key stands \
                  in the subject, and a ticket is looked for before it is opened.",
};

pub(in crate::targets) static PROFILE: CrmProfile = CrmProfile {
    name: "salesforce",
    settings: &[&API_VERSION, &OBJECT, &EXTERNAL_ID_FIELD],
    records: &OBJECT,
    check_base_url,
    login: LoginProfile {
        flows: &[
            LoginFlow::ClientCredentials,
            LoginFlow::JwtBearer,
            LoginFlow::RefreshToken,
            LoginFlow::Password,
        ],
        discouraged: &[(
            LoginFlow::Password,
            "Salesforce discourages this flow and blocks it in new orgs; client_credentials needs no password",
        )],
        token_path: "/services/oauth2/token",
        check_token_url,
        audience: "https://login.salesforce.com",
        // Salesforce has no API keys.
        key_header: "",
    },
    timeout: "10s",
    concurrent: 16,
    title_field: "Subject",
    description_field: "Description",
    key_field,
    state_field: "Status",
    own_fields: &[],
    write_only_fields: &[],
    without_markup: |text| Cow::Borrowed(text),
    record_id: ids::in_callback,
    api_path: "/services/data/",
};

fn key_field(own: &CrmSettings) -> KeyField<'_> {
    match own.get(&EXTERNAL_ID_FIELD) {
        Some(field) => KeyField::Unique(field),
        None => KeyField::InTitle {
            warning: "no external_id_field: the key stands in the subject, and nothing in the CRM refuses a second ticket",
            remedy: "add a unique external-id text field to the object and name it in external_id_field",
        },
    }
}

fn check_base_url(url: &Url) -> Result<(), InvalidValue> {
    let host = url.host_str().unwrap_or_default();
    if let Some(domain) = host.strip_suffix(".lightning.force.com") {
        return Err(InvalidValue::suggesting(
            "is the address of the web pages, which answers API calls with a redirect; use the My Domain address",
            format!("https://{domain}.my.salesforce.com"),
        ));
    }
    if LOGIN_HOSTS.contains(&host) {
        return Err(InvalidValue::new(
            "is the login host, which holds no records; use https://NAME.my.salesforce.com",
        ));
    }
    Ok(())
}

/// Salesforce grants client credentials on an org's own domain only.
fn check_token_url(flow: LoginFlow, url: &Url) -> Result<(), InvalidValue> {
    match url.host_str() {
        Some(host) if flow == LoginFlow::ClientCredentials && LOGIN_HOSTS.contains(&host) => {
            Err(InvalidValue::new(format!(
                "{host} does not grant client_credentials; use https://NAME.my.salesforce.com/services/oauth2/token"
            )))
        }
        _ => Ok(()),
    }
}

fn check_api_version(version: &str) -> Result<(), InvalidValue> {
    let bare = version.trim_start_matches('v').trim_end_matches(".0");
    let Ok(number) = bare.parse::<u32>() else {
        let reason = format!("`{version}` is not a version such as v64.0");
        return Err(InvalidValue::new(reason));
    };
    let written = format!("v{number}.0");
    if number < OLDEST_API {
        return Err(InvalidValue::new(format!(
            "{version} is older than v{OLDEST_API}.0, where upserts behave differently"
        )));
    }
    if written != version {
        let reason = format!("`{version}` is not a version such as v64.0");
        return Err(InvalidValue::suggesting(reason, written));
    }
    Ok(())
}

fn check_external_id_field(name: &str) -> Result<(), InvalidValue> {
    check_api_name(name)?;
    if !name.ends_with("__c") {
        return Err(InvalidValue::suggesting(
            "an external id is a custom field, whose API name ends in __c",
            format!("{name}__c"),
        ));
    }
    Ok(())
}
