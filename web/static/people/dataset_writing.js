// Dialog that rewrites the people folders and the dataset, and lists the commands to run next.

import { announce, element, request, toast } from "../shared/page.js";
import { data, review } from "./review.js";

const dialog = document.getElementById("writing");
const text = dialog.querySelector(".writing-text");
const bar = dialog.querySelector("progress");
const start = document.getElementById("start-writing");
const button = document.getElementById("show-writing");
const POLL_MS = 300;
let updated = false;

button.addEventListener("click", async () => {
  dialog.showModal();
  await show();
});

start.addEventListener("click", async () => {
  try {
    await request(`${data.api}/writing`, { method: "POST" });
    await showProgress();
  } catch (error) {
    toast(error.message, { problem: true });
  }
});

// What the page says about the state of the project is from before.
dialog.addEventListener("close", () => {
  if (updated) location.reload();
});

review.subscribe((state) => {
  button.classList.toggle("due", !state.written);
  button.title = state.written
    ? "The dataset is up to date"
    : "Some decisions are not in the dataset yet";
});

/** Show what writing would change. */
async function show() {
  text.replaceChildren(element("p", { class: "soft" }, "Checking for changes…"));
  start.disabled = true;
  try {
    const { state } = await request(`${data.api}/writing`);
    if (state === "running") return await showProgress();
    const changes = await request(`${data.api}/changes`);
    text.replaceChildren(...lines(changes));
    start.disabled = changes.up_to_date;
  } catch (error) {
    text.replaceChildren(element("p", { class: "problem" }, error.message));
  }
  return undefined;
}

function lines(changes) {
  const result = [];
  const add = (...parts) => result.push(element("p", {}, ...parts));
  const people = changes.people.length === 1 ? "1 person" : `${changes.people.length} people`;
  const images = changes.images === 1 ? "1 image" : `${changes.images} images`;
  if (changes.up_to_date) add(`The dataset is up to date: ${people} in ${images}.`);
  else add(`The dataset will have ${people} in ${images}.`);
  if (changes.new.length) add(`New: ${changes.new.join(", ")}.`);
  if (changes.renamed.length) {
    add(`Renamed: ${changes.renamed.map(([before, now]) => `${before} is now ${now}`).join(", ")}.`);
  }
  if (changes.gone.length) add(`Removed: ${changes.gone.join(", ")}.`);
  if (!changes.up_to_date) {
    add(changes.changed_files
      ? changes.changed_files === 1 ? "1 image or label file will change." : `${changes.changed_files} image and label files will change.`
      : "Only names will change; images and labels stay the same.");
  }
  const commands = nextCommands(changes);
  if (commands.length) {
    result.push(element("p", {}, changes.up_to_date ? "Next, run:" : "Then run:"));
    result.push(element("ul", { class: "commands" },
      ...commands.map(([command, why]) =>
        element("li", {}, element("code", {}, data.commands[command]), ` ${why}`))));
  } else if (changes.up_to_date && changes.tracked.length) add("The tracks are up to date, too.");
  return result;
}

function nextCommands(changes) {
  const train = changes.changed_files && changes.trained ? true : changes.tracker;
  const track = changes.tracked.length && (train || changes.tracks.length || !changes.up_to_date);
  const commands = [];
  if (train) commands.push(["train-tracker", "– the detector was trained on an earlier dataset"]);
  if (track) commands.push(["track-people", train ? "– to use the new detector" : "– names or faces have changed"]);
  if (track) commands.push(["crop-people", "– to update the videos"]);
  return commands;
}

async function showProgress() {
  start.disabled = true;
  bar.hidden = false;
  text.replaceChildren(element("p", {}, "Updating the people folders and the dataset…"));
  announce("Updating the people folders and the dataset");
  for (;;) {
    const job = await request(`${data.api}/writing`);
    bar.max = job.total || 1;
    bar.value = job.done;
    if (job.state !== "running") {
      bar.hidden = true;
      if (job.state === "failed") text.replaceChildren(element("p", { class: "problem" }, job.message));
      else {
        updated = true;
        announce(`Updated: ${job.message}`);
        await review.load();
        const changes = await request(`${data.api}/changes`);
        text.replaceChildren(element("p", { class: "good" }, `Updated: ${job.message}.`), ...lines(changes).slice(1));
      }
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
