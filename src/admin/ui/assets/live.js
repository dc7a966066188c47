// Keeps a page up to date: the server says that something has changed, and the page is fetched
// anew. Without this script every page works, and shows what was true when it was loaded.
"use strict";
(() => {
  const page = document.getElementById("main");
  const told = document.getElementById("live");
  const REST = 3000;
  const SLOW = 30000;
  let fetching = false;
  let again = false;

  // What a person is about to send, or has selected, is not taken away.
  const busy = () => {
    const at = document.activeElement;
    const writes = at && page.contains(at) && /^(INPUT|TEXTAREA|BUTTON|SELECT)$/.test(at.tagName);
    return writes || String(document.getSelection()).length > 0;
  };

  const renew = async () => {
    if (fetching || document.hidden || busy()) {
      again = true;
      return;
    }
    fetching = true;
    again = false;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.redirected) {
        location.reload();
        return;
      }
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(text, "text/html");
      const content = fresh.getElementById("main");
      if (answer.ok && content && !busy()) {
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
      say(answer.ok ? "· live" : "· the server cannot answer; trying again");
    } catch {
      say("· no answer from Ringdown; what you see may be old");
    }
    setTimeout(() => {
      fetching = false;
      if (again) renew();
    }, REST);
  };

  const say = (text) => {
    if (told.textContent !== text) told.textContent = text;
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
    say("· live");
    // After a break, what has changed meanwhile was not told.
    if (again) renew();
  });
  events.addEventListener("changed", renew);
  events.addEventListener("error", () => {
    // The server has no place, or the session is over: ask again by ourselves.
    if (events.readyState === EventSource.CLOSED) {
      say("· looks again every 30 s");
      setInterval(renew, SLOW);
    } else {
      say("· no answer from Ringdown; what you see may be old");
      again = true;
    }
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) renew(); });
})();
