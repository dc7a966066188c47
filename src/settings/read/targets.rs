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
    AuthMethod, FieldTemplate, FieldValue, OnTicketClosed, RetrySettings, SyncSettings, TargetKind,
    TargetLimit, TargetSettings,
};

/// Which CRM a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crm {
    Salesforce,
    ServiceNow,
}

/// The first API version whose upserts behave as ours expect.
const OLDEST_API: u32 = 46;

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
    const KINDS: &[(&str, Crm)] = &[
        ("salesforce", Crm::Salesforce),
        ("servicenow", Crm::ServiceNow),
    ];
    let crm = section.required("kind", one_of(KINDS))?;
    let base_url = section.required("base_url", base_url);
    let kind = kind(crm, section);
    let auth = target_auth::target_auth(crm, base_url.as_ref(), section);
    // ServiceNow decides a slow call within 60 s; who leaves earlier does not hear its verdict.
    let (timeout, concurrent) = match crm {
        Crm::Salesforce => ("10s", 4),
        Crm::ServiceNow => ("65s", 2),
    };
    let timeout = section.or("timeout", timeout, positive_duration);
    let retry = retry(section);
    let limit = limit(section, concurrent);
    let create = some_fields(section);
    let update = fields(section, "update");
    let resolve = fields(section, "resolve");
    let sync = sync(section);
    let failover_after = section.or("failover_after", "2m", duration);
    let callback_auth = callback_auth(section);
    section.finish();
    Some(TargetSettings {
        kind: kind?,
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

fn kind(crm: Crm, section: &Section<'_>) -> Option<TargetKind> {
    const OBJECTS: &[(&str, &str)] = &[("Case", "Case"), ("Incident", "Incident")];
    match crm {
        Crm::Salesforce => {
            let api_version = section.or("api_version", "v64.0", api_version);
            let object = section.or("object", "Case", one_of(OBJECTS));
            let external_id_field = section.optional("external_id_field", external_id_field);
            Some(TargetKind::Salesforce {
                api_version: api_version?,
                object: object?.to_owned(),
                external_id_field: external_id_field?,
            })
        }
        Crm::ServiceNow => {
            let table = section.or("table", "incident", table_name);
            Some(TargetKind::ServiceNow { table: table? })
        }
    }
}

fn base_url(entry: &Entry<'_>) -> Result<Url, Fault> {
    let url = url(entry)?;
    let host = url.host_str().unwrap_or_default();
    if let Some(domain) = host.strip_suffix(".lightning.force.com") {
        let reason = "is the address of the web pages, which answers API calls with a redirect; use the My Domain address";
        let suggestion = Some(format!("https://{domain}.my.salesforce.com"));
        return Err(Fault::suggesting(reason, suggestion));
    }
    if ["login.salesforce.com", "test.salesforce.com"].contains(&host) {
        return Err(
            "is the login host, which holds no records; use https://NAME.my.salesforce.com".into(),
        );
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        let suggestion = url.origin().ascii_serialization();
        return Err(Fault::suggesting(
            "must be an address without a path",
            Some(suggestion),
        ));
    }
    Ok(url)
}

fn api_version(entry: &Entry<'_>) -> Result<String, Fault> {
    let version = entry.text()?;
    let bare = version.trim_start_matches('v').trim_end_matches(".0");
    let Ok(number) = bare.parse::<u32>() else {
        return Err(format!("`{version}` is not a version such as v64.0").into());
    };
    let written = format!("v{number}.0");
    if number < OLDEST_API {
        let reason =
            format!("{version} is older than v{OLDEST_API}.0, where upserts behave differently");
        return Err(reason.into());
    }
    if written != version {
        let reason = format!("`{version}` is not a version such as v64.0");
        return Err(Fault::suggesting(reason, Some(written)));
    }
    Ok(written)
}

fn external_id_field(entry: &Entry<'_>) -> Result<String, Fault> {
    let name = identifier(entry)?;
    if !name.ends_with("__c") {
        let reason = "an external id is a custom field, whose API name ends in __c";
        return Err(Fault::suggesting(reason, Some(format!("{name}__c"))));
    }
    Ok(name)
}

fn table_name(entry: &Entry<'_>) -> Result<String, Fault> {
    let name = identifier(entry)?;
    let lower = name.to_ascii_lowercase();
    if name != lower {
        return Err(Fault::suggesting(
            "a table's name is in lower case",
            Some(lower),
        ));
    }
    Ok(name)
}

/// A name that needs no escaping in a path.
fn identifier(entry: &Entry<'_>) -> Result<String, Fault> {
    let name = entry.text()?;
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("`{name}` is not an API name of letters, digits and _").into());
    }
    Ok(name.to_owned())
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
    let records = match &target.kind {
        TargetKind::Salesforce { object, .. } => object,
        TargetKind::ServiceNow { table } => table,
    };
    let place = (target.base_url.to_string(), records.clone());
    if let Some(other) = places.insert(place, name.to_owned()) {
        let reason = format!("the same address and `{records}` as targets.{other}");
        section.warn("base_url", reason);
    }
}

/// The nearest of `names`, for a word that is none of them.
pub(super) fn none_of(word: &str, names: &[&'static str]) -> Fault {
    let reason = format!("`{word}` is none of {}", names.join(", "));
    Fault::suggesting(reason, nearest(word, names.iter().copied()))
}
