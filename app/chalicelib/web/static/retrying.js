// Sending all jobs again that failed or that the queue refused: call after call, each from where the one before ended.

import { api } from "./api.js";
import { plural } from "./dom.js";

const RETRIED = ["queue_failed", "failed"];

/** What became of them, as arguments of `toast`; `which` narrows the jobs, as the API's body does. */
export async function retryAll(noun, which = {}) {
  const total = { sent: 0, refused: 0, kept: 0 };
  for (const status of RETRIED) {
    let place = {};
    do {
      const done = await api("POST", "jobs/retry", { ...which, status, ...place });
      total.sent += done.sent;
      total.refused += done.refused;
      total.kept += done.not_retried.length;
      place = { cursor: done.next_cursor };
    } while (place.cursor);
  }
  const parts = [`${plural(total.sent, noun)} sent again`, total.refused && `${total.refused} refused by the queue`, total.kept && `${total.kept} not to be retried`];
  return [`${parts.filter(Boolean).join(", ")}.`, { failed: total.refused + total.kept > 0 }];
}
