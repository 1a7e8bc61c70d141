// What is shown first, and what keys and clicks on rows do.
showHead();
showTheme();
showLanes();
showFilter();
if (innerWidth <= 760) byId("next-steps").open = false;

function first() {
  const wanted = /^#event=(\d+)$/.exec(location.hash);
  const linked = wanted && positions.get(Number(wanted[1]));
  if (typeof linked === "number") return linked;
  const shows = rows.findLastIndex((row) => row.shows_it);
  return shows >= 0 ? shows : rows.findIndex((row) => filter.whole || told.has(row.event));
}

update();
if (rows.length > 0) {
  const start = Math.max(0, first());
  if (!visible.includes(start)) showAll();
  choose(start, false);
}

byId("rows").addEventListener("click", (event) => {
  const row = event.target.closest("[data-event]");
  if (row) choose(positions.get(Number(row.dataset.event)), true);
});
byId("previous").addEventListener("click", () => move(-1));
byId("next").addEventListener("click", () => move(1));

const STEPS = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
document.addEventListener("keydown", (event) => {
  const isOurs = event.target === document.body || byId("rows").contains(event.target);
  if (!isOurs || !(event.key in STEPS) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  move(STEPS[event.key]);
});
addEventListener("resize", showLanes);
