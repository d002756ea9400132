// Writing the people folder and the dataset again, and what that asks for.

import { announce, ask, element, toast } from "./base.js";
import { data, review } from "./review.js";

const dialog = document.getElementById("writing");
const text = dialog.querySelector(".writing-text");
const bar = dialog.querySelector("progress");
const start = document.getElementById("start-writing");
const button = document.getElementById("show-writing");
const LOOK_MS = 300;

button.addEventListener("click", async () => {
  dialog.showModal();
  await show();
});

start.addEventListener("click", async () => {
  try {
    await ask(`${data.api}/writing`, { method: "POST" });
    await watch();
  } catch (error) {
    toast(error.message, { problem: true });
  }
});

review.follow((state) => {
  button.classList.toggle("due", !state.written);
  button.title = state.written
    ? "The dataset holds everything that was decided"
    : "Something was decided since the dataset was written";
});

/** Say what writing would change. */
async function show() {
  text.replaceChildren(element("p", { class: "soft" }, "Looking at what has changed …"));
  start.disabled = true;
  try {
    const { state } = await ask(`${data.api}/writing`);
    if (state === "running") return await watch();
    const changes = await ask(`${data.api}/changes`);
    text.replaceChildren(...lines(changes));
    start.disabled = changes.up_to_date;
  } catch (error) {
    text.replaceChildren(element("p", { class: "problem" }, error.message));
  }
  return undefined;
}

function lines(changes) {
  const made = [];
  const say = (...parts) => made.push(element("p", {}, ...parts));
  const people = changes.people.length === 1 ? "1 person" : `${changes.people.length} people`;
  if (changes.up_to_date) say(`The dataset is up to date: ${people} in ${changes.images} images.`);
  else say(`The dataset will have ${people} in ${changes.images} images.`);
  if (changes.new.length) say(`New: ${changes.new.join(", ")}.`);
  if (changes.renamed.length) {
    say(`Named: ${changes.renamed.map(([before, now]) => `${before} is ${now}`).join(", ")}.`);
  }
  if (changes.gone.length) say(`No longer in it: ${changes.gone.join(", ")}.`);
  if (!changes.up_to_date) {
    say(changes.changed_files
      ? `${changes.changed_files} of its images and labels change.`
      : "Only names change, no image and no label.");
  }
  const commands = next(changes);
  if (commands.length) {
    made.push(element("p", {}, changes.up_to_date ? "To be done again:" : "After that, to be done again:"));
    made.push(element("ul", { class: "commands" },
      ...commands.map(([command, why]) =>
        element("li", {}, element("code", {}, `${command} ${data.command}`), ` ${why}`))));
  } else if (changes.up_to_date) say("Nothing has to be trained or tracked again.");
  return made;
}

function next(changes) {
  const train = changes.changed_files && changes.trained ? true : changes.tracker;
  const track = changes.tracked && (train || changes.tracks.length || !changes.up_to_date);
  const commands = [];
  if (train) commands.push(["train-tracker", "– it was trained on another dataset"]);
  if (track) commands.push(["track-people", train ? "– with the new tracker" : "– names or faces are other ones"]);
  if (track) commands.push(["crop-people", "– for the videos"]);
  return commands;
}

async function watch() {
  start.disabled = true;
  bar.hidden = false;
  text.replaceChildren(element("p", {}, "Writing people and dataset …"));
  announce("Writing people and dataset");
  for (;;) {
    const job = await ask(`${data.api}/writing`);
    bar.max = job.total || 1;
    bar.value = job.done;
    if (job.state !== "running") {
      bar.hidden = true;
      if (job.state === "failed") text.replaceChildren(element("p", { class: "problem" }, job.message));
      else {
        announce(`Written: ${job.message}`);
        await review.load();
        const changes = await ask(`${data.api}/changes`);
        text.replaceChildren(element("p", { class: "good" }, `Written: ${job.message}.`), ...lines(changes).slice(1));
      }
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
