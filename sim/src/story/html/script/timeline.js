// Events one below the other, beside the lanes of those who take part.
const made = new Map();
let visible = [];
let chosen = -1;

const isOn = (span, event) => span.from <= event && (span.to === null || event < span.to);

// What lasts at an event: stretches of lanes.
function lasting(event) {
  const down = run.down.filter((stretch) => isOn(stretch, event)).map(({ lane }) => ["down", laneOf(lane)]);
  const on = run.faults.flatMap((span, index) =>
    span && span.from !== span.to && isOn(span, event) ? [["on", laneOf(story.plan.faults[index].hits)]] : []);
  return [...on, ...down].filter(([, lane]) => lane >= 0);
}

function track(row) {
  const bands = lasting(row.event).map(([kind, lane]) => element("i", { class: kind, places: { "--at": lane } }));
  const mark = element("i", { class: `mark ${row.mark} kind-${lanes[row.lane].kind}`, places: { "--at": row.lane } });
  const drawn = element("div", { class: "track", role: "presentation" }, ...bands);
  if (row.arrow) {
    const other = row.arrow.to ?? row.arrow.from;
    const [from, to] = "to" in row.arrow ? [row.lane, other] : [other, row.lane];
    const kinds = `to-${lanes[other].kind}${to < from ? " left" : ""}${to === row.lane ? " in" : ""}${hasFailed(row) ? " failed" : ""}`;
    const places = { "--from": Math.min(from, to), "--span": Math.abs(to - from) };
    drawn.append(element("i", { class: `arrow ${kinds}`, places }));
  }
  drawn.append(mark);
  return drawn;
}

const hasFailed = (row) => Boolean(row.outcome) && row.outcome !== "done";

// For narrow screens, where lanes have no room, and for those who hear the page.
function who(row) {
  const own = lanes[row.lane].name;
  if (!row.arrow) return element("span", { class: "who", role: "gridcell" }, own);
  const other = lanes[row.arrow.to ?? row.arrow.from];
  const side = element("span", { class: `other to-${other.kind}` }, `${"to" in row.arrow ? " → " : " ← "}${other.name}`);
  return element("span", { class: "who", role: "gridcell" }, own, side);
}

function rowOf(position) {
  const row = rows[position];
  const classes = ["row", row.shows_it && "shows", row.mark === "fault" && "fault", row.mark === "end" && "fault"];
  const time = element("span", { class: "time", role: "gridcell" }, milliseconds(row.at_us));
  return element("div",
    { class: classes.filter(Boolean).join(" "), role: "row", tabindex: -1, "aria-selected": "false", "data-event": row.event },
    time, track(row), who(row), element("span", { class: "what", role: "gridcell" }, ...withChips(row.text)));
}

function showLanes() {
  const timeline = byId("timeline");
  const digits = Math.max(0, ...rows.map((row) => milliseconds(row.at_us).length));
  const time = Math.max(84, Math.ceil(digits * 7.4) + 20);
  timeline.style.setProperty("--time", `${time}px`);
  const room = timeline.clientWidth - time - 400;
  // An even number, so that lines lie on whole pixels.
  const width = 2 * Math.round(Math.min(104, Math.max(36, room / Math.max(1, lanes.length))) / 2);
  timeline.style.setProperty("--lane", `${width}px`);
  timeline.style.setProperty("--count", lanes.length);
  byId("lanes").classList.toggle("narrow", width < 76);
  const names = lanes.map(({ kind, name }) =>
    element("span", { class: `name kind-${kind}`, title: `${kind} ${name}` }, element("b", {}, name), kind === name ? "" : element("small", {}, kind)));
  byId("lanes").replaceChildren(element("span", { class: "time" }, "ms"), element("span", { class: "names" }, ...names), element("span"));
}

// Where much more time passes than usual between two shown events, it is said.
function gaps() {
  const between = visible.map((at, index) => (index ? rows[at].at_us - rows[visible[index - 1]].at_us : 0));
  const sorted = between.filter((us) => us > 0).sort((one, other) => one - other);
  const usual = sorted[Math.floor(sorted.length / 2)] || 0;
  return between.map((us) => (us >= Math.max(20_000, usual * 10) ? us : 0));
}

function showRows(positions) {
  visible = positions;
  const long = gaps();
  byId("rows").replaceChildren(...visible.map((position, index) => {
    if (!made.has(position)) made.set(position, rowOf(position));
    const row = made.get(position);
    const time = row.querySelector(".time");
    time.querySelector("small")?.remove();
    if (long[index]) time.prepend(element("small", {}, `+ ${duration(long[index])}`));
    return row;
  }));
  byId("rows").setAttribute("aria-rowcount", visible.length);
  byId("timeline").classList.toggle("empty", visible.length === 0);
  showAxis(visible);
  if (chosen >= 0) moveHere(chosen);
}

// Chooses the event of the row at this position.
function choose(position, intoView) {
  for (const [at, is] of [[chosen, false], [position, true]]) {
    const row = made.get(at);
    if (!row) continue;
    row.setAttribute("aria-selected", String(is));
    row.tabIndex = is ? 0 : -1;
  }
  chosen = position;
  moveHere(position);
  showPanel(position);
  history.replaceState(null, "", `#event=${rows[position].event}`);
  if (!intoView) return;
  byId("panel").classList.add("open");
  const row = made.get(position);
  if (row && row.isConnected) {
    row.scrollIntoView({ block: "nearest" });
    row.focus({ preventScroll: true });
  }
}

// Chooses an event that may not be shown yet.
function reveal(position) {
  if (!visible.includes(position)) showAll();
  choose(position, true);
}

function move(by) {
  if (visible.length === 0) return;
  const here = visible.indexOf(chosen);
  const nearest = visible.findIndex((at) => at > chosen);
  const start = here >= 0 ? here + by : nearest < 0 ? visible.length - 1 : by > 0 ? nearest : nearest - 1;
  choose(visible[Math.min(visible.length - 1, Math.max(0, start))], true);
}
