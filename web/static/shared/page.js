// Shared by all pages: requests to the server, messages to the user, elements, time format.

const MAX_TOASTS = 3;

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
    const next = location.pathname + location.search + location.hash;
    location.assign(`/login?next=${encodeURIComponent(next)}`);
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

/**
 * Show a message for some seconds, with an optional button `action`: {label, run}.
 *
 * The oldest messages make room for new ones, and a problem is shown once; it stays while it is read or used.
 */
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
  const toasts = document.getElementById("toasts");
  const shown = [...toasts.children];
  for (const other of shown) {
    if (problem && other.firstChild.textContent === text) other.remove();
  }
  for (const other of shown.filter((one) => one.isConnected).slice(0, 1 - MAX_TOASTS)) other.remove();
  toasts.append(line);
  const end = () => (line.matches(":hover, :focus-within") ? setTimeout(end, 1000) : line.remove());
  setTimeout(end, seconds * 1000);
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

/** Format a number of faces: "152 faces", "1 face". */
export function faceCount(count) {
  return count === 1 ? "1 face" : `${count.toLocaleString("en")} faces`;
}

/** Whether a key press goes to a text field or list, rather than to the page. */
export function isTyping(event) {
  const field = event.target.closest?.("input, textarea, select, [contenteditable]");
  // A list keeps the keys that move in it and open it; letters and digits are shortcuts of the page.
  if (field?.matches("select")) return event.key.length > 1 || event.key === " ";
  return Boolean(field) && !(field.matches("input") && /^(range|checkbox|radio)$/.test(field.type));
}

/** Give the keyboard back to the page after each use of a control with the pointer. */
export function releasePointerFocus() {
  let pointed = false;
  addEventListener("pointerdown", () => (pointed = true), true);
  addEventListener("keydown", () => (pointed = false), true);
  const release = (controls) => ({ target }) => {
    const control = target.closest(controls);
    if (pointed && control && !control.closest("dialog")) control.blur();
  };
  // A list must stay focused while it is open; it changes when it is closed.
  addEventListener("click", release("button, input[type=range], input[type=radio]"), true);
  addEventListener("change", release("select"), true);
}

document.getElementById("first-steps-done")?.addEventListener("click", () => {
  document.cookie = "fancam-visited=1; path=/; max-age=31536000; samesite=strict";
  document.getElementById("first-steps").remove();
  document.getElementById("main").focus();
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button.parentElement.querySelector("code")));
}

/** Copy the text of an element; where the browser forbids it, select the text. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    toast("Copied.");
  } catch {
    getSelection().selectAllChildren(code);
    toast("Press Ctrl C to copy the selected command.");
  }
}
