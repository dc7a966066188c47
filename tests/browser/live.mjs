// Pages that follow what happens, and that say so when they cannot.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, test } from "node:test";
import { OPERATOR, World, until, waiting } from "./world.mjs";
import { world } from "./scene.mjs";
import { Visitor } from "./visitor.mjs";

test("an open page shows a new incident by itself, and takes nothing away that a person writes", async () => {
  const [now, targets] = await Promise.all([1, 2].map(() => Visitor.signedIn(world, OPERATOR)));
  await now.sees(now.page.locator("#live"), /live/);
  await now.page.evaluate(() => { window.loadedOnce = true; });
  await targets.go("/ui/targets");
  await targets.sees(targets.page.locator("#live"), /live/);
  const card = targets.page.locator(".card", { hasText: "salesforce" });
  await targets.unfold("Pause", card);
  await card.getByLabel(/^Why/).fill("half a sentence");
  await targets.page.locator("h1").click();

  await world.send(waiting("Fresh trouble", 777));
  await now.sees(now.page.locator(".card"), /Fresh trouble/);
  assert.equal(await now.page.evaluate(() => window.loadedOnce), true, "the page was loaded anew");
  await targets.sees(targets.page.locator("#live"), /waits while you write/);
  assert.equal(await card.getByLabel(/^Why/).inputValue(), "half a sentence");
  await world.send(waiting("Fresh trouble", 10));
  await Promise.all([now.leave(), targets.leave()]);
});

test("a session that ends with the daemon leads an open page to the sign-in", async () => {
  const visitor = await Visitor.signedIn(world, OPERATOR);
  await visitor.sees(visitor.page.locator("#live"), /live/);
  await world.stop();
  await world.serve();
  await visitor.page.getByLabel("Admin token").waitFor({ timeout: 30_000 });
  await visitor.leave();
});

// Each has a world of its own, and mostly waits, so they run side by side.
describe("a page that loses its daemon", { concurrency: true }, () => {
  test("a page says when the daemon is gone, hangs or starts again, and recovers", async () => {
    const alone = await World.begin({ tokens: false });
    const visitor = await Visitor.come(alone.url);
    const banner = visitor.page.locator("#live.stale");
    await visitor.page.clock.install();
    await visitor.go("/ui/");
    await visitor.heading(/All is well/);
    await visitor.sees(visitor.page.locator("#live"), /live/);
    // Runs the page's own clock ahead until `is` holds: nobody waits for its 45 s here.
    const ahead = (what, is) => until(what, async () => {
      await visitor.page.clock.runFor(5000);
      return is();
    });

    alone.daemon.kill("SIGSTOP");
    await ahead("the page says that there is no answer", () => banner.isVisible());
    await visitor.sees(banner, /may be old/);
    assert.ok((await banner.boundingBox()).y < 5, "it is said where nobody looks");
    alone.daemon.kill("SIGCONT");
    await ahead("the page is live again", async () => !(await banner.isVisible()));

    await alone.stop();
    await ahead("the page says that the daemon is gone", () => banner.isVisible());
    await alone.serve();
    await alone.send(waiting("While it was away", 500));
    await ahead("the page has caught up", () =>
      visitor.page.locator(".card", { hasText: "While it was away" }).isVisible());
    await ahead("the page is live again", async () => !(await banner.isVisible()));
    await visitor.leave();
    await alone.end();
  });

  test("a page that is one too many follows too", async () => {
    const alone = await World.begin({ tokens: false });
    const all = new AbortController();
    for (;;) {
      const stream = await fetch(`${alone.url}/ui/changes`, { signal: all.signal });
      if (stream.status === 204) break;
    }
    const visitor = await Visitor.come(alone.url);
    await visitor.page.clock.install();
    await visitor.go("/ui/");
    await visitor.sees(visitor.page.locator("#live"), /live/);
    await alone.send(waiting("Behind the limit", 500));
    await until("the page has looked by itself", async () => {
      await visitor.page.clock.runFor(1000);
      return visitor.page.locator(".card", { hasText: "Behind the limit" }).isVisible();
    });
    all.abort();
    await visitor.leave();
    await alone.end();
  });
});

async function store_away() {
  const database = new URL(process.env.BROWSER_POSTGRES);
  const { hostname, port } = database;
  const lines = new Set();
  // Between the daemon and the database, to be cut.
  const between = createServer((from) => {
    const to = connect(Number(port), hostname);
    for (const [one, other] of [[from, to], [to, from]]) {
      lines.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy()).on("close", () => { lines.delete(one); other.destroy(); });
    }
  });
  const listen = async (place) => {
    between.listen(place, "127.0.0.1");
    await once(between, "listening");
  };
  await listen(0);
  const place = between.address().port;
  database.host = `127.0.0.1:${place}`;
  const alone = await World.begin({ tokens: false, store: database.href });
  const visitor = await Visitor.come(alone.url);
  await visitor.go("/ui/");
  await visitor.sees(visitor.page.locator("#live"), /live/);
  between.close();
  for (const line of lines) line.destroy();
  await visitor.sees(visitor.page.locator("#live.stale"), /database does not answer/);
  await listen(place);
  await visitor.page.locator("#live.stale").waitFor({ state: "detached" });
  await visitor.heading(/All is well/);
  await visitor.sees(visitor.page.locator("#live"), /live/);
  await visitor.leave();
  await alone.end();
  between.close();
}

// It mostly waits for timeouts of the daemon: it begins at once, and plays while other tests do.
const store = process.env.BROWSER_POSTGRES ? store_away() : undefined;
store?.catch(() => {});
test("a page says when the store is away, and recovers", { skip: !store }, () => store);
