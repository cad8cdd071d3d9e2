// The user pool's sign-in page, by authorization code and PKCE: no secret of ours, and the code alone is of no use.

import { link } from "./dom.js";

const { clientId, signInUrl } = document.documentElement.dataset;
const PENDING = "bmx:sign-in";

export const offered = Boolean(clientId && signInUrl);

function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function random(bytes) {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

// Leaves for the sign-in page, which comes back to ours. `after` is handed back by `finish`.
export async function begin(after) {
  const pending = { state: random(16), verifier: random(32), after };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: link("sign-in"),
    scope: "openid email",
    state: pending.state,
    code_challenge: base64url(challenge),
    code_challenge_method: "S256",
  });
  location.assign(`${signInUrl}/oauth2/authorize?${query}`);
}

async function token(form) {
  const answer = await fetch(`${signInUrl}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({ client_id: clientId, ...form }),
    cache: "no-store",
  });
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new Error(`The sign-in was refused: ${found.error_description ?? found.error ?? answer.status}.`);
    error.refused = answer.status === 400 || answer.status === 401;
    throw error;
  }
  return found;
}

// The API takes the id token too, which names people by their address: so the audit log does.
function credential(found, refresh) {
  return { kind: "person", token: found.id_token, refresh, expires: Date.now() + found.expires_in * 1000 };
}

// What the sign-in page came back with: `{ credential, after }`, or null where this is no return from it.
export async function finish(query) {
  if (!query.has("state") && !query.has("code")) return null;
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  sessionStorage.removeItem(PENDING);
  if (!pending || query.get("state") !== pending.state) throw new Error("This sign-in was not begun here. Begin again.");
  if (!query.get("code")) throw new Error(`The sign-in failed: ${query.get("error_description") ?? query.get("error")}.`);
  const found = await token({
    grant_type: "authorization_code",
    code: query.get("code"),
    redirect_uri: link("sign-in"),
    code_verifier: pending.verifier,
  });
  return { credential: credential(found, found.refresh_token), after: pending.after };
}

// A new token without asking anybody, for as long as the pool allows.
export async function renew(old) {
  const found = await token({ grant_type: "refresh_token", refresh_token: old.refresh });
  return credential(found, found.refresh_token ?? old.refresh);
}

// Ends the session at the pool, too: its tokens cannot be renewed, and its page asks for the password again.
export async function leave(old) {
  await fetch(`${signInUrl}/oauth2/revoke`, {
    method: "POST",
    body: new URLSearchParams({ client_id: clientId, token: old.refresh }),
  }).catch(() => null);
  location.assign(`${signInUrl}/logout?${new URLSearchParams({ client_id: clientId, logout_uri: link("sign-in") })}`);
}
