// The page to sign in on, and the one that the user pool's sign-in returns to.

import { $, link, notice, root } from "./dom.js";
import * as oauth from "./oauth.js";
import { form, take } from "./session.js";

const query = new URLSearchParams(location.search);

// Where to go on, which is never outside of these pages.
function destination(next) {
  const url = new URL(next || "", root);
  return url.href.startsWith(root.href) && url.href !== link("sign-in") ? url.href : root.href;
}

function goOn(after) {
  if (!after.window) {
    location.replace(destination(after.next));
    return;
  }
  $("why").textContent = "You are signed in. This window can be closed.";
  $("ways").replaceChildren();
  window.close();
}

function offer(after) {
  $("why").textContent = query.get("reason") ?? "";
  $("ways").replaceChildren(...form({
    done: (credential) => {
      take(credential);
      goOn(after);
    },
    account: () => oauth.begin(after),
  }));
  ($("account") ?? $("key")).focus();
}

const after = { next: query.get("next"), window: query.has("window") };
try {
  const returned = await oauth.finish(query);
  if (returned) {
    take(returned.credential);
    history.replaceState(null, "", location.pathname);
    goOn(returned.after);
  } else if (after.window) {
    await oauth.begin(after);
  } else {
    offer(after);
  }
} catch (error) {
  history.replaceState(null, "", location.pathname);
  notice(error.message);
  offer(after);
}
