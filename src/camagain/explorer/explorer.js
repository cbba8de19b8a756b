"use strict";
// The page: a grid of all test images, and one of them with two maps. What it shows is in the address behind `#`.

const Explorer = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { images, sets } = data;
  for (const [name, how] of Object.entries(data.resizings))
    how.target = name.startsWith("script ") ? data.scriptSize : data.size;
  const element = (id) => document.getElementById(id);
  const models = [...new Set(sets.map((set) => set.model))];
  const methods = [...new Map(sets.map((set) => [set.method, set.title]))];
  const BATCH = 120; // tiles that are made at once
  const SVG = "http://www.w3.org/2000/svg";

  const SHOWN = {
    all: ["all images", () => true],
    right: ["box right", (i, a) => a.right[i]],
    wrong: ["box wrong", (i, a) => !a.right[i]],
    "class-right": ["class right", (i, a) => a.predicted[i] === images.label[i]],
    "class-wrong": ["class wrong", (i, a) => a.predicted[i] !== images.label[i]],
    both: ["box and class right", (i, a) => a.right[i] && a.predicted[i] === images.label[i]],
    left: ["box right on the left only", (i, a, b) => a.right[i] && !b.right[i]],
    "not-left": ["box right on the right only", (i, a, b) => !a.right[i] && b.right[i]],
  };
  const SORTED = {
    order: ["order of the data set", null],
    low: ["IoU, lowest first", (i, a) => a.iou[i]],
    high: ["IoU, highest first", (i, a) => -a.iou[i]],
    disagreement: ["disagreement of left and right", (i, a, b) => -Math.abs(a.iou[i] - b.iou[i])],
  };

  // What the page shows, as text; each key stands in the address unless it has its default.
  const second = sets.find((set) => set.model !== sets[0].model && set.method === sets[0].method) || sets[1] || sets[0];
  const DEFAULTS = {
    image: "", model: sets[0].model, method: sets[0].method, model2: second.model, method2: second.method,
    tau: "", tau2: "", class: "", show: "all", low: "0", high: "1", sort: "order",
  };
  let state = { ...DEFAULTS };
  let order = []; // numbers of the images that pass the filters, sorted
  let listed = ""; // the filters that `order` was made with
  let tiles = 0;

  function make(tag, attributes = {}, ...inside) {
    const made = SVGTAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside); // texts become text nodes: no name is read as HTML
    return made;
  }
  const SVGTAGS = new Set(["svg", "rect", "polygon", "polyline", "line"]);

  // The state and the address.

  function parsed() {
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const known = Object.entries(given).filter(([name]) => name in DEFAULTS);
    const found = { ...DEFAULTS, ...Object.fromEntries(known) };
    // A model without its seed is the first of its trainings; an unknown one, the first of all.
    for (const [model, method] of [["model", "method"], ["model2", "method2"]]) {
      if (!models.includes(found[model]))
        found[model] = models.find((name) => name.startsWith(`${found[model]}/`)) || DEFAULTS[model];
      if (!methods.some(([name]) => name === found[method])) found[method] = DEFAULTS[method];
    }
    const accepted = {
      show: Object.hasOwn(SHOWN, found.show), sort: Object.hasOwn(SORTED, found.sort),
      class: Object.hasOwn(data.classes, found.class), low: Number(found.low) >= 0, high: Number(found.high) >= 0,
    };
    for (const [name, fine] of Object.entries(accepted)) if (!fine) found[name] = DEFAULTS[name];
    return found;
  }

  function address(changes = {}) {
    const wanted = { ...state, ...changes };
    const given = Object.entries(wanted).filter(([name, value]) => value !== DEFAULTS[name]);
    return `#${new URLSearchParams(given)}`;
  }

  // Changes what is shown. The address follows when nothing has changed for a moment, since browsers refuse to write it
  // as often as a slider moves. A tile is a link, so that the way back from an image leads to the grid.
  let writing = 0;
  function change(changes) {
    state = { ...state, ...changes };
    clearTimeout(writing);
    writing = setTimeout(() => history.replaceState(null, "", address()), 150);
    render();
  }
  addEventListener("click", () => clearTimeout(writing), true); // a link writes the address itself

  const setOf = (model, method) => sets.findIndex((set) => set.model === model && set.method === method);
  const chosen = () => [setOf(state.model, state.method), setOf(state.model2, state.method2)];

  // The grid.

  function list() {
    const [a, b] = chosen().map((number) => sets[number]);
    const low = Number(state.low), high = Number(state.high);
    order = images.id.map((_, i) => i).filter((i) =>
      (state.class === "" || images.label[i] === Number(state.class)) &&
      a.iou[i] >= low && a.iou[i] <= high && SHOWN[state.show][1](i, a, b));
    const key = SORTED[state.sort][1];
    if (key) order.sort((i, j) => key(i, a, b) - key(j, a, b) || i - j);
    const right = order.filter((i) => a.right[i]).length;
    const share = order.length ? `; ${(100 * right / order.length).toFixed(1)} % with the right box on the left` : "";
    const missing = data.missing.length ? ` Without results: ${data.missing.join(", ")}.` : "";
    element("said").textContent =
      `${order.length.toLocaleString("en")} of ${images.id.length.toLocaleString("en")} images${share}. ` +
      `IoU and boxes of the grid: at the threshold that is best for all images.${missing}`;
  }

  function boxOf(corners, kind) {
    const [x0, y0, x1, y1] = corners, place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
    return [make("rect", { class: "shade", ...place }), make("rect", { class: kind, ...place })];
  }

  function frame() {
    return make("svg", { viewBox: `0 0 ${data.size} ${data.size}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  }

  function picture(i, lazy) {
    const image = make("img", { alt: "", src: images.address[i], draggable: "false" });
    if (lazy) image.loading = "lazy";
    image.addEventListener("error", () => (image.alt = "The picture is not where it was."));
    return image;
  }

  function tile(i) {
    const [a, b] = chosen().map((number) => sets[number]);
    const svg = frame();
    svg.append(...images.boxes[i].flatMap((box) => boxOf(box, "true")));
    const both = state.sort === "disagreement" || state.show.endsWith("left"); // left and right are compared
    const iou = make("span", {}, "IoU");
    for (const [set, kind] of both ? [[a, "a"], [b, "b"]] : [[a, "a"]]) {
      svg.append(...boxOf(set.box.slice(4 * i, 4 * i + 4), kind));
      iou.append(" ", make("span", { class: set.right[i] ? "right" : "wrong" }, set.iou[i].toFixed(3)));
    }
    return make("a", { class: "tile", href: address({ image: images.id[i], tau: "", tau2: "" }),
      title: `${images.id[i]}: ${data.classes[images.label[i]]}` },
      make("span", { class: "picture" }, picture(i, true), svg),
      make("span", { class: "words" }, make("span", {}, images.id[i]), iou));
  }

  function addTiles() {
    element("grid").append(...order.slice(tiles, tiles + BATCH).map(tile));
    tiles = Math.min(order.length, tiles + BATCH);
  }

  // One image.

  const texts = []; // of each set its maps as text, once they were asked for

  function stored(number, i) {
    const [height, width] = sets[number].shape, bytes = 4 * height * width;
    texts[number] = texts[number] || element(`maps-${number}`).textContent;
    const first = Math.floor(bytes * i / 3) * 3; // base64 writes three bytes as four letters
    const letters = texts[number].slice(first / 3 * 4, Math.ceil(bytes * (i + 1) / 3) * 4);
    const binary = atob(letters), found = new Uint8Array(bytes);
    for (let k = 0; k < bytes; k++) found[k] = binary.charCodeAt(bytes * i - first + k);
    return new Float32Array(found.buffer);
  }

  const kept = new Map(); // the maps that were looked at last

  function scoreMap(number, i) {
    const key = `${number} ${i}`;
    if (!kept.has(key)) {
      const set = sets[number], [height, width] = set.shape;
      const pixels = Boxes.pixels(stored(number, i), height, width, set.variant === "published", data.resizings);
      if (kept.size > 8) kept.clear();
      kept.set(key, new Boxes.ScoreMap(pixels, data.size));
    }
    return kept.get(key);
  }

  // The box of one set on one image at a threshold of the grid, by its number.
  const boxAt = (number, i, threshold) => scoreMap(number, i).at(threshold * data.step).box;

  // Turbo, by the polynomials of Mikhailov (2019), Google AI Blog.
  function colour(x) {
    const terms = [1, x, x ** 2, x ** 3, x ** 4, x ** 5];
    const by = (weights) => 255 * Math.min(1, Math.max(0, weights.reduce((sum, w, k) => sum + w * terms[k], 0)));
    return [
      by([0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943]),
      by([0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604]),
      by([0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973]),
    ];
  }
  const COLOURS = Array.from({ length: 256 }, (_, level) => colour(level / 255));

  // The picture without map and boxes, and back.
  const hide = () => element("panels").classList.toggle("bare");

  class Panel {
    constructor(kind, model, method, tau) {
      Object.assign(this, { kind, model, method, tau });
      this.title = make("h3");
      this.canvas = make("canvas", { width: data.size, height: data.size });
      this.svg = frame();
      this.picture = make("div", { class: "picture" });
      this.slider = make("input", { type: "range", min: 0, max: data.thresholds - 1, step: 1,
        "aria-label": `Threshold on the ${kind === "a" ? "left" : "right"}` });
      this.best = make("button", { type: "button" }, "best");
      this.words = make("p");
      this.class = make("p");
      this.note = make("p", { class: "note" });
      this.curve = make("svg", { class: "curve", viewBox: "0 0 1 1", preserveAspectRatio: "none",
        "aria-hidden": "true" });
      this.element = make("section", { class: `panel ${kind}` }, this.title, this.picture,
        make("div", { class: "threshold" }, this.slider, this.best), this.words, this.class, this.curve,
        make("div", { class: "axis" }, make("span", {}, "0"), make("span", {}, "IoU over threshold"),
          make("span", {}, "1")), this.note);
      this.picture.addEventListener("click", hide);
      this.slider.addEventListener("input", () => change({ [tau]: this.slider.value }));
      this.slider.addEventListener("pointerup", () => this.slider.blur()); // arrows then lead to another image
      this.best.addEventListener("click", () => change({ [tau]: "" }));
      this.curve.addEventListener("click", (event) => {
        const frame = this.curve.getBoundingClientRect();
        const number = Math.round((event.clientX - frame.left) / frame.width * (data.thresholds - 1));
        change({ [tau]: String(Math.max(0, Math.min(data.thresholds - 1, number))) });
      });
    }

    get set() {
      return setOf(state[this.model], state[this.method]);
    }

    get threshold() {
      const given = Math.trunc(Number(state[this.tau]));
      return state[this.tau] === "" || !(given >= 0 && given < data.thresholds) ? sets[this.set].best : given;
    }

    render(i) {
      const set = sets[this.set], map = scoreMap(this.set, i), tau = this.threshold * data.step;
      const found = map.at(tau), iou = Boxes.iou(found.box, images.boxes[i]);
      this.title.textContent = `${set.model}, ${set.title}`;
      if (this.shown !== i) {
        this.picture.replaceChildren(picture(i, false), this.canvas, this.svg);
        const ratio = images.width[i] / images.height[i];
        this.picture.style.aspectRatio = String(ratio);
        this.picture.style.maxWidth = `calc(50vh * ${ratio})`;
      }
      this.paint(map.pixels, map.level(tau));
      const contour = make("polygon", { points: map.contour(tau).join(" ") });
      this.svg.replaceChildren(contour, ...images.boxes[i].flatMap((box) => boxOf(box, "true")),
        ...boxOf(found.box, this.kind));
      this.slider.value = this.threshold;
      this.best.disabled = this.threshold === set.best;
      this.best.title = `The threshold that is best for all test images: ${(set.best * data.step).toFixed(3)}`;
      const right = iou >= data.delta;
      this.words.replaceChildren(`threshold ${tau.toFixed(3)}: `,
        make("span", { class: right ? "right" : "wrong" }, `IoU ${iou.toFixed(3)}, ${right ? "right" : "wrong"}`));
      this.words.dataset.box = found.box.join(" ");
      const sure = set.predicted[i] === images.label[i];
      this.class.replaceChildren("class ", make("span", { class: sure ? "right" : "wrong" },
        sure ? "right" : `wrong: ${data.classes[set.predicted[i]]}`));
      const own = set.box.slice(4 * i, 4 * i + 4), here = map.at(set.best * data.step).box;
      this.note.textContent = own.every((value, k) => value === here[k]) ? "" :
        `The run has another box at its best threshold (${own.join(", ")}, here ${here.join(", ")}, in pixels of a ` +
        "map): OpenCV rounded otherwise on the machine that wrote this page.";
      if (this.shown !== i || this.drawn !== this.set) this.drawCurve(i, map);
      this.now(iou);
      Object.assign(this, { shown: i, drawn: this.set });
    }

    paint(pixels, level) {
      const context = this.canvas.getContext("2d"), image = context.createImageData(data.size, data.size);
      for (let k = 0; k < pixels.length; k++) {
        const above = pixels[k] > level;
        if (above) image.data.set(COLOURS[pixels[k]], 4 * k);
        image.data[4 * k + 3] = above ? 120 : 110;
      }
      context.putImageData(image, 0, 0);
    }

    // The whole curve takes a tenth of a second, so it comes after the picture.
    drawCurve(i, map) {
      this.curve.replaceChildren(make("line", { x1: 0, x2: 1, y1: 1 - data.delta, y2: 1 - data.delta }));
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => {
        const points = Array.from({ length: data.thresholds }, (_, number) => {
          const iou = Boxes.iou(map.at(number * data.step).box, images.boxes[i]);
          return `${number / (data.thresholds - 1)},${1 - iou}`;
        });
        this.curve.prepend(make("polyline", { points: points.join(" ") }));
      }, 30);
    }

    now(iou) {
      for (const line of this.curve.querySelectorAll(".now")) line.remove();
      const x = this.threshold / Math.max(1, data.thresholds - 1), half = 0.02;
      this.curve.append(make("line", { class: "now", x1: x, x2: x, y1: 0, y2: 1 }),
        make("line", { class: "now", x1: x - half, x2: x + half, y1: 1 - iou, y2: 1 - iou }));
    }
  }

  const panels = [new Panel("a", "model", "method", "tau"), new Panel("b", "model2", "method2", "tau2")];
  element("panels").append(...panels.map((panel) => panel.element));

  function view(i) {
    if (document.readyState === "loading") { // the maps stand at the end of the page
      document.addEventListener("DOMContentLoaded", render, { once: true });
      return;
    }
    const at = order.indexOf(i);
    element("place").textContent = at < 0 ? "not among those shown" : `${at + 1} of ${order.length}`;
    element("previous").disabled = at <= 0;
    element("next").disabled = at === order.length - 1;
    element("name").textContent = `${images.id[i]}: ${data.classes[images.label[i]]}`;
    for (const panel of panels) panel.render(i);
  }

  // Everything.

  function render() {
    const image = images.id.indexOf(state.image), shown = image >= 0;
    const { image: _, tau, tau2, ...filters } = state;
    const now = JSON.stringify(filters);
    for (const name of ["model", "method", "model2", "method2", "class", "show", "low", "high", "sort"])
      element(name).value = state[name];
    if (now !== listed) {
      listed = now;
      list();
      tiles = 0;
      element("grid").replaceChildren();
      addTiles();
    }
    element("grid").hidden = element("filters").hidden = element("more").hidden = shown;
    element("said").hidden = shown;
    element("viewer").hidden = !shown;
    document.title = `${shown ? `${state.image} · ` : ""}${data.run} · explorer`;
    if (shown) view(image);
  }

  function step(by) {
    const at = order.indexOf(images.id.indexOf(state.image));
    const to = order[at < 0 ? 0 : at + by];
    if (to !== undefined) change({ image: images.id[to] });
  }

  function shut() {
    const at = order.indexOf(images.id.indexOf(state.image));
    change({ image: "", tau: "", tau2: "" });
    while (tiles <= at) addTiles();
    if (at >= 0) element("grid").children[at].focus();
  }

  function moveThresholds(by) {
    const moved = panels.map((panel) => [panel.tau, Math.max(0, Math.min(data.thresholds - 1, panel.threshold + by))]);
    change(Object.fromEntries(moved.map(([name, value]) => [name, String(value)])));
  }

  function focusTile(by) {
    const all = [...element("grid").children], at = all.indexOf(document.activeElement);
    const to = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
    if (to) to.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, input")) return;
    const columns = getComputedStyle(element("grid")).gridTemplateColumns.split(" ").length, ten = event.shiftKey ? 10 : 1;
    const keys = state.image
      ? { ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => moveThresholds(ten),
          ArrowDown: () => moveThresholds(-ten), Escape: shut,
          " ": hide }
      : { ArrowLeft: () => focusTile(-1), ArrowRight: () => focusTile(1), ArrowUp: () => focusTile(-columns),
          ArrowDown: () => focusTile(columns), " ": () => document.activeElement.closest(".tile")?.click() };
    if (event.key === " " && event.target.closest("button")) return;
    if (!keys[event.key] || (event.key === " " && !state.image && !event.target.closest(".tile"))) return;
    event.preventDefault();
    keys[event.key]();
  });

  for (const [id, entries] of Object.entries({
    model: models.map((name) => [name, name]), model2: models.map((name) => [name, name]), method: methods,
    method2: methods, class: [["", "all"], ...data.classes.map((name, label) => [String(label), name])],
    show: Object.entries(SHOWN).map(([name, [title]]) => [name, title]),
    sort: Object.entries(SORTED).map(([name, [title]]) => [name, title]), low: [], high: [],
  })) {
    element(id).append(...entries.map(([value, title]) => make("option", { value }, title)));
    element(id).addEventListener("change", () => change({ [id]: element(id).value }));
  }
  element("close").addEventListener("click", shut);
  element("previous").addEventListener("click", () => step(-1));
  element("next").addEventListener("click", () => step(1));
  addEventListener("hashchange", () => {
    state = parsed();
    render();
  });
  new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && tiles < order.length && addTiles(),
    { rootMargin: "800px" }).observe(element("more"));

  state = parsed();
  render();
  performance.mark("first view");
  return { data, boxAt, scoreMap };
})();
