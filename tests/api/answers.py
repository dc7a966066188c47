"""Real answers of every route, compared with the description. Stricter than a validator alone: a
member that is not described is a fault."""

import jsonschema_rs

from daemon import OPERATOR, call


def resolved(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def members(document, schema):
    """The described members of an object, those of all its parts."""
    schema = resolved(document, schema)
    known = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        known |= members(document, part)
    return known


def undescribed(document, schema, value, place=""):
    """Places of members that are not described: by the form that fits best, where there are several."""
    schema = resolved(document, schema)
    if "anyOf" in schema:
        forms = [list(undescribed(document, form, value, place)) for form in schema["anyOf"]]
        yield from min(forms, key=len)
        return
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from undescribed(document, schema["items"], item, f"{place}/{number}")
    if isinstance(value, dict):
        known, others = members(document, schema), schema.get("additionalProperties")
        for name, member in value.items():
            if name in known:
                yield from undescribed(document, known[name], member, f"{place}/{name}")
            elif isinstance(others, dict):
                yield from undescribed(document, others, member, f"{place}/{name}")
            elif known:
                yield f"{place}/{name}"


def requests(world):
    """Requests that succeed, by the route they are of; changes last."""
    known = world.known()
    alone = [one["id"] for one in world.get("/api/v1/incidents?state=open&rule=queue-wait&limit=500")["items"]
             if one["outage_id"] is None]
    member = next(one for one in world.get("/api/v1/incidents?limit=500")["items"] if one["outage_id"])
    # Windows of the configuration stand among the silences, and cannot be changed.
    made = {name: [one for one in ids if not one.startswith("maintenance")] for name, ids in known["numbers"].items()}
    first = {name: ids[0] for name, ids in made.items()}
    dead, review = known["numbers"]["dead-letters"], known["numbers"]["review"]
    ids = {
        "events": first["events"], "incidents": alone[0], "deliveries": first["deliveries"],
        "dead-letters": dead[0], "review": review[0], "silences": first["silences"], "targets": "servicenow",
        "queues": next(key for key in known["keys"] if key.startswith("alone-1")),
    }
    reason = {"reason": "a test"}
    silence = {"match": ["key=nobody"], "for": "1h", "reason": "a test"}
    for path in world.get("/api/v1/openapi.json")["paths"]:
        parts = path.split("/")
        filled = "/".join(ids.get(parts[3], "") if part.startswith("{") else part for part in parts) \
            if len(parts) > 3 else path
        queries = {
            "/api/v1/why": ["?q=event-1", "?q=alone-1", "?q=nothing-of-ours", "?q=berlin"],
            "/api/v1/incidents": ["", "?sort=worst", "?state=open,closed&severity=high"],
            "/api/v1/review": ["", "?group=reason"],
            "/api/v1/deliveries": ["", "?state=dead", "?state=waiting,parked"],
        }
        for query in queries.get(path, [""]):
            yield "get", path, filled + query, None
    yield "get", "/api/v1/events/{id}", "/api/v1/events/event-1", None
    yield "get", "/api/v1/silences/{id}", "/api/v1/silences/maintenance:night", None
    for path, place, body in [
        ("incidents/{id}/note", f"incidents/{alone[0]}/note", {"text": "a test"}),
        ("incidents/{id}/close", f"incidents/{alone[0]}/close", reason),
        ("incidents/{id}/leave-outage", f"incidents/{member['id']}/leave-outage", reason),
        ("incidents/{id}/join-outage", f"incidents/{member['id']}/join-outage",
         reason | {"outage": member["outage_id"]}),
        ("incidents/{id}/open-ticket", f"incidents/{member['id']}/open-ticket", reason),
        ("targets/{name}/pause", "targets/salesforce/pause", reason),
        ("targets/{name}/test", "targets/servicenow/test", None),
        ("silences", "silences?dry_run=true", silence),
        ("silences", "silences", silence),
        ("silences/{id}/extend", f"silences/{first['silences']}/extend", {"for": "1h"}),
        ("silences/{id}/expire", f"silences/{first['silences']}/expire", None),
        ("dead-letters/{id}/replay", f"dead-letters/{dead[0]}/replay?plan=true", None),
        ("dead-letters/{id}/replay", f"dead-letters/{dead[0]}/replay", None),
        ("dead-letters/{id}/discard", f"dead-letters/{dead[1]}/discard", None),
        ("dead-letters/replay", "dead-letters/replay?plan=true", {"kind": "integration_failure"}),
        ("dead-letters/replay", "dead-letters/replay?ids=true", {"like": dead[2]}),
        ("dead-letters/discard", "dead-letters/discard?kind=network_failure", None),
        ("review/{id}/reprocess", f"review/{review[0]}/reprocess", None),
        ("review/{id}/discard", f"review/{review[1]}/discard", None),
        ("review/reprocess", "review/reprocess", {"source": "genesys"}),
        ("review/discard", "review/discard", {"source": "genesys"}),
        ("floods/{name}/release", "floods/genesys/release", None),
        ("floods/{name}/discard", "floods/genesys/discard", None),
    ]:
        yield "post", f"/api/v1/{path}", f"/api/v1/{place}", body
    yield "get", "/api/v1/targets", "/api/v1/targets", None
    yield "get", "/readyz", "/readyz", None
    yield "get", "/api/v1/status", "/api/v1/status", None
    yield "post", "/api/v1/targets/{name}/resume", "/api/v1/targets/salesforce/resume", None
    yield "get", "/api/v1/audit", "/api/v1/audit?limit=100", None


def check_answers(world):
    """What is not as described, and the routes that no request was made of."""
    document = world.get("/api/v1/openapi.json")
    open_routes = {(method, path) for path, methods in document["paths"].items() for method in methods}
    faults = []
    for method, path, place, body in requests(world):
        if method not in document["paths"][path]:
            continue
        status, answer = call(method.upper(), world.admin + place, body, OPERATOR)
        described = document["paths"][path][method]["responses"].get(str(status))
        if status >= 300 or described is None:
            faults.append(f"{method} {place}: {status} {answer}")
            continue
        open_routes.discard((method, path))
        for media, content in described["content"].items():
            if media != "application/json":
                continue
            schema = content["schema"] | {"components": document["components"]}
            validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
            faults += [f"{method} {place}: {error.message} at {error.instance_path}"
                       for error in validator.iter_errors(answer)]
            faults += [f"{method} {place}: {name} is not described"
                       for name in undescribed(document, content["schema"], answer)]
    return faults + [f"{method} {path}: no request was made" for method, path in sorted(open_routes)]
