import { $, api, attempt, h, link, picture, poll } from "./bmx.js";

let limit = 50;

function card(book) {
  const { total, processed, processing, failed } = book.progress;
  const parts = [`${processed} of ${total} cut out`];
  if (processing) parts.push(`${processing} in work`);
  if (failed) parts.push(`${failed} failed`);
  const shown = book.primary_image;
  return h("li", { "data-id": book.id },
    h("a", { href: link(`books/${book.id}`) },
      shown
        ? picture({ class: "pic", src: shown.thumbnail_url, alt: "", loading: "lazy", decoding: "async" })
        : h("div", { class: "nopic" }, "No photo"),
      h("div", { class: "about" },
        h("div", { class: "name" }, book.title),
        h("progress", { max: Math.max(total, 1), value: processed, "aria-label": `Progress of ${book.title}` }),
        h("div", { class: "muted" }, parts.join(" · ")))));
}

// Signed addresses differ at each call: a card is replaced only when something in it changed, so images stay.
const known = new Map();

function signature(book) {
  return JSON.stringify([book.title, book.primary_image?.key, book.progress]);
}

function show(books) {
  const list = $("books");
  const cards = books.map((book) => {
    const before = known.get(book.id);
    if (before?.signature === signature(book)) return before.card;
    const made = card(book);
    known.set(book.id, { signature: signature(book), card: made });
    return made;
  });
  if (cards.length !== list.children.length || cards.some((made, at) => list.children[at] !== made)) {
    list.replaceChildren(...cards);
  }
  list.setAttribute("aria-busy", "false");
  $("empty").hidden = books.length > 0;
}

const refresh = poll(async () => {
  let page = await api("GET", `books?limit=${Math.min(limit, 100)}`);
  const books = page.items;
  while (page.next_cursor && books.length < limit) {
    page = await api("GET", `books?limit=50&cursor=${encodeURIComponent(page.next_cursor)}`);
    books.push(...page.items);
  }
  show(books);
  $("more").hidden = !page.next_cursor;
  return books.some((book) => book.progress.processing) ? 2000 : 10000;
});

$("more").addEventListener("click", () => {
  limit += 50;
  refresh();
});

$("item").addEventListener("focus", async () => {
  const page = await attempt(() => api("GET", "listings?limit=100"));
  $("listings").replaceChildren(...(page?.items ?? []).map((it) => h("option", { value: it.listing_item_id })));
}, { once: true });

$("import-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? event.target.querySelector("button");
  button.disabled = true;
  const book = await attempt(() => api("POST", "books", { listing_item_id: $("item").value.trim() }));
  button.disabled = false;
  if (book) location.href = link(`books/${book.id}`);
});
