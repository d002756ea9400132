// Adds `measuring` to the Watch page: the player, waiting, and frame numbers read from the pictures.

async () => {
  const { player } = await import(document.querySelector(`script[src$="/watch/watch.js"]`).src);
  player.prepare();
  const RATE = 25;
  const BITS = 16;
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });

  /** Frame number drawn into the picture that a video shows; -1 if unreadable. */
  const shownBy = (video) => {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    context.drawImage(video, 0, 0);
    const row = context.getImageData(0, canvas.height - 4, canvas.width, 1).data;
    let [number, ones] = [0, 0];
    for (let bit = 0; bit <= BITS; bit++) {
      const x = Math.floor(((bit + 0.5) * canvas.width) / (BITS + 1));
      if (row[4 * x] <= 127) continue;
      ones += 1;
      if (bit < BITS) number += 1 << bit;
    }
    return ones % 2 ? -1 : number;
  };

  const press = (key) =>
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));

  /** Wait until all live videos are loaded and in sync. */
  const ready = async (patience = 15000) => {
    const until = performance.now() + patience;
    const inSync = (id) => player.syncOf(id).isInSync(player.clock);
    while (!player.live.every(inSync) && performance.now() < until) await wait(20);
    return player.live.every(inSync);
  };

  /** Press a person's key; measure the first picture on stage and its delay. */
  const switchTo = (id) => {
    const number = [...document.querySelectorAll(".tile")].findIndex(
      (tile) => Number(tile.dataset.person) === id,
    );
    const video = player.videoOf(id);
    const start = performance.now();
    press(String(number + 1));
    return new Promise((resolve) => {
      const look = (_, { mediaTime }) => {
        const onStage = video.closest(".tile").classList.contains("on-stage");
        if (!onStage) return video.requestVideoFrameCallback(look);
        const master = player.time;
        return resolve({
          ms: performance.now() - start,
          frame: shownBy(video),
          mediaFrame: Math.round(mediaTime * RATE),
          masterFrame: master * RATE,
          drift: (video.currentTime - master) * RATE,
        });
      };
      video.requestVideoFrameCallback(look);
    });
  };

  /** Record the sound: the longest silence and the lag of its clock, ms. */
  const listen = () => {
    const audio = document.getElementById("sound");
    const sound = new AudioContext();
    const analyser = sound.createAnalyser();
    analyser.fftSize = 4096;
    sound.createMediaStreamSource(audio.captureStream()).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const events = [];
    for (const name of ["pause", "seeking", "waiting", "emptied", "ended"]) {
      audio.addEventListener(name, () => events.push(name));
    }
    let [longest, heard] = [0, 0];
    let [began, from] = [0, 0];
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      // The graph takes a moment to start; from then on there is never silence.
      if (!heard && samples[0] === 0) return;
      if (!heard) [began, from] = [performance.now(), audio.currentTime];
      let run = 0;
      for (const sample of samples) {
        run = Math.abs(sample) < 1e-4 ? run + 1 : 0;
        longest = Math.max(longest, (1000 * run) / sound.sampleRate);
      }
      heard += 1;
    }, 40);
    return () => {
      clearInterval(timer);
      const lost = performance.now() - began - 1000 * (audio.currentTime - from);
      return { longest, heard, lost, events };
    };
  };

  /** Wait until a condition holds; false on a timeout. */
  const until = async (isSo, patience = 20000) => {
    const deadline = performance.now() + patience;
    while (!isSo() && performance.now() < deadline) await wait(15);
    return Boolean(isSo());
  };

  /** Reset the page to its initial state. */
  const reset = async () => {
    if (document.fullscreenElement) await document.exitFullscreen();
    document.getElementById("help").close();
    const auto = document.getElementById("auto");
    auto.value = "off";
    auto.dispatchEvent(new Event("change"));
    if (document.getElementById("player").classList.contains("grid")) press("g");
    const audio = document.getElementById("sound");
    if (audio?.muted) press("m");
    player.loop = false;
    player.speed = 1;
    player.pause();
    player.beside = null;
    player.stage(2);
    document.activeElement?.blur();
    await player.seek(0);
    return (await ready()) && (await until(() => player.staged === 2));
  };

  window.measuring = { until, reset, player, wait, press, ready, switchTo, listen, shownBy, RATE };
};
