// Beside the events: all fields of the chosen one, and what was held once it had happened.
const ENTRIES_MAX = 100;
const closed = new Set();

function showPanel(position) {
  const row = rows[position];
  const about = details[position].about;
  const boot = row.incarnation > 0 ? `, boot ${row.incarnation}` : "";
  const moment = `${milliseconds(row.at_us)}\u2009ms${row.at_us >= 1e7 ? ` (${duration(row.at_us)})` : ""}`;
  const chips = about.map((entity) => {
    const button = chip(entity);
    button.classList.toggle("chosen", filter.entity === entity);
    return element("li", {}, button);
  });
  const close = element("button", { class: "close", type: "button", onclick: () => byId("panel").classList.remove("open") }, "close");
  byId("panel").replaceChildren(
    close,
    element("h2", {}, `event ${row.event} · ${row.kind.replaceAll("_", " ")}`),
    element("p", { class: row.shows_it ? "said shows" : "said" }, row.text),
    element("p", {}, `${lanes[row.lane].name}${boot}, at ${moment}`),
    element("ul", { class: "chips", "aria-label": "What it is about" }, ...chips),
    part("all its fields", fields(details[position].fields)),
    part("what is held now", held(position)));
}

// A part that stays closed once it was closed.
function part(name, content) {
  const heading = element("summary", {}, element("h2", {}, name));
  const shown = element("details", { class: "part", open: !closed.has(name) }, heading, content);
  shown.addEventListener("toggle", () => (shown.open ? closed.delete(name) : closed.add(name)));
  return shown;
}

function fields(object) {
  const entries = Object.entries(object).flatMap(([name, value]) => {
    const shown = valueOf(value);
    return [element("dt", {}, name.replaceAll("_", " ")), shown.className === "fields" ? shown : element("dd", {}, shown)];
  });
  return element("dl", { class: "fields" }, ...entries);
}

function valueOf(value) {
  if (Array.isArray(value)) {
    return value.length ? element("ol", {}, ...value.map((one) => element("li", {}, valueOf(one)))) : "none";
  }
  if (value !== null && typeof value === "object") return payload(value) ?? fields(value);
  const entity = typeof value === "string" ? entityNamed.get(value) : undefined;
  if (entity === undefined) return value === null ? "none" : String(value);
  return element("span", {}, inText(entity), entities[entity].id === value ? ` ${value}` : "");
}

// Bytes, in the form in which they were written: as JSON, as text, or neither.
function payload(value) {
  const [[form, content], ...others] = Object.entries(value).length ? Object.entries(value) : [[""]];
  if (others.length > 0) return undefined;
  if (form === "json") return element("pre", {}, JSON.stringify(content, null, 2));
  if (form === "text" && typeof content === "string") return element("pre", {}, content === "" ? "empty" : content);
  if (form === "base64" && typeof content === "string") return element("pre", {}, `base64 ${content}`);
  return undefined;
}

function held(position) {
  const holders = new Map();
  for (const [thing, state] of heldAt(position)) {
    const { store, part, key } = run.things[thing];
    const holder = store === null ? "broker" : `store ${store}`;
    if (!holders.has(holder)) holders.set(holder, new Map());
    const parts = holders.get(holder);
    if (!parts.has(part)) parts.set(part, []);
    parts.get(part).push({ key, ...state });
  }
  if (holders.size === 0) return element("p", {}, "nothing yet");
  const byName = ([one], [other]) => Number(one === "broker") - Number(other === "broker") || one.localeCompare(other);
  return element("div", { class: "held" }, ...[...holders].sort(byName).map(([holder, parts]) => {
    const count = [...parts.values()].reduce((sum, entries) => sum + entries.length, 0);
    const tables = [...parts].sort(([one], [other]) => one.localeCompare(other)).map(([name, entries]) => table(name, entries, position));
    const shown = element("details", { open: !closed.has(holder) }, element("summary", {}, holder, " ", element("small", {}, String(count))), ...tables);
    shown.addEventListener("toggle", () => (shown.open ? closed.delete(holder) : closed.add(holder)));
    return shown;
  }));
}

// What is still open comes first, the latest before what came earlier.
function table(name, entries, position) {
  entries.sort((one, other) => Number(one.is_settled) - Number(other.is_settled) || other.since - one.since);
  const lines = entries.slice(0, ENTRIES_MAX).map(({ key, state, text, is_settled, since }) =>
    element("tr", { class: since === position ? "changed" : undefined },
      element("th", { scope: "row" }, ...withChips(key)),
      element("td", { class: is_settled ? undefined : "open" }, state),
      element("td", {}, ...withChips(text))));
  const more = entries.length - ENTRIES_MAX;
  if (more > 0) lines.push(element("tr", {}, element("td", { class: "more", colspan: 3 }, `and ${more} more`)));
  return element("div", {}, element("h3", {}, name), element("table", {}, element("tbody", {}, ...lines)));
}
