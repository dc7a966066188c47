//! `[sources.NAME]`: who may send, and in which format.

use std::collections::BTreeMap;

use super::section::Section;
use super::values::{duration, list, network, one_of, positive_duration, whole};
use super::{auth, mapping};
use crate::domain::flood::FloodPolicy;
use crate::normalise::Format;
use crate::settings::{RateLimit, SourceSettings};

pub(super) fn sources(root: &Section<'_>) -> Option<BTreeMap<String, SourceSettings>> {
    let why = "no source is configured, so nobody could send";
    let children = root.some_children("sources", why)?;
    let read: Vec<_> = children
        .into_iter()
        .map(|(name, child)| Some((name, source(&child)?)))
        .collect();
    read.into_iter().collect()
}

fn source(section: &Section<'_>) -> Option<SourceSettings> {
    let format = format(section);
    let allow = section.or("allow", Vec::<String>::new(), list(network));
    let auth = auth::methods(section);
    let rate_limit = rate_limit(section);
    let expect_every = section.optional("expect_every", positive_duration);
    let max_review_items = section.or("max_review_items", 10_000, whole(1, 1_000_000));
    let max_new_incidents = max_new_incidents(section);
    section.finish();
    Some(SourceSettings {
        format: format?,
        allow: allow?,
        auth: auth?,
        rate_limit: rate_limit?,
        expect_every: expect_every?,
        max_review_items: max_review_items?,
        max_new_incidents: max_new_incidents?,
    })
}

fn format(section: &Section<'_>) -> Option<Format> {
    const FORMATS: &[(&str, bool)] = &[("genesys", false), ("custom", true)];
    let custom = section.required("format", one_of(FORMATS))?;
    if custom {
        return mapping::map(section).map(|map| Format::Custom(Box::new(map)));
    }
    if section.is_set("map") {
        section.entry("map");
        section.fault("map", "is for the format `custom`; genesys needs none");
    }
    Some(Format::Genesys)
}

/// Far above what a large site loses at once.
const NEW_INCIDENTS_PER_MINUTE: i64 = 1_000;

fn max_new_incidents(source: &Section<'_>) -> Option<FloodPolicy> {
    let section = source.child("max_new_incidents")?;
    let per_minute = section.or("per_minute", NEW_INCIDENTS_PER_MINUTE, whole(1, 1_000_000));
    let calm = section.or("calm", "5m", positive_duration);
    let update_every = section.or("update_every", "5m", duration);
    section.finish();
    Some(FloodPolicy {
        per_minute: per_minute?,
        quiet_period: calm?,
        update_every: update_every?,
    })
}

#[expect(
    clippy::option_option,
    reason = "outer: was it understood; inner: was it set"
)]
fn rate_limit(section: &Section<'_>) -> Option<Option<RateLimit>> {
    let Some(entry) = section.entry("rate_limit") else {
        section.unset("rate_limit");
        return Some(None);
    };
    let inner = entry.section()?;
    let per_second = inner.required("per_second", whole(1, 1_000_000));
    let burst = match per_second {
        Some(per_second) => inner.or("burst", i64::from(per_second), whole(1, 1_000_000)),
        None => inner.required("burst", whole(1, 1_000_000)),
    };
    inner.finish();
    Some(Some(RateLimit {
        per_second: per_second?,
        burst: burst?,
    }))
}
