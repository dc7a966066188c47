//! `[targets.NAME]`: where tickets go.

use std::collections::BTreeMap;

use config::ValueKind;
use url::Url;

use super::entry::{Entry, Fault, wrong_type};
use super::section::Section;
use super::values::{duration, number, one_of, positive_duration, template, url, whole};
use super::{auth, target_auth};
use crate::rules::nearest;
use crate::settings::{
    AuthMethod, CrmProfile, CrmSetting, CrmSettings, FieldTemplate, FieldValue, InvalidValue,
    OnTicketClosed, RetrySettings, SettingValues, SyncSettings, TargetLimit, TargetSettings,
};

pub(super) fn targets(root: &Section<'_>) -> Option<BTreeMap<String, TargetSettings>> {
    let why = "no target is configured, so no ticket could be opened";
    let children = root.some_children("targets", why)?;
    let mut places = BTreeMap::new();
    let read: Vec<_> = children
        .into_iter()
        .map(|(name, child)| {
            let target = target(&child)?;
            warn_of_same_place(&name, &target, &child, &mut places);
            Some((name, target))
        })
        .collect();
    read.into_iter().collect()
}

fn target(section: &Section<'_>) -> Option<TargetSettings> {
    let crms = section.walk.crms;
    let kind = section.required("kind", |entry| kind(crms, entry))?;
    let base_url = section.required("base_url", |entry| base_url(kind, entry));
    let own = own_settings(kind, section);
    let auth = target_auth::target_auth(kind, base_url.as_ref(), section);
    let timeout = section.or("timeout", kind.timeout, positive_duration);
    let retry = retry(section);
    let limit = limit(section, i64::from(kind.concurrent));
    let create = some_fields(section);
    let update = fields(section, "update");
    let resolve = fields(section, "resolve");
    let sync = sync(section);
    let failover_after = section.or("failover_after", "2m", duration);
    let callback_auth = callback_auth(section);
    section.finish();
    Some(TargetSettings {
        kind,
        own: own?,
        base_url: base_url?,
        auth: auth?,
        timeout: timeout?,
        retry: retry?,
        limit: limit?,
        create: create?,
        update: update?,
        resolve: resolve?,
        sync: sync?,
        failover_after: failover_after?,
        callback_auth: callback_auth?,
    })
}

fn kind(crms: &[&'static CrmProfile], entry: &Entry<'_>) -> Result<&'static CrmProfile, Fault> {
    let word = entry.text()?;
    let found = crms.iter().find(|crm| crm.name == word);
    let names: Vec<&'static str> = crms.iter().map(|crm| crm.name).collect();
    found.copied().ok_or_else(|| none_of(word, &names))
}

/// The keys that only this CRM has.
fn own_settings(kind: &CrmProfile, section: &Section<'_>) -> Option<CrmSettings> {
    let mut own = Some(CrmSettings::default());
    for setting in kind.settings {
        let read = |entry: &Entry<'_>| own_value(setting, entry);
        let value = match setting.default {
            Some(default) => section.or(setting.name, default, read).map(Some),
            None => section.optional(setting.name, read),
        };
        match (value, &mut own) {
            (Some(Some(value)), Some(own)) => own.set(setting, value),
            (Some(_), _) => {}
            // Reads on, so that every mistake is reported at once.
            (None, _) => own = None,
        }
    }
    own
}

fn own_value(setting: &CrmSetting, entry: &Entry<'_>) -> Result<String, Fault> {
    let text = entry.text()?;
    match setting.values {
        SettingValues::OneOf(values) if values.contains(&text) => {}
        SettingValues::OneOf(values) => return Err(none_of(text, values)),
        SettingValues::Text(check) => check(text)?,
    }
    Ok(text.to_owned())
}

fn base_url(kind: &CrmProfile, entry: &Entry<'_>) -> Result<Url, Fault> {
    let url = url(entry)?;
    (kind.check_base_url)(&url)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        let suggestion = url.origin().ascii_serialization();
        return Err(Fault::suggesting(
            "must be an address without a path",
            Some(suggestion),
        ));
    }
    Ok(url)
}

fn retry(section: &Section<'_>) -> Option<RetrySettings> {
    let section = section.child("retry")?;
    let attempts = section.or("attempts", 3_i64, whole(0, 100));
    let base = section.or("base", "1s", positive_duration);
    let factor = section.or("factor", 2.0, number(1.0, 100.0));
    let jitter = section.or("jitter", 0.0, number(0.0, 1.0));
    section.finish();
    Some(RetrySettings {
        attempts: attempts?,
        base: base?,
        factor: factor?,
        jitter: jitter?,
    })
}

fn limit(section: &Section<'_>, default_concurrent: i64) -> Option<TargetLimit> {
    let section = section.child("limit")?;
    let per_second = section.or("per_second", 10_i64, whole(1, 10_000));
    let concurrent = section.or("concurrent", default_concurrent, whole(1, 1000));
    section.finish();
    Some(TargetLimit {
        per_second: per_second?,
        concurrent: concurrent?,
    })
}

fn some_fields(section: &Section<'_>) -> Option<Vec<FieldTemplate>> {
    let fields = fields(section, "create")?;
    if fields.is_empty() {
        section.fault(
            "create",
            "must map at least one field of the ticket, or it would be empty",
        );
        return None;
    }
    Some(fields)
}

/// Fields in the order of configuration.
fn fields(section: &Section<'_>, key: &'static str) -> Option<Vec<FieldTemplate>> {
    let entries = section.child(key)?.named_entries();
    let read: Vec<_> = entries
        .into_iter()
        .map(|(name, entry)| {
            let value = entry.read(field_value)?;
            Some(FieldTemplate { name, value })
        })
        .collect();
    read.into_iter().collect()
}

fn field_value(entry: &Entry<'_>) -> Result<FieldValue, Fault> {
    let literal = match &entry.value.kind {
        // Empty text is meant: it empties the field.
        ValueKind::String(text) if text.is_empty() => text.as_str().into(),
        ValueKind::String(_) => return template(entry).map(FieldValue::Template),
        ValueKind::Boolean(flag) => (*flag).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::Float(number) if number.is_finite() => (*number).into(),
        other => return Err(wrong_type("text, a number, or true or false", other)),
    };
    Ok(FieldValue::Literal(literal))
}

fn sync(section: &Section<'_>) -> Option<SyncSettings> {
    const ON_CLOSED: &[(&str, OnTicketClosed)] = &[
        ("close", OnTicketClosed::Close),
        ("ignore", OnTicketClosed::Ignore),
    ];
    let section = section.child("sync")?;
    let poll_every = section.or("poll_every", "60s", positive_duration);
    let on_ticket_closed = section.or("on_ticket_closed", "close", one_of(ON_CLOSED));
    section.finish();
    Some(SyncSettings {
        poll_every: poll_every?,
        on_ticket_closed: on_ticket_closed?,
    })
}

fn callback_auth(section: &Section<'_>) -> Option<Vec<AuthMethod>> {
    let Some(entry) = section.entry("callback") else {
        section.unset("callback");
        return Some(Vec::new());
    };
    let section = entry.section()?;
    let methods = auth::methods(&section);
    section.finish();
    methods
}

/// Two targets for the same records are most often one too many.
fn warn_of_same_place(
    name: &str,
    target: &TargetSettings,
    section: &Section<'_>,
    places: &mut BTreeMap<(String, String), String>,
) {
    let records = target.own.text(target.kind.records).to_owned();
    let place = (target.base_url.to_string(), records.clone());
    if let Some(other) = places.insert(place, name.to_owned()) {
        let reason = format!("the same address and `{records}` as targets.{other}");
        section.warn("base_url", reason);
    }
}

impl From<InvalidValue> for Fault {
    fn from(invalid: InvalidValue) -> Self {
        Self::suggesting(invalid.reason, invalid.suggestion)
    }
}

/// The nearest of `names`, for a word that is none of them.
pub(super) fn none_of(word: &str, names: &[&'static str]) -> Fault {
    let reason = format!("`{word}` is none of {}", names.join(", "));
    let word = word.to_lowercase();
    Fault::suggesting(reason, nearest(&word, names.iter().copied()))
}
