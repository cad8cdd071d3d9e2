// Photos on their way up: several at a time, each with its progress, small ones by the API, large ones to the bucket.

import { button, h, link, size } from "./dom.js";
import { api, signedIn } from "./api.js";

const DIRECT = 4_500_000;
const TYPES = ["image/jpeg", "image/png", "image/webp"];
const AT_ONCE = 3;
const SHOWN_MS = 4000;

// Like fetch, which cannot tell how far an upload is.
function send(method, url, headers, body, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => reject(new Error("The server does not answer."));
    request.send(body);
  });
}

export class Uploads {
  #list;
  #path;
  #arrived;
  #waiting = [];
  running = 0;

  // `path` is where a book's images are made; `arrived()` is called after each.
  constructor(list, path, arrived) {
    this.#list = list;
    this.#path = path;
    this.#arrived = arrived;
  }

  add(files) {
    for (const file of files) {
      const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
      const said = h("span", { class: "muted", role: "status" }, "Waiting");
      const row = h("li", {}, h("span", { class: "grow" }, h("span", { class: "name" }, file.name), h("span", { class: "muted" }, ` ${size(file.size)}`), bar), said);
      this.#list.append(row);
      // One word for all tries of this file: a repeat after a lost answer makes no second image.
      this.#waiting.push({ file, bar, said, row, once: crypto.randomUUID() });
    }
    this.#next();
  }

  #next() {
    this.#list.parentElement.hidden = !this.#list.children.length;
    while (this.running < AT_ONCE && this.#waiting.length) {
      const upload = this.#waiting.shift();
      this.running += 1;
      this.#run(upload).finally(() => {
        this.running -= 1;
        this.#next();
      });
    }
  }

  async #run(upload) {
    const { bar, said, row } = upload;
    row.querySelectorAll("button").forEach((it) => it.remove());
    row.dataset.state = "running";
    said.className = "muted";
    said.textContent = "Uploading";
    try {
      await this.#send(upload, (share) => {
        bar.value = share;
        if (share === 1) said.textContent = "Checking";
      });
      bar.value = 1;
      said.textContent = "Added";
      row.dataset.state = "done";
      setTimeout(() => {
        row.remove();
        this.#next();
      }, SHOWN_MS);
      this.#arrived();
    } catch (error) {
      row.dataset.state = "failed";
      said.className = "wrong";
      said.textContent = error.message;
      row.append(
        button("Try again", () => {
          this.#waiting.push(upload);
          this.#next();
        }),
        button("Dismiss", () => {
          row.remove();
          this.#next();
        }));
    }
  }

  async #send(upload, progress) {
    const { file, once } = upload;
    if (file.size <= DIRECT) {
      await signedIn((headers) => send("POST", link(this.#path),
        { ...headers, "Content-Type": file.type || "application/octet-stream", "Idempotency-Key": once }, file, progress));
      return;
    }
    if (!TYPES.includes(file.type)) throw new Error("A photo has to be JPEG, PNG or WebP.");
    // A form that still holds is used again, so that what has come up already is not registered twice.
    if (!upload.form || new Date(upload.form.expires_at) < Date.now() + 60_000) {
      try {
        upload.form = await api("POST", `${this.#path}/presign`, { content_type: file.type }, { once });
      } catch (error) {
        // An answer to `complete` was lost: the photo is there.
        if (error.code === "conflict" && error.body.details?.status === "stored") return;
        throw error;
      }
    }
    const form = upload.form;
    if (file.size > form.max_bytes) throw new Error(`A photo may have ${size(form.max_bytes)}.`);
    const data = new FormData();
    for (const [name, value] of Object.entries(form.fields)) data.append(name, value);
    data.append("file", file);
    const { status } = await send("POST", form.url, {}, data, progress);
    if (status >= 400) throw new Error(`The bucket refused the photo (${status}).`);
    await api("POST", `${this.#path}/complete`, { image_id: form.image_id });
  }
}
