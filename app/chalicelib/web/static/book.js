// The page of one book: what it is called, its photos, and what may be done with them.

import { $, attempt, busy, button, confirmed, dialog, h, plural, poll, renew, root, toast } from "./dom.js";
import { api, welcome } from "./api.js";
import { can } from "./session.js";
import { Gallery } from "./gallery.js";
import { showImage } from "./image.js";
import { retryAll } from "./retrying.js";
import { Uploads } from "./uploads.js";

const id = location.pathname.replace(/\/$/, "").split("/").pop();
let book = null;
let chosen = null;
let drawn = "";

const gallery = new Gallery($("gallery"), {
  editable: () => can("editor"),
  choose: (image) => {
    chosen = image;
    draw();
  },
  reorder: async (ids) => {
    const done = await attempt(async () => {
      update(await api("PUT", `books/${id}/order`, { image_ids: ids }));
      return true;
    });
    draw({ anew: true });
    return done === true;
  },
});
const uploads = new Uploads($("uploads"), `books/${id}/images`, () => refresh());

function images() {
  return book.images.filter((image) => image.state !== "uploading");
}

function update(found) {
  book = found;
  draw();
  const stored = images().flatMap((it) => [[it.key, it.original_url], ...Object.values(it.outputs ?? {}).map(({ key, url }) => [key, url])]);
  renew($("book"), new Map(stored));
}

function standing() {
  const { total, processed, processing, failed } = book.progress;
  return [total ? `${processed} of ${total} cut out` : "No photos", processing && `${processing} in work`, failed && `${failed} failed`,
    book.listing_item_id && `from listing ${book.listing_item_id}`].filter(Boolean).join(" · ");
}

function draw({ anew = false } = {}) {
  const shown = images();
  if (!shown.some((image) => image.id === chosen)) {
    chosen = (shown.find((image) => image.is_primary) ?? shown[0])?.id ?? null;
  }
  document.title = `${book.title} · BlueMoxon`;
  if ($("title").textContent !== book.title) $("title").textContent = book.title;
  if ($("progress").textContent !== standing()) $("progress").textContent = standing();
  $("retry-all").hidden = !shown.some((image) => ["failed", "queue_failed"].includes(image.job?.status));
  // Signed addresses differ at each call, so a redraw waits for a real change and pictures do not flicker.
  const now = JSON.stringify([chosen, can("editor"), shown.map((it) => [it.id, it.state, it.is_primary, it.kind,
    it.job?.id, it.job?.status, it.job?.send_error, it.outputs?.cutout.key])]);
  if (now === drawn && !anew) return;
  drawn = now;
  $("empty").hidden = shown.length > 0;
  $("gallery-section").hidden = $("shown").hidden = !shown.length;
  gallery.draw(shown, chosen);
  const image = shown.find((it) => it.id === chosen);
  if (image) showImage(image, actions(image, shown));
}

// What the chosen photo's panel may ask for; each is followed by what it led to.
function actions(image, shown) {
  const path = `books/${id}/images/${image.id}`;
  const follow = async (control, work, done) => {
    const result = await busy(control, work);
    if (result !== undefined && done) toast(done);
    await refresh();
    return result;
  };
  const at = shown.findIndex((it) => it.id === image.id);
  return {
    editable: can("editor"),
    first: at === 0,
    last: at === shown.length - 1,
    move: (step) => gallery.move(image.id, step),
    change: (control, change, done) => follow(control, () => api("PUT", path, change), done),
    retry: (control) => follow(control, () => api("POST", `jobs/${image.job.id}/retry`), "The photo is sent again."),
    process: (control, recipe) => follow(control, () => api("POST", `${path}/process`, recipe), "The photo is cut out again."),
    remove: async (control) => {
      const text = "The photo goes with its original and its cutouts. This cannot be undone.";
      if (!(await confirmed(`Delete photo ${image.position}?`, text, "Delete photo"))) return;
      await follow(control, () => api("DELETE", path), `Photo ${image.position} is deleted.`);
      $("gallery").querySelector("button")?.focus();
    },
  };
}

const refresh = poll(async () => {
  const found = await api("GET", `books/${id}`).catch((error) => {
    if (error.status !== 404) throw error;
    return null;
  });
  $("book").hidden = !found;
  $("missing").hidden = Boolean(found);
  if (!found) return 60000;
  update(found);
  return book.progress.processing ? 2000 : 15000;
});

$("rename").addEventListener("click", async () => {
  const found = await dialog("Rename the book", (close) => {
    const title = h("input", { id: "new-title", required: true, maxlength: 500, value: book.title, autocomplete: "off" });
    const save = h("button", {}, "Save");
    const form = h("form", { class: "stacked" }, h("label", { for: "new-title" }, "Title"), title,
      h("div", { class: "actions" }, button("Cancel", () => close(), { class: "quiet" }), save));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await busy(save, () => api("PATCH", `books/${id}`, { title: title.value }));
      if (answer) close(answer);
    });
    return form;
  });
  if (found) update(found);
});

$("delete").addEventListener("click", async (event) => {
  const what = `“${book.title}” goes with ${plural(book.images.length, "photo")} and all cutouts. This cannot be undone.`
    + (book.listing_item_id ? " The listing stays and can be imported again." : "");
  if (!(await confirmed("Delete this book?", what, "Delete book"))) return;
  if (await busy(event.target, () => api("DELETE", `books/${id}`))) location.replace(root.href);
});

$("retry-all").addEventListener("click", (event) => busy(event.target, async () => {
  toast(...await retryAll("photo", { book_id: id }));
  await refresh();
}));

$("files").addEventListener("change", (event) => {
  uploads.add([...event.target.files]);
  event.target.value = "";
});

function carriesFiles(event) {
  return can("editor") && book && [...(event.dataTransfer?.types ?? [])].includes("Files");
}

for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    $("over").hidden = kind === "drop" || (kind === "dragleave" && !event.relatedTarget);
    if (kind === "drop") uploads.add([...event.dataTransfer.files]);
  });
}
window.addEventListener("beforeunload", (event) => uploads.running && event.preventDefault());

welcome().then(() => book && draw()).catch(() => null);
