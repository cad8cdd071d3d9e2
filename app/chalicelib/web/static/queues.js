// The table of queues, and what an administrator does with dead letters.

import { $, attempt, busy, button, confirmed, dialog, duration, fill, h, plural, row, time, toast } from "./dom.js";
import { api } from "./api.js";
import { can } from "./session.js";

export const WORDS = {
  healthy: "Healthy", unhealthy: "Unhealthy", not_configured: "Not configured",
  ok: "OK", access_denied: "Access denied", missing_queue: "Missing", error: "No answer",
};
const PEEKED = 50;
const PER_CALL = 100;

function letter(it) {
  return h("li", { class: "card" },
    h("p", {}, h("code", {}, it.message_id)),
    h("p", { class: "muted" }, it.sent_at ? ["Sent ", time(it.sent_at), " · "] : null, `received ${plural(it.receive_count, "time")} · ${plural(it.bytes, "byte")}`),
    h("pre", { tabindex: 0 }, h("code", {}, pretty(it.body))));
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

async function peek(queue) {
  const found = await attempt(() => api("GET", `dlq/${queue.worker}?limit=${PEEKED}`));
  if (!found) return;
  await dialog(`Dead letters of ${queue.worker}`, (close) => h("div", { class: "stacked" },
    h("p", {}, found.items.length ? "They were only looked at, and stay where they are." : "There is none any more."),
    h("ul", { class: "letters" }, found.items.map(letter)),
    h("div", { class: "actions" }, button("Close", () => close(), { class: "quiet", autofocus: true }))), { class: "broad" });
}

// First without doing anything, so that somebody can see what would be sent; then for real.
async function redrive(queue, refresh) {
  const path = `dlq/${queue.worker}/redrive`;
  const trial = await attempt(() => api("POST", path, { dry_run: true, limit: PER_CALL }));
  if (!trial) return;
  if (!trial.messages.length) {
    toast("There is no dead letter to send.");
    return;
  }
  const count = plural(trial.messages.length, "message");
  const more = trial.messages.length === PER_CALL ? ` There may be more: they are sent ${PER_CALL} at a time.` : "";
  if (!(await confirmed(`Send ${count} again?`, `A dry run found ${count} of ${queue.worker}. They go back to ${queue.name} and are tried again.${more}`, `Send ${count}`))) return;
  const done = await attempt(() => api("POST", path, { dry_run: false, limit: trial.messages.length }));
  if (!done) return;
  if (done.failed) toast(`${plural(done.messages.length, "message")} sent, then it ended: ${done.failed}`, { failed: true });
  else toast(`${plural(done.messages.length, "message")} sent again.`);
  await refresh();
}

function dead(queue, refresh) {
  const { dlq } = queue;
  const empty = dlq.status === "ok" && !dlq.visible && !dlq.in_flight;
  const text = dlq.status === "ok" ? String(dlq.visible) : WORDS[dlq.status];
  const act = (name, word, work) => button(word, (event) => busy(event.currentTarget, () => work()),
    { id: `${name}-${queue.worker}`, "aria-label": `${word} the dead letters of ${queue.worker}` });
  return [
    empty ? "0" : h("span", { class: "badge bad", title: dlq.message || null }, text),
    !empty && dlq.status === "ok" && can("admin")
      ? h("div", { class: "actions tight" }, act("peek", "Look at", () => peek(queue)), act("redrive", "Send again", () => redrive(queue, refresh)))
      : null,
  ];
}

const NUMBERS = ["Waiting", "In flight", "Delayed", "Oldest", "Latency", "Dead letters"];

function line(queue, refresh) {
  return row({ "data-worker": queue.worker }, {
    Worker: [queue.worker, h("div", { class: "muted" }, queue.name)],
    Status: [h("span", { class: `badge ${queue.status === "ok" ? "good" : "bad"}` }, WORDS[queue.status] ?? queue.status),
      queue.message ? h("div", { class: "muted" }, queue.message) : null],
    Waiting: queue.visible ?? "–",
    "In flight": queue.in_flight ?? "–",
    Delayed: queue.delayed ?? "–",
    Oldest: queue.oldest_seconds == null ? "–" : duration(queue.oldest_seconds),
    Latency: `${Math.round(queue.latency_ms)} ms`,
    "Dead letters": dead(queue, refresh),
  }, { numbers: NUMBERS });
}

export function showQueues(queues, refresh) {
  fill($("queues"), ...queues.map((queue) => line(queue, refresh)));
}
