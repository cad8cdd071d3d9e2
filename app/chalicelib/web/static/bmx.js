// What the pages share: the API key, calls, and making elements without HTML strings.

const root = new URL(document.documentElement.dataset.root, location.href);
const STORE = "bmx-key";

// A link of the command line carries the key behind the hash, which browsers do not send to any server.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.get("key")) {
  sessionStorage.setItem(STORE, fragment.get("key"));
  history.replaceState(null, "", location.pathname + location.search);
}

const $ = (id) => document.getElementById(id);
export { $ };

export function link(path) {
  return new URL(path, root).href;
}

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message || `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code;
  }
}

export async function api(method, path, body, type = "application/json") {
  const headers = { Accept: "application/json", "X-API-Key": await key() };
  if (body !== undefined) headers["Content-Type"] = type;
  const payload = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
  const response = await fetch(link(path), { method, headers, body: payload, cache: "no-store" });
  const answer = await response.json().catch(() => null);
  showKeyed(response.status !== 401);
  if (response.status === 401) {
    sessionStorage.removeItem(STORE);
    notice(answer?.message);
    return api(method, path, body, type);
  }
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

// What is of no use without the key is marked `data-keyed`.
function showKeyed(keyed) {
  for (const element of document.querySelectorAll("[data-keyed]")) element.hidden = !keyed;
}

let asking = null;

function key() {
  const known = sessionStorage.getItem(STORE);
  if (known) return Promise.resolve(known);
  asking ??= new Promise((resolve) => {
    const form = $("key-form");
    form.hidden = false;
    $("key").focus();
    form.onsubmit = (event) => {
      event.preventDefault();
      const value = $("key").value.trim();
      if (!value) return;
      sessionStorage.setItem(STORE, value);
      form.hidden = true;
      $("key").value = "";
      notice("");
      asking = null;
      resolve(value);
    };
  });
  return asking;
}

export function notice(text) {
  $("notice").textContent = text || "";
  $("notice").hidden = !text;
}

// Runs `work` and shows what went wrong, if anything did.
export async function attempt(work) {
  try {
    const result = await work();
    notice("");
    return result;
  } catch (error) {
    notice(error instanceof TypeError ? "The server does not answer." : error.message);
    return undefined;
  }
}

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// A picture, or a plain tile where the browser cannot show it.
export function picture(attributes) {
  return h("img", { ...attributes, onerror: (event) => event.target.replaceWith(h("span", { class: "nopic" }, "No picture")) });
}

// Calls `work` now, and again after the milliseconds it returns, while the page is seen.
export function poll(work) {
  let timer = null;
  const turn = async () => {
    clearTimeout(timer);
    timer = null;
    const wait = document.hidden ? 5000 : ((await attempt(work)) ?? 10000);
    clearTimeout(timer);
    timer = setTimeout(turn, wait);
  };
  document.addEventListener("visibilitychange", () => !document.hidden && timer && turn());
  turn();
  return turn;
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
  const [kind, text] = STATES[state] || ["", state];
  return h("span", { class: `badge ${kind}` }, text);
}
