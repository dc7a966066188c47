"""What tests/api/run does: see there. Arguments: the binary, and how many requests of each kind are made up."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import daemon
from answers import check_answers

HERE = Path(__file__).resolve().parent
BINARY, EXAMPLES = sys.argv[1], int(sys.argv[2])
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


def settings(world):
    """Schemathesis is told what exists: random ids alone would only ever meet 404."""
    known = world.known()
    numbers = known["numbers"]
    values = {
        "rule": ["queue-wait", "refused"],
        "cursor": ["MTc5NTQ0Mjg1MDAwMCAx"],
        "place": ["MCAwLjAuMC4w"],
        "queue": known["keys"],
        "incident": known["incidents"],
        "target": ["salesforce", "servicenow"],
        "source": ["genesys"],
        **{name: ids for name, ids in numbers.items() if ids},
    }
    lines = ["hooks = \"hooks\""]
    for name, ids in values.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(ids)}"]
    always = {"probability": 1.0}
    often = {"probability": 0.7}
    lines += ["[parameters]"]
    for parameter, name, how in [
        ("query.rule", "rule", always), ("query.cursor", "cursor", always),
        ("query.source", "source", always), ("query.target", "target", always),
        ("path.queue_id", "queue", often), ("path.name", "target", often),
    ]:
        lines.append(f'"{parameter}" = {{ dictionary = "{name}", probability = {how["probability"]} }}')
    for path in ["events", "incidents", "deliveries", "dead-letters", "review", "silences", "floods"]:
        name = {"incidents": "incident", "floods": "source"}.get(path, path)
        if name not in values:
            continue
        parameter = "path.name" if path == "floods" else "path.id"
        lines += [
            "[[operations]]", f'include-path-regex = "^/api/v1/{path}/[{{]"',
            f'parameters = {{ "{parameter}" = {{ dictionary = "{name}", probability = 0.7 }} }}',
        ]
    lines += [
        "[[operations]]", 'include-path-regex = "/timeline$"',
        'parameters = { "query.cursor" = { dictionary = "place", probability = 1.0 } }',
        # A schema cannot say that an end lies in the future, that a reason is not blank, that a filter
        # stands in the query or in the body and not in both, or that groups take no other filter.
        "[[operations]]", 'include-path-regex = "^/api/v1/(silences|targets|incidents|dead-letters|review)"',
        "[operations.checks.positive_data_acceptance]",
        'expected-statuses = ["2xx", "400", "401", "403", "404", "409", "413", "429"]',
    ]
    return "\n".join(lines) + "\n"


def schemathesis(world, who, token, phases, examples):
    """Whether it found nothing."""
    folder = Path(tempfile.mkdtemp(prefix="ringdown-schemathesis-"))
    (folder / "schemathesis.toml").write_text(settings(world), encoding="utf-8")
    document = folder / "openapi.json"
    document.write_text(json.dumps(world.get("/api/v1/openapi.json")), encoding="utf-8")
    command = [
        SCHEMATHESIS, "--config-file", folder / "schemathesis.toml", "run", document, "--url", world.admin,
        "--checks", "all", "--phases", phases, "--max-examples", str(examples), "--generation-deterministic",
        "--no-color", "--warnings", "off", "--request-timeout", "20",
        "--workers", "1", "--continue-on-failure", "--output-truncate", "false",
    ]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    spent = time.monotonic() - began
    if done.returncode != 0:
        print(done.stdout)
    print(f"schemathesis as {who}: status {done.returncode}, {spent:.0f} s", flush=True)
    return done.returncode == 0


def main():
    with tempfile.TemporaryDirectory(prefix="ringdown-api-") as folder:
        world = daemon.World(BINARY, Path(folder))
        try:
            world.start()
            world.fill()
            faults = check_answers(world)
            print("\n".join(faults) or "every answer is as it is described", flush=True)
            held = not faults
            everything = "examples,coverage,fuzzing,stateful"
            for who, token, phases, examples in [
                ("operator", daemon.OPERATOR, everything, EXAMPLES),
                ("viewer", daemon.VIEWER, everything, max(EXAMPLES // 4, 1)),
                # Wrong tokens are made up, and answered late: a few of them say all.
                ("nobody", None, "fuzzing", max(EXAMPLES // 8, 1)),
            ]:
                held = schemathesis(world, who, token, phases, examples) and held
        finally:
            world.end()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
