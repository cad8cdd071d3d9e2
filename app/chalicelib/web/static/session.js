// Who is signed in here. The credential is kept in this tab's sessionStorage, and given to other tabs of these pages
// that ask for it: docs/api.md says why not in a cookie.

import { $, button, dialog, h, link, root } from "./dom.js";
import * as oauth from "./oauth.js";

const STORE = `bmx:${root.pathname}`;
const RANKS = ["viewer", "editor", "admin"];
const ANSWER_MS = 150;
const channel = new BroadcastChannel(STORE);

let current = JSON.parse(sessionStorage.getItem(STORE) ?? "null");
let me = null;
let inUse = false;
let asking = null;
let arrived = null;

// A link of the command line carries the key behind the hash, which browsers do not send to any server.
function takeFragment() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  keep({ kind: "key", key });
  history.replaceState(null, "", location.pathname + location.search);
}
takeFragment();
window.addEventListener("hashchange", takeFragment);

function keep(credential) {
  current = credential;
  if (credential) sessionStorage.setItem(STORE, JSON.stringify(credential));
  else sessionStorage.removeItem(STORE);
}

channel.onmessage = ({ data }) => {
  if (data.ask && current) channel.postMessage({ credential: current });
  if (data.credential && (!current || arrived)) {
    keep(data.credential);
    arrived?.();
  }
  if (data.signedOut) {
    keep(null);
    location.assign(link("sign-in"));
  }
};

// Takes a credential that was found to be good, in every tab that waits for one.
export function take(credential) {
  keep(credential);
  channel.postMessage({ credential });
}

export function authorization(credential) {
  return credential.kind === "key" ? { "X-API-Key": credential.key } : { Authorization: `Bearer ${credential.token}` };
}

// The credential to use, when there is one: until then whoever needs it waits.
export async function credential() {
  asking ??= find().finally(() => { asking = null; });
  await asking;
  return current;
}

async function find() {
  if (!current) await askTabs();
  if (current?.kind === "person" && current.expires - Date.now() < 30_000) {
    await oauth.renew(current).then(keep, unrenewed);
  }
  if (!current) await signIn("Sign in to go on.");
}

// Only the pool's own refusal ends a sign-in: what did not reach it may do so the next time.
function unrenewed(error) {
  if (error.refused) keep(null);
  else if (!current || current.expires < Date.now()) throw new Error("The sign-in cannot be renewed: the sign-in page does not answer.");
}

function askTabs() {
  return new Promise((resolve) => {
    arrived = () => {
      arrived = null;
      resolve();
    };
    channel.postMessage({ ask: true });
    setTimeout(() => arrived?.(), ANSWER_MS);
  });
}

// The server took it: from now on, whoever has to sign in again does so without leaving the page.
export function accepted(used) {
  inUse = true;
  if (used.kind === "key" && !used.accepted && used === current) keep({ ...used, accepted: true });
}

// The server refused it.
export async function refused(used, reason) {
  if (current?.key !== used.key || current?.token !== used.token) return;
  const { accepted: was } = current;
  keep(null);
  asking ??= signIn(was ? `The API key that was used here is no longer valid. ${reason}` : reason).finally(() => { asking = null; });
  await asking;
}

function signIn(reason) {
  if (!inUse) {
    const here = location.href.startsWith(root.href) ? location.href.slice(root.href.length) : "";
    location.replace(`${link("sign-in")}?${new URLSearchParams({ next: here, reason })}`);
    return new Promise(() => {});
  }
  return dialog("Sign in again", (close) => {
    arrived = () => {
      arrived = null;
      close();
    };
    return h("div", {}, h("p", { role: "alert" }, `${reason} What you were doing goes on afterwards.`),
      ...form({
        done: (it) => {
          arrived = null;
          take(it);
          close();
        },
        account: () => window.open(`${link("sign-in")}?window=1`, "bmx-sign-in", "popup,width=520,height=680"),
      }));
  }, { class: "sign-in", oncancel: (event) => event.preventDefault() }).then(recognise);
}

// Names who is signed in, if anybody is: for a page that does without, and where somebody else may be it now.
export async function recognise() {
  if (!current) return;
  const answer = await fetch(link("me"), { headers: { Accept: "application/json", ...authorization(current) }, cache: "no-store" });
  if (answer.ok) introduce(await answer.json());
}

// The ways to sign in: `done(credential)` is called with one that the server took, `account()` leads to the pool.
export function form({ done, account }) {
  const input = h("input", { id: "key", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "key-wrong" });
  const wrong = h("p", { id: "key-wrong", class: "wrong", role: "alert", hidden: true });
  const submit = h("button", {}, "Sign in");
  const byKey = h("form", { class: "by-key" }, h("label", { for: "key" }, "API key"), h("div", { class: "row" }, input, submit), wrong);
  byKey.addEventListener("submit", async (event) => {
    event.preventDefault();
    const made = { kind: "key", key: input.value.trim() };
    submit.disabled = true;
    const why = await refusal(made);
    submit.disabled = false;
    wrong.textContent = why ?? "";
    wrong.hidden = !why;
    input.setAttribute("aria-invalid", String(Boolean(why)));
    if (why) input.focus();
    else done(made);
  });
  if (!oauth.offered) return [byKey];
  return [button("Sign in with your account", account, { class: "wide", id: "account" }), h("p", { class: "or" }, "or"), byKey];
}

// Why the server does not take a credential, or null where it does.
async function refusal(made) {
  try {
    const answer = await fetch(link("me"), { headers: { Accept: "application/json", ...authorization(made) }, cache: "no-store" });
    return answer.ok ? null : ((await answer.json().catch(() => null))?.message ?? `The server answered ${answer.status}.`);
  } catch {
    return "The server does not answer.";
  }
}

export function can(role) {
  return RANKS.indexOf(me?.role) >= RANKS.indexOf(role);
}

// Names who is signed in, and shows what their role may do: an element with `data-role` is hidden from the others.
export function introduce(found) {
  me = found;
  $("who").textContent = found.kind === "api-key" ? "API key" : found.name.replace(/^user:/, "");
  $("role").textContent = found.role;
  $("account-menu").hidden = false;
  for (const element of document.querySelectorAll("[data-role]")) element.hidden = !can(element.dataset.role);
}

$("sign-out").addEventListener("click", async () => {
  const last = current;
  keep(null);
  channel.postMessage({ signedOut: true });
  if (last?.kind === "person" && oauth.offered) await oauth.leave(last);
  else location.assign(link("sign-in"));
});

export function usesKey() {
  return current?.kind === "key";
}
