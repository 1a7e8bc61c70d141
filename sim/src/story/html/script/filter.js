// Which events are shown: those of the story or all of them, and of these those about one thing.
const filter = { whole: story.diagram === null, entity: -1 };
const NOUNS = { key: "keys", message: "messages", saga: "sagas", request: "requests", operation: "operations", document: "documents and rows" };

function showFilter() {
  const groups = Object.entries(NOUNS).map(([kind, noun]) => {
    const options = entities.flatMap((entity, position) =>
      entity.kind === kind ? [element("option", { value: position }, `${entity.name}${entity.label ? ` – ${entity.label}` : ""}`)] : []);
    return options.length ? element("optgroup", { label: noun }, ...options) : undefined;
  });
  const select = byId("filter");
  select.replaceChildren(element("option", { value: -1 }, "everything"), ...groups.filter(Boolean));
  select.addEventListener("change", () => filterBy(Number(select.value)));
  byId("clear").addEventListener("click", () => filterBy(-1));
  document.addEventListener("click", (event) => {
    const clicked = event.target.closest(".id[data-entity]");
    if (clicked) filterBy(Number(clicked.dataset.entity));
  });
}

function showViews() {
  const views = [
    story.diagram && [false, "the story", told.size],
    rows.length > 0 && [true, "the whole run", rows.length],
  ].filter(Boolean);
  byId("views").replaceChildren(...views.map(([whole, name, count]) => {
    const is = filter.whole === whole;
    const properties = { type: "button", role: "radio", "aria-checked": String(is), tabindex: is ? 0 : -1, "data-whole": String(whole) };
    const button = element("button", properties, `${name} · ${count.toLocaleString("en")}`);
    button.addEventListener("click", () => { filter.whole = whole; update(); });
    button.addEventListener("keydown", (event) => {
      if (!event.key.startsWith("Arrow") || views.length < 2) return;
      event.preventDefault();
      event.stopPropagation();
      filter.whole = !whole;
      update();
      byId("views").querySelector("[aria-checked=true]").focus();
    });
    return button;
  }));
}

function filterBy(entity) {
  filter.entity = entity;
  update();
}

function showAll() {
  filter.whole = true;
  filter.entity = -1;
  update();
}

function update() {
  const { whole, entity } = filter;
  const isShown = (position) =>
    (whole || told.has(rows[position].event)) && (entity < 0 || details[position].about.includes(entity));
  const shown = rows.map((_, position) => position).filter(isShown);
  showViews();
  showRows(shown);
  byId("filter").value = entity;
  byId("clear").hidden = entity < 0;
  for (const button of document.querySelectorAll(".id[data-entity]")) {
    button.classList.toggle("chosen", Number(button.dataset.entity) === entity);
  }
  const cut = whole && leftOut > 0 ? ` of ${story.run.events.toLocaleString("en")}: those of the story and around its end` : "";
  byId("count").textContent = `${shown.length.toLocaleString("en")} ${shown.length === 1 ? "event" : "events"}${cut}`;
  const nothing = byId("nothing");
  nothing.hidden = shown.length > 0;
  if (shown.length > 0) return;
  const look = element("button", { type: "button", onclick: () => { filter.whole = true; update(); } }, "look in the whole run");
  nothing.replaceChildren(...(run ? ["No event of the story is about it. ", whole ? "" : look] : ["The run kept no trace: replay it to see."]));
}
