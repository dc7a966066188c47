"""ServiceNow's own Python client against the simulated instance.

If a client that others wrote for the real thing creates, reads, queries, changes and closes
incidents here, the simulator speaks the Table API rather than our idea of it.

    python3 -m venv target/clients/venv
    target/clients/venv/bin/pip install pysnc==1.2.1
    target/clients/venv/bin/python tests/clients/servicenow.py http://127.0.0.1:PORT

Exits with 1 at the first mismatch, and says which. Reads no code of this project.
"""

import sys
import uuid

import requests
from pysnc import ServiceNowClient
from pysnc.exceptions import AuthenticationException, RoleException
from requests.adapters import HTTPAdapter

USER = ("ringdown", "simulator-password")
OAUTH = ("ringdown", "simulator-secret")


class Mismatch(Exception):
    """The instance did something else than it should have."""


class WithoutTls(HTTPAdapter):
    """The client insists on https, and the simulator has no certificate."""

    def send(self, request, **how):
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **how)


class Bearer(requests.auth.AuthBase):
    """Sends an access token."""

    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def client_of(base, auth):
    """The client, logging in by `auth`."""
    session = requests.Session()
    session.auth = auth
    session.mount("https://", WithoutTls())
    return ServiceNowClient(base.replace("http://", "https://", 1), session, auto_retry=False)


def same(what, found, expected):
    """Fails unless both are the same."""
    if found != expected:
        raise Mismatch(f"{what}: expected {expected!r}, found {found!r}")
    print(f"as expected: {what}")


def refuses(what, error, call):
    """Fails unless the call raises `error`; answers its text."""
    try:
        call()
    except error as refusal:
        print(f"as expected: {what} is refused")
        return str(refusal)
    raise Mismatch(f"{what}: expected {error.__name__}, and it went through")


def opened(client, key, chosen):
    """Creates an incident under a chosen id and checks what comes back."""
    record = client.GlideRecord("incident")
    record.initialize()
    record.set_new_guid_value(chosen)
    record.short_description = "Trunk down"
    record.impact = "1"
    record.urgency = "2"
    record.correlation_id = key
    record.work_notes = "Opened by a foreign client."
    same("the chosen id of a new record", str(record.insert()), chosen)
    same("the number's prefix", record.get_value("number")[:3], "INC")
    same("the computed priority", record.get_value("priority"), "2")
    same("the state as people see it", record.get_display_value("state"), "New")


def read(client, key, chosen):
    """Reads it by its id and by its key."""
    record = client.GlideRecord("incident")
    same("reading by id", record.get(chosen), True)
    same("the key", record.get_value("correlation_id"), key)
    same("a raw journal", record.get_value("work_notes"), "")
    shown = "Opened by a foreign client." in record.get_display_value("work_notes")
    same("the note in the journal as people see it", shown, True)
    same("reading by key", client.GlideRecord("incident").get("correlation_id", key), True)
    missing = client.GlideRecord("incident")
    same("reading what is not there", missing.get(uuid.uuid4().hex), False)


def queried(client, prefix):
    """Adds two more and lists all three a page at a time."""
    for number in (2, 3):
        record = client.GlideRecord("incident")
        record.initialize()
        record.short_description = f"Queue {number}"
        record.correlation_id = f"{prefix}-{number}"
        record.insert()
    rows = client.GlideRecord("incident", batch_size=1)
    rows.add_query("correlation_id", "STARTSWITH", prefix)
    rows.add_active_query()
    rows.order_by_desc("correlation_id")
    rows.query()
    same("the count of a list", rows.get_row_count(), 3)
    keys = [row.get_value("correlation_id") for row in rows]
    same("the rows in order", keys, [f"{prefix}-{number}" for number in (3, 2, 1)])
    either = client.GlideRecord("incident")
    condition = either.add_query("correlation_id", f"{prefix}-1")
    condition.add_or_condition("correlation_id", f"{prefix}-3")
    either.query()
    same("the count of either", either.get_row_count(), 2)


def assigned(client, chosen):
    """Sets a reference to a group found by its name."""
    group = client.GlideRecord("sys_user_group")
    same("finding the group", group.get("name", "Telephony Operations"), True)
    record = client.GlideRecord("incident")
    record.get(chosen)
    record.assignment_group = group.get_value("sys_id")
    record.state = "2"
    record.update()
    same("the group by name", record.get_display_value("assignment_group"), "Telephony Operations")
    same("the count of changes", record.get_value("sys_mod_count"), "1")
    same("the new state", record.get_display_value("state"), "In Progress")


def closed(base, client, chosen):
    """Resolves it, closes it as an administrator, and finds it shut."""
    record = client.GlideRecord("incident")
    record.get(chosen)
    record.state = "6"
    text = refuses("resolving without a code", RoleException, record.update)
    same("the policy is named", "Data Policy Exception" in text, True)
    record.close_code = "Solution provided"
    record.close_notes = "The trunk is back."
    record.update()
    same("the resolved state", record.get_display_value("state"), "Resolved")
    same("a time of resolution", record.get_value("resolved_at") != "", True)
    record.state = "7"
    refuses("closing without itil_admin", RoleException, record.update)
    switch(base, itil_admin=True)
    record.update()
    same("the active flag", record.get_value("active"), "false")
    switch(base, itil_admin=False)
    record.short_description = "Too late"
    refuses("changing a closed record", RoleException, record.update)


def switch(base, **switches):
    """Sets switches of the simulated instance."""
    requests.post(f"{base}/_sim/switches", json=switches, timeout=10).raise_for_status()


def logged_in(base, key):
    """Reads with a token, and not with a wrong password."""
    form = {"grant_type": "client_credentials", "client_id": OAUTH[0], "client_secret": OAUTH[1]}
    granted = requests.post(f"{base}/oauth_token.do", data=form, timeout=10)
    client = client_of(base, Bearer(granted.json()["access_token"]))
    same("reading with a token", client.GlideRecord("incident").get("correlation_id", key), True)
    stranger = client_of(base, ("ringdown", "wrong"))
    rows = stranger.GlideRecord("incident")
    refuses("a wrong password", AuthenticationException, rows.query)


def main():
    """Everything, in order."""
    base = sys.argv[1].rstrip("/")
    client = client_of(base, USER)
    prefix = f"py-{uuid.uuid4().hex[:8]}"
    key, chosen = f"{prefix}-1", uuid.uuid4().hex
    opened(client, key, chosen)
    read(client, key, chosen)
    queried(client, prefix)
    assigned(client, chosen)
    closed(base, client, chosen)
    logged_in(base, key)
    record = client.GlideRecord("incident")
    record.get("correlation_id", f"{prefix}-2")
    same("deleting", record.delete(), True)


if __name__ == "__main__":
    try:
        main()
    except Mismatch as mismatch:
        sys.exit(f"MISMATCH {mismatch}")
