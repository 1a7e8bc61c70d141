// Virtual time from left to right: when the shown events happened, what lasted, and where the chosen one is.
let range = { from: 0, to: 1 };

const percent = (us) => `${Math.min(100, Math.max(0, ((us - range.from) / (range.to - range.from)) * 100))}%`;

// Steps that people count in, so that there are at most eight: below a minute 1, 2 or 5 times a power of ten.
function step(span) {
  const long = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map((seconds) => seconds * 1e6).find((size) => span / size <= 8);
  if (span > 24e7 && long) return long;
  const unit = span > 24e7 ? 864e8 : 1;
  const power = unit * 10 ** Math.max(0, Math.floor(Math.log10(span / 8 / unit)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= 8) ?? power;
}

function bar(kind, { from_us, to_us }, title) {
  const end = to_us === null ? range.to : to_us;
  if (end < range.from || from_us > range.to) return undefined;
  const width = `calc(${percent(end)} - ${percent(from_us)})`;
  return element("span", { class: kind, title, places: { left: percent(from_us), width } });
}

function showAxis(visible) {
  const axis = byId("axis");
  axis.hidden = visible.length === 0;
  if (axis.hidden) return;
  range = { from: rows[visible[0]].at_us, to: rows[visible[visible.length - 1]].at_us };
  if (range.to <= range.from) range.to = range.from + 1;
  const size = step(range.to - range.from);
  const ticks = [];
  // A label stands right of its moment, and the last one left of it: there it needs the room of the one before.
  const room = ((range.to - range.from) * 72) / axis.clientWidth;
  let free = range.from;
  for (let at = Math.ceil(range.from / size) * size; at <= range.to; at += size) {
    const late = range.to - at < room;
    if ((late ? at - room : at) < free) continue;
    free = late ? range.to : at + room;
    ticks.push(element("span", { class: late ? "tick last" : "tick", places: { left: percent(at) } }, duration(at)));
  }
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawn.setAttribute("viewBox", "0 0 1000 12");
  drawn.setAttribute("preserveAspectRatio", "none");
  drawn.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const places = new Set(visible.map((at) => Math.round((parseFloat(percent(rows[at].at_us)) / 100) * 999)));
  path.setAttribute("d", [...places].map((x) => `M${x + 0.5} 2v8`).join(""));
  path.setAttribute("stroke", "currentColor");
  path.setAttribute("vector-effect", "non-scaling-stroke");
  drawn.append(path);
  const lasting = run.faults.flatMap((span, index) => {
    if (!span) return [];
    const words = `fault ${index}: ${story.plan.faults[index].words}`;
    if (span.from !== span.to) return [bar("on", span, words)];
    if (span.from_us < range.from || span.from_us > range.to) return [];
    return [element("span", { class: "struck", title: words, places: { left: percent(span.from_us) } })];
  });
  const down = run.down.map((span) => bar("down", span, `${span.lane.name} is down`));
  const shows = visible.filter((at) => rows[at].shows_it).map((at) =>
    element("span", { class: "shows", title: rows[at].text, places: { left: percent(rows[at].at_us) } }));
  const ruler = element("div", { class: "ruler", id: "ruler" }, ...ticks, drawn, ...lasting, ...down, ...shows,
    element("span", { class: "here", id: "here", hidden: true }));
  ruler.addEventListener("click", (event) => {
    const box = ruler.getBoundingClientRect();
    const us = range.from + ((event.clientX - box.left) / box.width) * (range.to - range.from);
    const distance = (at) => Math.abs(rows[at].at_us - us);
    choose(visible.reduce((best, at) => (distance(at) < distance(best) ? at : best)), true);
  });
  axis.replaceChildren(ruler);
}

function moveHere(position) {
  const here = byId("here");
  if (!here) return;
  const { at_us } = rows[position];
  here.hidden = at_us < range.from || at_us > range.to;
  here.style.left = percent(at_us);
}
