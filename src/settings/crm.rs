//! What the daemon must know of a CRM before it can call it: its settings, and how a ticket is
//! written for it.
//!
//! Each CRM's folder in `targets` declares one [`CrmProfile`]. Whoever makes a `Loader` hands
//! the profiles in, so that the settings know no CRM by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use url::Url;

/// Everything about one CRM that is not its client. Every field is required, so the compiler
/// names what a new CRM has to supply.
#[derive(Debug)]
pub struct CrmProfile {
    /// The value of `kind` in the settings.
    pub name: &'static str,
    /// The keys of `[targets.NAME]` that only this CRM has.
    pub settings: &'static [&'static CrmSetting],
    /// The one of them that names the object, table or project that tickets are opened in.
    pub records: &'static CrmSetting,
    /// Refuses a `base_url` that cannot be this CRM's.
    pub check_base_url: fn(&Url) -> Result<(), InvalidValue>,
    pub login: LoginProfile,
    /// `timeout`, where the settings say nothing.
    pub timeout: &'static str,
    /// `limit.concurrent`, where the settings say nothing.
    pub concurrent: u32,
    /// The field that a ticket's title goes into.
    pub title_field: &'static str,
    /// The field that a ticket's description goes into.
    pub description_field: &'static str,
    /// Where our key stands in a ticket of a target with these settings.
    pub key_field: fn(&CrmSettings) -> KeyField<'_>,
    /// The field that says whether a ticket is resolved.
    pub state_field: &'static str,
    /// Fields that the client sets in every ticket, mapped or not, besides the key's.
    pub own_fields: &'static [&'static str],
    /// Fields that can be written and do not read back, such as journals.
    pub write_only_fields: &'static [&'static str],
    /// Takes out of a text what this CRM would show as markup.
    pub without_markup: fn(&str) -> Cow<'_, str>,
    /// The record id in a text of a callback, written as tickets are stored with it; `None` for
    /// a text that cannot be one.
    pub record_id: fn(&str) -> Option<String>,
    /// A path that the API answers without a login, if only with a refusal.
    pub api_path: &'static str,
}

/// How a target of a CRM may log in.
#[derive(Debug)]
pub struct LoginProfile {
    /// The values of `auth.flow` that the CRM takes.
    pub flows: &'static [LoginFlow],
    /// Flows that work and that the user is warned of, with the reason.
    pub discouraged: &'static [(LoginFlow, &'static str)],
    /// The path of the token endpoint below `base_url`, where the settings say nothing.
    pub token_path: &'static str,
    /// Refuses a `token_url` that does not grant what the flow asks for.
    pub check_token_url: fn(LoginFlow, &Url) -> Result<(), InvalidValue>,
    /// `auth.audience` of `jwt_bearer`, where the settings say nothing.
    pub audience: &'static str,
    /// `auth.header` of `api_key`, where the settings say nothing.
    pub key_header: &'static str,
}

/// A value of `auth.flow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFlow {
    ClientCredentials,
    JwtBearer,
    RefreshToken,
    Password,
    Basic,
    ApiKey,
}

impl LoginFlow {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "jwt_bearer",
            Self::RefreshToken => "refresh_token",
            Self::Password => "password",
            Self::Basic => "basic",
            Self::ApiKey => "api_key",
        }
    }
}

/// One key of `[targets.NAME]` that only targets of one CRM have. Its value is text.
#[derive(Debug)]
pub struct CrmSetting {
    pub name: &'static str,
    /// What counts where the key is not set; `None`: then there is no value.
    pub default: Option<&'static str>,
    pub values: SettingValues,
    /// One sentence for the reference of settings.
    pub description: &'static str,
}

/// Which values a [`CrmSetting`] takes.
#[derive(Debug)]
pub enum SettingValues {
    OneOf(&'static [&'static str]),
    /// Any text that this lets through.
    Text(fn(&str) -> Result<(), InvalidValue>),
}

/// Why a value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    /// What is wrong and what would be right.
    pub reason: String,
    /// What was most likely meant.
    pub suggestion: Option<String>,
}

impl InvalidValue {
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            suggestion: None,
        }
    }

    pub fn suggesting(reason: impl Into<String>, suggestion: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            suggestion: Some(suggestion.into()),
        }
    }
}

/// The values of a target's [`CrmProfile::settings`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrmSettings(BTreeMap<&'static str, String>);

impl CrmSettings {
    pub fn set(&mut self, setting: &CrmSetting, value: impl Into<String>) {
        self.0.insert(setting.name, value.into());
    }

    /// The value of `setting`, or its default.
    pub fn get(&self, setting: &CrmSetting) -> Option<&str> {
        let value = self.0.get(setting.name).map(String::as_str);
        value.or(setting.default)
    }

    /// The value of a setting that has a default; empty for one that has neither.
    pub fn text(&self, setting: &CrmSetting) -> &str {
        self.get(setting).unwrap_or_default()
    }
}

/// Where our key stands in a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyField<'a> {
    /// In a field that must be unique: nothing else makes the CRM refuse a second ticket.
    Unique(&'a str),
    /// In a field that should be unique. Where it is not, the record id that we choose makes
    /// the CRM refuse a second ticket, if the CRM takes such ids.
    OrRecordId(&'a str),
    /// At the end of the title, because the target has no field for it. Nothing in the CRM
    /// refuses a second ticket.
    InTitle {
        /// What `ringdown doctor` says about it.
        warning: &'static str,
        remedy: &'static str,
    },
}

/// Lets a name through that needs no escaping in a path.
pub fn check_api_name(name: &str) -> Result<(), InvalidValue> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let reason = format!("`{name}` is not an API name of letters, digits and _");
        return Err(InvalidValue::new(reason));
    }
    Ok(())
}

impl<'a> KeyField<'a> {
    /// The field that holds nothing but the key.
    pub const fn name(self) -> Option<&'a str> {
        match self {
            Self::Unique(name) | Self::OrRecordId(name) => Some(name),
            Self::InTitle { .. } => None,
        }
    }
}
