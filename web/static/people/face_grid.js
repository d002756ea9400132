// Virtual grid for thousands of face pictures: only rows near the viewport are in the document.
// Faces are selected by click, shift-click, rubber band, or keyboard.

import { element } from "../shared/page.js";

const GAP = 6;
const MARGIN_PX = 500; // height above and below the viewport whose rows are in the document
const DRAG_PX = 6; // shorter movements are clicks
const EDGE_PX = 48; // a drag this close to the upper or lower edge scrolls

export class FaceGrid {
  /**
   * @param root the scrolling element.
   * @param options
   *   picture(item): URL of its picture; describe(item): its label for screen readers;
   *   changed(selected): called with the Set of the selected ids;
   *   open(item): called on Enter or double click; label: the grid's label for screen readers;
   *   tile: minimum width of a picture, px; head: height of a section's heading, px.
   */
  constructor(root, { picture, describe, changed, open, label, tile = 92, head = 56 }) {
    Object.assign(this, { root, picture, describe, changed, open, tile, head });
    this.items = [];
    this.sections = [];
    this.rows = [];
    this.selected = new Set();
    this.shown = new Map(); // index of an item -> its element
    this.heads = new Map(); // index of a section -> the element of its heading
    this.lists = []; // element of each section's faces
    this.active = -1;
    this.anchor = -1;
    root.classList.add("face-grid");
    root.setAttribute("aria-label", label);
    root.tabIndex = 0;
    this.floor = element("div", { class: "face-grid-floor", role: "presentation" });
    this.frame = element("div", { class: "face-grid-frame", hidden: true });
    this.floor.append(this.frame);
    root.replaceChildren(this.floor);
    this.#addLists();
    root.addEventListener("scroll", () => this.#paint(), { passive: true });
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("pointerdown", (event) => this.#press(event));
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("dblclick", (event) => this.#openAt(event));
    new ResizeObserver(() => this.#layOut()).observe(root);
  }

  /** Show `items` ({id, ...}) in consecutive `sections` ({from, to, head: element}). */
  show(items, sections = []) {
    const activeId = this.items[this.active]?.id;
    this.items = items;
    this.sections = sections;
    this.index = new Map(items.map((item, i) => [item.id, i]));
    this.selected = new Set([...this.selected].filter((id) => this.index.has(id)));
    // If the active face was removed, the face in its position becomes active.
    const last = Math.min(this.active, items.length - 1);
    this.active = this.index.get(activeId) ?? last;
    this.anchor = this.active;
    for (const shown of [...this.shown.values(), ...this.heads.values()]) shown.remove();
    this.shown.clear();
    this.heads.clear();
    this.#addLists();
    this.#layOut();
    this.changed?.(this.selected);
  }

  /** Add a list box per section: the buttons of a heading must not be in one. */
  #addLists() {
    for (const list of this.lists) list.remove();
    this.lists = this.sections.map(({ head }) => {
      const list = element("div", { role: "listbox", "aria-multiselectable": "true" });
      list.setAttribute("aria-label", head.getAttribute("aria-label"));
      return list;
    });
    this.floor.append(...this.lists);
    this.root.setAttribute("role", this.lists.length ? "group" : "listbox");
    if (this.lists.length) this.root.removeAttribute("aria-multiselectable");
    else this.root.setAttribute("aria-multiselectable", "true");
  }

  select(ids) {
    this.selected = new Set(ids);
    this.#refresh();
  }

  selectAll() {
    this.select(this.items.map((item) => item.id));
  }

  // --- layout --------------------------------------------------------------------------------

  #layOut() {
    const width = this.root.clientWidth - 2 * GAP;
    if (width <= 0) return;
    this.columns = Math.max(2, Math.floor((width + GAP) / (this.tile + GAP)));
    this.width = (width - GAP * (this.columns - 1)) / this.columns;
    this.height = Math.round(this.width * 1.25);
    this.rows = [];
    let top = GAP;
    const sections = this.sections.length ? this.sections : [{ from: 0, to: this.items.length }];
    sections.forEach((section, number) => {
      if (section.head) {
        this.rows.push({ top, bottom: top + this.head, section: number });
        top += this.head;
      }
      for (let from = section.from; from < section.to; from += this.columns) {
        const to = Math.min(from + this.columns, section.to);
        this.rows.push({ top, bottom: top + this.height, from, to, list: this.lists[number] });
        top += this.height + GAP;
      }
    });
    this.floor.style.height = `${top}px`;
    for (const [index, tile] of this.shown) this.#place(tile, index);
    this.#paint();
  }

  #rowAt(y) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle].bottom + GAP <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #rowOf(index) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const row = this.rows[middle];
      const end = row.to ?? this.sections[row.section].from;
      if (end <= index) low = middle + 1;
      else high = middle;
    }
    return this.rows[low];
  }

  #place(tile, index) {
    const row = this.#rowOf(index);
    const left = GAP + (index - row.from) * (this.width + GAP);
    tile.style.transform = `translate(${left}px, ${row.top}px)`;
    tile.style.width = `${this.width}px`;
    tile.style.height = `${this.height}px`;
  }

  #paint() {
    const top = this.root.scrollTop - MARGIN_PX;
    const bottom = this.root.scrollTop + this.root.clientHeight + MARGIN_PX;
    const visible = new Set();
    const heads = new Set();
    for (let r = this.#rowAt(top); r < this.rows.length && this.rows[r].top < bottom; r++) {
      const row = this.rows[r];
      if (row.section !== undefined) heads.add(row);
      for (let i = row.from; i < row.to; i++) visible.add(i);
    }
    for (const [index, tile] of this.shown) {
      if (visible.has(index)) continue;
      tile.remove();
      this.shown.delete(index);
    }
    for (const [number, head] of this.heads) {
      if ([...heads].some((row) => row.section === number)) continue;
      head.remove();
      this.heads.delete(number);
    }
    for (const row of heads) {
      if (!this.heads.has(row.section)) this.#addHead(row);
    }
    for (const index of visible) {
      if (!this.shown.has(index)) (this.#rowOf(index).list ?? this.floor).append(this.#addTile(index));
    }
    this.#refresh({ quiet: true });
  }

  #addHead(row) {
    const head = this.sections[row.section].head;
    head.classList.add("face-grid-head");
    head.style.transform = `translateY(${row.top}px)`;
    this.heads.set(row.section, head);
    this.floor.append(head);
  }

  #addTile(index) {
    const item = this.items[index];
    const picture = element("img", { src: this.picture(item), alt: "", draggable: "false" });
    picture.addEventListener("load", () => picture.classList.add("loaded"), { once: true });
    const tile = element("div", {
      class: "face",
      role: "option",
      id: `${this.root.id}-${index}`,
      "aria-label": this.describe(item),
      "aria-setsize": this.items.length,
      "aria-posinset": index + 1,
    }, picture);
    tile.dataset.index = index;
    this.#place(tile, index);
    this.shown.set(index, tile);
    return tile;
  }

  #refresh({ quiet = false } = {}) {
    for (const [index, tile] of this.shown) {
      tile.setAttribute("aria-selected", this.selected.has(this.items[index].id));
      tile.classList.toggle("active", index === this.active);
    }
    const active = this.shown.get(this.active);
    if (active) this.root.setAttribute("aria-activedescendant", active.id);
    else this.root.removeAttribute("aria-activedescendant");
    if (!quiet) this.changed?.(this.selected);
  }

  // --- keyboard ------------------------------------------------------------------------------

  #key(event) {
    if (event.target !== this.root || !this.items.length) return;
    const step = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.columns,
      ArrowDown: this.columns,
      PageUp: -this.columns * this.#visibleRows(),
      PageDown: this.columns * this.#visibleRows(),
      Home: -Infinity,
      End: Infinity,
    }[event.key];
    if (step !== undefined && !event.altKey) {
      event.preventDefault();
      this.#moveTo(this.active < 0 ? 0 : this.active + step, event.shiftKey);
    } else if (event.key === " ") {
      event.preventDefault();
      this.#toggle(this.active);
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      this.open?.(this.items[this.active]);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.selectAll();
    } else if (event.key === "Escape" && this.selected.size) {
      event.preventDefault();
      this.select([]);
    }
  }

  #visibleRows() {
    return Math.max(1, Math.floor(this.root.clientHeight / (this.height + GAP)));
  }

  #moveTo(index, extend) {
    this.active = Math.max(0, Math.min(this.items.length - 1, index));
    const row = this.#rowOf(this.active);
    if (row.top < this.root.scrollTop) this.root.scrollTop = row.top - GAP;
    const below = row.bottom - this.root.clientHeight;
    if (below > this.root.scrollTop) this.root.scrollTop = below + GAP;
    this.#paint();
    if (extend) this.#range(this.active);
    else this.anchor = this.active;
    this.#refresh({ quiet: !extend });
  }

  #toggle(index) {
    const item = this.items[index];
    if (!item) return;
    if (!this.selected.delete(item.id)) this.selected.add(item.id);
    this.active = this.anchor = index;
    this.#refresh();
  }

  #range(index) {
    const from = Math.max(0, Math.min(this.anchor, index));
    for (let i = from; i <= Math.max(this.anchor, index); i++) this.selected.add(this.items[i].id);
  }

  // --- pointer -------------------------------------------------------------------------------

  #indexOf(event) {
    const tile = event.target.closest(".face");
    return tile ? Number(tile.dataset.index) : -1;
  }

  #click(event) {
    const index = this.#indexOf(event);
    if (index < 0 || this.dragged) return;
    if (event.shiftKey) {
      this.active = index;
      this.#range(index);
      this.#refresh();
    } else this.#toggle(index);
  }

  #openAt(event) {
    const item = this.items[this.#indexOf(event)];
    if (!item) return;
    this.open?.(item);
  }

  /** Start a rubber-band selection; touch scrolls instead. */
  #press(event) {
    this.dragged = false;
    const control = event.target.closest("button, a, input");
    if (event.button !== 0 || event.pointerType === "touch" || event.shiftKey || control) return;
    const box = this.floor.getBoundingClientRect();
    // Ignore the scroll bar, which is to the right of the content.
    if (event.clientX > box.right) return;
    const drag = {
      x: event.clientX - box.left,
      y: event.clientY - box.top,
      before: new Set(this.selected),
    };
    const move = (moved) => this.#drag(drag, moved);
    const end = () => {
      removeEventListener("pointermove", move);
      clearInterval(drag.scrolling);
      this.frame.hidden = true;
      // Ignore the click that follows the release.
      if (this.dragged) setTimeout(() => (this.dragged = false));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
    addEventListener("pointercancel", end, { once: true });
  }

  #drag(drag, event) {
    drag.last = event;
    const box = this.floor.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    if (!this.dragged && Math.hypot(x - drag.x, y - drag.y) < DRAG_PX) return;
    if (!this.dragged) drag.scrolling = setInterval(() => this.#scrollAtEdge(drag), 16);
    this.dragged = true;
    const [left, right] = x < drag.x ? [x, drag.x] : [drag.x, x];
    const [top, bottom] = y < drag.y ? [y, drag.y] : [drag.y, y];
    Object.assign(this.frame.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${right - left}px`,
      height: `${bottom - top}px`,
    });
    this.frame.hidden = false;
    this.selected = new Set([...drag.before, ...this.#within(left, right, top, bottom)]);
    this.#refresh();
  }

  #scrollAtEdge(drag) {
    const box = this.root.getBoundingClientRect();
    const down = drag.last.clientY > box.bottom - EDGE_PX ? 14 : 0;
    const up = drag.last.clientY < box.top + EDGE_PX ? -14 : 0;
    if (!down && !up) return;
    this.root.scrollTop += down + up;
    this.#drag(drag, drag.last);
  }

  *#within(left, right, top, bottom) {
    const first = Math.max(0, Math.floor((left - GAP + GAP) / (this.width + GAP)));
    const last = Math.min(this.columns - 1, Math.floor((right - GAP) / (this.width + GAP)));
    for (let r = this.#rowAt(top); r < this.rows.length && this.rows[r].top < bottom; r++) {
      const row = this.rows[r];
      if (row.from === undefined) continue;
      for (let i = row.from + first; i < Math.min(row.from + last + 1, row.to); i++) {
        yield this.items[i].id;
      }
    }
  }
}
