// The token of a server that is bound to more than its own machine.
import { $, fill, h } from "./dom.js";

const wrong = new URLSearchParams(location.search).has("wrong");
const field = h("input", { type: "password", id: "token", name: "token", required: true, autocomplete: "current-password", autofocus: true, "aria-describedby": "where" });
fill($("main"), h("form.card.sign-in", { method: "get", action: "/" },
  h("h1", {}, "vadlab"),
  wrong && h("p.notice.bad", { role: "alert" }, "This is not the token of this server."),
  h("label", { for: "token" }, "Token"), field,
  h("p.small.muted", { id: "where" }, "It stands in the address that vadlab view printed when it started."),
  h("button.primary", { type: "submit" }, "Sign in")));
field.focus();
