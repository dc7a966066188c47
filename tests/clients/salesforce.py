"""A widely used Salesforce client against the simulated organisation.

If a client that others wrote for the real thing logs in, creates, upserts, reads, queries,
changes and closes Cases here, the simulator speaks the REST API rather than our idea of it.

    python3 -m venv target/clients/venv
    target/clients/venv/bin/pip install simple-salesforce==1.12.10
    target/clients/venv/bin/python tests/clients/salesforce.py http://127.0.0.1:PORT

Exits with 1 at the first mismatch, and says which. Reads no code of this project.
"""

import sys
import uuid

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id, format_soql

OAUTH = ("ringdown", "simulator-secret")
VERSION = "64.0"


class Mismatch(Exception):
    """The organisation did something else than it should have."""


def same(what, found, expected):
    """Fails unless both are the same."""
    if found != expected:
        raise Mismatch(f"{what}: expected {expected!r}, found {found!r}")
    print(f"as expected: {what}")


def refuses(what, error, code, call):
    """Fails unless the call raises `error` with this code; answers the exception."""
    try:
        call()
    except error as refusal:
        if code is not None:
            same(f"the code of {what}", refusal.content[0]["errorCode"], code)
        return refusal
    raise Mismatch(f"{what}: expected {error.__name__}, and it went through")


def logged_in(base):
    """The client with a token of the client credentials flow. Its own login insists on https."""
    form = {"grant_type": "client_credentials"}
    answer = requests.post(f"{base}/services/oauth2/token", data=form, auth=OAUTH, timeout=10)
    token = answer.json()
    same("the instance of the token", token["instance_url"], base)
    client = Salesforce(
        instance_url=token["instance_url"].replace("http://", "https://", 1),
        session_id=token["access_token"],
        version=VERSION,
    )
    # The client insists on https, and the simulator has no certificate.
    client.base_url = client.base_url.replace("https://", "http://", 1)
    return client


def sobject(client, name):
    """An object's handle, likewise without TLS."""
    handle = getattr(client, name)
    handle.base_url = handle.base_url.replace("https://", "http://", 1)
    return handle


def described(client):
    """Reads what the organisation says about Case."""
    fields = {field["name"]: field for field in sobject(client, "Case").describe()["fields"]}
    key = fields["Ringdown_Id__c"]
    same("the key is a unique external id", (key["externalId"], key["unique"]), (True, True))
    same("the length of a subject", fields["Subject"]["length"], 255)
    values = [value["value"] for value in fields["Status"]["picklistValues"]]
    same("a closed status is listed", "Closed" in values, True)
    soql = "SELECT ApiName FROM CaseStatus WHERE IsClosed = true"
    records = client.query(soql)["records"]
    same("the closed status", [record["ApiName"] for record in records], ["Closed"])


def created(client, prefix):
    """Creates, reads, changes and comments on a Case by its id."""
    cases = sobject(client, "Case")
    made = cases.create({"Subject": f"{prefix} Trunk down", "Priority": "High"})
    same("the creation", (made["success"], made["errors"]), (True, []))
    case = cases.get(made["id"])
    same("the subject", case["Subject"], f"{prefix} Trunk down")
    same("the default status", (case["Status"], case["IsClosed"]), ("New", False))
    same("a change", cases.update(made["id"], {"Status": "Working"}), 204)
    same("the changed status", cases.get(made["id"])["Status"], "Working")
    comments = sobject(client, "CaseComment")
    comments.create({"ParentId": made["id"], "CommentBody": "[ref 1a] still down"})
    soql = format_soql(
        "SELECT Id FROM CaseComment WHERE ParentId = {} AND CommentBody LIKE '%{:like}%'",
        made["id"],
        "[ref 1a]",
    )
    same("the comment is found", client.query(soql)["totalSize"], 1)
    return made["id"]


def upserted(client, prefix):
    """Upserts by a key with characters that need encoding."""
    cases = sobject(client, "Case")
    # No space: this client sends one as `+` when it reads, which stands for itself in a path.
    key = f"{prefix}/a+b%ü"
    path = format_external_id("Ringdown_Id__c", key)
    same("the first upsert", cases.upsert(path, {"Subject": "one"}), 201)
    same("the second upsert", cases.upsert(path, {"Subject": "two"}), 200)
    read = cases.get_by_custom_id("Ringdown_Id__c", key)
    same("the record read by its key", read["Subject"], "two")
    soql = format_soql("SELECT Id, Ringdown_Id__c FROM Case WHERE Ringdown_Id__c = {}", key)
    found = client.query(soql)
    same("the key as stored", found["records"][0]["Ringdown_Id__c"], key)
    refuses(
        "a second record with the key",
        SalesforceMalformedRequest,
        "DUPLICATE_VALUE",
        lambda: cases.create({"Subject": "three", "Ringdown_Id__c": key}),
    )


def queried(base, client, prefix):
    """Lists more than a page holds, with a quote in what is searched for."""
    cases = sobject(client, "Case")
    for number in range(5):
        cases.create({"Subject": f"{prefix} it's {number}"})
    switch(base, query_page=2)
    like = f"{prefix} it's"
    soql = format_soql(
        "SELECT Subject FROM Case WHERE Subject LIKE '{:like}%' ORDER BY Subject DESC", like
    )
    first = client.query(soql)
    same("the first page", (first["totalSize"], len(first["records"]), first["done"]), (5, 2, False))
    pages, page = list(first["records"]), first
    while not page["done"]:
        path = page["nextRecordsUrl"].rsplit("/", 1)[1]
        page = client.query_more(path)
        pages += page["records"]
    expected = [f"{prefix} it's {number}" for number in (4, 3, 2, 1, 0)]
    same("all pages in order", [record["Subject"] for record in pages], expected)
    switch(base, query_page=2000)
    refuses(
        "a field that is not there",
        SalesforceMalformedRequest,
        "INVALID_FIELD",
        lambda: client.query("SELECT Nowhere__c FROM Case"),
    )


def refused(base, client):
    """Meets the refusals that administrators and lengths cause."""
    cases = sobject(client, "Case")
    refuses(
        "a subject that is too long",
        SalesforceMalformedRequest,
        "STRING_TOO_LONG",
        lambda: cases.create({"Subject": "x" * 256}),
    )
    rule = {"field": "Subject", "refuse_when": {"contains": "forbidden"}, "message": "Not so"}
    switch(base, validation_rules=[rule])
    refusal = refuses(
        "a validation rule",
        SalesforceMalformedRequest,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        lambda: cases.create({"Subject": "a forbidden word"}),
    )
    same("the administrator's text", refusal.content[0]["message"], "Not so")
    switch(base, validation_rules=[])
    switch(base, external_id_unique=False)
    for _ in range(2):
        cases.create({"Subject": "twin", "Ringdown_Id__c": "twin"})
    refuses(
        "a key that two records have",
        SalesforceMoreThanOneRecord,
        None,
        lambda: cases.upsert("Ringdown_Id__c/twin", {"Subject": "which"}),
    )
    switch(base, external_id_unique=True)


def closed(client, case):
    """Closes a Case, deletes it, and finds it gone."""
    cases = sobject(client, "Case")
    cases.update(case, {"Status": "Closed"})
    read = cases.get(case)
    same("the closed Case", (read["IsClosed"], read["ClosedDate"] is not None), (True, True))
    same("the deletion", cases.delete(case), 204)
    refuses(
        "reading what is deleted",
        SalesforceResourceNotFound,
        "ENTITY_IS_DELETED",
        lambda: cases.get(case),
    )


def expired(base, client):
    """Loses its session."""
    requests.post(f"{base}/_sim/expire-tokens", timeout=10).raise_for_status()
    cases = sobject(client, "Case")
    refuses(
        "an expired session",
        SalesforceExpiredSession,
        "INVALID_SESSION_ID",
        lambda: cases.create({"Subject": "too late"}),
    )


def switch(base, **switches):
    """Sets switches of the simulated organisation."""
    requests.post(f"{base}/_sim/switches", json=switches, timeout=10).raise_for_status()


def main():
    """Everything, in order."""
    base = sys.argv[1].rstrip("/")
    prefix = f"py-{uuid.uuid4().hex[:8]}"
    client = logged_in(base)
    described(client)
    case = created(client, prefix)
    upserted(client, prefix)
    queried(base, client, prefix)
    refused(base, client)
    closed(client, case)
    expired(base, client)


if __name__ == "__main__":
    try:
        main()
    except Mismatch as mismatch:
        sys.exit(f"MISMATCH {mismatch}")
