// The Label page: label faces in batches. All faces of a batch get the default label; the user corrects some of them.

import { announce, element, faceCount, formatTime, isTyping, pageData, releasePointerFocus, request, toast } from "../shared/page.js";

const data = pageData();
const BATCH = 27;
const DISAGREEMENTS = 12; // faces of a batch while disagreements are settled
const MANY = 4; // more answers than this get a strip that scrolls on a small screen
const SMALL_SCREEN = matchMedia("(max-width: 640px), (max-height: 520px)");
const POLL_MS = 1500;
// One key per face, in keyboard order: three rows of nine.
const KEYS = [..."qwertyuioasdfghjklzxcvbnm,."];
const MODEL = "model"; // value of `defaultLabel`: use the model's predictions
const NONE = -1; // a face without a label
const PRESETS = [
  { name: "smile", labels: ["no_smile", "smile"] },
  { name: "child or adult", labels: ["adult", "child"] },
  {
    name: "expressions",
    labels: ["neutral", "smile", "laugh", "sad", "angry", "surprised", "scared", "disgusted", "bored",
      "wink", "eyes shut", "mouth open", "tongue out", "puffed cheeks", "kiss", "frown", "raised eyebrow"],
  },
];
// What the page says when there is no face to show, by value of the list of which faces.
const NOTHING = {
  open: ["All faces in this range are labelled", "Select another range, or show the labelled faces."],
  mine: ["You have labelled all faces in this range", "Select another range, or see where labellers disagree."],
  disagreements: ["No disagreements in this range", "All labellers agree here, or every disagreement is settled."],
  labelled: ["No face in this range is labelled yet", "Select another range, or show the faces that are not labelled yet."],
};
const $ = (id) => document.getElementById(id);
/** A label as the page shows it; the files keep the underscores, as in no_smile. */
const words = (label) => label.replaceAll("_", " ");

let sets = [];
let set = null; // the current label set
let faces = null; // faces of the footage: {faces, time_s, label, answers, disagreements, model, pending}, one row per face
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
  showDisagreements();
  showStrip();
  showChips();
  newQueue();
  $("work").hidden = $("answer-bar").hidden = false;
}

/** Show whether there are predictions; poll for them while the model is running. */
function showPredictions() {
  for (const option of $("order").options) option.disabled = option.value !== "time" && !faces.model;
  showSureness();
  if (!faces.pending) return;
  const requested = faces;
  setTimeout(() => showErrors(async () => {
    if (requested !== faces) return;
    const content = await request(`${data.api}/${set.id}/faces/${$("footage").value}`);
    if (requested !== faces) return;
    requested.pending = content.pending;
    if (content.model) requested.model = content.model;
    requested.problem = content.problem;
    showPredictions();
    showChips();
    if (!content.pending && content.model) announce("The predictions of the model are ready.");
  }), POLL_MS);
}

/** Probability of the likeliest answer, 0 to 1; null where no model has seen the face. */
function sureness(row) {
  const scores = faces.model?.[row];
  return scores ? Math.max(...scores) : null;
}

/** Say what is known about how sure the answers are. */
function showSureness() {
  const text = $("sureness");
  if (faces.pending) text.textContent = "The model is running…";
  else if (faces.problem) text.textContent = `The model for this question cannot be used: ${faces.problem}`;
  else if (!faces.model) text.textContent = "There is no model for this question yet. Train one, and the faces can be sorted by how sure the model is.";
  else {
    const unseen = queue.filter((row) => sureness(row) === null).length;
    text.textContent = unseen && $("order").value !== "time" ? `The model has no prediction for ${faceCount(unseen)}; ${unseen === 1 ? "it comes" : "they come"} last.` : "";
  }
  text.hidden = !text.textContent;
}

function showDisagreements() {
  const count = set.disagreements;
  $("which").querySelector('[value="disagreements"]').textContent = `Labellers disagree (${count})`;
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

SMALL_SCREEN.addEventListener("change", foldSettings);
foldSettings();

/** On a small screen, the settings make room for the faces. */
function foldSettings() {
  $("settings").open = !SMALL_SCREEN.matches;
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
  const isShown = {
    open: (row) => faces.label[row] < 0,
    mine: (row) => myAnswer(row) < 0,
    labelled: (row) => faces.label[row] >= 0,
    disagreements: (row) => answersOf(row) !== undefined,
  }[$("which").value];
  queue = [];
  faces.time_s.forEach((time, row) => {
    if (time >= from - 1e-3 && time <= to + 1e-3 && isShown(row)) queue.push(row);
  });
  showOrder();
  // Faces without a score come last, by time.
  const key = {
    model: (row) => faces.model[row]?.[clickLabel] ?? null,
    surest: sureness,
    unsure: (row) => (sureness(row) === null ? null : -sureness(row)),
  }[$("order").value];
  if (key) queue.sort((a, b) => (key(b) ?? -Infinity) - (key(a) ?? -Infinity) || a - b);
  first = 0;
  showSureness();
  showBatch();
}

/** Name the answer whose score orders the faces. */
function showOrder() {
  $("order").querySelector(`[value="${MODEL}"]`).textContent = `Likeliest “${words(set.labels[clickLabel])}” first`;
}

$("order").addEventListener("change", newQueue);
// Disagreements are read again: another person may be labelling.
$("which").addEventListener("change", () => (isSettling() ? showErrors(reloadFaces) : newQueue()));

async function reloadFaces() {
  await saving;
  ({ sets } = await request(data.api));
  set = sets.find(({ id }) => id === set.id);
  await loadFaces();
}

function isSettling() {
  return $("which").value === "disagreements";
}

function batchSize() {
  return isSettling() ? DISAGREEMENTS : BATCH;
}

function labeller() {
  return $("by").value.trim().replace(/\s+/g, " ") || "me";
}

/** Index of the label that the user of this page gave a face. */
function myAnswer(row) {
  return faces.answers.find(({ by }) => by === labeller())?.label[row] ?? NONE;
}

/** Differing answers to a face, [{by, label}]; undefined if there are none. */
function answersOf(row) {
  return faces.disagreements.find((face) => face.row === row)?.answers;
}

function startLabel(row) {
  // Whoever labels for a second opinion does not see the first.
  const given = $("which").value === "mine" ? myAnswer(row) : faces.label[row];
  if (given >= 0) return given;
  if (defaultLabel !== MODEL) return defaultLabel;
  const scores = faces.model[row];
  return scores ? scores.indexOf(Math.max(...scores)) : 0;
}

function showBatch() {
  const rows = queue.slice(first, first + batchSize());
  shown = rows.map(isSettling() ? makeDisagreement : makeTile);
  $("batch").replaceChildren(...shown.map(({ tile }) => tile));
  $("batch").classList.toggle("settling", isSettling());
  $("click-label-part").hidden = set.labels.length === 2 || isSettling();
  $("default-label-part").hidden = isSettling();
  $("batch").hidden = !rows.length;
  $("done").hidden = rows.length > 0;
  const [title, advice] = NOTHING[$("which").value];
  $("done").querySelector("h2").textContent = title;
  $("done").querySelector("p").textContent = advice;
  $("save").disabled = !rows.length;
  $("back").disabled = first === 0;
  for (const row of queue.slice(first + batchSize(), first + 2 * batchSize())) new Image().src = pictureUrl(row);
  showProgress();
}

function pictureUrl(row) {
  return `${data.thumbnails}/${faces.faces[row].replaceAll(".", "/")}`;
}

function makeTile(row, i) {
  const alt = `Face at ${formatTime(faces.time_s[row], 1)}: `;
  const picture = element("img", { src: pictureUrl(row), alt, draggable: "false" });
  const tile = element("button", { type: "button", class: "tile" },
    picture, element("kbd", { "aria-hidden": "true" }, KEYS[i].toUpperCase()), element("span", { class: "tag" }));
  if (faces.model) tile.append(makeScore(faces.model[row]));
  const face = { row, choice: startLabel(row), tile };
  tile.addEventListener("click", () => toggleLabel(face));
  showTile(face);
  return face;
}

/** The score by which the faces are ordered, and its answer: the likeliest, or the one that a click sets. */
function makeScore(scores) {
  if (!scores) return element("span", { class: "score", title: "no prediction" }, "?");
  const likeliest = !["time", MODEL].includes($("order").value);
  const label = likeliest ? scores.indexOf(Math.max(...scores)) : clickLabel;
  return element("span", { class: "score" }, `${Math.round(100 * scores[label])}% ${words(set.labels[label])}`);
}

/** A face whose labellers disagree: a button per answer, and a list of the others. */
function makeDisagreement(row, i) {
  const labellers = new Map();
  for (const { by, label } of answersOf(row)) labellers.set(label, [...(labellers.get(label) ?? []), by]);
  const time = formatTime(faces.time_s[row], 1);
  const tile = element("div", { class: "disagreement", role: "group", "aria-label": `Face at ${time}` },
    element("img", { src: pictureUrl(row), alt: "", draggable: "false" }),
    element("kbd", { "aria-hidden": "true" }, KEYS[i].toUpperCase()));
  const face = { row, choice: faces.settled?.get(row) ?? NONE, tile, answers: [...labellers.keys()] };
  const choose = (label) => {
    face.choice = face.choice === label ? NONE : label;
    showDisagreement(face);
  };
  for (const [label, names] of labellers) {
    const button = element("button", { type: "button", value: label },
      element("strong", {}, words(set.labels[label])), " ", element("span", { class: "small" }, names.join(", ")));
    button.addEventListener("click", () => choose(label));
    tile.append(button);
  }
  if (labellers.size < set.labels.length) {
    const others = set.labels.flatMap((label, index) =>
      labellers.has(index) ? [] : [element("option", { value: index }, words(label))]);
    const list = element("select", { "aria-label": `Another answer for the face at ${time}` },
      element("option", { value: NONE }, "Another answer"), ...others);
    list.addEventListener("change", () => {
      face.choice = Number(list.value);
      showDisagreement(face);
    });
    tile.append(list);
  }
  showDisagreement(face);
  return face;
}

function showDisagreement({ choice, tile, answers }) {
  for (const button of tile.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", Number(button.value) === choice);
  }
  const list = tile.querySelector("select");
  if (list) list.value = answers.includes(choice) ? NONE : choice;
  tile.classList.toggle("decided", choice !== NONE);
}

function showTile({ choice, tile }) {
  const label = words(set.labels[choice]);
  tile.querySelector(".tag").textContent = label;
  tile.classList.toggle("other", choice !== baseLabel());
}

/** Index of the default label; 0 if the default is the model's prediction. */
function baseLabel() {
  return defaultLabel === MODEL ? 0 : defaultLabel;
}

/** Toggle a face between two labels, or between the default label and the click label. */
function toggleLabel(face) {
  if (face.answers) {
    // The answers given, then undecided.
    face.choice = face.answers[face.answers.indexOf(face.choice) + 1] ?? NONE;
    showDisagreement(face);
    return;
  }
  if (set.labels.length === 2) face.choice = 1 - face.choice;
  else face.choice = face.choice === clickLabel ? baseLabel() : clickLabel;
  showTile(face);
}

// --- choice of labels --------------------------------------------------------------------------

function setClickLabel(label) {
  clickLabel = label;
  if ($("order").value !== MODEL) showOrder(); // faces in that order stay as they are
}

function showChips() {
  const chip = (name, value, text, checked, choose) => {
    const input = element("input", { type: "radio", name, value, checked });
    input.addEventListener("change", choose);
    return element("label", { class: "chip-choice" }, input, element("span", {}, text));
  };
  const defaults = set.labels.map((label, i) => chip("default-label", i, words(label), defaultLabel === i, () => {
    defaultLabel = i;
    if (clickLabel === i) setClickLabel((i + 1) % set.labels.length);
    showChips();
    refreshChoices();
  }));
  if (faces.model) {
    defaults.push(chip("default-label", MODEL, "Prediction of the model", defaultLabel === MODEL, () => {
      defaultLabel = MODEL;
      showChips();
      refreshChoices();
    }));
  }
  $("default-label").replaceChildren(...defaults);
  for (const id of ["default-label", "click-label"]) $(id).classList.toggle("many", set.labels.length > MANY);
  $("click-label").replaceChildren(...set.labels.map((label, i) =>
    chip("click-label", i, i < 9 ? `${i + 1} ${words(label)}` : words(label), clickLabel === i, () => setClickLabel(i))));
  $("click-label").querySelector(":checked").parentElement.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function refreshChoices() {
  if (isSettling()) return;
  for (const face of shown) {
    face.choice = startLabel(face.row);
    showTile(face);
  }
}

// --- saving ------------------------------------------------------------------------------------

function save() {
  if (!shown.length) return;
  const decided = isSettling();
  const batch = shown.filter(({ choice }) => choice !== NONE).map(({ row, choice }) => ({ row, choice }));
  first += batchSize();
  if (batch.length) send(batch, decided);
  showBatch();
  showTop();
}

/** Save the labels of some faces, [{row, choice}], after the previous ones. */
function send(batch, decided) {
  const { id } = set;
  const by = labeller();
  const previous = batch.map(({ row }) => faces.label[row]);
  const requested = faces;
  const mine = answersBy(by);
  const mineBefore = batch.map(({ row }) => mine[row]);
  for (const { row, choice } of batch) {
    requested.label[row] = mine[row] = choice;
    if (decided) (requested.settled ??= new Map()).set(row, choice);
  }
  const labels = batch.map(({ row, choice }) => ({ face: requested.faces[row], label: set.labels[choice] }));
  saving = saving.then(async () => {
    try {
      const content = await request(`${data.api}/${id}/faces`, { method: "POST", body: { by, decided, labels } });
      Object.assign(sets.find((labelSet) => labelSet.id === id), content);
      const now = Date.now();
      savedAt.push(...batch.map(() => now));
      showDisagreements();
      showProgress();
    } catch (error) {
      batch.forEach(({ row }, i) => {
        requested.label[row] = previous[i];
        mine[row] = mineBefore[i];
        requested.settled?.delete(row);
      });
      toast(`Not saved: ${error.message}`, { problem: true, seconds: 10 });
      if (requested === faces) newQueue();
    }
  });
}

/** Labels that somebody gave the faces, one per row. */
function answersBy(name) {
  let answers = faces.answers.find(({ by }) => by === name);
  if (!answers) {
    answers = { by: name, label: faces.faces.map(() => NONE) };
    faces.answers.push(answers);
  }
  return answers.label;
}

function back() {
  first = Math.max(0, first - batchSize());
  showBatch();
  showTop();
}

/** On a small screen, scroll to the first face of the batch. */
function showTop() {
  if (SMALL_SCREEN.matches) $("batch").scrollIntoView({ block: "start" });
}

function showProgress() {
  const total = set.counts.reduce((sum, count) => sum + count, 0);
  const left = Math.max(0, queue.length - first);
  const recent = savedAt.filter((time) => time > Date.now() - 60000).length;
  const speed = recent ? ` · ${recent} in the last minute` : "";
  const counts = set.labels.map((label, i) => `${set.counts[i]} ${words(label)}`).filter((_, i) => set.counts[i]);
  $("progress").textContent = `${left} left in this range${speed}`;
  $("range-text").textContent = `${range().map((time) => formatTime(time)).join(" – ")} · ${faceCount(queue.length)}`;
  $("train").hidden = total < 1;
  $("train").replaceChildren(`${total} labelled (${counts.join(", ")}). To train a model: `,
    element("code", {}, set.train));
}

$("save").addEventListener("click", save);
$("back").addEventListener("click", back);

releasePointerFocus();
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
    event.preventDefault();
    clickLabel = event.key - 1;
    showChips();
    announce(`Clicking a face sets ${words(set.labels[clickLabel])}`);
  } else if (letter >= 0 && shown[letter] && !event.repeat) {
    event.preventDefault();
    toggleLabel(shown[letter]);
    announce(`${KEYS[letter].toUpperCase()}: ${words(set.labels[shown[letter].choice] ?? "undecided")}`);
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
  const preview = preset.labels.slice(0, 4).map(words).join(" · ") + (preset.labels.length > 4 ? " · …" : "");
  const button = element("button", { type: "button", class: "preset" },
    element("strong", {}, preset.name), element("span", { class: "soft small" }, preview));
  button.addEventListener("click", () => openSetDialog(preset));
  document.querySelector(".presets").append(button);
}

$("by").value = localStorage.getItem("labelled by") ?? "me";
$("by").addEventListener("change", () => {
  localStorage.setItem("labelled by", labeller());
  if (faces && $("which").value === "mine") newQueue();
});

showErrors(() => loadSets());
