import { $, api, attempt, badge, h, notice, picture, poll } from "./bmx.js";

const id = location.pathname.replace(/\/$/, "").split("/").pop();
const DIRECT = 4_500_000;
let chosen = null;
let drawn = "";

function compare(image) {
  const range = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": "Before or after: move to compare" });
  const box = h("div", { class: "compare" },
    picture({ class: "after", src: image.outputs.cutout.url, alt: "Without its background" }),
    picture({ class: "before", src: image.original_url, alt: "As photographed" }),
    h("div", { class: "line" }), range);
  range.addEventListener("input", () => box.style.setProperty("--at", `${range.value}%`));
  return box;
}

function stage(image) {
  if (!image) return [h("p", { class: "card empty" }, "This book has no photo yet.")];
  const shown = image.outputs && image.original_url
    ? compare(image)
    : image.original_url ? picture({ src: image.original_url, alt: "As photographed" }) : h("p", { class: "card empty" }, "No photo.");
  const note = image.quality?.level === "low"
    ? h("p", { class: "muted" }, `The cutout may be poor: ${image.quality.reasons.join(", ") || "low confidence"}.`)
    : null;
  return note ? [shown, note] : [shown];
}

function act(label, work) {
  return h("button", { class: "quiet small", onclick: async (event) => {
    event.target.disabled = true;
    await attempt(work);
    refresh();
  } }, label);
}

function tile(image) {
  const shown = image.kind === "processed" ? image.outputs.thumbnail.url : image.original_url;
  const name = `Photo ${image.position}`;
  const failure = image.job?.error ?? null;
  const update = (change) => api("PUT", `books/${id}/images/${image.id}`, change);
  return h("li", { class: image.id === chosen ? "chosen" : null, "data-state": image.state },
    h("button", { class: "pick", "aria-label": `Show ${name}`, "aria-pressed": String(image.id === chosen),
      onclick: () => { chosen = image.id; refresh(); } },
      shown ? picture({ src: shown, alt: name, loading: "lazy" }) : h("span", { class: "nopic" }, "No photo")),
    h("div", { class: "about" },
      h("div", {}, name, " ", badge(image.state), " ", image.is_primary ? h("span", { class: "badge" }, "Primary") : null),
      failure ? h("div", { class: "muted" }, `${failure.message} (${failure.code})`) : null,
      image.job?.send_error ? h("div", { class: "muted" }, `Waiting for the queue: ${image.job.send_error}`) : null,
      image.is_primary || !image.original_url ? null : act("Make primary", () => update({ primary: true })),
      image.outputs
        ? act(image.keep_original ? "Show cutout" : "Keep original", () => update({ keep_original: !image.keep_original }))
        : null,
      image.job && ["failed", "queue_failed"].includes(image.job.status)
        ? act("Try again", () => api("POST", `jobs/${image.job.id}/retry`)) : null));
}

function draw(book) {
  document.title = `${book.title} · BlueMoxon`;
  $("title").textContent = book.title;
  const { total, processed, processing, failed } = book.progress;
  $("progress").textContent = [`${processed} of ${total} cut out`, processing && `${processing} in work`,
    failed && `${failed} failed`].filter(Boolean).join(" · ");
  const images = book.images.filter((image) => image.state !== "uploading");
  chosen ??= book.primary_image?.image_id ?? images[0]?.id ?? null;
  // Signed addresses differ at each call, so a redraw waits for a real change and pictures do not flicker.
  const now = JSON.stringify([chosen, images.map((it) =>
    [it.id, it.state, it.is_primary, it.kind, it.job?.status, it.job?.send_error, it.outputs?.cutout.key])]);
  if (now === drawn) return;
  drawn = now;
  const focused = [...$("gallery").querySelectorAll("button")].indexOf(document.activeElement);
  $("stage").replaceChildren(...stage(images.find((image) => image.id === chosen)));
  $("gallery").replaceChildren(...images.map(tile));
  $("gallery").setAttribute("aria-busy", "false");
  if (focused >= 0) $("gallery").querySelectorAll("button")[focused]?.focus();
}

function show(found) {
  $("drop").hidden = $("gallery-section").hidden = $("stage").hidden = !found;
  $("missing").hidden = found;
}

const refresh = poll(async () => {
  const book = await api("GET", `books/${id}`).catch((error) => {
    if (error.status !== 404) throw error;
    return null;
  });
  show(book !== null);
  if (!book) {
    $("title").textContent = "No such book";
    return 60000;
  }
  draw(book);
  return book.progress.processing ? 2000 : 15000;
});

async function upload(file) {
  if (file.size <= DIRECT) {
    await api("POST", `books/${id}/images`, file, file.type || "application/octet-stream");
    return;
  }
  const form = await api("POST", `books/${id}/images/presign`, { content_type: file.type });
  if (file.size > form.max_bytes) throw new Error(`${file.name} is larger than ${form.max_bytes / 1e6} MB.`);
  const data = new FormData();
  for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
  data.append("file", file);
  const answer = await fetch(form.url, { method: "POST", body: data });
  if (!answer.ok) throw new Error(`The upload of ${file.name} was refused (${answer.status}).`);
  await api("POST", `books/${id}/images/complete`, { image_id: form.image_id });
}

async function add(files) {
  for (const file of files) {
    const failed = await upload(file).then(() => null, (error) => error);
    if (failed) {
      notice(`${file.name}: ${failed.message}`);
      return;
    }
    refresh();
  }
}

$("files").addEventListener("change", (event) => add([...event.target.files]).finally(() => { event.target.value = ""; }));
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    if ($("drop").hidden) return;
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") add([...event.dataTransfer.files]);
  });
}
