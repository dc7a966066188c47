// The demo, which plays while the other tests run, seen by an open page from its beginning.
import { start, until } from "./world.mjs";
import { Visitor } from "./visitor.mjs";

export const demo = start(["demo"]);
// Every sentence that the page *Now* has said.
export const sentences = new Set();

async function watch() {
  const [, url] = await until("the demo's addresses", () => demo.said.match(/(http:\/\/[\d.:]+)\/(?:ui|api)\//));
  const visitor = await Visitor.come(url);
  await visitor.page.exposeFunction("tell", (text) => sentences.add(text));
  await visitor.go("/ui/");
  await visitor.page.evaluate(() => {
    const tell = () => window.tell(document.querySelector("h1").innerText);
    new MutationObserver(tell).observe(document.getElementById("main"), { childList: true });
    tell();
  });
  return visitor;
}

export const watching = watch();
watching.catch(() => {});
