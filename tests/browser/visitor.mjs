// A person in front of a real browser: counts clicks, and notes what must never happen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after } from "node:test";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-lcd-text",
];

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ARGUMENTS,
});
after(async () => {
  await browser.close();
  // The daemons end with this process.
  setImmediate(() => process.exit());
});

export class Visitor {
  // A browser without any cookie, of `width` pixels.
  static async come(url, { width = 1280, script = true, scheme = "light" } = {}) {
    const visitor = new Visitor();
    visitor.url = url;
    visitor.context = await browser.newContext({
      viewport: { width, height: width < 600 ? 844 : 900 },
      javaScriptEnabled: script,
      colorScheme: scheme,
    });
    visitor.context.setDefaultTimeout(15_000);
    visitor.page = await visitor.context.newPage();
    visitor.clicks = 0;
    visitor.troubles = [];
    visitor.page.on("dialog", async (dialog) => {
      visitor.troubles.push(`a dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    visitor.page.on("pageerror", (error) => visitor.troubles.push(`an error: ${error}`));
    visitor.page.on("console", (message) => {
      // A refused request, and the end of a session, are what some tests ask for.
      const expected = /^(Failed to load resource|EventSource's response)/.test(message.text());
      if (message.type() === "error" && !expected) {
        visitor.troubles.push(`on the console: ${message.text()}`);
      }
    });
    return visitor;
  }

  // Signed in with `token`, on the page *Now*. The form is sent without its page: it has tests of
  // its own, and this is what nearly every test begins with.
  static async signedIn(world, token, options) {
    const visitor = await Visitor.come(world.url, options);
    const headers = { origin: world.url };
    const form = { token, next: "/ui/" };
    const answer = await visitor.context.request.post(`${world.url}/ui/sign-in`, { headers, form });
    assert.ok(answer.ok(), `signing in: ${answer.status()}`);
    await visitor.go("/ui/");
    await visitor.page.getByRole("button", { name: "Sign out" }).waitFor();
    return visitor;
  }

  async go(path) {
    const answer = await this.page.goto(this.url + path);
    return answer.status();
  }

  async click(locator) {
    this.clicks += 1;
    await locator.click();
  }

  // Clicks the button `name`; inside `within` when there are several.
  press(name, within = this.page) {
    return this.click(within.getByRole("button", { name, exact: true }));
  }

  follow(name, within = this.page) {
    return this.click(within.getByRole("link", { name, exact: true }).first());
  }

  // Opens what is folded.
  async unfold(name, within = this.page) {
    await this.click(within.locator("summary", { hasText: name }).first());
  }

  // The first heading, once it matches `pattern`.
  heading(pattern) {
    return this.sees(this.page.locator("h1"), pattern);
  }

  // Waits until the text of `locator` matches `pattern`; answers it.
  async sees(locator, pattern) {
    const one = locator.filter({ hasText: pattern }).first();
    try {
      await one.waitFor();
    } catch {
      const there = await this.page.locator("body").innerText();
      assert.fail(`${pattern} is not on ${this.page.url()}:\n${there}`);
    }
    return one.innerText();
  }

  said(pattern) {
    return this.sees(this.page.locator(".notice"), pattern);
  }

  // How many pixels the page is wider than the window.
  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  }

  // Serious and critical findings about accessibility.
  async findings() {
    const found = await this.page.evaluate(`${AXE}; axe.run({ resultTypes: ["violations"] })`);
    const bad = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
    return bad.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.troubles, []);
  }
}
