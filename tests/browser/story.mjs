// The story of the demo: a storm from its beginning to its end, then an outage that goes on.
import assert from "node:assert/strict";
import { test } from "node:test";
// The demo plays for half a minute: this test comes last.
import "./many.mjs";
import { demo, sentences, watching } from "./demo.mjs";
import { call, until } from "./world.mjs";

test("the demo's storm is seen as it happens and told afterwards, and its outage is one ticket", async () => {
  const visitor = await watching;
  const { url } = visitor;
  await until("the end of the demo", () => demo.said.includes("Everything stays up"), 60);
  // What forty queues did is one line, and the queues of the storm are over.
  await visitor.heading(/^1 outage in trouble, ticketed;/);
  const cards = visitor.page.locator(".card");
  assert.equal(await cards.count(), 1);
  await visitor.sees(cards, /Berlin[^]*outage of 40[^]*Ticket INC\d+ in servicenow/);
  const seen = [...sentences].join("\n");
  assert.match(seen, /in trouble/, seen);
  assert.match(seen, /salesforce (unreachable|circuit|paused|held)/, seen);
  assert.match(seen, /events? that (was|were) not understood waits? for a person/, seen);

  const { items } = await call(`${url}/api/v1/incidents?limit=500`);
  const over = items.find((one) => one.state === "closed" && one.ticket.number && one.suppressed > 0);
  await visitor.go(`/ui/incidents/${over.id}`);
  const story = await visitor.page.locator(".story li b").allInnerTexts();
  const places = ["opened", "ticket created", "recovered"].map((what) =>
    story.findIndex((one) => one.toLowerCase() === what));
  assert.deepEqual(places, [...places].sort((one, two) => one - two), `${story}`);
  assert.ok(places.every((place) => place >= 0), `${story}`);
  assert.ok(await visitor.page.locator(".chart circle").count() > 1);
  assert.equal(await visitor.page.locator(".chart .level").count(), 2);
  const ticket = async (number) => {
    await visitor.follow(number);
    await visitor.page.waitForURL((there) => !there.href.startsWith(url));
    await visitor.sees(visitor.page.locator("body"), new RegExp(number));
  };
  await ticket(over.ticket.number);

  await visitor.go("/ui/");
  await visitor.click(cards.getByRole("link").first());
  await visitor.heading(/Berlin/);
  assert.equal(await visitor.page.locator("section[aria-labelledby=members] tbody tr").count(), 40);
  const { incidents: [outage] } = await call(`${url}/api/v1/status`);
  await ticket(outage.ticket.number);
  await visitor.leave();
});
