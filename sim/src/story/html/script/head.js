// The top of the page: what did not hold, the plan, and where to go next.
function showHead() {
  const { headline, plan, pointers } = story;
  byId("scenario").textContent = `seaworthy · ${plan.scenario}`;
  const verdict = element("span", { class: headline ? "verdict" : "verdict held" }, headline ? "violated" : "held");
  byId("title").replaceChildren(verdict, " ", headline ? headline.invariant : "every invariant");
  document.title = `${headline ? headline.invariant : "held"} · ${plan.scenario} · seaworthy`;
  byId("sentence").replaceChildren(...withCode(headline ? headline.sentence : "There is no failure to tell. This is the run."));
  byId("others").hidden = story.others.length === 0;
  byId("others").textContent = `and ${story.others.join(", ")}`;
  byId("plan").textContent = `${plan.items}, seed ${BigInt(plan.seed)}; ${plan.schedule}`;
  const faults = plan.faults.map(faultLine);
  byId("faults").replaceChildren(...(faults.length ? faults : [element("li", {}, headline ? "no faults: it goes wrong by itself" : "no faults")]));
  const lines = [
    ["plan file", pointers.plan],
    ["replay", pointers.replay],
    ["keep", pointers.keep],
    ["run", `${story.run.events} events in ${duration(story.run.lasted_us)} of virtual time, fingerprint ${story.run.fingerprint.slice(2)}`],
  ];
  byId("pointers").replaceChildren(...lines.filter(([, text]) => text).flatMap(([name, text]) => pointer(name, text)));
}

function faultLine(fault, index) {
  const span = run && run.faults[index];
  const words = `fault ${index}: ${fault.words}`;
  if (!fault.struck) return element("li", { class: "never" }, ...withCode(`${words} (never struck)`));
  const at = span && positions.get(span.from);
  if (at === undefined) return element("li", {}, ...withCode(words));
  const title = "show where it strikes";
  return element("li", {}, element("button", { type: "button", title, onclick: () => reveal(at) }, ...withCode(words)));
}

function pointer(name, text) {
  const copied = (event) => {
    const button = event.currentTarget;
    const done = (word) => { button.textContent = word; };
    navigator.clipboard.writeText(text).then(() => done("copied"), () => done("can't copy"));
  };
  const isLine = name !== "run";
  const copy = isLine && navigator.clipboard
    ? element("button", { type: "button", "aria-label": `Copy: ${name}`, onclick: copied }, "copy")
    : element("span");
  return [element("dt", {}, name), element("dd", {}, isLine ? element("code", {}, text) : text), copy];
}

// Light, dark, or as the system is.
function showTheme() {
  const themes = ["auto", "light", "dark"];
  const button = byId("theme");
  const show = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `theme: ${theme}`;
    button.dataset.theme = theme;
  };
  button.addEventListener("click", () => show(themes[(themes.indexOf(button.dataset.theme) + 1) % themes.length]));
  show("auto");
}
