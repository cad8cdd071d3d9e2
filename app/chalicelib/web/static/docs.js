import { $, attempt, h, link } from "./dom.js";
import { recognise } from "./session.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

function code(value) {
  return h("pre", { tabindex: 0 }, h("code", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2)));
}

function rows(caption, entries) {
  if (!entries.length) return null;
  return h("div", {}, h("h4", {}, caption), h("dl", { class: "config" },
    ...entries.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])));
}

function type(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(type).join(" or ");
  if (schema.enum) return schema.enum.join(", ");
  const bounds = [["minimum", "from"], ["maximum", "to"], ["maxLength", "at most"]]
    .filter(([key]) => schema[key] !== undefined).map(([key, word]) => `${word} ${schema[key]}`);
  return [schema.const ?? schema.type, ...bounds, schema.default === undefined ? "" : `else ${schema.default}`]
    .filter(Boolean).join(", ");
}

function bodies(caption, content) {
  return Object.entries(content ?? {}).flatMap(([media, it]) => [
    h("h4", {}, `${caption} `, h("span", { class: "muted" }, media)),
    it.example === undefined ? null : code(it.example),
  ]);
}

function curl(method, path, operation) {
  const body = operation.requestBody?.content?.["application/json"];
  const parts = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}"$BMX_URL${path}"`];
  if (!operation.security) parts.push('-H "X-API-Key: $BMX_KEY"');
  if (body) parts.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(body.example)}'`);
  return parts.join(" \\\n  ");
}

function answers(operation) {
  const responses = Object.entries(operation.responses);
  const good = responses.filter(([status]) => status < 400);
  const bad = responses.filter(([status]) => status >= 400);
  return [
    ...good.flatMap(([status, it]) => it.content ? bodies(`${status} ${it.description}`, it.content) : [h("h4", {}, `${status} ${it.description}`)]),
    rows("Refusals", bad.map(([status, it]) => [status, it.description.replaceAll("`", "")])),
  ];
}

function show(method, path, operation) {
  const parameters = operation.parameters.map((it) =>
    [`${it.name} (${it.in}${it.required ? ", required" : ""})`, [it.description, type(it.schema)].filter(Boolean).join(" ")]);
  return h("details", { class: "card operation", id: operation.operationId, "data-words": `${method} ${path} ${operation.summary}`.toLowerCase() },
    h("summary", {}, h("span", { class: `badge ${method === "get" ? "good" : "wait"}` }, method.toUpperCase()), " ",
      h("code", {}, path), " ", h("span", { class: "muted" }, operation.summary)),
    ...operation.description.split("\n\n").map((text) => h("p", {}, text.replaceAll("`", ""))),
    code(curl(method, path, operation)),
    rows("Parameters", parameters),
    ...bodies("Body", operation.requestBody?.content),
    ...answers(operation));
}

await attempt(async () => {
  const answer = await fetch(link("openapi.json"), { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The document does not come (${answer.status}).`);
  const found = await answer.json();
  $("about").textContent = found.info.description.replaceAll("`", "");
  const operations = Object.entries(found.paths).flatMap(([path, methods]) =>
    METHODS.filter((it) => methods[it]).map((it) => [it, path, methods[it]]));
  $("operations").append(...found.tags.map(({ name }) => h("section", { "aria-label": name }, h("h2", {}, name),
    ...operations.filter(([, , it]) => it.tags.includes(name)).map((it) => show(...it)))));
  const wanted = document.getElementById(location.hash.slice(1));
  if (wanted?.matches("details")) wanted.open = true;
});
$("operations").setAttribute("aria-busy", "false");

recognise().catch(() => null);

$("find").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  let some = false;
  for (const section of $("operations").children) {
    const all = [...section.querySelectorAll("details")];
    for (const it of all) it.hidden = !words.every((word) => it.dataset.words.includes(word));
    section.hidden = all.every((it) => it.hidden);
    some ||= !section.hidden;
  }
  $("nothing").hidden = some;
});
