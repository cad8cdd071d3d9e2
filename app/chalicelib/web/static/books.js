// The list of books: searched, filtered, a page more at a time, and live while anything is in work.

import { $, attempt, busy, button, dialog, fill, h, link, picture, plural, poll, renew } from "./dom.js";
import { api, query, welcome } from "./api.js";
import { can } from "./session.js";

const PAGE = 48;
const MOST = 100;
let wanted = PAGE;
let search = fromAddress();
const cards = new Map();

function fromAddress() {
  const address = new URLSearchParams(location.search);
  return { q: address.get("q") ?? "", progress: address.get("progress") ?? "" };
}

function standing({ total, processed, processing, failed }) {
  if (!total) return [h("span", { class: "muted" }, "No photos")];
  return [
    h("span", { class: "muted" }, `${processed} of ${total} cut out`),
    processing ? h("span", { class: "badge wait" }, `${processing} in work`) : null,
    failed ? h("span", { class: "badge bad" }, `${failed} failed`) : null,
  ];
}

function card(book) {
  const { total, processed, processing } = book.progress;
  const shown = book.primary_image;
  return h("li", { "data-id": book.id }, h("a", { id: `book-${book.id}`, href: link(`books/${book.id}`) },
    shown
      ? picture({ class: shown.kind === "processed" ? "pic cut" : "pic", key: shown.key, src: shown.thumbnail_url, alt: "", loading: "lazy", decoding: "async" })
      : h("span", { class: "nopic" }, "No photo"),
    h("div", { class: "about" },
      h("div", { class: "name" }, book.title),
      processing ? h("progress", { max: total, value: processed, "aria-label": `Progress of ${book.title}` }) : null,
      h("div", { class: "standing" }, standing(book.progress)))));
}

// Signed addresses differ at each call: a card is replaced only when something in it changed, so pictures stay.
function cardOf(book) {
  const signature = JSON.stringify([book.title, book.primary_image?.key, book.progress]);
  if (cards.get(book.id)?.signature !== signature) cards.set(book.id, { signature, element: card(book) });
  return cards.get(book.id).element;
}

function show(books, more) {
  const list = $("books");
  const made = books.map(cardOf);
  if (made.length !== list.children.length || made.some((it, at) => list.children[at] !== it)) {
    fill(list, ...made);
  }
  renew(list, new Map(books.map((it) => it.primary_image).filter(Boolean).map((it) => [it.key, it.thumbnail_url])));
  const narrowed = Boolean(search.q || search.progress);
  list.setAttribute("aria-busy", "false");
  $("count").textContent = books.length ? `${plural(books.length, "book")}${more ? " and more" : ""}` : "";
  $("empty").hidden = books.length > 0 || narrowed;
  $("nothing").hidden = books.length > 0 || !narrowed;
  $("more").hidden = !more;
}

const refresh = poll(async () => {
  const asked = search;
  const books = [];
  let cursor = null;
  do {
    const page = await api("GET", `books?${query({ ...asked, cursor, limit: Math.min(wanted - books.length, MOST) })}`);
    books.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && books.length < wanted);
  if (asked !== search) return 0;
  show(books, Boolean(cursor));
  return books.some((book) => book.progress.processing) ? 2000 : 10000;
});

function find(change) {
  search = { ...search, ...change };
  wanted = PAGE;
  const address = query(search);
  history.replaceState(null, "", address ? `?${address}` : location.pathname);
  $("books").setAttribute("aria-busy", "true");
  refresh();
}

let typing = null;
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  find({ q: $("q").value.trim() });
});
$("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => find({ q: $("q").value.trim() }), 250);
});
for (const choice of document.querySelectorAll("[name=progress]")) {
  choice.checked = choice.value === search.progress;
  choice.addEventListener("change", () => find({ progress: choice.value }));
}
$("q").value = search.q;

$("clear").addEventListener("click", () => {
  $("q").value = "";
  document.querySelector("[name=progress][value='']").checked = true;
  $("q").focus();
  find({ q: "", progress: "" });
});

$("more").addEventListener("click", (event) => {
  wanted += PAGE;
  busy(event.currentTarget, refresh);
});

// A form of the dialog that makes a book of `body(form)`; a repeat after a lost answer makes no second one.
function maker(close, body, ...fields) {
  let once = crypto.randomUUID();
  const form = h("form", { class: "stacked", oninput: () => { once = crypto.randomUUID(); } }, ...fields);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const made = await busy(form.querySelector("button"), () => api("POST", "books", body(form.elements), { once }));
    if (made) close(made);
  });
  return form;
}

async function add() {
  const listings = h("datalist", { id: "listings" });
  attempt(() => api("GET", "listings?limit=100"))
    .then((page) => listings.replaceChildren(...(page?.items ?? []).map((it) => h("option", { value: it.listing_item_id }))));
  const book = await dialog("Add a book", (close) => h("div", { class: "stacked" },
    maker(close, (it) => ({ listing_item_id: it.listing.value.trim() }),
      h("label", { for: "item" }, "From a listing, with its photos"),
      h("div", { class: "row" },
        h("input", { id: "item", name: "listing", list: "listings", required: true, maxlength: 100, autocomplete: "off", placeholder: "Name of the listing", pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" }),
        listings, h("button", {}, "Import"))),
    h("p", { class: "or" }, "or"),
    maker(close, (it) => ({ title: it.title.value.trim() }),
      h("label", { for: "new-title" }, "Empty, for photos of your own"),
      h("div", { class: "row" },
        h("input", { id: "new-title", name: "title", required: true, maxlength: 500, autocomplete: "off", placeholder: "Title", pattern: ".*\\S.*" }),
        h("button", {}, "Create"))),
    h("div", { class: "actions" }, button("Cancel", () => close(), { class: "quiet" }))));
  if (book) location.assign(link(`books/${book.id}`));
}

$("add").addEventListener("click", add);

welcome().then(() => can("editor") || $("add").remove()).catch(() => null);
