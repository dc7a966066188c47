// The situation that most tests look at: queues and trunks in trouble, an outage, a CRM that is
// away, tickets that were refused, an event that nobody understands, and names of an enemy.
import { test } from "node:test";
// Tests of modules that wait for the browser come in the order in which they are imported.
import "./visitor.mjs";
import { World, post, trunk, until, waiting } from "./world.mjs";

export const HOSTILE = [
  "<script>alert(1)</script>",
  "\u202egnilliB\u2066\u200f",
  "\u001b[31mred\u001b]0;title\u0007",
  "=HYPERLINK(\"http://evil.example\")",
  `'"><img src=x onerror=alert(2)>`,
  `Long${"x".repeat(4996)}`,
];

export const world = new World({ group: "Telefony Operations" });

async function build() {
  await world.begin();
  await post(`${world.salesforce}/_sim/faults`, { kind: "down", trigger: "always" });
  await world.send(
    waiting("Sales_EMEA", 900),
    trunk("Trunk Frankfurt", "DOWN"),
    trunk("Trunk Munich", "DOWN"),
    ...[1, 2, 3, 4, 5, 6].map((number) => waiting(`Berlin_${number}`, 300 + 10 * number)),
    ...HOSTILE.map((name) => waiting(name, 301)),
    { id: "drift-1", type: "telephony.queue.waiting", metrics: [{ avg: 500 }] },
    { id: "<img src=x onerror=alert(3)>", type: "telephony.queue.waiting", metrics: [{ "<b>avg": 500 }] },
  );
  // One after the other: the order makes the chart.
  for (const average of [320, 412, 380, 950]) await world.send(waiting("Billing", average));
  await world.api("silences", { match: ["key=<script>alert(4)</script>"], for: "2h", reason: "=1+1<script>alert(5)</script>\u202e" });
  await until("the scene", async () => {
    const { person, targets, incidents } = await world.api("status");
    const outage = incidents.find((one) => one.entity === "outage");
    return person.dead_letters.some((one) => one.count === 2)
      && person.review.length === 2
      && targets.find((one) => one.name === "salesforce").state === "circuit_open"
      && outage?.members === 6 && outage.ticket.number
      && incidents.every((one) => one.ticket.number || !["queue-wait"].includes(one.rule));
  });
}

// It is built while the tests before play. No module waits for it, so all tests are known before
// the first one ends: one that is known later would be left out.
const built = build();
built.catch(() => {});
test("the scene stands", () => built);

// The incidents of an enemy's names.
world.hostile = async () => {
  const { items } = await world.api("incidents?rule=queue-wait&limit=100");
  return items.filter((one) => one.key !== "Billing" && one.key !== "Fresh trouble");
};

// The address of every page, with what it is about.
world.pages = async () => {
  const { incidents, person } = await world.api("status");
  const outage = incidents.find((one) => one.entity === "outage");
  const groups = [
    ...person.dead_letters.map((one) => `/ui/waits/dead-letters/${one.example}`),
    ...person.review.map((one) => `/ui/waits/review/${one.example}`),
  ];
  const hostile = await world.hostile();
  return [
    "/ui/", "/ui/waits", "/ui/targets", "/ui/sources", "/ui/silences", "/ui/configuration", "/ui/audit",
    "/ui/why", "/ui/why?q=drift-1", "/ui/why?q=a", "/ui/why?q=nothing-like-it",
    ...[outage, incidents.find((one) => one.name === "Billing"), ...hostile]
      .map((one) => `/ui/incidents/${one.id}`),
    ...groups,
  ];
};
