// What every page uses: asking the server, saying things to the user, the parts of a page.

/** Ask the server; `body` is sent as JSON. Throws an Error whose message is fit to show. */
export async function ask(address, { method = "GET", body, signal } = {}) {
  const options = { method, signal, headers: { accept: "application/json" } };
  if (method !== "GET") {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
  if (answer.status === 401) {
    location.assign("/login");
    throw new Error("Log in first.");
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.error ?? `That did not work (${answer.status}).`);
  return content;
}

/** Tell people who cannot see the page what has changed. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Show a line for some seconds; `action` is an optional {label, run} button beside it. */
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

/** Make an element. Text is text: names of people are never read as HTML. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** What the template wrote into <script type="application/json" id="..."> for this page. */
export function pageData(id = "page-data") {
  const place = document.getElementById(id);
  return place ? JSON.parse(place.textContent) : null;
}

/** Seconds as 1:02:03, 2:03 or, with `digits`, 2:03.4. */
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits;
  const whole = Math.floor(Math.max(seconds, 0) * unit + 1e-6) / unit;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** Whether a key press is meant for what is typed into, and not for the page. */
export function isTyping(event) {
  const field = event.target.closest?.("input, textarea, select, [contenteditable]");
  return Boolean(field) && !(field.matches("input") && /^(range|checkbox|radio)$/.test(field.type));
}

document.getElementById("log-out")?.addEventListener("click", async () => {
  await ask("/logout", { method: "POST" });
  location.assign("/login");
});
