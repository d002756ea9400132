// Shared by the People pages: the server's review state, decisions, undo and redo.

import { announce, element, formatTime, isTyping, pageData, request, toast } from "../shared/page.js";

export const data = pageData();
const POLL_MS = 4000;

/** Return the URL of a face's picture; `large` for the full size. */
export function faceUrl(id, { large = false } = {}) {
  return `${data.thumbnails}/${id.replaceAll(".", "/")}${large ? "?large=true" : ""}`;
}

/** Format the times when a person is first and last seen. */
export function seenFromTo({ first, last }) {
  if (!first) return "never seen";
  const moment = ({ time_s }) => formatTime(time_s);
  if (first.footage === last.footage) {
    const where = review.state.footages.length > 1 ? ` in ${first.footage}` : "";
    return `${moment(first)}\u00a0–\u2060\u00a0${moment(last)}${where}`;
  }
  return `${first.footage} ${moment(first)} – ${last.footage} ${moment(last)}`;
}

class Review {
  state = null;
  #listeners = [];
  #queue = Promise.resolve();

  /** Call `listener(state)` now and after every decision, including those of other browsers. */
  async subscribe(listener) {
    this.#listeners.push(listener);
    if (this.state) listener(this.state);
    else await this.load();
  }

  async load() {
    try {
      this.#publish(await request(data.api));
    } catch (error) {
      toast(error.message, { problem: true });
    }
  }

  person(id) {
    return this.state?.people.find((person) => person.id === id);
  }

  /** Send a decision, after the previous ones are answered. */
  decide(decision, { quiet = false } = {}) {
    return this.#enqueue(async () => {
      const state = await this.#send("decisions", decision);
      if (!quiet) {
        const run = () => this.undoOnly(state.decision, state.note);
        toast(state.note, { action: { label: "Undo", run } });
        announce(state.note);
      }
    });
  }

  undo() {
    return this.#enqueue(() => this.#undo({}));
  }

  /** Undo this decision if it is the latest one in force; otherwise say why it cannot be undone. */
  undoOnly(decision, note) {
    return this.#enqueue(async () => {
      if (this.state.undo_decision !== decision) await this.load();
      const { undo_decision: latest, undo } = this.state;
      if (latest === decision) await this.#undo({ decision });
      else if (latest > decision) throw new Error(`“${note}” cannot be undone on its own. Undo “${undo}” first.`);
      else throw new Error(`“${note}” is already undone.`);
    });
  }

  async #undo(body) {
    const { note } = await this.#send("undo", body);
    this.#report(note ? `Undone: ${note}` : "Nothing to undo");
  }

  redo() {
    return this.#enqueue(async () => {
      const { note } = await this.#send("redo", {});
      this.#report(note ? `Redone: ${note}` : "Nothing to redo");
    });
  }

  #report(text) {
    toast(text);
    announce(text);
  }

  async #send(path, body) {
    const state = await request(`${data.api}/${path}`, {
      method: "POST",
      body: { seen: this.state.revision, ...body },
    });
    this.#publish(state);
    return state;
  }

  /** Run a change after the previous ones. If it fails, show the error, reload, and resolve to false. */
  #enqueue(change) {
    const result = this.#queue.then(async () => {
      try {
        await change();
        return true;
      } catch (error) {
        toast(error.message, { problem: true, seconds: 8 });
        await this.load();
        return false;
      }
    });
    this.#queue = result;
    return result;
  }

  #publish(state) {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  async loadIfChanged() {
    if (document.hidden || !this.state) return;
    try {
      const { revision } = await request(`${data.api}/revision`);
      if (revision === this.state.revision) return;
      // In the queue, because the answer to a later decision must not be replaced by this state.
      await (this.#queue = this.#queue.then(async () => {
        if (revision <= this.state.revision) return;
        await this.load();
        announce("Decisions from another window were loaded.");
      }));
    } catch {
      // The next decision will report that the server does not respond.
    }
  }
}

export const review = new Review();

// --- undo, redo and history, on every People page ----------------------------------------------

const undoButton = document.getElementById("undo");
const redoButton = document.getElementById("redo");
const history = document.getElementById("history");

undoButton.addEventListener("click", () => review.undo());
redoButton.addEventListener("click", () => review.redo());

addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || isTyping(event)) return;
  const key = event.key.toLowerCase();
  const redo = key === "y" || (key === "z" && event.shiftKey);
  if (!redo && key !== "z") return;
  event.preventDefault();
  if (redo) review.redo();
  else review.undo();
});

document.getElementById("show-history").addEventListener("click", async () => {
  try {
    const { history: entries } = await request(`${data.api}/history`);
    const lines = entries.map(({ made_at, note, state }) =>
      element("li", { class: state },
        element("span", {}, note),
        element("span", { class: "soft small" },
          `${new Date(made_at).toLocaleString()}${state === "made" ? "" : " · undone"}`)),
    );
    const none = element("li", { class: "soft" }, "No decisions yet.");
    history.querySelector("ol").replaceChildren(...(lines.length ? lines : [none]));
    history.showModal();
  } catch (error) {
    toast(error.message, { problem: true });
  }
});

review.subscribe((state) => {
  for (const [button, word, note] of [
    [undoButton, "Undo", state.undo],
    [redoButton, "Redo", state.redo],
  ]) {
    button.disabled = !note;
    button.title = note ? `${word}: ${note}` : `Nothing to ${word.toLowerCase()}`;
  }
});

setInterval(() => review.loadIfChanged(), POLL_MS);
document.addEventListener("visibilitychange", () => review.loadIfChanged());
