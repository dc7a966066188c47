"""What schemathesis cannot know of this API."""

import random

import schemathesis
import urllib3.util.connection as connection
from requests import Session
from schemathesis.generation import GenerationMode

# Not the one that is seeded anew for each test.
chance = random.SystemRandom()

# Ten wrong tokens in a minute from one address are answered 401, further ones 429: so each connection
# comes from an address of its own.
connect, send = connection.create_connection, Session.send


def from_anywhere(address, timeout=None, source_address=None, socket_options=None):
    source = f"127.{chance.randrange(1, 255)}.{chance.randrange(255)}.{chance.randrange(1, 255)}"
    return connect(address, timeout, (source, 0), socket_options)


def over_a_new_connection(session, request, **options):
    request.headers["Connection"] = "close"
    return send(session, request, **options)


connection.create_connection, Session.send = from_anywhere, over_a_new_connection

# A cursor is what a page has answered, and a rule, a source and a target are ones that there are: no
# schema can say so.
PLACES = {True: "MCAwLjAuMC4w", False: "MTc5NTQ0Mjg1MDAwMCAx"}


@schemathesis.hook
def before_call(context, case, kwargs):
    mode = case.meta.generation.mode if case.meta else None
    if mode != GenerationMode.POSITIVE:
        return
    known = {"cursor": PLACES[case.operation.path.endswith("/timeline")], "rule": "queue-wait",
             "source": "genesys", "target": "salesforce"}
    for values in (case.query, case.body):
        if isinstance(values, dict):
            values.update({name: value for name, value in known.items() if name in values})
