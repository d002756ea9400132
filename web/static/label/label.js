// The Label page: label faces in batches. All faces of a batch get the default label; the user corrects some of them.

import { announce, element, formatTime, isTyping, pageData, request, toast } from "../shared/page.js";

const data = pageData();
const BATCH = 27;
const POLL_MS = 1500;
// One key per face, in keyboard order: three rows of nine.
const KEYS = [..."qwertyuioasdfghjklzxcvbnm,."];
const MODEL = "model"; // value of `defaultLabel`: use the model's predictions
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
let set = null; // the current label set
let faces = null; // faces of the footage: {faces, time_s, label, model, pending}, one row per face
let timeline = null; // timeline of the footage: {duration_s, frames, time_s, counts}
let queue = []; // rows of `faces`, in labelling order
let first = 0; // index into `queue` of the batch's first face
let shown = []; // {row, choice, tile}
let defaultLabel = 0; // index of the initial label of unlabelled faces, or MODEL
let clickLabel = 1; // index of the label that a click sets
let saving = Promise.resolve();
const savedAt = []; // ms, for the number of faces per minute

// --- label set and footage ---------------------------------------------------------------------

async function loadSets(preferredId) {
  ({ sets } = await request(data.api));
  $("set").replaceChildren(...sets.map(({ id, name }) => element("option", { value: id }, name)));
  $("set").parentElement.hidden = !sets.length;
  $("start").hidden = sets.length > 0;
  $("work").hidden = !sets.length;
  if (!sets.length) return;
  const preferred = preferredId ?? localStorage.getItem(`label set ${data.api}`);
  await chooseSet(sets.some(({ id }) => id === preferred) ? preferred : sets[0].id);
}

async function chooseSet(id) {
  set = sets.find((labelSet) => labelSet.id === id);
  $("set").value = id;
  localStorage.setItem(`label set ${data.api}`, id);
  defaultLabel = 0;
  clickLabel = 1;
  await loadFaces();
}

async function loadFaces() {
  const footage = $("footage").value;
  await saving;
  [faces, timeline] = await Promise.all([
    request(`${data.api}/${set.id}/faces/${footage}`),
    request(`${data.api}/timeline/${footage}`),
  ]);
  if (!faces.model) {
    $("order").value = "time";
    if (defaultLabel === MODEL) defaultLabel = 0;
  }
  showPredictions();
  showStrip();
  showChips();
  newQueue();
}

/** Show whether there are predictions; poll for them while the model is running. */
function showPredictions() {
  $("order").querySelector('[value="model"]').disabled = !faces.model;
  $("model-pending").hidden = !faces.pending;
  if (!faces.pending) return;
  const requested = faces;
  setTimeout(() => showErrors(async () => {
    if (requested !== faces) return;
    const content = await request(`${data.api}/${set.id}/faces/${$("footage").value}`);
    if (requested !== faces) return;
    requested.pending = content.pending;
    if (content.model) requested.model = content.model;
    showPredictions();
    showChips();
    if (!content.pending && content.model) announce("The predictions of the model are loaded.");
  }), POLL_MS);
}

$("set").addEventListener("change", () => showErrors(() => chooseSet($("set").value)));
$("footage").addEventListener("change", () => {
  $("from").value = 0;
  $("to").value = 1000;
  showErrors(loadFaces);
});

async function showErrors(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message, { problem: true, seconds: 8 });
  }
}

// --- the timeline ------------------------------------------------------------------------------

function showStrip() {
  const footage = $("footage").value;
  $("strip").replaceChildren(...timeline.frames.map((frame) =>
    element("img", { src: `${data.frames}/${footage}/${frame}`, alt: "", draggable: "false" })));
  const maxCount = Math.max(1, ...timeline.counts);
  const bars = timeline.counts.map((count, i) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (20 * count) / maxCount;
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
  return [share("from") * timeline.duration_s, share("to") * timeline.duration_s];
}

function showRange() {
  const [from, to] = range();
  const part = $("chosen-part");
  part.style.left = `${$("from").value / 10}%`;
  part.style.right = `${100 - $("to").value / 10}%`;
  [...$("strip").children].forEach((picture, i) => {
    picture.classList.toggle("outside", timeline.time_s[i] < from || timeline.time_s[i] > to);
  });
  for (const [id, time] of [["from", from], ["to", to]]) {
    $(id).setAttribute("aria-valuetext", formatTime(time, 1));
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

// --- queue and batch ---------------------------------------------------------------------------

function newQueue() {
  const [from, to] = range();
  const labelled = $("which").value === "labelled";
  queue = [];
  faces.time_s.forEach((time, row) => {
    if (time >= from - 1e-3 && time <= to + 1e-3 && (faces.label[row] >= 0) === labelled) queue.push(row);
  });
  if ($("order").value === MODEL) {
    // Descending score of the click label; faces without a score come last.
    const score = (row) => faces.model[row]?.[clickLabel] ?? -1;
    queue.sort((a, b) => score(b) - score(a));
  }
  first = 0;
  showBatch();
}

for (const id of ["order", "which"]) $(id).addEventListener("change", newQueue);

function startLabel(row) {
  if (faces.label[row] >= 0) return faces.label[row];
  if (defaultLabel !== MODEL) return defaultLabel;
  const scores = faces.model[row];
  return scores ? scores.indexOf(Math.max(...scores)) : 0;
}

function showBatch() {
  const rows = queue.slice(first, first + BATCH);
  shown = rows.map((row, i) => makeTile(row, i));
  $("batch").replaceChildren(...shown.map(({ tile }) => tile));
  $("batch").hidden = !rows.length;
  $("done").hidden = rows.length > 0;
  $("save").disabled = !rows.length;
  $("back").disabled = first === 0;
  for (const row of queue.slice(first + BATCH, first + 2 * BATCH)) new Image().src = pictureUrl(row);
  showProgress();
}

function pictureUrl(row) {
  return `${data.thumbnails}/${faces.faces[row].replaceAll(".", "/")}`;
}

function makeTile(row, i) {
  const picture = element("img", { src: pictureUrl(row), alt: "", draggable: "false" });
  const tile = element("button", { type: "button", class: "tile" },
    picture, element("kbd", { "aria-hidden": "true" }, KEYS[i].toUpperCase()), element("span", { class: "tag" }));
  const score = faces.model?.[row]?.[clickLabel];
  if (score !== undefined) tile.append(element("span", { class: "score" }, `${Math.round(100 * score)} %`));
  const face = { row, choice: startLabel(row), tile };
  tile.addEventListener("click", () => toggleLabel(face));
  showTile(face);
  return face;
}

function showTile({ row, choice, tile }) {
  const label = set.labels[choice];
  tile.querySelector(".tag").textContent = label;
  tile.setAttribute("aria-label", `Face at ${formatTime(faces.time_s[row], 1)}: ${label}`);
  tile.classList.toggle("other", choice !== baseLabel());
}

/** Index of the default label; 0 if the default is the model's prediction. */
function baseLabel() {
  return defaultLabel === MODEL ? 0 : defaultLabel;
}

/** Toggle a face between two labels, or between the default label and the click label. */
function toggleLabel(face) {
  if (set.labels.length === 2) face.choice = 1 - face.choice;
  else face.choice = face.choice === clickLabel ? baseLabel() : clickLabel;
  showTile(face);
}

// --- choice of labels --------------------------------------------------------------------------

function showChips() {
  const chip = (name, value, text, checked, choose) => {
    const input = element("input", { type: "radio", name, value, checked });
    input.addEventListener("change", choose);
    return element("label", { class: "chip-choice" }, input, element("span", {}, text));
  };
  const defaults = set.labels.map((label, i) => chip("default-label", i, label, defaultLabel === i, () => {
    defaultLabel = i;
    if (clickLabel === i) clickLabel = (i + 1) % set.labels.length;
    showChips();
    refreshChoices();
  }));
  if (faces.model) {
    defaults.push(chip("default-label", MODEL, "as predicted by the model", defaultLabel === MODEL, () => {
      defaultLabel = MODEL;
      showChips();
      refreshChoices();
    }));
  }
  $("default-label").replaceChildren(...defaults);
  $("click-label-part").hidden = set.labels.length === 2;
  $("click-label").replaceChildren(...set.labels.map((label, i) =>
    chip("click-label", i, i < 9 ? `${i + 1} ${label}` : label, clickLabel === i, () => (clickLabel = i))));
}

function refreshChoices() {
  for (const face of shown) {
    face.choice = startLabel(face.row);
    showTile(face);
  }
}

// --- saving ------------------------------------------------------------------------------------

function save() {
  if (!shown.length) return;
  const batch = shown.map(({ row, choice }) => ({ row, choice }));
  const { id } = set;
  const previous = batch.map(({ row }) => faces.label[row]);
  const requested = faces;
  for (const { row, choice } of batch) requested.label[row] = choice;
  const labels = batch.map(({ row, choice }) => ({ face: requested.faces[row], label: set.labels[choice] }));
  first += BATCH;
  showBatch();
  saving = saving.then(async () => {
    try {
      const content = await request(`${data.api}/${id}/faces`, {
        method: "POST",
        body: { by: $("by").value.trim() || "me", labels },
      });
      Object.assign(sets.find((labelSet) => labelSet.id === id), content);
      const now = Date.now();
      savedAt.push(...batch.map(() => now));
      showProgress();
    } catch (error) {
      batch.forEach(({ row }, i) => (requested.label[row] = previous[i]));
      toast(`Not saved: ${error.message}`, { problem: true, seconds: 10 });
      if (requested === faces) newQueue();
    }
  });
}

function back() {
  first = Math.max(0, first - BATCH);
  showBatch();
}

function showProgress() {
  const total = set.counts.reduce((sum, count) => sum + count, 0);
  const left = Math.max(0, queue.length - first);
  const recent = savedAt.filter((time) => time > Date.now() - 60000).length;
  const speed = recent ? ` · ${recent} in the last minute` : "";
  const counts = set.labels.map((label, i) => `${set.counts[i]} ${label}`).filter((_, i) => set.counts[i]);
  $("progress").textContent = `${left} left${speed}`;
  $("range-text").textContent = `${range().map((time) => formatTime(time)).join(" – ")} · ${queue.length} faces`;
  $("train").hidden = total < 1;
  $("train").replaceChildren(`${total} labelled (${counts.join(", ")}). To train a model: `,
    element("code", {}, set.train));
}

$("save").addEventListener("click", save);
$("back").addEventListener("click", back);

addEventListener("keydown", (event) => {
  if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!set || document.querySelector("dialog[open]")) return;
  // Enter and Space act on a focused button or chip, but not on a focused face tile.
  const control = event.target.closest?.("button:not(.tile), input, summary, a");
  const letter = event.key.length === 1 ? KEYS.indexOf(event.key.toLowerCase()) : -1;
  if (event.key === "Enter" && !control) {
    event.preventDefault();
    if (!event.repeat) save();
  } else if (event.key === "Backspace") {
    event.preventDefault();
    back();
  } else if (/^[1-9]$/.test(event.key) && set.labels.length > 2 && set.labels[event.key - 1]) {
    clickLabel = event.key - 1;
    showChips();
    announce(`A click sets ${set.labels[clickLabel]}`);
  } else if (letter >= 0 && shown[letter] && !event.repeat) {
    event.preventDefault();
    toggleLabel(shown[letter]);
    announce(`${KEYS[letter].toUpperCase()}: ${set.labels[shown[letter].choice]}`);
  }
});

// --- new label sets ----------------------------------------------------------------------------

const dialog = $("set-dialog");

function openSetDialog(preset) {
  $("set-name").value = preset?.name ?? "";
  $("set-labels").value = preset?.labels.join("\n") ?? "";
  $("set-problem").textContent = "";
  dialog.showModal();
}

$("new-set").addEventListener("click", () => openSetDialog(null));
$("show-keys").addEventListener("click", () => $("keys").showModal());

dialog.querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "add") return;
  event.preventDefault();
  const labels = $("set-labels").value.split("\n").map((label) => label.trim()).filter(Boolean);
  try {
    const added = await request(data.api, { method: "POST", body: { name: $("set-name").value, labels } });
    dialog.close();
    await loadSets(added.id);
  } catch (error) {
    $("set-problem").textContent = error.message;
  }
});

for (const preset of PRESETS) {
  const preview = preset.labels.slice(0, 4).join(" · ") + (preset.labels.length > 4 ? " · …" : "");
  const button = element("button", { type: "button", class: "preset" },
    element("strong", {}, preset.name), element("span", { class: "soft small" }, preview));
  button.addEventListener("click", () => openSetDialog(preset));
  document.querySelector(".presets").append(button);
}

$("by").value = localStorage.getItem("labelled by") ?? "me";
$("by").addEventListener("change", () => localStorage.setItem("labelled by", $("by").value.trim() || "me"));

showErrors(() => loadSets());
