// The HTTP API, drawn from its OpenAPI description.
import { $, fill, h } from "./dom.js";
import { complain, shell } from "./shell.js";

shell({ page: "api", title: "API" });
try {
  const response = await fetch("/api/openapi.json");
  draw(await response.json());
} catch (error) { complain(error); }

function draw(description) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push({ path, method: method.toUpperCase(), operation });
    }
  }
  fill($("main"), h("div.page-head", {}, h("h1", {}, "HTTP API"), h("p", {}, `version ${description.info.version}`),
    h("a.push", { href: "/api/openapi.json" }, "OpenAPI description")),
  h("div.stack", {},
    h("section.card.card-body", {}, description.info.description.split("\n\n").map((text) => h("p", {}, plain(text))),
      h("pre.example", {}, [`curl ${location.origin}/api/runs`,
        `curl -X POST '${location.origin}/api/jobs?run=KEY&name=gate.mp4' -H 'X-Vadlab: 1' --data-binary @gate.mp4`].join("\n"))),
    [...groups].map(([tag, operations]) => h("section.card", {}, h("div.card-head", {}, h("h2", {}, tag)), operations.map(operationItem)))));
}

function operationItem({ path, method, operation }) {
  const parameters = (operation.parameters ?? []).filter((one) => one.name.toLowerCase() !== "x-vadlab");
  return h("details.operation", {},
    h("summary", {}, h("span.tag", { class: method === "GET" ? "good" : "info" }, method), h("code", {}, path), h("span.muted", {}, plain((operation.description ?? operation.summary ?? "").split("\n")[0]))),
    parameters.length ? h("dl.facts", {}, parameters.map((one) => [h("dt", {}, h("code", {}, one.name), one.required ? "" : " (optional)"), h("dd", {}, `${one.in}${one.description ? `: ${one.description}` : ""}`)])) : h("p.muted", {}, "No parameters."),
    operation.requestBody && h("p", {}, "Body: ", h("code", {}, Object.keys(operation.requestBody.content).join(", "))));
}

function plain(text) { return text.split(/(`[^`]*`)/).map((part) => (part.startsWith("`") ? h("code", {}, part.slice(1, -1)) : part.replaceAll("\n", " "))); }
