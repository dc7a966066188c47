// The story of an outage as the demo plays it, from its beginning to its end.
import assert from "node:assert/strict";
import { test } from "node:test";
// The demo plays for half a minute: this test comes last.
import "./many.mjs";
import { demo, sentences, watching } from "./demo.mjs";
import { call, until } from "./world.mjs";

test("the demo's outage is seen as it happens, and its story afterwards", async () => {
  const visitor = await watching;
  const { url } = visitor;
  await until("the end of the demo", () => demo.said.includes("Everything stays up"), 60);
  await visitor.heading(/Nothing is in trouble|All is well/);
  const seen = [...sentences].join("\n");
  assert.match(seen, /in trouble/, seen);
  assert.match(seen, /salesforce (unreachable|circuit|paused|held)/, seen);
  assert.match(seen, /review items? waits? for a person/, seen);

  const { items } = await call(`${url}/api/v1/incidents?limit=500`);
  const over = items.find((one) => one.state === "closed" && one.ticket.number && one.suppressed > 0);
  await visitor.go(`/ui/incidents/${over.id}`);
  const story = await visitor.page.locator(".story li b").allInnerTexts();
  const places = ["opened", "create delivered", "recovered"].map((what) =>
    story.findIndex((one) => one.toLowerCase() === what));
  assert.deepEqual(places, [...places].sort((one, two) => one - two), `${story}`);
  assert.ok(places.every((place) => place >= 0), `${story}`);
  assert.ok(await visitor.page.locator(".chart circle").count() > 1);
  assert.equal(await visitor.page.locator(".chart .level").count(), 2);
  await visitor.follow(over.ticket.number);
  await visitor.page.waitForURL((there) => !there.href.startsWith(url));
  await visitor.leave();
});
