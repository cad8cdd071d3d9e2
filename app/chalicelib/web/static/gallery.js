// A book's photos in their order: chosen by a click, moved by dragging or by Alt with an arrow key.

import { $, badge, fill, h, picture } from "./dom.js";

export function nameOf(image) {
  return `Photo ${image.position}`;
}

export class Gallery {
  #list;
  #does;
  #images = [];
  #dragged = null;
  #waiting = null;
  #moved = Promise.resolve();

  // `does`: `editable()`, `choose(id)` and `reorder(ids)`, which gives true where they were put in that order.
  constructor(list, does) {
    this.#list = list;
    this.#does = does;
    list.addEventListener("dragstart", (event) => this.#start(event));
    list.addEventListener("dragover", (event) => this.#over(event));
    list.addEventListener("drop", (event) => this.#dragged && event.preventDefault());
    list.addEventListener("dragend", () => this.#end());
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(images, chosen) {
    this.#images = images;
    this.#waiting = this.#dragged && chosen;
    if (this.#dragged) return;
    fill(this.#list, ...images.map((image) => this.#tile(image, image.id === chosen)));
    this.#list.setAttribute("aria-busy", "false");
  }

  // Moves a photo by `step` places and says where it is now. A move begins when the one before has ended.
  move(id, step) {
    return this.#inTurn(() => this.#move(id, step));
  }

  #inTurn(work) {
    this.#moved = this.#moved.catch(() => {}).then(work);
    return this.#moved;
  }

  async #move(id, step) {
    const ids = this.#images.map((image) => image.id);
    const from = ids.indexOf(id);
    const to = from + step;
    if (from < 0 || to < 0 || to >= ids.length) return;
    ids.splice(to, 0, ...ids.splice(from, 1));
    if (await this.#does.reorder(ids)) $("moved").textContent = `Moved to place ${to + 1} of ${ids.length}.`;
  }

  #tile(image, chosen) {
    const { key, url: shown } = image.kind === "processed" ? image.outputs.thumbnail : { key: image.key, url: image.original_url };
    const name = nameOf(image);
    const poor = image.quality?.level === "low" && image.kind === "processed";
    return h("li", { class: chosen ? "chosen" : null, "data-state": image.state, "data-id": image.id, draggable: String(this.#does.editable()) },
      h("button", { type: "button", class: "pick", id: `pick-${image.id}`, "aria-pressed": String(chosen), "aria-describedby": this.#does.editable() ? "order-help" : null,
        onclick: () => this.#does.choose(image.id) },
        shown ? picture({ class: image.kind === "processed" ? "cut" : null, key, src: shown, alt: "", loading: "lazy", draggable: "false" }) : h("span", { class: "nopic" }, "No picture"),
        h("span", { class: "label" }, h("span", {}, name), badge(image.state),
          image.is_primary ? h("span", { class: "badge main" }, "Primary") : null,
          poor ? h("span", { class: "badge wait" }, "Look at it") : null)));
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    const id = event.target.closest("li")?.dataset.id;
    if (!step || !id) return;
    if (event.altKey) {
      event.preventDefault();
      if (this.#does.editable()) this.move(id, step);
    } else if (!event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const at = this.#images.findIndex((image) => image.id === id) + step;
      if (this.#images[at]) $(`pick-${this.#images[at].id}`).focus();
    }
  }

  #start(event) {
    const tile = event.target.closest?.("li");
    if (!tile || !this.#does.editable()) return;
    this.#dragged = tile;
    tile.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", tile.dataset.id);
  }

  #over(event) {
    if (!this.#dragged) return;
    event.preventDefault();
    const over = event.target.closest("li");
    if (!over || over === this.#dragged) return;
    const box = over.getBoundingClientRect();
    over[event.clientX > box.left + box.width / 2 ? "after" : "before"](this.#dragged);
  }

  #end() {
    if (!this.#dragged) return;
    this.#dragged.classList.remove("dragged");
    this.#dragged = null;
    // Photos may have come and gone while one was dragged.
    const now = this.#images.map((image) => image.id);
    const shown = [...this.#list.children].map((tile) => tile.dataset.id).filter((id) => now.includes(id));
    const ids = [...shown, ...now.filter((id) => !shown.includes(id))];
    if (ids.some((id, at) => id !== now[at])) this.#inTurn(() => this.#does.reorder(ids));
    else if (this.#waiting) this.draw(this.#images, this.#waiting);
  }
}
