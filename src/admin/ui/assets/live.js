// Keeps a page up to date: the server says that something has changed, and the page is fetched
// anew. Without this script every page works, and shows what was true when it was loaded.
"use strict";
(() => {
  const page = document.getElementById("main");
  const told = document.getElementById("live");
  const REST = 3000;
  const SLOW = 10000;
  // The server tells of something every 30 s at least: after this time the line is dead.
  const SILENT = 45000;
  const PATIENCE = 10000;
  let fetching = false;
  let again = false;
  let heard = Date.now();

  // What a person is about to send, has written, or has selected, is not taken away.
  const busy = () => {
    const at = document.activeElement;
    const writes = at && page.contains(at) && /^(INPUT|TEXTAREA|BUTTON|SELECT)$/.test(at.tagName);
    const fields = [...page.querySelectorAll("input, textarea")];
    const written = fields.some((one) => one.value !== one.defaultValue);
    return writes || written || String(document.getSelection()).length > 0;
  };

  const renew = async () => {
    if (fetching || document.hidden || busy()) {
      again = true;
      return;
    }
    fetching = true;
    again = false;
    const patience = new AbortController();
    const late = setTimeout(() => patience.abort(), PATIENCE);
    try {
      const answer = await fetch(location.href, {
        credentials: "same-origin", headers: { "x-live": "1" }, signal: patience.signal,
      });
      if (answer.redirected) {
        location.reload();
        return;
      }
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      const content = fresh.getElementById("main");
      if (answer.ok && busy()) {
        again = true;
      } else if (answer.ok && content) {
        const opened = [...page.querySelectorAll("details")].map((one) => one.open);
        const focused = [...page.querySelectorAll("a, summary")].indexOf(document.activeElement);
        page.replaceChildren(...content.childNodes);
        page.querySelectorAll("details").forEach((one, at) => { one.open = opened[at] || one.open; });
        if (focused >= 0) page.querySelectorAll("a, summary")[focused]?.focus({ preventScroll: true });
        document.title = fresh.title;
        const footer = document.querySelector("footer time");
        const time = fresh.querySelector("footer time");
        if (footer && time) footer.replaceWith(time);
      }
      if (answer.ok) alive();
      else lost("The server cannot answer; what you see may be old. Trying again.");
    } catch {
      lost(NO_ANSWER);
    }
    clearTimeout(late);
    setTimeout(() => {
      fetching = false;
      if (again) renew();
    }, REST);
  };

  const NO_ANSWER = "No answer from Ringdown; what you see may be old.";

  // What is written in the footer; with `stale` across the top of the page, where it is seen.
  const say = (text, stale = false) => {
    told.classList.toggle("stale", stale);
    if (told.textContent !== text) told.textContent = text;
  };
  const alive = () => {
    heard = Date.now();
    say(again && busy() ? "· waits while you write" : "· live");
  };
  // Tries again, also when nothing tells it to.
  const lost = (text) => {
    say(text, true);
    again = true;
  };

  let known = "";
  let looks = 0;
  // Fetches the page only when something has changed; ages grow, so now and then in any case.
  const look = async () => {
    try {
      const answer = await fetch("/ui/mark", { signal: AbortSignal.timeout(PATIENCE) });
      const mark = answer.ok && !answer.redirected ? await answer.text() : "";
      looks += 1;
      if (again || !mark || mark !== known || looks % 12 === 0) renew();
      else alive();
      known = mark;
    } catch {
      lost(NO_ANSWER);
    }
  };

  document.addEventListener("keydown", (event) => {
    const writes = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
    if (event.key === "/" && !writes && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      document.getElementById("q")?.focus();
    }
  });

  if (!page.hasAttribute("data-live")) return;
  const events = new EventSource("/ui/changes");
  events.addEventListener("hello", () => {
    alive();
    // After a break, what has changed meanwhile was not told.
    if (again) renew();
  });
  events.addEventListener("changed", () => {
    again = true;
    alive();
    renew();
  });
  events.addEventListener("away", () => {
    heard = Date.now();
    lost("The database does not answer; what you see may be old.");
  });
  events.addEventListener("error", () => {
    // The server has no place, or the session is over: ask by ourselves.
    if (events.readyState === EventSource.CLOSED) {
      look();
      setInterval(look, SLOW);
    } else {
      lost(NO_ANSWER);
    }
  });
  // A connection that ends without a word (a laptop that slept) raises no error.
  setInterval(() => { if (Date.now() - heard > SILENT) renew(); }, PATIENCE);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) renew(); });
})();
