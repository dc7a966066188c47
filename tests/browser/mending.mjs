// Tickets that the CRM refused: what waited is seen, mended and sent.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OPERATOR, World, call, post, trunk, until } from "./world.mjs";
import { Visitor } from "./visitor.mjs";

const refused = (world) => until("two refused tickets", async () =>
  (await world.api("dead-letters")).items.length === 2);

// Waits until each of both trunks has its one ticket.
const ticketed = (world) => until("a ticket for each", async () => {
  const tickets = await call(`${world.servicenow}/_sim/tickets`);
  const names = new Set(tickets.map((one) => JSON.stringify(one.short_description)));
  return tickets.length === 2 && names.size === 2;
});

// Each has a world of its own, so they run side by side.
describe("refused tickets", { concurrency: true }, () => {
  test("a wrong group is mended in the file, and what waited is sent, in 5 clicks", async () => {
    const world = await World.begin({ group: "Telefony Operations" });
    await world.send(trunk("Frankfurt", "DOWN"), trunk("Munich", "DOWN"));
    await refused(world);
    const visitor = await Visitor.signedIn(world, OPERATOR);
    visitor.clicks = 0;
    await visitor.follow("2 × create in helpdesk");
    await visitor.sees(visitor.page.locator("main"), /0 of 2 would fit now/);
    await visitor.sees(visitor.page.locator("pre"), /Telefony Operations/);
    // The start sends what the changed mapping concerns, and ends the session.
    await world.stop();
    world.group = "Telephony Operations";
    await world.serve();
    await visitor.go("/ui/waits");
    await visitor.page.getByLabel("Admin token").fill(OPERATOR);
    await visitor.press("Sign in");
    await ticketed(world);
    await visitor.follow("Now");
    await visitor.heading(/2 trunks in trouble, both ticketed/);
    assert.ok(visitor.clicks <= 5, `${visitor.clicks} clicks`);
    await visitor.leave();
    await world.end();
  });

  test("what is mended in the CRM is replayed after a look at the plan, and only by one of two people", async () => {
    const world = await World.begin();
    const why = "Assignment group is <b>inactive</b>";
    await post(`${world.servicenow}/_sim/faults`, {
      kind: "validation_refusal", code: "Operation Failed", message: why, field: "assignment_group",
      trigger: "always", method: "POST", path: "/table/incident",
    });
    await world.send(trunk("Frankfurt", "DOWN"), trunk("Munich", "DOWN"));
    await refused(world);
    const [visitor, other] = await Promise.all([1, 2].map(() => Visitor.signedIn(world, OPERATOR)));
    for (const one of [visitor, other]) {
      await one.follow("2 × create in helpdesk");
      await one.sees(one.page.locator(".sentence"), /Assignment group is <b>inactive<\/b>/);
      await one.sees(one.page.locator("main"), /0 of 2 would fit now/);
    }
    await call(`${world.servicenow}/_sim/faults`, { method: "DELETE" });
    await visitor.press("Replay all 2");
    await visitor.said(/2 rendered again and sent/);
    await other.press("Replay all 2");
    await other.said(/Nothing was left to do/);
    await ticketed(world);
    await visitor.follow("Audit");
    await visitor.sees(visitor.page.locator("tbody tr"), /ada.*dead letter/);
    await Promise.all([visitor.leave(), other.leave()]);
    await world.end();
  });
});
