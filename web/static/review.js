// What the pages of the People room share: who is who on the server, decisions, undo and redo.

import { announce, ask, clock, element, isTyping, pageData, toast } from "./base.js";

export const data = pageData();
const ASK_AGAIN_MS = 4000;

/** Address of a face's picture; `large` for looking closely. */
export function faceAddress(id, { large = false } = {}) {
  return `${data.thumbnails}/${id.replaceAll(".", "/")}${large ? "?large=true" : ""}`;
}

/** "152 faces", "1 face". */
export function faceCount(count) {
  return count === 1 ? "1 face" : `${count.toLocaleString("en")} faces`;
}

/** When somebody is seen, from the first time to the last. */
export function span({ first, last }) {
  if (!first) return "never seen";
  const moment = ({ time_s }) => clock(time_s);
  if (first.footage === last.footage) {
    const where = data.footages.length > 1 ? ` in ${data.footages[first.footage - 1]}` : "";
    return `${moment(first)}\u00a0–\u2060\u00a0${moment(last)}${where}`;
  }
  const place = (at) => `${data.footages[at.footage - 1]} ${moment(at)}`;
  return `${place(first)} – ${place(last)}`;
}

class Review {
  state = null;
  #listeners = [];
  #queue = Promise.resolve();

  /** Call `listener(state)` now and whenever something is decided, here or elsewhere. */
  async follow(listener) {
    this.#listeners.push(listener);
    if (this.state) listener(this.state);
    else await this.load();
  }

  async load() {
    try {
      this.#take(await ask(data.api));
    } catch (error) {
      toast(error.message, { problem: true });
    }
  }

  person(id) {
    return this.state?.people.find((person) => person.id === id);
  }

  /** Decide; one after another, each upon what the one before has made. */
  decide(decision, { quiet = false } = {}) {
    return this.#inTurn(async () => {
      const state = await this.#send("decisions", decision);
      if (!quiet) {
        toast(state.note, { action: { label: "Undo", run: () => this.undo() } });
        announce(state.note);
      }
    });
  }

  undo() {
    return this.#inTurn(async () => {
      const { note } = await this.#send("undo", {});
      this.#say(note ? `Undone: ${note}` : "Nothing to undo");
    });
  }

  redo() {
    return this.#inTurn(async () => {
      const { note } = await this.#send("redo", {});
      this.#say(note ? `Again: ${note}` : "Nothing to redo");
    });
  }

  #say(text) {
    toast(text);
    announce(text);
  }

  async #send(what, body) {
    const state = await ask(`${data.api}/${what}`, {
      method: "POST",
      body: { ...body, seen: this.state.revision },
    });
    this.#take(state);
    return state;
  }

  /** True where it worked; otherwise what was in the way is shown, and how everything is now. */
  #inTurn(change) {
    const turn = this.#queue.then(async () => {
      try {
        await change();
        return true;
      } catch (error) {
        toast(error.message, { problem: true, seconds: 8 });
        await this.load();
        return false;
      }
    });
    this.#queue = turn;
    return turn;
  }

  #take(state) {
    this.state = state;
    for (const listener of this.#listeners) listener(state);
  }

  async lookForOthers() {
    if (document.hidden || !this.state) return;
    try {
      const { revision } = await ask(`${data.api}/revision`);
      if (revision === this.state.revision) return;
      await this.#queue;
      if (revision > this.state.revision) {
        await this.load();
        announce("Somebody has decided something in another window.");
      }
    } catch {
      // The next decision will say that the server is gone.
    }
  }
}

export const review = new Review();

// --- undo, redo and history, on every page of the room -----------------------------------------

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
    const { history: past } = await ask(`${data.api}/history`);
    const lines = past.map(({ made_at, note, state }) =>
      element("li", { class: state },
        element("span", {}, note),
        element("span", { class: "soft small" },
          `${new Date(made_at).toLocaleString()}${state === "made" ? "" : " · taken back"}`)),
    );
    const none = element("li", { class: "soft" }, "Nothing has been decided yet.");
    history.querySelector("ol").replaceChildren(...(lines.length ? lines : [none]));
    history.showModal();
  } catch (error) {
    toast(error.message, { problem: true });
  }
});

review.follow((state) => {
  for (const [button, word, note] of [
    [undoButton, "Undo", state.undo],
    [redoButton, "Redo", state.redo],
  ]) {
    button.disabled = !note;
    button.title = note ? `${word}: ${note}` : `Nothing to ${word.toLowerCase()}`;
  }
});

setInterval(() => review.lookForOthers(), ASK_AGAIN_MS);
document.addEventListener("visibilitychange", () => review.lookForOthers());
