// Runs the next command of the project here, shows its progress, and reloads the page at its end.

import { announce, request, toast } from "./page.js";

const POLL_MS = 700;
const panel = document.getElementById("project-state");
const api = panel.dataset.api;
const run = document.getElementById("run-command");
const stop = document.getElementById("stop-command");
const bar = panel.querySelector("progress");
const text = document.getElementById("command-progress");

run.addEventListener("click", async () => {
  run.disabled = true;
  try {
    follow(await request(api, { method: "POST" }));
  } catch (error) {
    toast(error.message, { problem: true });
    run.disabled = false;
  }
});

stop.addEventListener("click", async () => {
  stop.disabled = true;
  try {
    await request(`${api}/stop`, { method: "POST" });
  } catch (error) {
    toast(error.message, { problem: true });
  }
});

/** Show a running command until its end; a page that is opened meanwhile shows it, too. */
async function follow(job) {
  if (job.state !== "running") return;
  panel.classList.add("running");
  announce(`${job.command} is running`);
  while (job.state === "running") {
    text.textContent = job.label || job.command;
    if (job.total) [bar.max, bar.value] = [job.total, job.done];
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    try {
      job = await request(api);
    } catch (error) {
      toast(error.message, { problem: true });
    }
  }
  if (job.state === "done") {
    location.reload();
    return;
  }
  panel.classList.remove("running");
  run.disabled = stop.disabled = false;
  bar.removeAttribute("value");
  if (job.state === "stopped") toast("Stopped. Run it again to resume.");
  else toast(job.message || "The command failed without a message. Run it in a terminal to see more.", { problem: true, seconds: 30 });
}

request(api).then(follow, () => {});
