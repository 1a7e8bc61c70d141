"use strict";
// What there is to show, as the file brings it, and what follows from it.
// A number of which a script would lose digits stays as it is written.
const exact = (_, value, context) =>
  typeof value === "number" && !Number.isSafeInteger(value) && context?.source !== undefined && String(value) !== context.source ? context.source : value;
const { story, run } = JSON.parse(document.getElementById("data").textContent, exact);
const lanes = run ? run.diagram.lanes : [];
const rows = run ? run.diagram.rows : [];
const details = run ? run.details : [];
const entities = run ? run.mentions : [];
const told = new Set(story.diagram ? story.diagram.rows.map((row) => row.event) : []);
const leftOut = story.run.events - rows.length;

// Where a row of an event is; events have no gaps in a run that is whole.
const positions = new Map(rows.map((row, position) => [row.event, position]));
const entityNamed = new Map();
entities.forEach((entity, position) => {
  for (const name of [entity.name, entity.id]) {
    if (name && !entityNamed.has(name)) entityNamed.set(name, position);
  }
});
const laneOf = ({ kind, name }) => lanes.findIndex((lane) => lane.kind === kind && lane.name === name);

function milliseconds(us) {
  const [whole, fraction] = (us / 1000).toFixed(3).split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, "\u2009")}.${fraction}`;
}

// A span of time in the unit that fits it.
function duration(us) {
  const units = [["d", 864e8], ["h", 36e8], ["min", 6e7], ["s", 1e6], ["ms", 1e3]];
  const [unit, size] = units.find(([, size]) => us >= size) || ["µs", 1];
  const value = us / size;
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : value.toPrecision(3)}\u2009${unit}`;
}

// What is held once the row at this position has happened: by thing, with the position of the row that last changed it.
function heldAt(position) {
  const held = new Map();
  for (let at = 0; at <= position; at += 1) {
    for (const [thing, state] of details[at].changes) {
      if (state) held.set(thing, { ...state, since: at });
      else held.delete(thing);
    }
  }
  return held;
}
