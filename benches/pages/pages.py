"""Times every GET of the admin listener on a database with many rows."""

import argparse
import base64
import http.client
import json
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "tests" / "api"), str(HERE)]

from daemon import OPERATOR, World  # noqa: E402
from fill import fill  # noqa: E402
from open_pages import share_of_a_core  # noqa: E402

TIMES = 3
SHOWN = 25
# Pages that are open while nothing happens, for so many seconds.
OPEN_PAGES, SPAN = 200, 30
MOST_OF_A_CORE = 0.02
# Of links that differ in an id alone, so many are followed.
ALIKE = 3


class Browser:
    def __init__(self, at):
        self.connection = http.client.HTTPConnection(at, timeout=300)
        self.at, self.cookie = at, None
        form = urllib.parse.urlencode({"token": OPERATOR})
        self.connection.request("POST", "/ui/sign-in", form, {
            "content-type": "application/x-www-form-urlencoded", "origin": f"http://{at}"})
        answer = self.connection.getresponse()
        answer.read()
        self.cookie = answer.getheader("set-cookie").split(";")[0]

    def get(self, path):
        """Status, text and milliseconds."""
        who = {"cookie": self.cookie} if path.startswith("/ui") else {"authorization": f"Bearer {OPERATOR}"}
        begun = time.perf_counter()
        self.connection.request("GET", path, headers=who)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, text.decode(errors="replace"), (time.perf_counter() - begun) * 1_000


def cursor(at, number):
    return base64.urlsafe_b64encode(f"{at} {number}".encode()).decode().rstrip("=")


def known(path):
    """What requests ask for: of the newest rows and of the oldest."""
    db = sqlite3.connect(path)
    one = lambda sql: db.execute(sql).fetchone()
    made = "id in (select id from incidents where ticket_number like 'MADE%')"
    new = one(f"select id, key, ticket_number, opened_at from incidents where {made} order by opened_at desc limit 1")
    old = one(f"select id, key, ticket_number, opened_at from incidents where {made} order by opened_at limit 1")
    middle = one("select opened_at, id from incidents order by opened_at limit 1 offset (select count(*) / 2 from incidents)")
    event = one("select received_at, seq from events where seq = (select max(seq) / 2 from events)")
    delivery = one("select created_at, id from deliveries order by created_at limit 1 offset (select count(*) / 2 from deliveries)")
    dead = one("select id from deliveries where state = 'dead' order by id desc limit 1")
    review = one("select id from review_items where state = 'open' order by id desc limit 1")
    outage = one("select id from incidents where rule like 'outage:%' limit 1")
    db.close()
    text = lambda ms: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1_000))
    return {
        "since": [text(old[3]), text(new[3])], "until": [text(old[3] + 60_000), text(middle[0]), text(new[3])],
        "source": ["genesys", "retired"], "target": ["servicenow", "salesforce", "retired"],
        "rule": ["queue-wait", "refused", "retired", "outage:site"], "key": [new[1], old[1], "nothing"],
        "incident": [new[0], old[0]], "event_id": ["made-0", f"made-{event[1]}", "nothing"],
        "outage": [outage[0]], "ticket": [new[2], old[2], "nothing"],
        "kind": ["integration_failure", "network_failure"], "operation": ["create", "update", "link"],
        "like": [str(dead[0])], "q": [new[0], new[1], old[2], "made-0", "nothing", "queue", "a"],
        "limit": ["500"], "id": {
            "events": [str(event[1]), "made-0"], "incidents": [new[0], old[0], outage[0], new[2]],
            "deliveries": [str(delivery[1])], "dead-letters": [str(dead[0])], "review": [str(review[0])],
            "silences": ["1"], "targets": ["servicenow"], "queues": [new[1], "nothing"]},
        "cursor": {"events": cursor(*event), "incidents": cursor(*middle), "deliveries": cursor(*delivery),
                   "audit": cursor(*event), "review": cursor(event[0], review[0])},
    }


def api_requests(document, values):
    for path, methods in document["paths"].items():
        if "get" not in methods:
            continue
        name = path.split("/")[3] if path.count("/") > 2 else ""
        places = [path]
        if "{" in path:
            places = [re.sub(r"\{\w+\}", urllib.parse.quote(one, safe=""), path) for one in values["id"].get(name, [])]
        queries = [{}]
        for parameter in methods["get"].get("parameters", []):
            if parameter["in"] != "query":
                continue
            asked, schema = parameter["name"], parameter.get("schema", {})
            if asked == "cursor":
                continue
            of = values.get(asked) or schema.get("enum") or schema.get("items", {}).get("enum", [])
            queries += [{asked: one} for one in of]
        if name == "events":
            queries += [{"source": "retired", "state": "decided"}, {"target": "retired", "since": values["since"][0]},
                        {"rule": "retired", "source": "genesys"}, {"source": "genesys", "target": "retired"}]
        if path == "/api/v1/incidents":
            queries += [{"sort": "worst", "limit": "500"}, {"sort": "worst", "source": "retired"}]
        if name in values["cursor"] and "{" not in path:
            queries += [one | {"cursor": values["cursor"][name]} for one in queries if "cursor" not in one]
        for place in places:
            for query in queries:
                yield place + ("?" + urllib.parse.urlencode(query) if query else "")


def links(text):
    for found in re.findall(r'(?:href|action)="(/ui[^"]*)"', text):
        yield found.replace("&amp;", "&").split("#")[0]


def kind_of(link):
    return re.sub(r"[0-9a-f-]{36}|\b\d+\b|%[0-9A-F]{2}|=[^&]*", "*", link)


def page_requests(browser, values):
    """Every page that links lead to, from *Now* and from the searches."""
    waiting = ["/ui/", "/ui/mark"] + [f"/ui/why?q={urllib.parse.quote(one)}" for one in values["q"]]
    seen, kinds = set(), {}
    while waiting:
        link = waiting.pop(0)
        kind = kind_of(link)
        if link in seen or link.startswith(("/ui/changes", "/ui/sign")) or (
                kind != "/ui/why?q*" and kinds.get(kind, 0) >= ALIKE):
            continue
        seen.add(link)
        status, text, _ = browser.get(link)
        if status != 200:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        yield link
        waiting.extend(one for one in links(text) if one not in seen)


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("binary")
    asked.add_argument("--incidents", type=int, default=100_000)
    asked.add_argument("--events", type=int, default=10_000_000)
    asked.add_argument("--most", type=float, default=50.0)
    asked.add_argument("--keep", type=Path)
    asked = asked.parse_args()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="ringdown-pages-"))
    is_filled = (folder / "filled").exists()
    folder.mkdir(exist_ok=True, parents=True)
    world = World(asked.binary, folder)
    world.configurations = [HERE / "ringdown.toml"]
    with (folder / "ports.toml").open("a", encoding="utf-8") as ports:
        ports.write(f'targets.retired.base_url = "http://{world.at["servicenow"]}"\n')
    try:
        if not is_filled:
            world.start()
            world.fill()
            world.end()
            begun = time.monotonic()
            fill(folder / "ringdown.db", asked.incidents, asked.events)
            (folder / "filled").touch()
            print(f"filled in {time.monotonic() - begun:.0f} s")
            world.processes.clear()
        values = known(folder / "ringdown.db")
        world.start()
        browser = Browser(world.at["admin"])
        document = json.loads(browser.get("/api/v1/openapi.json")[1])
        places = list(dict.fromkeys([*api_requests(document, values), *page_requests(browser, values)]))
        measured, refused = [], []
        for place in places:
            answers = [browser.get(place) for _ in range(TIMES)]
            (measured if answers[0][0] == 200 else refused).append(
                (sorted(answer[2] for answer in answers)[TIMES // 2], answers[0][0], place))
        process = world.processes[-1].pid
        share, alone, told, asking = share_of_a_core(browser, process, OPEN_PAGES, SPAN)
    finally:
        world.end()
        if not asked.keep:
            shutil.rmtree(folder)
    for took, _, place in sorted(measured, reverse=True)[:SHOWN]:
        print(f"{took:9.1f} ms  {place}")
    for _, status, place in refused:
        print(f"     {status}      {place}")
    slow = sum(took > asked.most for took, _, _ in measured)
    print(f"{len(measured)} pages and lists, {slow} over {asked.most:.0f} ms")
    print(f"{OPEN_PAGES} open pages ({told} are told, {asking} ask) take {share:.1%} of a core beside {alone:.1%}")
    sys.exit(1 if slow or share > MOST_OF_A_CORE else 0)


main()
