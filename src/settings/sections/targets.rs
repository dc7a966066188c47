//! `[targets.NAME]`: where tickets go.

use std::time::Duration;

use serde_json::json;
use url::Url;

use super::auth::{self, AuthMethod};
use super::login::{TargetAuth, login};
use super::server::NONE;
use crate::rules::Template;
use crate::settings::crm::{CrmProfile, CrmSetting, CrmSettings, KeyField, SettingValues};
use crate::settings::declare::{
    Crms, Declared, Default, Keys, Kind, Names, Setting, Shape, list, named, section, table,
};
use crate::settings::kinds::{
    base_url, duration, number, one_of, parse_template, positive_duration, quoted, text,
    text_called, whole, word_of,
};
use crate::settings::read::{Entry, Fault, Section, wrong_type};
use crate::settings::value::ValueKind;

section! {
    /// `[targets.NAME]`.
    pub struct TargetSettings {
        /// the CRM
        kind: &'static CrmProfile = Setting::special(read_kind, declared_kind),
        /// the keys that only this CRM has
        own: CrmSettings = Setting::special(read_own, declared_own),
        /// the CRM's address; Salesforce: the My Domain address,
        /// `https://NAME.my.salesforce.com`
        base_url: Url = base_url().required(),
        /// how Ringdown logs in; see below
        auth: TargetAuth = login().required(),
        /// longest time for one call. ServiceNow ends a slow call after 60 s; with a shorter
        /// timeout the result of such a call stays unknown
        timeout: Duration = positive_duration().default_of_crm(|crm| crm.timeout),
        /// retries of a delivery
        retry: RetrySettings = table().or_empty(),
        /// how many calls are made
        limit: TargetLimit = table().or_empty(),
        /// a field of a new ticket; at least one is required
        create: Vec<FieldTemplate> = fields().check(has_a_field).or_empty(),
        /// a field that each update sets, together with the comment
        update: Vec<FieldTemplate> = fields().or_empty(),
        /// a field that resolves the ticket; without any, only a comment is written at recovery
        resolve: Vec<FieldTemplate> = fields().or_empty(),
        /// fields of `create` that a ticket must not be opened without. Where the CRM refuses the
        /// value of another one, the ticket is opened without it
        strict_fields: Vec<String> = list("fields", text()).default(NONE),
        /// what Ringdown follows in the CRM: [sync.md](sync.md)
        sync: SyncSettings = table().or_empty(),
        /// how long the target must accept no tickets (held, its circuit open, or paused for 30 s or
        /// more) before tickets that do not exist yet go to the next target of their list; `0s`: at
        /// once
        failover_after: Duration = duration().default("2m"),
        /// who may call `POST /callbacks/NAME`
        callback_auth as "callback": Vec<AuthMethod> = table::<CallbackKeys>()
            .optional("no callbacks")
            .map(|callback| callback.map(|keys| keys.auth).unwrap_or_default()),
    }
}

section! {
    struct CallbackKeys {
        /// as `auth` of a source
        auth: Vec<AuthMethod> = auth::methods().required(),
    }
}

section! {
    /// `[targets.NAME.retry]`.
    #[derive(Copy, PartialEq)]
    pub struct RetrySettings {
        /// retries after the first try
        attempts: u32 = whole(0, 100).default(3_i64),
        /// wait before the first retry
        base: Duration = positive_duration().default("1s"),
        /// each further wait is this many times longer
        factor: f64 = number(1.0, 100.0).default(2.0),
        /// share of each wait that is random
        jitter: f64 = number(0.0, 1.0).default(0.0),
    }
}

section! {
    /// `[targets.NAME.limit]`.
    #[derive(Copy, PartialEq, Eq)]
    pub struct TargetLimit {
        /// upper bound of calls per second, of all replicas together: creates, updates, look-ups,
        /// polls and logins. The rate is halved when the CRM asks to slow down or allows few more
        /// calls, and rises again:
        /// [deliveries.md](deliveries.md#the-rate)
        per_second: u32 = whole(1, 10_000).default(50_i64),
        /// upper bound of attempts running at the same time; halved together with the rate
        concurrent: usize = whole(1, 1000).default_of_crm(|crm| i64::from(crm.concurrent)),
    }
}

section! {
    /// `[targets.NAME.sync]`.
    #[derive(Copy, PartialEq, Eq)]
    pub struct SyncSettings {
        /// time between two polls for changed tickets
        poll_every: Duration = positive_duration().default("60s"),
        /// effect on the incident when a person closes the ticket
        on_ticket_closed: OnTicketClosed = one_of(&[
            ("close", OnTicketClosed::Close),
            ("ignore", OnTicketClosed::Ignore),
        ])
        .default("close"),
    }
}

/// The effect of a ticket closed by a person on our incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTicketClosed {
    /// The incident closes and its lock is released.
    Close,
    Ignore,
}

/// One field of a ticket.
#[derive(Debug, Clone)]
pub struct FieldTemplate {
    /// The CRM's field name.
    pub name: String,
    pub value: FieldValue,
}

/// The value of a ticket's field.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// Rendered for each ticket.
    Template(Template),
    /// A number or truth value, sent as it is.
    Literal(serde_json::Value),
}

impl TargetSettings {
    /// In which records of the CRM the tickets are.
    pub fn records(&self) -> String {
        format!("{} {}", self.kind.name, self.own.text(self.kind.records))
    }

    /// By which field they are found.
    pub fn found_by(&self) -> &str {
        match self.key_field() {
            KeyField::Unique(field) | KeyField::OrRecordId(field) => field,
            KeyField::InTitle { .. } => self.kind.title_field,
        }
    }

    /// Where our key stands in a ticket of this target.
    pub fn key_field(&self) -> KeyField<'_> {
        (self.kind.key_field)(&self.own)
    }
}

/// A target. Without a usable `kind` none of its other keys can be judged.
pub(crate) fn target() -> Kind<TargetSettings> {
    Kind::composite("table", Shape::Table(TargetSettings::declared), |entry| {
        let section = Section::of(entry)?;
        let Some(kind) = section.entry("kind") else {
            section.fault("kind", "required, but not set");
            return None;
        };
        if let Err(fault) = check_kind(&kind) {
            kind.fault(fault);
            return None;
        }
        kind.in_effect();
        let target = TargetSettings::read(&section);
        section.finish();
        target
    })
}

fn check_kind(kind: &Entry<'_>) -> Result<(), Fault> {
    let word = kind.text()?;
    let kinds: Vec<&str> = kind.reading.crms.iter().map(|crm| crm.name).collect();
    if kinds.contains(&word) {
        return Ok(());
    }
    Err(Fault::none_of(word, &kinds))
}

fn read_kind(section: &Section<'_>) -> Option<&'static CrmProfile> {
    section.entry("kind");
    section.reading.crm_at(&section.path)
}

fn declared_kind(crms: Crms<'_>) -> Vec<Declared> {
    let kinds: Vec<&str> = crms.iter().map(|crm| crm.name).collect();
    vec![Declared {
        key: "kind",
        meaning: "the CRM".to_owned(),
        type_name: quoted(&kinds),
        default: Default::Required,
        shape: Shape::Value(json!({ "enum": kinds })),
    }]
}

fn read_own(section: &Section<'_>) -> Option<CrmSettings> {
    let crm = section.reading.crm_at(&section.path)?;
    let read = |one: &&'static CrmSetting| (*one, own_setting(one).read(section, one.name));
    let values: Vec<_> = crm.settings.iter().map(read).collect();
    let mut own = CrmSettings::default();
    for (setting, value) in values {
        if let Some(value) = value? {
            own.set(setting, value);
        }
    }
    Some(own)
}

fn declared_own(crms: Crms<'_>) -> Vec<Declared> {
    let of_crm = |crm: &&'static CrmProfile| {
        let declare = |one: &&'static CrmSetting| {
            let meaning = format!("{} only: {}", crm.name, one.description);
            own_setting(one).declare(one.name, &meaning, crms)
        };
        crm.settings.iter().flat_map(declare).collect::<Vec<_>>()
    };
    crms.iter().flat_map(of_crm).collect()
}

/// A setting that only one CRM has.
fn own_setting(setting: &'static CrmSetting) -> Setting<Option<String>> {
    let kind = match setting.values {
        SettingValues::Text(check) => text_called("text", move |text| Ok(check(text)?)),
        SettingValues::OneOf(words) => word_of(words.to_vec()),
    };
    match setting.default {
        Some(default) => kind.default(default).map(Some),
        None => kind.optional("none"),
    }
}

/// Fields in the order of the configuration.
fn fields() -> Kind<Vec<FieldTemplate>> {
    let schema = json!({ "type": ["string", "number", "boolean"] });
    let value = Kind::value("template, number, `true` or `false`", schema, field_value);
    named(Names::Any("FIELD"), value).map(|fields| {
        let field = |(name, value)| FieldTemplate { name, value };
        fields.into_iter().map(field).collect()
    })
}

#[expect(clippy::ptr_arg, reason = "the signature of a check")]
fn has_a_field(_: &Entry<'_>, fields: &Vec<FieldTemplate>) -> Result<(), Fault> {
    if fields.is_empty() {
        return Err("must map at least one field of the ticket, or it would be empty".into());
    }
    Ok(())
}

fn field_value(entry: &Entry<'_>) -> Result<FieldValue, Fault> {
    let literal = match &entry.value.kind {
        // Empty text is meant: it empties the field.
        ValueKind::String(text) if text.is_empty() => text.as_str().into(),
        ValueKind::String(_) => return parse_template(entry.text()?).map(FieldValue::Template),
        ValueKind::Boolean(flag) => (*flag).into(),
        ValueKind::Integer(number) => (*number).into(),
        ValueKind::Float(number) if number.is_finite() => (*number).into(),
        other => return Err(wrong_type("text, a number, or true or false", other)),
    };
    Ok(FieldValue::Literal(literal))
}
