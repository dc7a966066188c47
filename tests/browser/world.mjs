// What the browser visits: a daemon with tokens, the simulated CRMs, and their real events.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const BINARY = process.env.RINGDOWN_BINARY;
export const OPERATOR = "operator-token-of-the-browser-tests";
export const VIEWER = "viewer-token-of-the-browser-tests";
const SENDER = "webhook-token-of-the-browser-tests";

const running = new Set();
const folders = [];
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

// Asks `question` until it answers something true.
export async function until(what, question, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (let last; ; ) {
    try {
      last = await question();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: not in ${seconds} s; last: ${last}`);
    await pause(25);
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export function start(args, environment = {}) {
  const child = spawn(BINARY, args, { env: { ...process.env, ...environment } });
  running.add(child);
  child.said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => { child.said = (child.said + text).slice(-200_000); });
  }
  child.on("exit", () => running.delete(child));
  return child;
}

export async function stop(child, signal = "SIGTERM") {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}

export const readiness = (url) => until(`${url} answers`, async () => (await fetch(url)).ok);

// A request to the daemon or to a CRM; answers the body as JSON.
export async function call(url, options = {}) {
  const answer = await fetch(url, options);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${options.method ?? "GET"} ${url}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export const post = (url, body) =>
  call(url, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

export class World {
  // A world whose daemon and CRMs answer.
  static async begin(options) {
    const world = new World(options);
    await world.begin();
    return world;
  }

  constructor({ tokens = true, group = "Telephony Operations", store } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "ringdown-browser-"));
    folders.push(this.folder);
    Object.assign(this, { tokens, group, store: store ?? `sqlite:${this.folder}/ringdown.db` });
  }

  async begin() {
    const ports = await Promise.all([1, 2, 3, 4].map(freePort));
    const [listen, admin, salesforce, servicenow] = ports.map((port) => `127.0.0.1:${port}`);
    Object.assign(this, {
      listen,
      admin,
      url: `http://${admin}`,
      salesforce: `http://${salesforce}`,
      servicenow: `http://${servicenow}`,
    });
    this.simulator = start(["sim", "--salesforce", salesforce, "--servicenow", servicenow]);
    await Promise.all([
      readiness(`${this.salesforce}/_sim/tickets`),
      readiness(`${this.servicenow}/_sim/tickets`),
      this.serve(),
    ]);
  }

  // Starts the daemon with the present configuration.
  async serve() {
    const file = join(this.folder, "ringdown.toml");
    writeFileSync(file, this.configuration());
    this.daemon = start(["serve", "--config", file]);
    const ended = once(this.daemon, "exit").then(() => {
      throw new Error(`the daemon ended:\n${this.daemon.said}`);
    });
    ended.catch(() => {});
    await Promise.race([ended, readiness(`${this.url}/readyz`)]);
  }

  async stop() {
    await stop(this.daemon);
  }

  async end() {
    await Promise.all([stop(this.daemon, "SIGKILL"), stop(this.simulator, "SIGKILL")]);
  }

  // Sends events, all at once; an array of them is one request.
  async send(...events) {
    await Promise.all(events.map((event) => call(`http://${this.listen}/webhooks/genesys`, {
      method: "POST",
      headers: { authorization: `Bearer ${SENDER}`, "content-type": "application/json" },
      body: JSON.stringify(event),
    })));
  }

  api(path, body) {
    return call(`${this.url}/api/v1/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${OPERATOR}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  // The incident of the queue or trunk `name`, when `is` holds of it.
  incident(name, is = () => true) {
    return until(`the incident of ${name}`, async () => {
      const { items } = await this.api("incidents?limit=500&sort=worst");
      return items.find((one) => one.name === name && is(one));
    });
  }

  configuration() {
    const target = (name, kind, url, more) => `
[targets.${name}]
kind = "${kind}"
base_url = "${url}"
timeout = "2s"
${more}
[targets.${name}.auth]
flow = "client_credentials"
client_id = "ringdown"
client_secret = "simulator-secret"
`;
    const incident = (group) => `[targets.$.create]
short_description = "{{ rule }} on {{ queue_name or trunk_name or key }}"
description = "Seen at {{ timestamp }}, event {{ event_payload_id }}"
urgency = "1"
impact = "1"
assignment_group = "${group}"
[targets.$.resolve]
state = "6"
close_code = "Resolved by caller"
close_notes = "Recovered."
`;
    const wait = `events = ["telephony.queue.waiting"]
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "1s"
severity = "high"
key = "{{ queue_name }}"`;
    const tokens = `
[admin.tokens.ada]
role = "operator"
secret = "${OPERATOR}"
[admin.tokens.wall]
role = "viewer"
secret = "${VIEWER}"
`;
    return `
[server]
listen = "${this.listen}"
[admin]
listen = "${this.admin}"
${this.tokens ? tokens : ""}
[store]
url = "${this.store}"
[log]
format = "pretty"
level = "warn"

[sources.genesys]
format = "genesys"
auth = [{ type = "bearer", secret = "${SENDER}" }]
max_review_items = 20000

[rules.queue-wait]
${wait}
when = "metrics[queue.waitTime].avg > 300 && !queue_name.startsWith('Berlin') && !queue_name.startsWith('Sales')"
targets = ["servicenow"]

[rules.sales-wait]
${wait}
when = "metrics[queue.waitTime].avg > 300 && queue_name.startsWith('Sales')"
targets = ["salesforce"]

[rules.berlin-wait]
${wait}
when = "metrics[queue.waitTime].avg > 300 && queue_name.startsWith('Berlin')"
targets = ["servicenow"]

[rules.trunk-down]
events = ["telephony.trunk.status"]
when = 'status == "DOWN"'
clear = 'status == "UP"'
key = "{{ trunk_name }}"
severity = "critical"
targets = ["helpdesk"]

[outages.berlin]
group_by = "Berlin"
rules = ["berlin-wait"]
at_least = 4
within = "2m"
hold = "1s"
targets = ["servicenow"]
${target("salesforce", "salesforce", this.salesforce, 'external_id_field = "Ringdown_Id__c"')}
[targets.salesforce.create]
Subject = "{{ rule }} on {{ queue_name }}"
Status = "New"
[targets.salesforce.resolve]
Status = "Closed"
${target("servicenow", "servicenow", this.servicenow, "")}
${incident("Telephony Operations").replaceAll("$", "servicenow")}
${target("helpdesk", "servicenow", this.servicenow, 'strict_fields = ["assignment_group"]')}
${incident(this.group).replaceAll("$", "helpdesk")}
`;
  }
}

let sent = 0;
export const waiting = (name, average, more = {}) => ({
  id: `evt-${(sent += 1)}`,
  type: "telephony.queue.waiting",
  metrics: [{ name, avg: average }],
  ...more,
});

export const trunk = (name, status) => ({
  id: `evt-${(sent += 1)}`,
  type: "telephony.trunk.status",
  trunk: { id: name, name, status },
});
