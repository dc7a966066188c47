// Signing in and out, sessions that end, roles, and forms of other sites.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { VIEWER, OPERATOR } from "./world.mjs";
import { world } from "./scene.mjs";
import { Visitor } from "./visitor.mjs";

const audited = async () => (await world.api("audit?limit=500")).items.length;

test("a page leads to the sign-in and back, and a wrong token is told in words", async () => {
  const visitor = await Visitor.come(world.url);
  await visitor.go("/ui/why?q=Billing");
  await visitor.page.getByLabel("Admin token").fill("not-a-token");
  await visitor.press("Sign in");
  await visitor.sees(visitor.page.getByRole("alert"), /not an admin token/);
  await visitor.page.getByLabel("Admin token").fill(OPERATOR);
  await visitor.press("Sign in");
  await visitor.heading(/Billing/);
  const [cookie] = await visitor.context.cookies();
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Strict");
  const hours = (cookie.expires - Date.now() / 1000) / 3600;
  assert.ok(hours > 11.9 && hours <= 12, `${hours} hours`);
  assert.equal(await visitor.page.evaluate("document.cookie"), "");

  await visitor.press("Sign out");
  await visitor.page.getByLabel("Admin token").waitFor();
  await visitor.page.goBack();
  await visitor.page.getByLabel("Admin token").waitFor();
  await visitor.leave();
});

test("a session that is over changes nothing, and says so", async () => {
  const visitor = await Visitor.signedIn(world, OPERATOR);
  await visitor.go("/ui/silences");
  await visitor.unfold("New silence");
  await visitor.page.locator("#match").fill("key=Nobody");
  await visitor.page.locator("#reason").fill("too late");
  // What a browser does with a cookie after its time.
  await visitor.context.clearCookies();
  const before = await audited();
  await visitor.press("Silence");
  await visitor.heading(/Not signed in/);
  await visitor.sees(visitor.page.locator("main"), /nothing was changed/);
  assert.equal(await audited(), before);
  await visitor.context.addCookies([{
    name: "ringdown_session", value: "0".repeat(64), url: `${world.url}/ui`, sameSite: "Strict",
  }]);
  await visitor.go("/ui/");
  await visitor.page.getByLabel("Admin token").waitFor();
  await visitor.leave();
});

test("a viewer sees no action, and is refused by every route of an operator", async () => {
  const table = readFileSync(new URL("../../src/admin/ui/routes.rs", import.meta.url), "utf8");
  const routes = [...table.matchAll(/post operator "([^"]+)"/g)].map(([, path]) => path);
  assert.ok(routes.length > 15, `${routes}`);
  const visitor = await Visitor.signedIn(world, VIEWER);
  for (const path of await world.pages()) {
    assert.equal(await visitor.go(path), 200, path);
    const forms = visitor.page.locator("form[method=post], [formaction]");
    const actions = await forms.evaluateAll((all) => all.map((one) => one.getAttribute("action")));
    assert.deepEqual(actions, ["/ui/sign-out"], path);
  }
  const before = await audited();
  const answers = await visitor.page.evaluate(
    (paths) => Promise.all(paths.map(async (path) => (await fetch(path, { method: "POST" })).status)),
    routes.map((path) => path.replace(/\{\w+\}/, "1")),
  );
  assert.deepEqual([...new Set(answers)], [403]);
  assert.equal(await audited(), before);
  await visitor.leave();
});

test("a form of another site changes nothing", async () => {
  const form = `<form action="${world.url}/ui/silences" method="post">
    <input name="match" value="source=genesys"><input name="for" value="2h">
    <input name="reason" value="forged"><button>Win</button></form>`;
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(form));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const visitor = await Visitor.signedIn(world, OPERATOR);
  const before = await audited();
  // The same machine by another port, whose forms carry the cookie, and another site.
  for (const [host, refusal] of [["127.0.0.1", /Foreign form/], ["localhost", /Foreign form/]]) {
    await visitor.page.goto(`http://${host}:${server.address().port}/`);
    await visitor.press("Win");
    await visitor.heading(refusal);
  }
  assert.equal(await audited(), before);
  await visitor.leave();
  server.close();
});
