// Elements. Every text goes in as text: a name or a payload is never markup.
function element(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onclick") made.addEventListener("click", value);
    else if (name === "places") for (const [place, number] of Object.entries(value)) made.style.setProperty(place, number);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

// A text in which names stand between backticks, as the terminal shows it.
function withCode(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 === 1 ? element("code", {}, part) : part));
}

const byId = (id) => document.getElementById(id);

// A name by which the page can be filtered.
function chip(position) {
  const { name, label, kind } = entities[position];
  const title = `${kind}${label ? `: ${label}` : ""} \u2013 show all that is about it`;
  return element("button", { class: "id", type: "button", title, "data-entity": position }, name);
}

// The same within a text, broken into lines as text is. From the keyboard it is reached among the chips of its event.
function inText(position) {
  const { label, kind } = entities[position];
  const title = `${kind}${label ? `: ${label}` : ""}`;
  return element("span", { class: "id", role: "button", tabindex: -1, title, "data-entity": position }, entities[position].name);
}

// A text in which the names of entities can be clicked.
function withChips(text) {
  const parts = text.split(/([\p{L}\p{N}_.\-…]+)/u);
  return parts.map((part, index) => {
    const entity = index % 2 === 1 ? entityNamed.get(part) : undefined;
    return entity === undefined ? part : inText(entity);
  });
}
