// The chosen photo: before and after, what is known of it, and what may be done with it.

import "./image-compare.js";
import { api } from "./api.js";
import { $, badge, busy, button, dialog, fill, h, picture, size, time } from "./dom.js";
import { nameOf } from "./gallery.js";

const WORDS = {
  "u2net int8": "the usual one",
  "u2net fp32": "in full precision, slower",
  "u2netp int8": "faster, less exact",
  "u2netp fp32": "the small one in full precision",
};

// A network that the worker holds, with what is known of it.
function described({ model, precision }) {
  const words = WORDS[`${model} ${precision}`];
  return `${model} in ${precision}${words ? `: ${words}` : ""}`;
}

function compare(image) {
  const { width, height } = image.outputs.cutout;
  const figure = h("figure", {}, h("image-compare", { "label-text": "Compare before and after: the share of the photo that is shown as it was taken" },
    picture({ slot: "image-1", key: image.key, src: image.original_url, alt: "As photographed" }),
    picture({ slot: "image-2", key: image.outputs.cutout.key, src: image.outputs.cutout.url, alt: "Without its background" })),
  h("figcaption", { class: "sides" }, h("span", {}, "Before"), h("span", {}, "After")));
  figure.style.setProperty("--ratio", width / height);
  return figure;
}

function stage(image) {
  if (image.outputs && image.original_url) return compare(image);
  if (image.original_url) return picture({ class: "single", key: image.key, src: image.original_url, alt: `${nameOf(image)} as photographed` });
  return h("p", { class: "nopic" }, "There is no picture: the photo could not be copied from its listing.");
}

function trouble(image) {
  const notes = [];
  const job = image.job;
  if (image.state === "processing") {
    notes.push(h("p", { class: "note wait" }, job.send_error ? `Waiting for the queue: ${job.send_error}` : "In work. The cutout appears here by itself."));
  }
  if (job?.error && job.status === "failed") notes.push(h("p", { class: "note bad" }, `${job.error.message} (${job.error.code})`));
  if (image.quality?.level === "low") {
    const reasons = image.quality.reasons.length ? image.quality.reasons : ["the worker has doubts"];
    notes.push(h("div", { class: "note wait" }, h("strong", {}, "The cutout may be poor"), h("ul", {}, reasons.map((reason) => h("li", {}, reason))),
      image.keep_original ? "The original is shown instead." : "Compare, and keep the original if it is better."));
  }
  return notes;
}

function facts(image) {
  const cutout = image.outputs?.cutout;
  const recipe = image.job?.recipe;
  const rows = [
    ["Original", [image.content_type.replace("image/", "").toUpperCase(), size(image.bytes)].join(", ")],
    cutout && ["Cutout", `${cutout.width} × ${cutout.height}, ${size(cutout.bytes)}`],
    recipe && ["Recipe", `${recipe.model}, ${recipe.precision}, ${recipe.cutout_format}`],
    image.processed_at && ["Cut out", time(image.processed_at)],
  ];
  return h("dl", { class: "config" }, rows.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function download(text, key, url) {
  return url ? h("a", { href: url, "data-key": key, target: "_blank", rel: "noopener", download: "" }, text) : null;
}

function chooseRecipe(image, models) {
  const now = image.job?.recipe ?? { model: "u2net", precision: "int8", cutout_format: "webp" };
  const option = (value, text, selected) => h("option", { value, selected }, text);
  return dialog(`Cut out ${nameOf(image).toLowerCase()} again`, (close) => {
    const network = h("select", { id: "network" }, models.map((it) => option(`${it.model} ${it.precision}`, described(it), it.model === now.model && it.precision === now.precision)));
    const format = h("select", { id: "format" }, option("webp", "WebP: small", now.cutout_format === "webp"), option("png", "PNG: for any program", now.cutout_format === "png"));
    const form = h("form", { class: "stacked" },
      h("p", {}, "The present cutout stays until the new one has come."),
      h("label", { for: "network" }, "Network"), network, h("label", { for: "format" }, "Format of the cutout"), format,
      h("div", { class: "actions" }, button("Cancel", () => close(), { class: "quiet" }), h("button", {}, "Cut out")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const [model, precision] = network.value.split(" ");
      close({ model, precision, cutout_format: format.value });
    });
    return form;
  });
}

// Every action keeps its id, so that the focus finds it again after a redraw.
function controls(image, does) {
  if (!does.editable) return null;
  const act = (name, text, work, attributes = {}) => button(text, (event) => work(event.currentTarget), { id: `act-${name}`, ...attributes });
  const retryable = ["failed", "queue_failed"].includes(image.job?.status);
  return h("div", { class: "actions" },
    retryable ? act("retry", "Try again", does.retry, { class: "small" }) : null,
    image.is_primary || !image.original_url ? null
      : act("primary", "Make primary", (it) => does.change(it, { primary: true }, `${nameOf(image)} is the primary one now.`)),
    image.outputs ? act("original", image.keep_original ? "Use the cutout" : "Keep the original",
      (it) => does.change(it, { keep_original: !image.keep_original })) : null,
    image.original_url ? act("again", "Cut out again…", async (it) => {
      const held = await busy(it, () => api("GET", "models"));
      const recipe = held && (await chooseRecipe(image, held.items));
      if (recipe) await does.process(it, recipe);
    }) : null,
    act("earlier", "Move earlier", () => does.move(-1), { disabled: does.first }),
    act("later", "Move later", () => does.move(1), { disabled: does.last }),
    act("delete", "Delete…", does.remove, { class: "quiet small warn" }));
}

// Shows an image; what is shown already stays, so that the slider is not moved back under somebody's hand.
export function showImage(image, does) {
  const seen = [image.id, image.outputs?.cutout.key, Boolean(image.original_url)].join();
  if ($("stage").dataset.seen !== seen) {
    $("stage").dataset.seen = seen;
    $("stage").replaceChildren(stage(image));
  }
  fill($("about"),
    h("h2", {}, nameOf(image), " ", badge(image.state), " ", image.is_primary ? h("span", { class: "badge main" }, "Primary") : null),
    h("p", { class: "muted" }, image.kind === "processed" ? "Shown by its cutout." : "Shown by its original."),
    ...trouble(image), facts(image),
    h("p", { class: "links" }, download("Original", image.key, image.original_url), " ",
      download("Cutout", image.outputs?.cutout.key, image.outputs?.cutout.url), " ",
      download("For the shop", image.outputs?.display.key, image.outputs?.display.url)),
    controls(image, does) ?? "");
}
