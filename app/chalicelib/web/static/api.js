// Calls of the API by whoever is signed in.

import { link } from "./dom.js";
import { accepted, authorization, credential, introduce, refused } from "./session.js";

const AGAIN_MS = 5000;

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message || `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code;
    this.body = body;
  }
}

// Sends a call until it is answered by something else than "sign in". `send(headers)` gives `{ status, text }`.
export async function signedIn(send) {
  for (;;) {
    const used = await credential();
    const { status, text } = await reached(send({ Accept: "application/json", ...authorization(used) }));
    const answer = parsed(text);
    if (status === 401) {
      await refused(used, answer?.message ?? "The sign-in has ended.");
    } else {
      if (status < 500) accepted(used);
      if (status >= 400) throw new ApiError(status, answer);
      return answer;
    }
  }
}

// What browsers throw where nobody answers says nothing to a person.
async function reached(answer) {
  try {
    return await answer;
  } catch (error) {
    throw new Error("The server does not answer.", { cause: error });
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// `once` makes a create safe to repeat: the same word gives the same answer.
export function api(method, path, body, { once } = {}) {
  return signedIn(async (headers) => {
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (once) headers["Idempotency-Key"] = once;
    const response = await fetch(link(path), { method, headers, body: JSON.stringify(body), cache: "no-store" });
    return { status: response.status, text: await response.text() };
  });
}

export function query(parameters) {
  return new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
}

// Asks who is signed in, until somebody answers; what a page offers waits for that.
export async function welcome() {
  for (;;) {
    try {
      introduce(await api("GET", "me"));
      return;
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) throw error;
      await new Promise((again) => setTimeout(again, AGAIN_MS));
    }
  }
}
