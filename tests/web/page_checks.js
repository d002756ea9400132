// Checks of a rendered page: accessible names, alt texts, contrast, targets, list boxes, overflow, duplicate ids.

() => {
  const visible = (element) => {
    const { width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return width > 1 && height > 1 && style.visibility === "visible" && style.opacity !== "0";
  };

  const nameOf = (element) =>
    (
      element.getAttribute("aria-label") ||
      [...(element.labels ?? [])].map((label) => label.textContent).join(" ") ||
      element.textContent ||
      ""
    ).trim();

  const nameless = [...document.querySelectorAll("button, a[href], input, select, textarea, [role=option]")]
    .filter((element) => visible(element) && !nameOf(element))
    .map((element) => element.outerHTML.slice(0, 120));

  const pictures = [...document.querySelectorAll("img")]
    .filter((picture) => !picture.hasAttribute("alt"))
    .map((picture) => picture.src);

  // Colours as the browser paints them, whatever notation they are written in.
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const over = (top, bottom) =>
    [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };

  /** Background colour behind an element; null if it is a picture. */
  const under = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none" || at.matches(".tile-face, .stage-name")) return null;
      const colour = rgba(style.backgroundColor);
      layers.push(colour);
      if (colour[3] > 0.99) break;
    }
    const start = [...rgba(getComputedStyle(document.documentElement).backgroundColor)];
    return layers.reverse().reduce((below, layer) => over(layer, below), start);
  };

  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !visible(element)) continue;
    if (element.closest("script, style, option, :disabled, .visually-hidden")) continue;
    const background = under(element);
    if (!background) continue;
    const style = getComputedStyle(element);
    const found = ratio(over(rgba(style.color), background), background);
    const large = parseFloat(style.fontSize) >= 24;
    if (found < (large ? 3 : 4.5)) {
      faint.push([element.textContent.trim().slice(0, 30), Number(found.toFixed(2))]);
    }
  }

  // Whoever speaks to the computer says the words that they see.
  const plain = (text) => text.replace(/[^\p{L}\p{N}]+/gu, "").toLowerCase();
  const wordsIn = (element) => {
    if (element.matches(".visually-hidden") || !visible(element)) return "";
    return [...element.childNodes]
      .map((node) => (node.nodeType === 3 ? node.textContent : node.nodeType === 1 ? wordsIn(node) : ""))
      .join("");
  };
  const misnamed = [...document.querySelectorAll("button[aria-label], a[aria-label]")]
    .filter((element) => visible(element))
    .filter((element) => !plain(element.getAttribute("aria-label")).includes(plain(wordsIn(element))))
    .map((element) => element.outerHTML.slice(0, 120));

  // A finger needs 24 px; links within a text are as high as the text.
  const targets = [...document.querySelectorAll("button, input, select, textarea, summary, a:not(p a)")]
    .filter((element) => visible(element) && !element.matches(".skip-link"))
    .filter((element) => {
      const { width, height } = element.getBoundingClientRect();
      return Math.min(width, height) < 23.9;
    })
    .map((element) => element.outerHTML.slice(0, 120));

  const inLists = [...document.querySelectorAll("[role=listbox] :is(button, a, input, h2, [role=group])")]
    .map((element) => element.outerHTML.slice(0, 120));

  return {
    nameless,
    misnamed,
    targets,
    inLists,
    pictures,
    faint,
    lang: document.documentElement.lang,
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    ids: [...document.querySelectorAll("[id]")].length
      - new Set([...document.querySelectorAll("[id]")].map(({ id }) => id)).size,
  };
}
