//! The statements that find and claim due deliveries.
//!
//! The deliveries of a target are divided into lanes: a lane is the source and the rule of the
//! incident. A claim takes from the lanes in turn, and within a lane the oldest first, so that a
//! source with thousands of waiting tickets does not delay the tickets of other sources.

use super::database::{postgres_now, sqlite_now};
use super::statement::Statement;

/// A delivery that joins the lane of its incident.
pub(super) const INSERT: &str = "insert into deliveries \
     (incident_id, target, operation, state, payload, event_id, received_at, next_attempt_at, created_at, \
      parent_id, lane) values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $7, $8, \
      coalesce((select i.source || '/' || i.rule from incidents i where i.id = $1), ''))";

/// Whether a delivery is a link whose parent ticket does not exist yet. It is not claimed, and
/// younger deliveries of its incident do not wait for it.
macro_rules! waits_for_parent {
    ($delivery:literal) => {
        concat!(
            "(",
            $delivery,
            ".parent_id is not null and not exists (select 1 from incidents p \
              where p.id = ",
            $delivery,
            ".parent_id and p.ticket_id is not null))"
        )
    };
}

/// Whether the delivery `d` comes after `older`, which is to be sent first or stands in its way. A create
/// that is a dead letter keeps the later ones waiting. A resolution passes changes of which the CRM
/// accepts none.
macro_rules! comes_after {
    () => {
        concat!(
            "(older.incident_id = d.incident_id \
               and older.id < d.id and ((older.state in ('waiting', 'sending') and not ",
            $crate::store::due::waits_for_parent!("older"),
            " and not (d.operation = 'resolve' and older.state = 'waiting' \
                 and coalesce(older.parked, '') = 'operation' \
                 and older.operation in ('update', 'link'))) \
               or (older.state = 'dead' and older.operation = 'create')))"
        )
    };
}

/// Whether the delivery `d` is a change that a resolution may pass.
macro_rules! may_be_passed {
    () => {
        "d.state = 'waiting' and coalesce(d.parked, '') = 'operation' \
           and d.operation in ('update', 'link')"
    };
}

/// Whether `later` is a resolution that has passed the change `d`, which does not come after it.
macro_rules! has_passed {
    () => {
        "later.incident_id = d.incident_id and later.id > d.id \
           and later.operation = 'resolve' \
           and later.state in ('waiting', 'sending', 'done')"
    };
}

/// Whether the delivery `d` waits for nothing else: neither for its parent ticket, nor for an older
/// delivery of its incident, and no resolution has passed it. Few can be passed: with this condition
/// inside of the second `exists`, PostgreSQL would read all deliveries for it.
macro_rules! is_free {
    () => {
        concat!(
            "not ",
            $crate::store::due::waits_for_parent!("d"),
            " and not exists (select 1 from deliveries older where ",
            $crate::store::due::comes_after!(),
            ") and not (",
            $crate::store::due::may_be_passed!(),
            " and exists (select 1 from deliveries later where ",
            $crate::store::due::has_passed!(),
            "))"
        )
    };
}

/// Whether the operation of the delivery `d` is one of those that `$names` names.
macro_rules! is_admitted {
    ($names:literal) => {
        concat!($names, " like '%' || d.operation || '%'")
    };
}

/// Whether the payload of the delivery `d` is the one to send.
macro_rules! is_rendered {
    () => {
        "(d.parked is null or d.parked <> 'rendering')"
    };
}

/// The lanes of the target in which something waits, read from the index one by one.
///
/// As everywhere here, what is marked as standing behind another delivery is not read (`behind`). SQLite
/// is told which index to take (`$by_lane`): it would also take one that holds those.
macro_rules! lanes {
    ($target:literal, $by_lane:literal) => {
        concat!(
            "lanes (lane) as ( \
               select (select w.lane from deliveries w",
            $by_lane,
            " where w.target = ",
            $target,
            " and w.state = 'waiting' and w.behind = 0 order by w.lane limit 1) \
               union all \
               select (select w.lane from deliveries w",
            $by_lane,
            " where w.target = ",
            $target,
            " and w.state = 'waiting' and w.behind = 0 and w.lane > l.lane order by w.lane limit 1) \
               from lanes l where l.lane is not null)"
        )
    };
}

/// The due deliveries of the lane `l.lane`, from the index `deliveries_lanes` and in its order.
macro_rules! due_in_lane {
    ($by_lane:literal) => {
        concat!(
            "from deliveries d",
            $by_lane,
            " where d.target = $3 and d.state = 'waiting' and d.behind = 0 \
               and d.lane = l.lane \
               and d.next_attempt_at <= $4 and ",
            is_admitted!("$8"),
            " and ",
            is_rendered!(),
            " and ",
            is_free!()
        )
    };
}

/// The first `$7` of each lane, `$7` being `$5` times `CANDIDATES_…` (below). SQLite has no lateral
/// join: each is found from the one before it.
macro_rules! heads_sqlite {
    () => {
        concat!(
            "heads (id, lane, rank_in_lane) as ( \
               select (select d.id ",
            due_in_lane!(" indexed by deliveries_lanes"),
            "           order by d.next_attempt_at, d.id limit 1), l.lane, 1 \
               from lanes l where l.lane is not null \
               union all \
               select (select d.id ",
            due_in_lane!(" indexed by deliveries_lanes"),
            "           and (d.next_attempt_at, d.id) > (before.next_attempt_at, before.id) \
                       order by d.next_attempt_at, d.id limit 1), l.lane, l.rank_in_lane + 1 \
               from heads l join deliveries before on before.id = l.id where l.rank_in_lane < $7), \
             first_of_lanes (id, lane, next_attempt_at) as ( \
               select d.id, d.lane, d.next_attempt_at from heads join deliveries d on d.id = heads.id)"
        )
    };
}
macro_rules! heads_postgres {
    () => {
        concat!(
            "first_of_lanes (id, lane, next_attempt_at) as ( \
               select head.id, l.lane, head.next_attempt_at from lanes l \
               cross join lateral (select d.id, d.next_attempt_at ",
            due_in_lane!(""),
            "    order by d.next_attempt_at, d.id limit $7) head \
               where l.lane is not null)"
        )
    };
}

/// A claim of at most `$5` deliveries, taken from the lanes in turn, beginning after the lane
/// `$6`. The lanes are read from the index one by one, and of each only its first `$7`: what a
/// claim costs does not grow with what is owed. What waits for an older delivery of its incident, such
/// as updates whose create is a dead letter, is not read once it is marked (`behind`).
///
/// An example: three deliveries are due, two (`$5` = 2) may be claimed, and the last claim ended
/// with lane `a` (`$6` = `a`). `heads` holds the first `$7` of each lane. `rank_in_lane` counts
/// within the lane, by age. `chosen` sorts by `rank_in_lane`, then lanes after `$6` first, then by
/// lane:
///
/// | id | lane | due at | `rank_in_lane` | `lane <= $6` | rank | claimed |
/// |----|------|--------|----------------|--------------|------|---------|
/// | 1  | a    | 10:00  | 1              | true         | 2    | yes     |
/// | 2  | a    | 10:01  | 2              | true         | 3    | no      |
/// | 3  | b    | 10:02  | 1              | false        | 1    | yes     |
///
/// So lane `b` is served although everything in lane `a` is older.
///
/// The choice is made once, before the update: PostgreSQL may run a subselect of the update anew
/// for every row, and each run would lock and hand out as many rows again as the limit says. The
/// rows are locked after the choice, by their ids: a choice in turns cannot be locked itself. The
/// state is asked again with the lock, and stands on the update too: where rows cannot
/// be locked by the select, only the update's condition is checked again after the wait for a row;
/// without it two workers would be handed the same delivery. The last condition leaves a target alone
/// that a person has paused: a pause is in force as soon as it is stored.
macro_rules! claim {
    ($heads:expr, $by_lane:literal, $now:expr, $lock:expr) => {
        concat!(
            "with recursive ",
            lanes!("$3", $by_lane),
            ", ",
            $heads,
            ", ranked (id, lane, rank_in_lane) as ( \
               select id, lane, \
                 row_number() over (partition by lane order by next_attempt_at, id) \
               from first_of_lanes), \
             chosen (id, rank) as materialized ( \
               select id, row_number() over (order by rank_in_lane, lane <= $6, lane) as rank \
               from ranked order by rank limit $7), \
             locked as materialized ( \
               select d.id from chosen join deliveries d on d.id = chosen.id \
               where d.state = 'waiting' order by chosen.rank limit $5",
            $lock,
            ") \
             update deliveries set state = 'sending', lease_owner = $1, lease_until = ",
            $now,
            " + $2, runs_for = case operation when 'create' then $9 when 'resolve' then 0 else $10 end \
             where id in (select locked.id from locked) and state = 'waiting' \
               and not exists (select 1 from target_pauses p \
                  where p.target = $3 and (p.until is null or p.until > $4)) \
             returning id, incident_id, operation, payload, event_id, received_at, created_at, attempts, tries, \
               resumptions, in_doubt, unknown_at, look_up_from, after_look_up, parent_id, lane, \
               completes, omitted, last_error"
        )
    };
}
/// Replicas that claim at once pass each other by.
pub(super) const CLAIM: Statement<'static> = Statement::either(
    claim!(
        heads_sqlite!(),
        " indexed by deliveries_lanes",
        sqlite_now!(),
        ""
    ),
    claim!(
        heads_postgres!(),
        "",
        postgres_now!(),
        " for update of d skip locked"
    ),
);

/// How many are chosen for each one that is claimed: on PostgreSQL others may have locked the
/// first ones a moment ago, and then the next ones are locked.
pub(super) const CANDIDATES_SQLITE: i64 = 1;
pub(super) const CANDIDATES_POSTGRES: i64 = 4;

/// When one of the operations that `$2` names can next be claimed, asked before every claim: as there, of
/// each lane only its first that is free is looked at. At most as many are being sent as workers may send at once.
macro_rules! next_at {
    ($by_lane:literal) => {
        concat!(
            "with recursive ",
            lanes!("$1", $by_lane),
            " select min(at) as at from ( \
               select (select d.next_attempt_at from deliveries d",
            $by_lane,
            " where d.target = $1 and d.state = 'waiting' and d.behind = 0 and d.lane = l.lane and ",
            is_admitted!("$2"),
            " and ",
            is_rendered!(),
            " and ",
            is_free!(),
            "          order by d.next_attempt_at, d.id limit 1) as at \
               from lanes l where l.lane is not null) next"
        )
    };
}
pub(super) const NEXT: Statement<'static> =
    Statement::either(next_at!(" indexed by deliveries_lanes"), next_at!(""));

pub(super) use {comes_after, has_passed, is_free, lanes, may_be_passed, waits_for_parent};
