// Volume slider and mute button; the browser stores both settings.

const STORED_AS = "fancam-sound";

/**
 * Connect the controls to the audio element.
 *
 * @param audio an <audio> element, or null for a silent footage
 * @param slider the volume slider, null if `audio` is null
 * @param muteButton the mute button, null if `audio` is null
 * @returns {toggleMute}
 */
export function connectVolume(audio, slider, muteButton) {
  const set = (volume, muted) => {
    audio.volume = volume;
    audio.muted = muted;
    slider.value = muted ? 0 : volume;
    muteButton.setAttribute("aria-pressed", String(muted));
    store({ volume, muted });
  };
  const toggleMute = () => audio && set(audio.volume || 1, !audio.muted);
  if (audio) {
    muteButton.addEventListener("click", toggleMute);
    slider.addEventListener("input", () => set(Number(slider.value), Number(slider.value) === 0));
    const { volume = 1, muted = false } = stored();
    set(volume, muted);
  }
  return { toggleMute };
}

function store(settings) {
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(settings));
  } catch {
    // Storage is blocked: the next visit starts at full volume.
  }
}

function stored() {
  try {
    return JSON.parse(localStorage.getItem(STORED_AS)) ?? {};
  } catch {
    return {};
  }
}
