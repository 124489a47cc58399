// Adds what a page can do without: times in the reader's zone, a key, and pages that follow the log. The page is whole
// without it.
"use strict";

const own = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const SECONDS = { live: 1, soon: 2 };

const ownShort = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

// A time has the reader's own next to it where there is room, and as a hint in dense lists.
function showOwnTimes() {
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = own.format(at);
    if (time.closest(".hit, figcaption") || at.getTimezoneOffset() === 0) continue;
    const next = document.createElement("small");
    next.className = "own";
    next.textContent = ownShort.format(at);
    time.after(next);
  }
}

// "/" goes to the filter, as in most programs that search.
document.addEventListener("keydown", (event) => {
  const filter = document.getElementById("q");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !filter) return;
  if (["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName)) return;
  event.preventDefault();
  filter.focus();
});

const button = document.getElementById("follow");
const isLive = () => location.hash === "#live" && button;
// A page says by data-soon that it waits for something: a first verification, or a store that is away.
const waits = () => document.querySelector("[data-soon]");

// Takes over the parts of the page that change, except one in which the reader is at work. What was open stays open.
function take(page) {
  const links = new Set(Array.from(document.querySelectorAll("a.hit"), (link) => link.href));
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!fresh || part.contains(document.activeElement)) continue;
    const details = fresh.querySelectorAll("details");
    part.querySelectorAll("details").forEach((old, place) => { if (details[place] && old.open) details[place].open = true; });
    part.replaceWith(fresh);
  }
  for (const link of document.querySelectorAll("a.hit")) if (!links.has(link.href)) link.classList.add("fresh");
  showOwnTimes();
}

async function look() {
  if (isLive() || waits()) {
    const answer = await fetch(location.pathname + location.search).catch(() => null);
    if (answer?.ok && document.getElementById("away")) location.reload();
    if (answer) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    if (button) button.textContent = answer ? "Live" : "Live: no answer";
  }
  if (isLive() || waits()) setTimeout(look, SECONDS[isLive() ? "live" : "soon"] * 1000);
}

function showButton() {
  if (!button) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(Boolean(isLive())));
}

button?.addEventListener("click", () => { location.hash = isLive() ? "" : "live"; });
addEventListener("hashchange", () => { showButton(); if (isLive()) look(); });
showOwnTimes();
showButton();
if (isLive() || waits()) setTimeout(look, 500);
