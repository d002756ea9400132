// Shared by all pages: requests to the server, messages to the user, elements, time format.

/** Request JSON from the server; `body` is sent as JSON. Throws an Error with a message for the user. */
export async function request(url, { method = "GET", body, signal } = {}) {
  const options = { method, signal, headers: { accept: "application/json" } };
  if (method !== "GET") {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not respond. Is it still running?");
  }
  if (response.status === 401) {
    location.assign("/login");
    throw new Error("Log in first.");
  }
  const content = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(content.error ?? `The request failed (${response.status}).`);
  return content;
}

/** Announce a change to screen readers. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Show a message for some seconds, with an optional button `action`: {label, run}. */
export function toast(text, { action, problem = false, seconds = 5 } = {}) {
  const line = element("div", { class: problem ? "toast problem" : "toast" }, text);
  if (problem) line.setAttribute("role", "alert");
  if (action) {
    const button = element("button", { type: "button", class: "quiet" }, action.label);
    button.addEventListener("click", () => {
      line.remove();
      action.run();
    });
    line.append(button);
  }
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), seconds * 1000);
  return line;
}

/** Create an element. String children become text, never HTML. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Data that the template wrote into <script type="application/json" id="...">. */
export function pageData(id = "page-data") {
  const script = document.getElementById(id);
  return script ? JSON.parse(script.textContent) : null;
}

/** Format seconds as 1:02:03, 2:03 or, with `digits`, 2:03.4. */
export function formatTime(seconds, digits = 0) {
  const unit = 10 ** digits;
  const total = Math.floor(Math.max(seconds, 0) * unit + 1e-6) / unit;
  const secondsPart = (total % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes}:${secondsPart}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${secondsPart}`;
}

/** Whether a key press goes to a text field or list, rather than to the page. */
export function isTyping(event) {
  const field = event.target.closest?.("input, textarea, select, [contenteditable]");
  return Boolean(field) && !(field.matches("input") && /^(range|checkbox|radio)$/.test(field.type));
}

document.getElementById("log-out")?.addEventListener("click", async () => {
  await request("/logout", { method: "POST" });
  location.assign("/login");
});
