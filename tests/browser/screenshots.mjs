// After the demo's outage a smaller one begins, and stays: Salesforce does not answer.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { small } from "./png.mjs";
import { call, post, start, until, waiting } from "./world.mjs";
import { Visitor, browser } from "./visitor.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}target/screenshots`;
mkdirSync(folder, { recursive: true });

const demo = start(["demo"]);
await until("the end of the demo", () => demo.said.includes("Everything stays up"), 90);
const address = (pattern) => demo.said.match(pattern)[1];
const url = address(/(http:\/\/[\d.:]+)\/(?:ui|api)\//);
const webhook = address(/(http:\/\/[\d.:]+\/webhooks\/genesys)/);
const salesforce = address(/Salesforce +(http:\/\/[\d.:]+)/);
const api = (path) => call(`${url}/api/v1/${path}`);
const send = (event) => call(webhook, {
  method: "POST",
  headers: { authorization: "Bearer demo-webhook-token", "content-type": "application/json" },
  body: JSON.stringify(event),
});

await post(`${salesforce}/_sim/faults`, { kind: "down", trigger: "always" });
const queue = (name, average) => send(waiting(name, average, { queue: { id: name.toLowerCase() } }));
// An odd number at the end: its ticket goes to Salesforce.
await queue("Support_Voice_1", 365);
await queue("Sales_EMEA", 540);
for (const average of [310, 342, 371, 398, 465, 520, 612, 598, 640, 655, 580, 611]) {
  await queue("Billing", average);
}
await until("what cannot be sent", async () => {
  const { targets, incidents } = await api("status");
  return targets.some((one) => one.state === "circuit_open") && incidents.some((one) => one.ticket.number);
});

await post(`${url}/api/v1/silences`, { match: ["key=sales_emea"], for: "2h", reason: "the carrier works on it" });
const { incidents, person } = await api("status");
const ticketed = incidents.find((one) => one.name === "Billing" && one.ticket.number);
const pages = {
  now: "/ui/",
  incident: `/ui/incidents/${ticketed.id}`,
  why: "/ui/why?q=drift-1",
  waits: "/ui/waits",
  group: `/ui/waits/review/${person.review[0].example}`,
  targets: "/ui/targets",
  sources: "/ui/sources",
  silences: "/ui/silences",
  configuration: "/ui/configuration",
  audit: "/ui/audit",
};
for (const width of [1280, 390]) {
  for (const scheme of ["light", "dark"]) {
    const visitor = await Visitor.come(url, { width, scheme });
    for (const [name, path] of Object.entries(pages)) {
      await visitor.go(path);
      await visitor.page.screenshot({
        path: `${folder}/${name}_${width}_${scheme}.png`,
        fullPage: name !== "configuration",
      });
    }
    await visitor.leave();
  }
}
// What the documents show is what is seen without scrolling.
const shown = [["now", 1280, "light"], ["incident", 1280, "dark"], ["now", 390, "dark", "phone"]];
for (const [page, width, scheme, name] of process.env.SCREENSHOTS === "--docs" ? shown : []) {
  const visitor = await Visitor.come(url, { width, scheme });
  await visitor.go(pages[page]);
  const picture = await visitor.page.screenshot();
  writeFileSync(`${root}docs/dashboard_${name ?? page}.png`, small(picture));
  await visitor.leave();
}
await browser.close();
process.exit();
