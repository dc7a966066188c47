// What a person on call does, within a number of clicks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OPERATOR } from "./world.mjs";
import { world } from "./scene.mjs";
import { Visitor } from "./visitor.mjs";

// Runs `work` as an operator on *Now*; it may take `most` clicks. 0: nobody counts.
async function at_desk(most, work) {
  const visitor = await Visitor.signedIn(world, OPERATOR);
  visitor.clicks = 0;
  await work(visitor);
  if (most) assert.ok(visitor.clicks <= most, `${visitor.clicks} clicks`);
  await visitor.leave();
}

const row = (visitor, text) => visitor.page.locator("tbody tr", { hasText: text }).first();

test("the worst queue is found in 1 click", () =>
  at_desk(1, async (visitor) => {
    const queues = visitor.page.locator(".card", { hasText: / queue / });
    await visitor.click(queues.first().getByRole("link").first());
    await visitor.heading(/Billing/);
    await visitor.sees(visitor.page.locator(".readings"), /950s now, worst 950s, limit 300s/);
  }));

test("why an event has no ticket is one sentence, in 2 clicks", () =>
  at_desk(2, async (visitor) => {
    await visitor.page.keyboard.press("/");
    await visitor.page.keyboard.type("drift-1");
    await visitor.press("Why?");
    await visitor.heading(/No ticket: the event was not understood .*queue's name/);
  }));

test("one queue is silenced for two hours in 3 clicks, and the silence extended and ended", () =>
  at_desk(0, async (visitor) => {
    await visitor.follow("Billing");
    await visitor.unfold("Silence it");
    await visitor.page.getByLabel(/^Why; others/).last().fill("planned work");
    assert.equal(await visitor.page.getByLabel(/^For how long/).inputValue(), "2h");
    await visitor.press("Silence");
    assert.ok(visitor.clicks <= 3, `${visitor.clicks} clicks`);
    await visitor.said(/in force/);
    const silence = row(visitor, "key=Billing");
    await visitor.sees(silence, /active *in 1 h 59 min *1/);
    await visitor.press("Extend", silence);
    await visitor.said(/ends later/);
    await visitor.sees(silence, /in 2 h 59 min/);
    await visitor.press("End now", silence);
    await visitor.said(/is over/);
    await visitor.sees(silence, /expired/);
  }));

test("a person looks what a silence would hit before it is made", () =>
  at_desk(0, async (visitor) => {
    await visitor.go("/ui/silences");
    await visitor.unfold("New silence");
    await visitor.page.locator("#match").fill("rule=berlin-wait");
    await visitor.page.locator("#reason").fill("only looking");
    await visitor.press("What would it hit?");
    await visitor.sees(visitor.page.locator("#preview"), /would hit 6 incidents/);
    assert.equal(await visitor.page.locator("#match").inputValue(), "rule=berlin-wait");
    const { items } = await world.api("silences");
    assert.ok(!JSON.stringify(items).includes("only looking"), "looking has made it");
    await visitor.page.locator("#match").fill("rule=no-such-rule");
    await visitor.press("Silence");
    await visitor.sees(visitor.page.locator("main"), /there is no rule/);
  }));

test("a target is paused with a reason, and resumed", () =>
  at_desk(0, async (visitor) => {
    await visitor.follow("Targets");
    const card = visitor.page.locator(".card", { hasText: "salesforce" });
    await visitor.unfold("Pause", card);
    await card.getByLabel(/^Why/).fill("release weekend");
    await visitor.press("Pause salesforce", card);
    await visitor.said(/Nothing is sent/);
    await visitor.sees(card, /Paused by ada: .?release weekend/);
    await visitor.follow("Now");
    await visitor.heading(/salesforce paused by ada .*release weekend/);
    await visitor.follow("Targets");
    await visitor.press("Resume", card);
    await visitor.said(/resumed/);
    await visitor.press("Test now", card);
    await visitor.sees(visitor.page.locator("#report"), /Test of salesforce: it failed/);
  }));

test("who did what is 1 click away", () =>
  at_desk(1, async (visitor) => {
    await visitor.follow("Audit");
    for (const what of [/target/, /silence/]) {
      await visitor.sees(row(visitor, what), /ada/);
    }
  }));

test("an incident is closed with a reason, and an event read again", () =>
  at_desk(0, async (visitor) => {
    await visitor.go("/ui/why?q=Trunk+Munich");
    await visitor.unfold("Close it here");
    await visitor.page.getByLabel(/written to the ticket/).fill("a test line");
    await visitor.press("Close it here");
    await visitor.said(/It is closed|as soon as/);
    await visitor.go("/ui/waits");
    await visitor.follow("genesys");
    await visitor.page.getByRole("button", { name: /^Read only number/ }).click();
    await visitor.said(/1 read again/);
  }));
