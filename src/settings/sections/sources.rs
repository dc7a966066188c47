//! `[sources.NAME]`: who may send, and in which format.

use std::time::Duration;

use ipnet::IpNet;

use super::auth::{self, AuthMethod};
use super::server::NONE;
use crate::domain::flood::FloodPolicy;
use crate::normalise::{ChosenMap, CustomMap, CustomMaps, Format};
use crate::settings::declare::{Names, Setting, keys, list, named, read_from_toml, section, table};
use crate::settings::kinds::{duration, network, one_of, positive_duration, topic_arn, whole};
use crate::settings::read::Section;

section! {
    /// `[sources.NAME]`.
    pub struct SourceSettings {
        /// how its events are read
        format: Format = Setting::of_keys(format),
        /// addresses from which it may send; empty: any address. Set it for a source with `hmac`
        /// where you can: the body of such a request must be read before its signature can be
        /// checked
        allow: Vec<IpNet> = list("networks", network()).default(NONE),
        /// accepted credentials; a request needs one of them; must not be empty
        auth: Vec<AuthMethod> = auth::methods().required(),
        /// topics of Amazon SNS that may post to it. Their messages are taken only with a good
        /// signature, and their subscriptions are confirmed; [events.md](events.md#amazon-sns)
        sns_topics: Vec<String> = list("topic ARNs", topic_arn()).default(NONE),
        /// a limit on its events
        rate_limit: Option<RateLimit> = table().optional("no limit"),
        /// how long it may send nothing before that is trouble (`[own_trouble]`)
        expect_every: Option<Duration> = positive_duration().optional("none"),
        /// an event that is older than this when it is received opens no ticket: it is kept and
        /// counted as `stale` ([rules.md](rules.md#old-events))
        max_age: Option<Duration> = positive_duration().optional("no limit"),
        /// open review items that are kept of it; beyond it the oldest of the same reason are
        /// dropped: [floods.md](floods.md#review-items)
        max_review_items: u32 = whole(1, 1_000_000).default(10_000_i64),
        /// how many tickets it may cause: [floods.md](floods.md)
        max_new_incidents: FloodPolicy = table().or_empty(),
    }
}

read_from_toml!(SourceSettings);

section! {
    struct FormatKeys {
        /// the format of its bodies; `custom` needs `map`
        is_custom as "format": bool = one_of(&[("genesys", false), ("custom", true)]).required(),
        /// for `custom` only: where the values are; see below
        map: Option<CustomMap> = table().optional("this or `maps` for `custom`"),
        /// for `custom` only, in place of `map`: several maps by names of your choice; the first
        /// whose `when` fits reads the event
        maps: Option<Vec<(String, ChosenMap)>> = named(Names::Plain, table())
            .at_least_one("without a map no event can be read")
            .optional("this or `map` for `custom`"),
    }
}

section! {
    /// `rate_limit` of a source.
    #[derive(Copy, PartialEq, Eq)]
    pub struct RateLimit {
        /// events accepted per second; more are answered with 429
        per_second: u32 = whole(1, 1_000_000).required(),
        /// events accepted at once; [below](#faster-than-deciding)
        burst: u32 = whole(1, 1_000_000).default_from("`per_second`", |section| {
            let per_second = section.peek("per_second")?;
            Some(i64::from(whole::<u32>(1, 1_000_000).peek(&per_second)?).into())
        }),
    }
}

keys! {
    for FloodPolicy {
        /// tickets for its new incidents within a minute; further ones are held
        per_minute: u32 = whole(1, 1_000_000).default(1_000_i64),
        /// how long nothing has gone beyond the limit, with nothing held, before the flood is over
        quiet_period as "calm": Duration = positive_duration().default("5m"),
        /// a comment on the flood's ticket, when it has grown by much, at most this often; `0s`:
        /// none
        update_every: Duration = duration().default("5m"),
    }
}

fn format(section: &Section<'_>, keys: FormatKeys) -> Option<Format> {
    let maps = match (keys.is_custom, keys.map, keys.maps) {
        (false, None, None) => return Some(Format::Genesys),
        (true, Some(map), None) => CustomMaps::one(map),
        (true, None, Some(maps)) => several(section, maps)?,
        (true, None, None) => return section.missing("map"),
        (true, Some(_), Some(_)) => {
            section.fault("maps", "is in place of `map`; keep one of the two");
            return None;
        }
        (false, Some(_), _) => {
            section.fault("map", "is for the format `custom`; genesys needs none");
            return None;
        }
        (false, None, Some(_)) => {
            section.fault("maps", "is for the format `custom`; genesys needs none");
            return None;
        }
    };
    Some(Format::Custom(maps))
}

fn several(section: &Section<'_>, maps: Vec<(String, ChosenMap)>) -> Option<CustomMaps> {
    let maps: Vec<ChosenMap> = maps.into_iter().map(|(_, map)| map).collect();
    let catch_all = maps.iter().position(|map| map.when.is_none());
    if let Some(map) = catch_all.and_then(|at| maps.get(at)).map(|map| &map.name)
        && catch_all.is_some_and(|at| at + 1 < maps.len())
    {
        let reason =
            format!("{map} has no `when`, so the maps after it are never used; put it last");
        section.fault("maps", reason);
        return None;
    }
    Some(CustomMaps::several(maps))
}
