// Requests to this server. Every failure is an Error whose message can be shown to a person.

/** An answer that says no; `parts` holds message, file, expected, found, remedy as far as given. */
export class ApiError extends Error {
  constructor(status, parts) {
    super(parts.message || `the server answered ${status}`);
    this.status = status;
    this.parts = parts;
  }
}

async function answer(response) {
  if (response.ok) {
    return response.status === 204 ? null : response.json();
  }
  if (response.status === 401) location.assign("/sign-in");
  let parts = {};
  try { parts = await response.json(); } catch { /* not JSON */ }
  throw new ApiError(response.status, parts);
}

async function reach(request) {
  try {
    return await fetch(request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { message: "the server does not answer", remedy: "is `vadlab view` still running?" });
  }
}

/** GET JSON. `query` is an object; null and undefined values are left out. */
export async function get(path, query = {}, { signal } = {}) {
  return answer(await reach(new Request(address(path, query), { signal })));
}

/** A request that changes something; `body` is sent as JSON. */
export async function send(method, path, body = null, { signal } = {}) {
  const headers = { "X-Vadlab": "1" };
  if (body !== null) headers["Content-Type"] = "application/json";
  const init = { method, headers, signal, body: body === null ? null : JSON.stringify(body) };
  return answer(await reach(new Request(address(path, {}), init)));
}

/** An address of the API: every part of the path is escaped, slashes within a part are kept. */
export function address(path, query = {}) {
  const escaped = path.split("/").map(encodeURIComponent).join("/");
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(pairs).toString();
  return `/api/${escaped}${text ? `?${text}` : ""}`;
}
