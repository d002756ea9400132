// The bulk labeller: faces of a part of the footage in batches, one label for all, single ones changed.

import { announce, ask, clock, element, isTyping, pageData, toast } from "./base.js";

const data = pageData();
const BATCH = 27;
const LOOK_MS = 1500;
// One key a face, as they lie on a keyboard: three rows of nine.
const KEYS = [..."qwertyuioasdfghjklzxcvbnm,."];
const MODEL = "model";
const PRESETS = [
  { name: "smile", labels: ["no_smile", "smile"] },
  { name: "child or adult", labels: ["adult", "child"] },
  {
    name: "pulled faces",
    labels: ["neutral", "smile", "laugh", "sad", "angry", "surprised", "scared", "disgusted", "bored",
      "wink", "eyes shut", "mouth open", "tongue out", "puffed cheeks", "kiss", "frown", "one eyebrow"],
  },
];
const $ = (id) => document.getElementById(id);

let sets = [];
let set = null; // the question
let faces = null; // of the footage: faces, time_s, label, model
let line = null; // of the footage: duration_s, frames, time_s, counts
let queue = []; // rows of faces, in the order they are asked
let at = 0; // first of the queue that is shown
let shown = []; // {row, choice, tile}
let byDefault = 0; // index of a label, or MODEL
let brush = 1;
let saving = Promise.resolve();
const savedAt = []; // when each face was saved, for the speed

// --- the question and the footage --------------------------------------------------------------

async function loadSets(wanted) {
  ({ sets } = await ask(data.api));
  $("set").replaceChildren(...sets.map((one) => element("option", { value: one.id }, one.name)));
  $("set").parentElement.hidden = !sets.length;
  $("start").hidden = sets.length > 0;
  $("work").hidden = !sets.length;
  if (!sets.length) return;
  const last = wanted ?? localStorage.getItem(`label set ${data.api}`);
  await chooseSet(sets.some((one) => one.id === last) ? last : sets[0].id);
}

async function chooseSet(id) {
  set = sets.find((one) => one.id === id);
  $("set").value = id;
  localStorage.setItem(`label set ${data.api}`, id);
  byDefault = 0;
  brush = 1;
  await loadFaces();
}

async function loadFaces() {
  const footage = $("footage").value;
  await saving;
  [faces, line] = await Promise.all([
    ask(`${data.api}/${set.id}/faces/${footage}`),
    ask(`${data.api}/timeline/${footage}`),
  ]);
  if (!faces.model) {
    $("order").value = "time";
    if (byDefault === MODEL) byDefault = 0;
  }
  showModel();
  showStrip();
  showChips();
  newQueue();
}

/** Say whether a model can be asked; while it is still looking at the faces, ask again later. */
function showModel() {
  $("order").querySelector('[value="model"]').disabled = !faces.model;
  $("looking").hidden = !faces.looking;
  if (!faces.looking) return;
  const mine = faces;
  setTimeout(() => guard(async () => {
    if (mine !== faces) return;
    const content = await ask(`${data.api}/${set.id}/faces/${$("footage").value}`);
    if (mine !== faces) return;
    mine.looking = content.looking;
    if (content.model) mine.model = content.model;
    showModel();
    showChips();
    if (!content.looking && content.model) announce("The model has looked at the faces.");
  }), LOOK_MS);
}

$("set").addEventListener("change", () => guard(() => chooseSet($("set").value)));
$("footage").addEventListener("change", () => {
  $("from").value = 0;
  $("to").value = 1000;
  guard(loadFaces);
});

async function guard(act) {
  try {
    await act();
  } catch (error) {
    toast(error.message, { problem: true, seconds: 8 });
  }
}

// --- the timeline ------------------------------------------------------------------------------

function showStrip() {
  const footage = $("footage").value;
  $("strip").replaceChildren(...line.frames.map((frame) =>
    element("img", { src: `${data.frames}/${footage}/${frame}`, alt: "", draggable: "false" })));
  const most = Math.max(1, ...line.counts);
  const bars = line.counts.map((count, i) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (20 * count) / most;
    for (const [name, value] of Object.entries({ x: i + 0.1, y: 20 - height, width: 0.8, height })) {
      bar.setAttribute(name, value);
    }
    return bar;
  });
  $("counts").replaceChildren(...bars);
  showRange();
}

function range() {
  const share = (id) => Number($(id).value) / 1000;
  return [share("from") * line.duration_s, share("to") * line.duration_s];
}

function showRange() {
  const [from, to] = range();
  const part = $("chosen-part");
  part.style.left = `${$("from").value / 10}%`;
  part.style.right = `${100 - $("to").value / 10}%`;
  [...$("strip").children].forEach((picture, i) => {
    picture.classList.toggle("outside", line.time_s[i] < from || line.time_s[i] > to);
  });
  for (const [id, time] of [["from", from], ["to", to]]) {
    $(id).setAttribute("aria-valuetext", clock(time, 1));
  }
}

for (const [id, other, before] of [["from", "to", true], ["to", "from", false]]) {
  $(id).addEventListener("input", () => {
    const crossed = before ? Number($(id).value) > Number($(other).value) : Number($(id).value) < Number($(other).value);
    if (crossed) $(id).value = $(other).value;
    showRange();
  });
  $(id).addEventListener("change", newQueue);
}

// --- what is asked next ------------------------------------------------------------------------

function newQueue() {
  const [from, to] = range();
  const said = $("which").value === "said";
  queue = [];
  faces.time_s.forEach((time, row) => {
    if (time >= from - 1e-3 && time <= to + 1e-3 && (faces.label[row] >= 0) === said) queue.push(row);
  });
  if ($("order").value === MODEL) {
    // The surest of the label that is not the usual one come first, those nobody knows last.
    const score = (row) => faces.model[row]?.[brush] ?? -1;
    queue.sort((a, b) => score(b) - score(a));
  }
  at = 0;
  showBatch();
}

for (const id of ["order", "which"]) $(id).addEventListener("change", newQueue);

function firstChoice(row) {
  if (faces.label[row] >= 0) return faces.label[row];
  if (byDefault !== MODEL) return byDefault;
  const scores = faces.model[row];
  return scores ? scores.indexOf(Math.max(...scores)) : 0;
}

function showBatch() {
  const rows = queue.slice(at, at + BATCH);
  shown = rows.map((row, i) => makeTile(row, i));
  $("batch").replaceChildren(...shown.map((one) => one.tile));
  $("batch").hidden = !rows.length;
  $("done").hidden = rows.length > 0;
  $("save").disabled = !rows.length;
  $("back").disabled = at === 0;
  for (const row of queue.slice(at + BATCH, at + 2 * BATCH)) new Image().src = address(row);
  showProgress();
}

function address(row) {
  return `${data.thumbnails}/${faces.faces[row].replaceAll(".", "/")}`;
}

function makeTile(row, i) {
  const picture = element("img", { src: address(row), alt: "", draggable: "false" });
  const tile = element("button", { type: "button", class: "tile" },
    picture, element("kbd", { "aria-hidden": "true" }, KEYS[i].toUpperCase()), element("span", { class: "tag" }));
  const score = faces.model?.[row]?.[brush];
  if (score !== undefined) tile.append(element("span", { class: "score" }, `${Math.round(100 * score)} %`));
  const one = { row, choice: firstChoice(row), tile };
  tile.addEventListener("click", () => flip(one));
  showTile(one);
  return one;
}

function showTile({ row, choice, tile }) {
  const label = set.labels[choice];
  tile.querySelector(".tag").textContent = label;
  tile.setAttribute("aria-label", `Face at ${clock(faces.time_s[row], 1)}: ${label}`);
  const usual = byDefault === MODEL ? 0 : byDefault;
  tile.classList.toggle("other", choice !== usual);
}

/** Make a face the other label, or what a click makes them; once more takes it back. */
function flip(one) {
  const usual = byDefault === MODEL ? 0 : byDefault;
  if (set.labels.length === 2) one.choice = 1 - one.choice;
  else one.choice = one.choice === brush ? usual : brush;
  showTile(one);
}

// --- chips -------------------------------------------------------------------------------------

function showChips() {
  const chip = (name, value, text, checked, act) => {
    const input = element("input", { type: "radio", name, value, checked });
    input.addEventListener("change", act);
    return element("label", { class: "chip-choice" }, input, element("span", {}, text));
  };
  const defaults = set.labels.map((label, i) => chip("default", i, label, byDefault === i, () => {
    byDefault = i;
    if (brush === i) brush = (i + 1) % set.labels.length;
    showChips();
    refreshChoices();
  }));
  if (faces.model) {
    defaults.push(chip("default", MODEL, "what the model says", byDefault === MODEL, () => {
      byDefault = MODEL;
      showChips();
      refreshChoices();
    }));
  }
  $("default").replaceChildren(...defaults);
  $("brush-part").hidden = set.labels.length === 2;
  $("brush").replaceChildren(...set.labels.map((label, i) =>
    chip("brush", i, i < 9 ? `${i + 1} ${label}` : label, brush === i, () => (brush = i))));
}

function refreshChoices() {
  for (const one of shown) {
    one.choice = firstChoice(one.row);
    showTile(one);
  }
}

// --- saving ------------------------------------------------------------------------------------

function save() {
  if (!shown.length) return;
  const batch = shown.map(({ row, choice }) => ({ row, choice }));
  const { id } = set;
  const before = batch.map(({ row }) => faces.label[row]);
  const mine = faces;
  for (const { row, choice } of batch) mine.label[row] = choice;
  const labels = batch.map(({ row, choice }) => ({ face: mine.faces[row], label: set.labels[choice] }));
  at += BATCH;
  showBatch();
  saving = saving.then(async () => {
    try {
      const content = await ask(`${data.api}/${id}/faces`, {
        method: "POST",
        body: { by: $("by").value.trim() || "me", labels },
      });
      Object.assign(sets.find((one) => one.id === id), content);
      const now = Date.now();
      savedAt.push(...batch.map(() => now));
      showProgress();
    } catch (error) {
      batch.forEach(({ row }, i) => (mine.label[row] = before[i]));
      toast(`Not saved: ${error.message}`, { problem: true, seconds: 10 });
      if (mine === faces) newQueue();
    }
  });
}

function back() {
  at = Math.max(0, at - BATCH);
  showBatch();
}

function showProgress() {
  const total = set.counts.reduce((sum, count) => sum + count, 0);
  const left = Math.max(0, queue.length - at);
  const recent = savedAt.filter((time) => time > Date.now() - 60000).length;
  const speed = recent ? ` · ${recent} in the last minute` : "";
  const counts = set.labels.map((label, i) => `${set.counts[i]} ${label}`).filter((_, i) => set.counts[i]);
  $("progress").textContent = `${left} to go here${speed}`;
  $("range-text").textContent = `${range().map((time) => clock(time)).join(" – ")} · ${queue.length} faces`;
  $("train").hidden = total < 1;
  const command = set.labels.includes("smile") && set.labels.length === 2 ? "train-smiles" : "train-expressions";
  const folder = `${data.command}/labels/${set.id}`;
  $("train").replaceChildren(`${total} labelled (${counts.join(", ")}). To learn from them: `,
    element("code", {}, `${command} ${folder} --out ${folder}/model.onnx`));
}

$("save").addEventListener("click", save);
$("back").addEventListener("click", back);

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!set || document.querySelector("dialog[open]")) return;
  // Enter and Space on a button or a chip are theirs; the picture that was clicked last is none.
  const own = event.target.closest?.("button:not(.tile), input, summary, a");
  const letter = event.key.length === 1 ? KEYS.indexOf(event.key.toLowerCase()) : -1;
  if (event.key === "Enter" && !own) {
    event.preventDefault();
    if (!event.repeat) save();
  } else if (event.key === "Backspace") {
    event.preventDefault();
    back();
  } else if (/^[1-9]$/.test(event.key) && set.labels.length > 2 && set.labels[event.key - 1]) {
    brush = event.key - 1;
    showChips();
    announce(`A click makes them ${set.labels[brush]}`);
  } else if (letter >= 0 && shown[letter] && !event.repeat) {
    event.preventDefault();
    flip(shown[letter]);
    announce(`${KEYS[letter].toUpperCase()}: ${set.labels[shown[letter].choice]}`);
  }
});

// --- new questions -----------------------------------------------------------------------------

const dialog = $("set-dialog");

function askForSet(preset) {
  $("set-name").value = preset?.name ?? "";
  $("set-labels").value = preset?.labels.join("\n") ?? "";
  $("set-problem").textContent = "";
  dialog.showModal();
}

$("new-set").addEventListener("click", () => askForSet(null));
$("show-keys").addEventListener("click", () => $("keys").showModal());

dialog.querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "add") return;
  event.preventDefault();
  const labels = $("set-labels").value.split("\n").map((label) => label.trim()).filter(Boolean);
  try {
    const made = await ask(data.api, { method: "POST", body: { name: $("set-name").value, labels } });
    dialog.close();
    await loadSets(made.id);
  } catch (error) {
    $("set-problem").textContent = error.message;
  }
});

for (const preset of PRESETS) {
  const shownLabels = preset.labels.slice(0, 4).join(" · ") + (preset.labels.length > 4 ? " · …" : "");
  const button = element("button", { type: "button", class: "preset" },
    element("strong", {}, preset.name), element("span", { class: "soft small" }, shownLabels));
  button.addEventListener("click", () => askForSet(preset));
  document.querySelector(".presets").append(button);
}

$("by").value = localStorage.getItem("labelled by") ?? "me";
$("by").addEventListener("change", () => localStorage.setItem("labelled by", $("by").value.trim() || "me"));

guard(() => loadSets());
