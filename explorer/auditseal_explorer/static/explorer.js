// Shows each time in the reader's own zone too, as a hint. The page is whole without it.
"use strict";
const own = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) time.title = own.format(at);
}
// "/" goes to the filter, as in most programs that search.
document.addEventListener("keydown", (event) => {
  const filter = document.getElementById("q");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || !filter) return;
  if (["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName)) return;
  event.preventDefault();
  filter.focus();
});
