"""Multiplies the rows of a small database: incidents, their events, decisions, deliveries."""

import hashlib
import sqlite3
import time

# Retention forgets what is older than 30 days.
SPAN = 25 * 86_400_000
# Rows of the oldest part have a source, a rule and a target that nothing newer has.
OLD = 0.002
# Incidents that are not over.
OPEN = 2_000
DEAD, REVIEWS, AUDIT = 2_000, 10_000, 10_000
RUN, CHUNK = 16_384, 256

BODY = ('{"type": "telephony.queue.waiting", "timestamp": "2026-11-23T14:00:05Z", "queue": {"id": "queue-%d", '
        '"name": "Queue %d"}, "metrics": [{"name": "queue.waitTime", "avg": 412.5, "max": 655.0}]}')


def place(event_id):
    return int.from_bytes(hashlib.sha256(event_id.encode()).digest()[:8], "big", signed=True)


def columns(db, table, changed):
    """All columns of `table`, each as it is in the row `t` or as `changed` says."""
    names = [row[1] for row in db.execute(f"pragma table_info({table})")]
    return ", ".join(names), ", ".join(changed.get(name, f"t.{name}") for name in names)


def without_indexes(db, tables):
    """Drops the indexes of `tables`; answers how they are made again."""
    marks = ", ".join("?" * len(tables))
    known = db.execute(
        f"select name, sql from sqlite_schema where type = 'index' and sql is not null and tbl_name in ({marks})",
        tables).fetchall()
    for name, _ in known:
        db.execute(f"drop index {name}")
    return [sql for _, sql in known]


def fill(path, incidents, events):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma synchronous = off")
    db.execute("pragma cache_size = -2000000")
    db.create_function("place", 1, place, deterministic=True)
    indexes = without_indexes(db, ["events", "decisions", "incidents", "incident_history", "deliveries",
                                   "review_items", "audit"])
    now = int(time.time() * 1_000)
    first_event = db.execute("select coalesce(max(seq), 0) from events").fetchone()[0]
    old, each = int(incidents * OLD), max(1, events // incidents)
    begin, step = now - SPAN, SPAN // events
    # The journal is in the order of time: what there is becomes the oldest.
    db.execute("begin immediate")
    db.execute("update events set received_at = ?", (begin,))
    db.execute("create temp table many (n integer primary key)")
    db.execute("with recursive n(n) as (select 0 union all select n + 1 from n where n < ?) "
               "insert into many select n from n", (events - 1,))
    old_event = f"n < {old * each}"
    db.execute(
        "insert into events (seq, source, event_id, received_at, body) "
        f"select ? + n + 1, case when {old_event} then 'retired' else 'genesys' end, 'made-' || n, ? + n * ?, "
        "printf(?, (n / ?) % 5000, (n / ?) % 5000) from many", (first_event, begin, step, BODY, each, each))
    ids = "printf('%08x-%04x-7000-8000-%012x', ({at}) >> 16, ({at}) & 65535, {n})"
    at = f"({begin} + n * {step * each})"
    own_id = ids.format(at=at, n="n")
    of_event = ids.format(at=f"({begin} + (n / {each}) * {step * each})", n=f"(n / {each})")
    is_old = f"n < {old}"
    is_open = f"n >= {incidents - OPEN}"
    db.execute(
        "insert into decisions (event_seq, rule, outcome, incident_id, decided_at) "
        f"select ? + n + 1, case when {old_event} then 'retired' else 'queue-wait' end, "
        f"case n % {each} when 0 then 'opened' else 'active_incident' end, {of_event}, {begin} + n * {step} from many",
        (first_event,))
    template = db.execute("select id from incidents where state = 'open' and rule = 'queue-wait' "
                          "and ticket_id is not null and outage_id is null limit 1").fetchone()[0]
    rule = f"case when {is_old} then 'retired' else 'queue-wait' end"
    key = "'queue-' || (n % 5000)"
    state = f"case when {is_open} then 'open' else 'closed' end"
    closed = f"case when not ({is_open}) then {at} + 600000 end"
    life = (f"json_set(t.life, '$.id', {own_id}, '$.rule', {rule}, '$.key', {key}, '$.state', {state}, "
            f"'$.opened_at', {at}, '$.last_breach_at', {at} + 60000, '$.closed_at', {closed})")
    names, values = columns(db, "incidents", {
        "id": own_id, "rule": rule, "key": key, "state": state, "life": life, "opened_at": at, "closed_at": closed,
        "source": f"case when {is_old} then 'retired' else 'genesys' end",
        "target": f"case when {is_old} then 'retired' else 'servicenow' end",
        "severity": "case n % 4 when 0 then 'critical' when 1 then 'high' else 'medium' end",
        "active_key": f"case when {is_open} then 'made-' || n end", "due_at": "null",
        "ticket_id": "'made-' || n", "ticket_number": "'MADE' || n",
        "ticket_closed": f"case when {is_open} then 0 else 1 end", "queue_id": key,
        "outage_key": "null", "outage_id": "null",
    })
    few = f"from (select n from many where n < {incidents}), (select * from incidents where id = '{template}') t"
    db.execute(f"insert into incidents ({names}) select {values} {few}")
    few = few.replace("incidents where id", "incident_history where incident_id")
    names, values = columns(db, "incident_history", {"id": "null", "incident_id": own_id, "at": at})
    db.execute(f"insert into incident_history ({names}) select {values} {few}")
    for operation, later in (("create", 0), ("update", 60_000), ("resolve", 600_000)):
        dead = f"{operation == 'create':d} and n between {incidents - OPEN - DEAD} and {incidents - OPEN}"
        names, values = columns(db, "deliveries", {
            "id": "null", "incident_id": own_id, "operation": f"'{operation}'", "created_at": f"{at} + {later}",
            "target": f"case when {is_old} then 'retired' else 'servicenow' end",
            "state": f"case when {dead} then 'dead' else 'done' end", "settled_at": f"{at} + {later} + 900",
            "error_kind": f"case when {dead} then 'integration_failure' end",
            "last_error": f"case when {dead} then (select last_error from deliveries where state = 'dead' limit 1) end",
            "event_id": f"'made-' || (n * {each})",
        })
        db.execute(f"insert into deliveries ({names}) select {values} "
                   f"from (select n from many where n < {incidents}), "
                   f"(select * from deliveries where incident_id = '{template}' and operation = 'create') t")
    names, values = columns(db, "review_items", {
        "id": "null", "event_seq": f"{first_event} + n + 1", "event_id": "'made-' || n", "received_at": f"{begin} + n * {step}"})
    db.execute(f"insert into review_items ({names}) select {values} from (select n from many where n < {REVIEWS}), "
               "(select * from review_items where state = 'open' limit 1) t")
    names, values = columns(db, "audit", {"id": "null", "at": f"{begin} + n * {step}"})
    db.execute(f"insert into audit ({names}) select {values} from (select n from many where n < {AUDIT}), "
               "(select * from audit limit 1) t")
    last = first_event + events
    full = last // RUN * RUN
    db.execute("delete from event_chunks")
    db.execute("insert or ignore into event_places (run, hash, seq) "
               f"select seq / {RUN}, place(event_id), seq from events where seq < ? order by 1, 2", (full,))
    db.execute(f"insert into event_chunks select distinct 'source', source, seq / {CHUNK} from events where seq < ?", (full,))
    db.execute("insert into event_chunks select distinct 'target', i.target, d.event_seq / "
               f"{CHUNK} from decisions d join incidents i on i.id = d.incident_id where d.event_seq < ?", (full,))
    db.execute("update cursors set position = ? where name in ('event_places', 'event_chunks')", (full,))
    db.execute("update cursors set position = ? where name in ('decide', 'ready')", (last,))
    for sql in indexes:
        db.execute(sql)
    db.execute("commit")
    db.close()
    return {"incident": template}
