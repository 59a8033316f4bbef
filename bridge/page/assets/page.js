// The page's own behaviour: tabs, copy buttons, the programs of each operation, and the envelope checker.

const contract = JSON.parse(document.getElementById("contract").textContent);
const LANGUAGES = Object.keys(contract.programs);
const COPIED_FOR = 1500; // milliseconds
const MOST_NAMES = 20;
const LONGEST_NAME = 100;
const CHECK_AFTER = 250; // milliseconds without another key
let language = LANGUAGES[0];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// --- copying --------------------------------------------------------------------------------------

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP there is no clipboard; the old way works there.
    const area = make("textarea", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function copyButton(text, what) {
  const button = make("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  const status = make("span", { role: "status", class: "quiet" });
  button.addEventListener("click", async () => {
    const done = await copy(text());
    button.focus();
    status.textContent = done ? "Copied" : "Select it and copy by hand";
    setTimeout(() => (status.textContent = ""), COPIED_FOR);
  });
  return [status, button];
}

function addButtons(figure) {
  const code = figure.querySelector("code");
  const caption = figure.querySelector("figcaption");
  const actions = make("span", { class: "actions" });
  if (figure.dataset.checks) {
    const check = make("button", { type: "button", class: "copy" }, "Check");
    check.setAttribute("aria-label", `Check ${figure.dataset.what} in the envelope checker`);
    check.addEventListener("click", () => {
      show(code.textContent);
      document.getElementById("check").scrollIntoView();
      document.getElementById("envelope").focus({ preventScroll: true });
    });
    actions.append(check);
  }
  actions.prepend(...copyButton(() => code.textContent, figure.dataset.what));
  caption.append(actions);
}

// --- programs -------------------------------------------------------------------------------------

function program(name, operation) {
  const { template, escapes } = contract.programs[name];
  const { envelope, routingKey } = contract.operations[operation];
  return template
    .replace("@ROUTING_KEY@", () => routingKey)
    .replace("@ENVELOPE@", () => (escapes ? envelope.replaceAll("\\", "\\\\") : envelope));
}

function choose(chosen) {
  language = chosen;
  for (const box of document.querySelectorAll(".programs")) {
    for (const tab of box.querySelectorAll('[role="tab"]')) {
      const isChosen = tab.dataset.language === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    const code = box.querySelector("code");
    code.textContent = program(chosen, box.dataset.operation);
    box.querySelector('[role="tabpanel"]').setAttribute("aria-labelledby", `${box.id}-${chosen}`);
  }
}

function addTabs(box) {
  const list = make("span", { class: "tabs", role: "tablist", "aria-label": "Language" });
  for (const name of LANGUAGES) {
    const tab = make(
      "button",
      { type: "button", role: "tab", id: `${box.id}-${name}`, "aria-controls": `${box.id}-panel` },
      contract.programs[name].title,
    );
    tab.dataset.language = name;
    tab.addEventListener("click", () => choose(name));
    list.append(tab);
  }
  list.addEventListener("keydown", (event) => {
    const at = LANGUAGES.indexOf(language);
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: LANGUAGES.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    choose(LANGUAGES[(steps[event.key] + LANGUAGES.length) % LANGUAGES.length]);
    list.querySelector('[aria-selected="true"]').focus();
  });
  const code = make("code");
  const panel = make("pre", { role: "tabpanel", id: `${box.id}-panel`, tabindex: "0" }, code);
  const caption = make("figcaption", {}, list);
  const buttons = make("span", { class: "actions" });
  buttons.append(...copyButton(() => code.textContent, "the program"));
  caption.append(buttons);
  box.replaceChildren(make("figure", { class: "sample" }, caption, panel));
}

// --- the envelope checker -------------------------------------------------------------------------

const field = document.getElementById("envelope");

function show(text) {
  field.value = text;
  tell();
}

function remarks(verdict, properties) {
  const list = [];
  const code = (text) => make("code", {}, text);
  if (verdict.route?.reply && properties.replyTo) {
    list.push(["A success is answered as ", code(verdict.route.reply.join(" / ")), "."]);
  } else if (!verdict.route?.reply) {
    list.push(["Nobody is answered: this operation has no reply."]);
  } else {
    list.push(["Without ", code("reply_to"), " a success becomes an event, and a failure a dead letter."]);
  }
  if (verdict.sideEffect) {
    list.push(
      verdict.key
        ? [`A side effect: it happens at most once for its key, ${verdict.key}.`]
        : ["A side effect without a key: if you send it again, it happens again."],
    );
  } else list.push(["No side effect: it may be sent again."]);
  return [make("ul", {}, ...list.map((parts) => make("li", {}, ...parts))), ...unread(verdict)];
}

function unread({ ignored }) {
  if (ignored.length === 0) return [];
  const shown = ignored.slice(0, MOST_NAMES).map((name) => make("code", {}, shortened(name)));
  const more = ignored.length - shown.length;
  const names = shown.flatMap((name, at) => (at ? [", ", name] : [name]));
  return [make("p", {}, "Nobody reads ", ...names, more ? ` and ${more} more.` : ".")];
}

function shortened(text) {
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME)}…` : text;
}

function refusal(verdict, properties) {
  const parts = [];
  if (verdict.details) {
    const items = verdict.details.map(({ field: name, problem }) =>
      make("li", {}, make("code", {}, name), ` ${problem}`),
    );
    parts.push(make("ul", {}, ...items));
  } else parts.push(make("p", {}, verdict.reason));
  parts.push(...unread(verdict));
  const error = contract.rules.errors[verdict.errorType];
  if (error?.advice) parts.push(make("p", {}, make("strong", {}, "What to do: "), error.advice));
  if (verdict.reply) {
    const title = properties.replyTo ? "The reply" : "Nobody waits for a reply: this becomes a dead letter. The reply would be";
    const code = make("code", {}, JSON.stringify(verdict.reply, null, 2));
    parts.push(make("details", {}, make("summary", {}, title), make("pre", { tabindex: "0" }, code)));
  }
  return parts;
}

function tell() {
  const properties = {};
  for (const input of document.querySelectorAll("[data-property]")) {
    properties[input.dataset.property] = input.value;
  }
  const box = document.getElementById("verdict");
  const line = document.getElementById("verdict-line");
  const more = document.getElementById("verdict-more");
  more.replaceChildren();
  if (!field.value.trim()) {
    box.dataset.outcome = "none";
    line.textContent = "Paste an envelope, or choose an example.";
    return;
  }
  const verdict = checkEnvelope(field.value, properties, contract.rules);
  box.dataset.outcome = verdict.outcome;
  const of = verdict.operation ? ` (${verdict.operation})` : "";
  if (verdict.outcome === "accepted") {
    line.textContent = `Accepted: ${verdict.operation}`;
    more.replaceChildren(...remarks(verdict, properties));
  } else if (verdict.outcome === "refused") {
    const answered = verdict.reply ? "Refused" : "Dead-lettered, nobody is answered";
    line.textContent = `${answered}: ${verdict.errorType}${of}`;
    more.replaceChildren(...refusal(verdict, properties));
  } else {
    line.textContent = `Dead-lettered, nobody is answered: ${verdict.deadLetter}`;
    more.replaceChildren(make("p", {}, verdict.reason));
  }
}

function addChecker() {
  const examples = document.getElementById("example");
  for (const name of Object.keys(contract.operations)) {
    examples.append(make("option", { value: name }, name));
  }
  examples.addEventListener("change", () => {
    if (examples.value) show(contract.operations[examples.value].envelope);
  });
  let waiting;
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(tell, CHECK_AFTER);
  };
  document.querySelector(".checker").addEventListener("input", later);
  document.querySelector(".checker").hidden = false;
  tell();
}

for (const figure of document.querySelectorAll("figure.sample[data-what]")) addButtons(figure);
const boxes = [...document.querySelectorAll(".programs")];
boxes.forEach(addTabs);
if (boxes.length > 0) choose(language);
addChecker();
if (matchMedia("(max-width: 61.99rem)").matches) document.querySelector("nav details").open = false;
