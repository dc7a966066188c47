// How the pages are: for a screen reader, a keyboard, a phone, without script, with hostile texts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OPERATOR } from "./world.mjs";
import { HOSTILE, world } from "./scene.mjs";
import { Visitor } from "./visitor.mjs";

test("every page is accessible in both colour schemes, and fits a phone", async () => {
  const found = [];
  const pages = [...(await world.pages()), "/ui/nothing-here"];
  // A phone in the dark and a desk by day, at the same time.
  const visit = async (width, scheme) => {
    const visitor = await Visitor.signedIn(world, OPERATOR, { width, scheme });
    const look = async (path) => {
      const wider = await visitor.overflow();
      if (wider > 0) found.push(`${path} is ${wider} px wider than ${width}`);
      const findings = await visitor.findings();
      found.push(...findings.map((one) => `${path}, ${scheme}: ${one}`));
    };
    for (const path of pages) {
      await visitor.go(path);
      // What is folded is looked at too.
      await visitor.page.evaluate(() => {
        for (const one of document.querySelectorAll("details")) one.open = true;
      });
      await look(path);
    }
    await visitor.press("Sign out");
    await visitor.page.getByLabel("Admin token").waitFor();
    await look("/ui/sign-in");
    await visitor.leave();
  };
  await Promise.all([visit(390, "dark"), visit(1280, "light")]);
  assert.deepEqual(found, []);
});

test("hostile texts are only texts on every page", async () => {
  const visitor = await Visitor.signedIn(world, OPERATOR);
  assert.equal((await world.hostile()).length, HOSTILE.length);
  const asked = HOSTILE.map((name) => `/ui/why?q=${encodeURIComponent(name.slice(0, 300))}`);
  for (const path of [...(await world.pages()), ...asked]) {
    await visitor.go(path);
    const text = await visitor.page.locator("body").innerText();
    const turns = [...text].filter((one) => /[\u0000-\u0008\u001b\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(one));
    assert.deepEqual(turns, [], path);
    const foreign = await visitor.page.locator("main img, main script, main b[onclick]").count();
    assert.equal(foreign, 0, path);
    assert.ok(!text.includes("x".repeat(500)) || path.includes("waits"), `${path}: a name fills the page`);
  }
  await visitor.go("/ui/");
  await visitor.sees(visitor.page.locator(".cards"), /<script>alert\(1\)<\/script>/);
  await visitor.sees(visitor.page.locator(".cards"), /\\u\{202e\}gnilliB/);
  await visitor.leave();
});

test("a keyboard is enough to sign in, open an incident and silence it", async () => {
  const visitor = await Visitor.come(world.url);
  const { keyboard } = visitor.page;
  // Goes on with Tab to what `is` there, and checks that it is seen to be there.
  const reach = async (what) => {
    for (let tabs = 0; tabs < 80; tabs += 1) {
      await keyboard.press("Tab");
      const at = await visitor.page.evaluate(() => {
        const one = document.activeElement;
        const name = one.labels?.[0]?.textContent ?? one.textContent;
        return { name: name.trim(), outline: getComputedStyle(one).outlineStyle };
      });
      if (at.name.startsWith(what)) return assert.notEqual(at.outline, "none", `${what} is not seen`);
    }
    return assert.fail(`${what} is not reached`);
  };
  await visitor.go("/ui/");
  // The field takes the focus by itself, which a browser does a moment after the page is there.
  await visitor.page.locator("#token:focus").waitFor();
  await keyboard.type(OPERATOR);
  await keyboard.press("Enter");
  await visitor.heading(/in trouble/);
  await reach("Skip to the content");
  await keyboard.press("Enter");
  await reach("Billing");
  await keyboard.press("Enter");
  await visitor.heading(/Billing/);
  await reach("Silence it");
  await keyboard.press("Enter");
  await reach("Why; others will read it");
  await keyboard.type("by keyboard");
  await reach("Silence");
  await keyboard.press("Enter");
  await visitor.said(/in force/);
  await visitor.sees(visitor.page.locator("tbody tr").first(), /by keyboard/);
  await visitor.leave();
});

test("without script everything works, only not live", async () => {
  const visitor = await Visitor.signedIn(world, OPERATOR, { script: false });
  await visitor.heading(/in trouble/);
  await visitor.follow("Billing");
  await visitor.unfold("Silence it");
  await visitor.page.locator("#reason").fill("without script");
  await visitor.press("What would it hit?");
  await visitor.sees(visitor.page.locator("#preview"), /would hit 1 incident/);
  await visitor.press("Silence");
  await visitor.said(/in force/);
  const silence = visitor.page.locator("tbody tr", { hasText: "without script" }).first();
  await visitor.press("End now", silence);
  await visitor.said(/is over/);
  await visitor.page.getByRole("searchbox").fill("drift-1");
  await visitor.press("Why?");
  await visitor.heading(/No ticket|not understood/);
  for (const path of await world.pages()) assert.equal(await visitor.go(path), 200, path);
  await visitor.press("Sign out");
  await visitor.page.getByLabel("Admin token").waitFor();
  await visitor.leave();
});
