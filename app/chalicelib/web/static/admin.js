// The state of the system: its checks and queues, jobs that failed, and for administrators what lies behind.

import { $, h, poll, row, time } from "./dom.js";
import { ApiError, api } from "./api.js";
import { can, introduce } from "./session.js";
import { showFailures } from "./failures.js";
import { WORDS, showQueues } from "./queues.js";
import { showAudit, showKeys } from "./records.js";

const EVERY = 10000;

function check(it) {
  const title = it.latency_ms == null || it.status === "not_configured" ? it.label : `${it.label} – ${Math.round(it.latency_ms)} ms`;
  return h("li", { class: it.status },
    h("strong", {}, title), h("span", { class: "state" }, WORDS[it.status]), it.message ? h("div", { class: "muted" }, it.message) : null);
}

function config(info) {
  const it = info.infrastructure;
  const database = it.database && [`${it.database.name} on ${it.database.host}:${it.database.port}, schema ${it.database.schema_revision ?? "none"}`,
    it.database.schema_revision === it.database.newest_revision ? "" : ` (the newest is ${it.database.newest_revision})`].join("");
  const rows = [
    ["Stack", info.stack], ["Region", it.region], ["Images bucket", it.images_bucket],
    ["Database", database ?? "Not configured"], ["Database's secret", it.database?.secret_arn ?? "–"],
    ["API key's secret", it.api_key_secret_arn || "Not configured"], ["User pool", it.user_pool_id ?? "Not configured"],
    ["Versions", Object.entries(info.versions).map(([name, version]) => `${name} ${version}`).join(", ")],
  ];
  $("config").replaceChildren(...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  $("declared").replaceChildren(...it.queues.map((queue) => row({}, {
    Queue: queue.queue, Worker: queue.worker, Consumer: queue.consumer, Visibility: `${queue.visibility_timeout} s`,
    Tries: queue.max_receive, "Result within": `${queue.result_deadline_seconds} s`,
  }, { numbers: ["Visibility", "Tries", "Result within"] })));
}

// Administrators are told more; to all others the deep health check says how it stands, by 503 where it is bad.
async function state() {
  if (can("admin")) {
    const info = await api("GET", "admin/system-info");
    config(info);
    return info.health;
  }
  try {
    return await api("GET", "health/deep");
  } catch (error) {
    if (error instanceof ApiError && error.body?.checks) return error.body;
    throw error;
  }
}

async function showHealth() {
  const health = await state();
  $("overall").textContent = WORDS[health.status];
  $("overall").className = `badge ${health.status === "healthy" ? "good" : "bad"}`;
  $("checks").replaceChildren(...health.checks.map(check));
  $("checks").setAttribute("aria-busy", "false");
  $("system").hidden = false;
  showQueues(health.queues ?? [], refresh);
}

async function look() {
  await Promise.all([showHealth(), showFailures(refresh), can("admin") && showAudit(), can("admin") && showKeys(refresh)]);
  $("seen").replaceChildren("Seen at ", time(new Date().toISOString()));
  return EVERY;
}

let refresh = () => null;
refresh = poll(async () => {
  if (!can("viewer")) introduce(await api("GET", "me"));
  return look();
});
$("refresh").addEventListener("click", () => refresh());
