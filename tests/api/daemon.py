"""A daemon before simulated CRMs, with data of every kind."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEBHOOK, OPERATOR, VIEWER = "webhook-s3cret-token", "operator-s3cret-token", "viewer-s3cret-token"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, url, body=None, token=None):
    """Status and JSON of an answer, whatever it says."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text.decode(errors="replace")


def until(what, holds, patience=60):
    end = time.monotonic() + patience
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain until {what}")
        time.sleep(0.1)


class World:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.processes, self.events = binary, folder, [], 0
        self.configurations = []
        ports = {name: free_port() for name in ("public", "admin", "salesforce", "servicenow")}
        self.at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        self.admin, self.public = f"http://{self.at['admin']}", f"http://{self.at['public']}"
        (folder / "ports.toml").write_text("\n".join([
            f'server.listen = "{self.at["public"]}"', f'admin.listen = "{self.at["admin"]}"',
            'store.url = "sqlite:ringdown.db"',
            f'targets.salesforce.base_url = "http://{self.at["salesforce"]}"',
            f'targets.servicenow.base_url = "http://{self.at["servicenow"]}"', "",
        ]), encoding="utf-8")

    def run(self, *arguments):
        environment = os.environ | {
            "WEBHOOK_TOKEN": WEBHOOK, "OPERATOR_TOKEN": OPERATOR, "VIEWER_TOKEN": VIEWER,
            "CRM_SECRET": "simulator-secret",
        }
        with (self.folder / "log").open("ab") as log:
            self.processes.append(subprocess.Popen(
                [self.binary, *arguments], cwd=self.folder, env=environment,
                stdout=subprocess.DEVNULL, stderr=log))

    def start(self):
        self.run("sim", "--salesforce", self.at["salesforce"], "--servicenow", self.at["servicenow"])
        sim = f"http://{self.at['salesforce']}/_sim"
        until("the simulator listens", lambda: call("GET", f"{sim}/tickets")[0] == 200)
        refusal = {"kind": "validation_refusal", "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                   "message": "The queue must be known", "path": "/sobjects/Case/Ringdown_Id__c/",
                   "trigger": "always", "body_contains": "refused-"}
        assert call("POST", f"{sim}/faults", refusal)[0] < 300
        configurations = [HERE / "ringdown.toml", *self.configurations, "ports.toml"]
        self.run("serve", *(part for one in configurations for part in ("--config", one)))
        try:
            until("the daemon is ready", lambda: call("GET", f"{self.public}/readyz")[0] == 200)
        except TimeoutError:
            print((self.folder / "log").read_text(encoding="utf-8"))
            raise

    def send(self, queues, reading):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        events = []
        for queue in queues:
            self.events += 1
            events.append({
                "id": f"event-{self.events}", "type": "telephony.queue.waiting", "timestamp": now,
                "queue": {"id": queue}, "metrics": [{"name": queue, **reading}],
            })
        status, answer = call("POST", f"{self.public}/webhooks/genesys", events, WEBHOOK)
        assert status == 202, (status, answer)

    def get(self, path):
        status, answer = call("GET", self.admin + path, token=OPERATOR)
        assert status == 200, (path, status, answer)
        return answer

    def post(self, path, body):
        status, answer = call("POST", self.admin + path, body, OPERATOR)
        assert status < 300, (path, status, answer)
        return answer

    def count(self, path):
        return len(self.get(f"/api/v1/{path}")["items"])

    def fill(self):
        """Incidents alone, in an outage, over, held by a flood; dead letters; review items;
        silences."""
        self.post("/api/v1/silences", {"match": ["key=silenced"], "for": "2h", "reason": "a test"})
        self.send([f"alone-{n}" for n in range(4)] + ["silenced"], {"avg": 400.0})
        self.send([f"berlin-{n}" for n in range(8)], {"avg": 500.0})
        # Tickets that the CRM takes, between those that it refuses: not all are refused.
        self.send([f"{name}-{n}" for n in range(4) for name in ("fine", "refused")], {"avg": 1000.0})
        for body in ([{"no": "event"}], [{"id": "x", "type": "telephony.queue.waiting", "queue": 7}]):
            assert call("POST", f"{self.public}/webhooks/genesys", body, WEBHOOK)[0] == 202
        until("there are tickets", lambda: any(
            one["ticket"]["number"] for one in self.get("/api/v1/incidents?state=open")["items"]))
        self.send(["alone-0"], {"avg": 10.0})
        until("one is over", lambda: self.count("incidents?state=recovered,closed") > 0)
        until("there are dead letters", lambda: self.count("dead-letters") > 2)
        until("there are review items", lambda: self.count("review") > 1)
        until("there is an outage", lambda: any(
            one["rule"] == "outage:site" for one in self.get("/api/v1/incidents")["items"]))
        self.send([f"{n:06}-flood" for n in range(120)], {"avg": 400.0})
        until("there is a flood", lambda: self.count("floods") > 0)

    def known(self):
        """Ids and keys of what there is."""
        incidents = self.get("/api/v1/incidents?limit=300")["items"]
        alone = [one for one in incidents if not one["key"].endswith("-flood")]
        numbers = {
            name: [item["id"] for item in self.get(f"/api/v1/{name}?limit=10")["items"]]
            for name in ("events", "deliveries", "dead-letters", "review", "silences")
        }
        numbers["events"].append("event-1")
        return {"incidents": [one["id"] for one in alone], "keys": [one["key"] for one in alone],
                "numbers": numbers}

    def end(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)
