// Jobs that failed or that the queue refused: why, and another try for one or for all.

import { $, attempt, busy, button, fill, h, link, plural, time, toast } from "./dom.js";
import { api, query } from "./api.js";
import { retryAll } from "./retrying.js";
import { can } from "./session.js";

const STATUSES = { queue_failed: ["wait", "Queue refused"], failed: ["bad", "Failed"] };
const PAGE = 20;
let wanted = PAGE;
let refresh = () => null;

async function list(status) {
  const items = [];
  let cursor = null;
  do {
    const page = await api("GET", `jobs?${query({ status, cursor, limit: Math.min(wanted - items.length, 100) })}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < wanted);
  return { items, more: Boolean(cursor) };
}

function job(it) {
  const [kind, word] = STATUSES[it.status];
  const reason = it.error ? `${it.error.message} (${it.error.code})` : it.send_error ?? "No reason was given.";
  return h("li", { "data-job": it.id },
    h("span", { class: `badge ${kind}` }, word),
    h("span", { class: "grow" }, reason,
      h("div", { class: "muted" }, time(it.updated_at), ` · sent ${plural(it.attempts, "time")} · ${it.recipe.model} ${it.recipe.precision} · `, h("code", {}, it.id))),
    h("a", { href: link(`books/${it.book_id}`), id: `book-of-${it.id}`, "aria-label": `The book of job ${it.id}` }, "Book"),
    can("editor") ? button("Try again", (event) => busy(event.currentTarget, async () => {
      await api("POST", `jobs/${it.id}/retry`);
      toast("The job is sent again.");
      await refresh();
    }), { id: `retry-${it.id}`, "aria-label": `Try job ${it.id} again` }) : null);
}

export async function showFailures(again) {
  refresh = again;
  const [refused, failed] = await Promise.all([list("queue_failed"), list("failed")]);
  const jobs = [...refused.items, ...failed.items];
  fill($("failed"), ...jobs.map(job));
  $("no-failed").hidden = jobs.length > 0;
  $("more-failed").hidden = !refused.more && !failed.more;
  $("retry-all").hidden = !jobs.length || !can("editor");
}

$("retry-all").addEventListener("click", (event) => busy(event.target, async () => {
  toast(...await retryAll("job"));
  await refresh();
}));

$("more-failed").addEventListener("click", (event) => {
  wanted += PAGE;
  attempt(() => showFailures(refresh)).then(() => event.target.focus());
});
