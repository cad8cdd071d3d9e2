import { $, api, attempt, h, link, poll } from "./bmx.js";

const WORDS = {
  healthy: "Healthy", unhealthy: "Unhealthy", not_configured: "Not configured",
  ok: "OK", access_denied: "Access denied", missing_queue: "Missing", error: "No answer",
};

function check(it) {
  return h("li", { class: it.status },
    h("strong", {}, it.status === "not_configured" ? it.label : `${it.label} – ${Math.round(it.latency_ms)} ms`),
    h("span", {}, WORDS[it.status]),
    h("div", { class: "muted" }, it.message));
}

function status(word, message) {
  return h("span", { class: `badge ${word === "ok" ? "good" : "bad"}`, title: message }, WORDS[word] ?? word);
}

function queue(it) {
  const count = (value) => h("td", { class: "n" }, value ?? "–");
  const dead = it.dlq.status === "ok" ? it.dlq.visible : WORDS[it.dlq.status];
  return h("tr", { "data-worker": it.worker },
    h("td", {}, it.worker, h("div", { class: "muted" }, it.name)),
    h("td", { class: "wide" }, status(it.status, it.message), it.message ? h("div", { class: "muted" }, it.message) : null),
    count(it.visible), count(it.in_flight), count(it.delayed),
    count(it.oldest_seconds == null ? null : `${Math.round(it.oldest_seconds)} s`),
    h("td", { class: "n" }, it.dlq.visible || it.dlq.status !== "ok" ? h("span", { class: "badge bad", title: it.dlq.message }, dead) : "0"),
    h("td", { class: "n" }, `${Math.round(it.latency_ms)} ms`));
}

function job(it) {
  const reason = it.error ? `${it.error.message} (${it.error.code})` : it.send_error ?? "";
  return h("li", { "data-job": it.id },
    h("span", { class: `badge ${it.status === "failed" ? "bad" : "wait"}` }, it.status === "failed" ? "Failed" : "Queue refused"),
    h("span", { class: "grow" }, reason, h("div", { class: "muted" }, `${it.id} · ${it.attempts} sent`)),
    h("a", { href: link(`books/${it.book_id}`) }, "Book"),
    h("button", { class: "quiet small", onclick: async (event) => {
      event.target.disabled = true;
      await attempt(() => api("POST", `jobs/${it.id}/retry`));
      refresh();
    } }, "Try again"));
}

function config(info) {
  const it = info.infrastructure;
  const database = it.database
    ? `${it.database.name} on ${it.database.host}:${it.database.port}, schema ${it.database.schema_revision ?? "none"}`
      + (it.database.schema_revision === it.database.newest_revision ? "" : ` (newest is ${it.database.newest_revision})`)
    : "not configured";
  const rows = [
    ["Stack", info.stack], ["Region", it.region], ["Images bucket", it.images_bucket], ["Database", database],
    ["Queues", it.queues.map((q) => `${q.queue} (${q.consumer}, ${q.visibility_timeout} s × ${q.max_receive})`).join(", ")],
    ["Versions", Object.entries(info.versions).map(([name, version]) => `${name} ${version}`).join(", ")],
  ];
  return rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

const refresh = poll(async () => {
  const [info, failed, refused] = await Promise.all([
    api("GET", "admin/system-info"),
    api("GET", "jobs?status=failed&limit=50").catch(() => null),
    api("GET", "jobs?status=queue_failed&limit=50").catch(() => null),
  ]);
  const overall = $("overall");
  overall.textContent = WORDS[info.status];
  overall.className = `badge ${info.status === "healthy" ? "good" : "bad"}`;
  $("checks").replaceChildren(...info.health.checks.map(check));
  $("checks").setAttribute("aria-busy", "false");
  $("queues").replaceChildren(...info.health.queues.map(queue));
  const jobs = [...(refused?.items ?? []), ...(failed?.items ?? [])];
  $("failed").replaceChildren(...jobs.map(job));
  $("no-failed").hidden = jobs.length > 0 || !failed;
  $("config").replaceChildren(...config(info));
  return 10000;
});

$("refresh").addEventListener("click", () => refresh());
