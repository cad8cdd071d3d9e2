// What only administrators see: the API keys, and the record of who did what.

import { $, attempt, busy, button, confirmed, dialog, fill, h, link, row, time, toast } from "./dom.js";
import { api, query } from "./api.js";
import { usesKey, take } from "./session.js";

const PAGE = 20;
// Processes that looked at the keys just before a new one was made refuse it until they look again.
const KNOWN_EVERYWHERE_MS = 4000;
let wanted = PAGE;
let refresh = () => null;

function outcome(entry) {
  if (entry.status == null) return h("span", { class: "badge wait", title: "It ended before it answered: its change may have been made or not." }, "Cut off");
  return h("span", { class: `badge ${entry.status < 400 ? "good" : "bad"}` }, entry.code ? `${entry.status} ${entry.code}` : String(entry.status));
}

function parameters(entry) {
  const shown = Object.entries(entry.parameters).filter(([name]) => name !== "book_id");
  return shown.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ");
}

function entry(it) {
  return row({}, {
    When: time(it.at),
    Who: [it.actor, h("div", { class: "muted" }, it.role)],
    Action: [it.action.replaceAll("_", " "), it.replayed ? h("div", { class: "muted" }, "answered again") : null],
    On: [it.book_id ? h("a", { id: `entry-${it.id}`, href: link(`books/${it.book_id}`) }, "Book") : null, h("div", { class: "muted" }, parameters(it))],
    Outcome: outcome(it),
  });
}

export async function showAudit() {
  const items = [];
  let cursor = null;
  do {
    const page = await api("GET", `audit?${query({ cursor, limit: Math.min(wanted - items.length, 100) })}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < wanted);
  fill($("audit"), ...(items.length ? items.map(entry) : [h("tr", {}, h("td", { colspan: 5 }, "Nothing was changed yet."))]));
  $("more-audit").hidden = !cursor;
}

$("more-audit").addEventListener("click", (event) => {
  wanted += PAGE;
  busy(event.target, showAudit);
});

export async function showKeys(again) {
  refresh = again;
  const keys = await api("GET", "admin/keys");
  const rows = [["Current", h("code", {}, keys.current)], ["Previous", keys.previous ? h("code", {}, keys.previous) : "None"]];
  $("keys").replaceChildren(...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  $("rotate").hidden = Boolean(keys.previous);
  $("retire").hidden = !keys.previous;
}

$("rotate").addEventListener("click", async (event) => {
  const sure = await confirmed("Make a new API key?", "The present key stays valid beside it until you end it. The new one is shown once.", "Make a new key");
  const made = sure && await busy(event.target, () => api("POST", "admin/keys/rotate"));
  if (!made) return;
  const known = new Promise((resolve) => { setTimeout(resolve, KNOWN_EVERYWHERE_MS); });
  await dialog("The new API key", (close) => h("div", { class: "stacked" },
    h("p", {}, "Keep it where only you can read it: it is not shown again.", usesKey() ? " This tab goes on with it." : null),
    h("p", {}, h("code", { class: "secret", tabindex: 0 }, made.key)),
    h("div", { class: "actions" },
      button("Copy", () => attempt(async () => {
        await navigator.clipboard.writeText(made.key);
        toast("Copied.");
      }), { class: "quiet" }),
      button("I have kept it", () => close(), { class: "" }))));
  await known;
  if (usesKey()) take({ kind: "key", key: made.key });
  await refresh();
});

$("retire").addEventListener("click", async (event) => {
  const text = "Whoever still uses it is refused within a minute.";
  if (!(await confirmed("End the previous key?", text, "End the previous key"))) return;
  if (await busy(event.target, () => api("DELETE", "admin/keys/previous"))) toast("The previous key is no longer valid.");
  await refresh();
});
