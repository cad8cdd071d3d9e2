// What the pages share without talking to the server: elements, messages, dialogs, waiting.

export const root = new URL(document.documentElement.dataset.root, location.href);

export const $ = (id) => document.getElementById(id);

export function link(path) {
  return new URL(path, root).href;
}

// An element, made without HTML strings: whatever text it is given stays text.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Of pictures and of the tiles in their place: what they were made with, and when they were tried again.
const pictures = new WeakMap();
const VALID_MS = 8 * 60_000;

// A picture, or a plain tile where the browser cannot show it. `key` names what it shows, for `renew`.
export function picture({ key, again = false, ...attributes }) {
  const made = h("img", { ...attributes, "data-key": key, onerror: () => {
    const tile = h("span", { class: "nopic", slot: attributes.slot, "data-key": key }, "No picture");
    pictures.set(tile, pictures.get(made));
    made.replaceWith(tile);
  } });
  pictures.set(made, { attributes, since: again ? Date.now() : null });
  return made;
}

// Signed addresses expire. Links get those of now, and so do pictures: the first time when they could not be shown, then
// after a while, for a picture that no browser can show would flicker else. `addresses` maps keys to addresses.
export function renew(container, addresses) {
  for (const it of container.querySelectorAll("[data-key]")) {
    const url = addresses.get(it.dataset.key);
    if (!url) continue;
    const made = pictures.get(it);
    if (!made) it.href = url;
    else if (!it.matches("img") && url !== made.attributes.src && Date.now() - (made.since ?? 0) > VALID_MS) {
      it.replaceWith(picture({ ...made.attributes, key: it.dataset.key, src: url, again: true }));
    }
  }
}

export function button(text, onclick, attributes = {}) {
  return h("button", { type: "button", class: "quiet small", onclick, ...attributes }, text);
}

// A row of a table: `{ column: content }`, whose first is its header. Numbers are aligned as such.
export function row(attributes, cells, { numbers = [] } = {}) {
  return h("tr", attributes, Object.entries(cells).map(([label, content], at) =>
    h(at ? "td" : "th", { scope: at ? null : "row", "data-label": label, class: numbers.includes(label) ? "n" : null }, h("div", { class: "cell" }, content))));
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export function time(value, { day = false } = {}) {
  return h("time", { datetime: value }, (day ? DAY : CLOCK).format(new Date(value)));
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

const STATES = {
  processed: ["good", "Cut out"],
  processing: ["wait", "In work"],
  failed: ["bad", "Failed"],
  copy_failed: ["bad", "Not copied"],
  uploading: ["", "Uploading"],
  unprocessed: ["", "Original"],
};

export function badge(state) {
  const [kind, text] = STATES[state] ?? ["", state];
  return h("span", { class: `badge ${kind}` }, text);
}

// What holds for the whole page until it is over.
export function notice(text) {
  if ($("notice").textContent !== text) $("notice").textContent = text;
  $("notice").hidden = !text;
}

// What became of one action. A failure stays until it is closed.
export function toast(text, { failed = false } = {}) {
  const item = h("li", { class: failed ? "bad" : "good", role: failed ? "alert" : "status" }, h("span", {}, text),
    button("Close", () => item.remove(), { class: "quiet small", "aria-label": "Close this message" }));
  // Within an open dialog, because all else is out of reach meanwhile.
  (document.querySelector("dialog[open]") ?? $("main")).append($("toasts"));
  $("toasts").append(item);
  if (!failed) setTimeout(() => item.remove(), 6000);
}

// Runs what somebody asked for; says what went wrong, if anything did, and then gives undefined.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, { failed: true });
    return undefined;
  }
}

// Runs `work` by a control that does nothing more meanwhile. It is not disabled, which would take the focus from it.
export async function busy(control, work) {
  if (control.ariaDisabled === "true") return undefined;
  control.ariaDisabled = "true";
  try {
    return await attempt(work);
  } finally {
    control.ariaDisabled = null;
  }
}

// New content for an element; what had the focus in it has it again, by its id.
export function fill(container, ...children) {
  const id = container.contains(document.activeElement) && document.activeElement.id;
  container.replaceChildren(...children);
  if (id) focus(id, container);
}

function focus(id, container) {
  const found = $(id);
  (found && !found.disabled ? found : container?.querySelector("a, button:enabled"))?.focus({ preventScroll: true });
}

// Calls `work` now, and again after the milliseconds it returns, while the page is seen. Never twice at a time.
export function poll(work) {
  let timer = null;
  let running = null;
  let again = false;
  const turn = () => {
    if (running) {
      again = true;
      return running;
    }
    clearTimeout(timer);
    running = (async () => {
      let wait = 5000;
      do {
        again = false;
        try {
          if (!document.hidden && !document.querySelector("dialog[open]")) wait = await work();
          notice("");
        } catch (error) {
          notice(`${error.message} Trying again.`);
          wait = 10000;
        }
      } while (again);
      running = null;
      timer = setTimeout(turn, wait);
    })();
    return running;
  };
  document.addEventListener("visibilitychange", () => document.hidden || turn());
  turn();
  return turn;
}

// A dialog that goes when it is closed. `build(close)` gives its content; the promise, what it was closed with.
export function dialog(title, build, attributes = {}) {
  const opener = document.activeElement;
  return new Promise((resolve) => {
    let result;
    const close = (value) => {
      result = value;
      box.close();
    };
    const box = h("dialog", { "aria-labelledby": "dialog-title", ...attributes }, h("h2", { id: "dialog-title" }, title),
      build((value) => close(value)));
    box.addEventListener("close", () => {
      $("main").append($("toasts"));
      box.remove();
      if (!opener.isConnected) focus(opener.id);
      resolve(result);
    });
    document.body.append(box);
    box.showModal();
  });
}

// Whether somebody agrees to what cannot be undone.
export function confirmed(title, text, action) {
  return dialog(title, (close) => h("form", { method: "dialog" }, h("p", {}, text), h("div", { class: "actions" },
    button("Cancel", () => close(false), { class: "quiet", autofocus: true }),
    button(action, () => close(true), { class: "danger" }))), { role: "alertdialog" });
}
