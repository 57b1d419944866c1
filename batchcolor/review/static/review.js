"use strict";
// The review page. All text reaches the page as text nodes, never as HTML: names and metadata of files are anybody's.

const $ = id => document.getElementById(id);
const PAGE = 200, TILE = 190, GAP = 4;

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json", "X-Batchcolor": "review" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  if (!answer.ok) {
    let sentence = `The server answered with ${answer.status}.`;
    try { sentence = (await answer.json()).error || sentence; } catch { /* not JSON */ }
    throw Object.assign(new Error(sentence), { status: answer.status });
  }
  return answer;
}
const json = async (path, body) => (await ask(path, body)).json();

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// ---- All items: a grid of which only the visible rows exist -------------------------------------------------------------------------

const grid = { total: 0, pages: new Map(), tiles: new Map(), version: 0 };

function query() {
  return new URLSearchParams({ filter: $("filter").value, kind: $("kind").value, search: $("search").value });
}

async function fetchPage(number) {
  if (grid.pages.has(number)) return grid.pages.get(number);
  const version = grid.version;
  const parameters = query();
  parameters.set("start", number * PAGE);
  parameters.set("count", PAGE);
  const promise = json(`/api/items?${parameters}`);
  grid.pages.set(number, promise);
  const page = await promise;
  if (version === grid.version && page.total !== grid.total) {
    grid.total = page.total;
    drawGrid();
  }
  return page;
}

async function itemAt(index) {
  if (index < 0 || index >= grid.total) return null;
  return (await fetchPage(Math.floor(index / PAGE))).items[index % PAGE] || null;
}

async function reload() {
  grid.version += 1;
  grid.pages.clear();
  for (const tile of grid.tiles.values()) tile.remove();
  grid.tiles.clear();
  grid.total = (await fetchPage(0)).total;
  $("grid").scrollTop = 0;
  drawGrid();
}

function columns() { return Math.max(1, Math.floor($("grid").clientWidth / (TILE + GAP))); }

function drawGrid() {
  const across = columns(), rows = Math.ceil(grid.total / across), height = TILE + GAP;
  $("spacer").style.height = `${Math.min(rows * height, 15e6)}px`;
  $("count").textContent = grid.total === 1 ? "1 item" : `${grid.total.toLocaleString()} items`;
  const first = Math.max(0, Math.floor($("grid").scrollTop / height) - 1) * across;
  const last = Math.min(grid.total, first + (Math.ceil($("grid").clientHeight / height) + 3) * across);
  for (const [index, tile] of grid.tiles) {
    if (index < first || index >= last) { tile.remove(); grid.tiles.delete(index); }
  }
  for (let index = first; index < last; index += 1) {
    if (!grid.tiles.has(index)) grid.tiles.set(index, drawTile(index));
    const tile = grid.tiles.get(index);
    tile.style.transform = `translate(${(index % across) * (TILE + GAP)}px, ${Math.floor(index / across) * height}px)`;
  }
}

function drawTile(index) {
  const picture = element("img", { alt: "", loading: "lazy" }), name = element("span");
  const tile = element("button", { type: "button", className: "tile" }, picture, name);
  tile.setAttribute("role", "listitem");
  tile.addEventListener("click", () => openItem(index));
  $("grid").append(tile);
  const version = grid.version;
  itemAt(index).then(item => {
    if (item === null || version !== grid.version) return;
    name.textContent = item.name;
    tile.title = [item.name, item.error, ...item.warnings].filter(Boolean).join("\n");
    tile.classList.toggle("failed", item.status === "failed");
    tile.classList.toggle("accepted", item.accepted);
    tile.classList.toggle("redo", item.redo);
    tile.setAttribute("aria-label", `${item.name}, ${item.status}${item.accepted ? ", accepted" : ""}`);
    picture.src = `/api/items/${item.id}/thumbnail`;
  }).catch(show);
  return tile;
}

// ---- One item -----------------------------------------------------------------------------------------------------------------------

const view = {
  index: -1, item: null, points: [], selected: -1, past: [], place: 0, scale: 1, left: 0, top: 0, L: 50,
  size: { width: 0, height: 0 }, asked: 0, shot: null,
};

async function openItem(index) {
  const found = await itemAt(index);
  if (found === null) return;
  await changes;
  const item = await json(`/api/items/${found.id}`);
  Object.assign(view, { index, item, points: item.points, selected: -1, past: [], place: 0, scale: 1, shot: null });
  $("grid-view").hidden = true;
  $("item-view").hidden = false;
  $("name").textContent = item.name;
  $("warnings").replaceChildren(...[item.error, ...item.warnings].filter(Boolean).map(text => element("p", { textContent: text })));
  $("palette").replaceChildren(...Object.entries(item.palette).map(([name, colour]) => swatch(colour, name)));
  $("zoom").value = 1;
  $("divider").value = 0;
  $("film").hidden = item.kind !== "film";
  $("video").hidden = true;
  $("video").removeAttribute("src");
  drawMarks();
  await loadPictures();
  if (item.kind === "film") drawShots();
  $("picture").focus();
}

function closeItem() {
  $("item-view").hidden = true;
  $("grid-view").hidden = false;
  const index = view.index;
  view.item = null;
  grid.pages.delete(Math.floor(index / PAGE));
  grid.tiles.get(index)?.remove();
  grid.tiles.delete(index);
  drawGrid();
  grid.tiles.get(index)?.focus();
  showRun();
}

function drawMarks() {
  $("accept").setAttribute("aria-pressed", view.item.accepted);
  $("later").setAttribute("aria-pressed", view.item.redo);
  $("undo").disabled = view.past.length === 0;
}

async function loadPictures() {
  const at = `at=${view.place}&v=${Date.now()}`, { id } = view.item;
  const before = $("before"), after = $("after");
  before.src = `/api/items/${id}/picture?of=source&${at}`;
  await Promise.race([before.decode().catch(() => null), new Promise(done => setTimeout(done, 15000))]);
  view.size = { width: before.naturalWidth || 1, height: before.naturalHeight || 1 };
  if (view.points.length > 0) await preview();
  else after.src = `/api/items/${id}/picture?${at}`;
  fit();
  drawPoints();
}

function fit() {
  const room = $("picture").getBoundingClientRect();
  const base = Math.min(room.width / view.size.width, room.height / view.size.height) || 1;
  view.base = base;
  const scale = base * view.scale, width = view.size.width * scale, height = view.size.height * scale;
  view.left = clampOffset(view.left, room.width, width);
  view.top = clampOffset(view.top, room.height, height);
  for (const picture of [$("before"), $("after")]) {
    Object.assign(picture.style, { left: `${view.left}px`, top: `${view.top}px`, width: `${width}px`, height: `${height}px` });
  }
  const share = Number($("divider").value) / 100;
  $("before").style.setProperty("--cut", `${width * share}px`);
  $("seam").style.left = `${view.left + width * share}px`;
  $("seam").hidden = share === 0;
  drawPoints();
}

const clampOffset = (offset, room, size) => size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset));

function toShare(event) {
  const box = $("after").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

// The answer to a change: a preview with these points, in place of the result.
async function preview() {
  const number = view.asked += 1, { id } = view.item;
  const started = performance.now();
  const shown = pointsHere();
  const answer = await ask(`/api/items/${id}/preview`, { points: shown, place: view.place });
  if (number !== view.asked || view.item?.id !== id) return;
  const address = URL.createObjectURL(await answer.blob());
  const picture = $("after");
  picture.addEventListener("load", () => {
    URL.revokeObjectURL(address);
    document.body.dataset.answered = String(Math.round(performance.now() - started));
  }, { once: true });
  picture.src = address;
}

const isFilm = () => view.item.kind === "film";
const pointsHere = () => isFilm()
  ? view.points.filter(point => point.time !== null && Math.abs(point.time - view.place) < 0.5 / 24)
  : view.points.filter(point => (point.page || 1) === Math.max(1, view.place));

function drawPoints() {
  const box = $("points").getBoundingClientRect(), picture = $("after").getBoundingClientRect();
  const here = pointsHere();
  $("points").replaceChildren(...here.map(point => {
    const number = view.points.indexOf(point);
    const handle = element("button", { type: "button", className: "point" });
    handle.style.background = cssColour(point.colour);
    handle.style.left = `${picture.left - box.left + point.at[0] * picture.width}px`;
    handle.style.top = `${picture.top - box.top + point.at[1] * picture.height}px`;
    handle.setAttribute("aria-label", `Point ${number + 1}, ${point.colour}`);
    handle.setAttribute("aria-current", String(number === view.selected));
    handle.addEventListener("pointerdown", event => drag(event, number));
    handle.addEventListener("focus", () => select(number));
    handle.addEventListener("keydown", event => nudge(event, number));
    return handle;
  }));
  $("list").replaceChildren(...view.points.map((point, number) => {
    const dot = element("i");
    dot.style.background = cssColour(point.colour);
    const text = [point.colour, point.time === null || point.time === undefined ? "" : `at ${clock(point.time)}`, point.note].filter(Boolean).join(", ");
    const button = element("button", { type: "button" }, dot, text);
    button.addEventListener("click", () => { if (isFilm() && point.time !== null) goTo(point.time).then(() => select(number)); else select(number); });
    return element("li", {}, button);
  }));
}

const cssColour = colour => colour === "gray" ? "#808080" : view.item.palette[colour] || colour;

async function select(number) {
  view.selected = number;
  $("picker").hidden = number < 0;
  for (const [place, handle] of [...$("points").children].entries()) {
    handle.setAttribute("aria-current", String(view.points.indexOf(pointsHere()[place]) === number));
  }
  if (number < 0) return;
  const point = view.points[number];
  $("size").value = point.size;
  $("note").value = point.note || "";
  if (/^#/.test(cssColour(point.colour))) $("any").value = cssColour(point.colour);
  const found = await json(`/api/items/${view.item.id}/suggestions`, { at: point.at, place: view.place });
  if (view.selected !== number) return;
  view.L = found.L;
  $("suggestions").replaceChildren(...found.colours.map(colour => swatch(colour)), swatch("gray", "gray"));
  drawWheel();
}

function swatch(colour, name = "") {
  const button = element("button", { type: "button", className: name ? "swatch named" : "swatch", textContent: name });
  button.style.background = colour === "gray" ? "#808080" : colour;
  button.setAttribute("aria-label", name || colour);
  button.addEventListener("click", () => recolour(name || colour));
  return button;
}

// Changes go to the server one after another; each starts from the points that the one before left.
let changes = Promise.resolve();
function change(plan, remember = true) {
  const { id } = view.item;
  const done = changes.then(() => applyChange(id, plan, remember));
  changes = done.catch(show);
  return done;
}

// `plan` returns the old and the new point (null: none), or nothing where there is nothing to do. The server applies them to the
// file as it is now; another tab's points stay.
async function applyChange(id, plan, remember) {
  try {
    const [older, newer] = plan() ?? [];
    if (!older && !newer) return;
    const body = {};
    if (older) body.old = older;
    if (newer) body.new = newer;
    const found = await json(`/api/items/${id}/points`, body);
    if (view.item?.id !== id) return;
    view.points = found.points;
    if (remember) view.past.push([newer, older]);
    view.item.redo = true;
    view.selected = newer ? view.points.findIndex(point => same(point, newer)) : -1;
    if (!newer) $("picker").hidden = true;
    show("");
    drawMarks();
    drawPoints();
    preview().then(showRun).catch(show);
  } catch (error) {
    show(error);
    if (view.item?.id !== id) return;
    if (error.status === 409) view.points = (await json(`/api/items/${id}`)).points;
    drawPoints();
  }
}

const same = (a, b) => ["at", "colour", "size", "page", "time", "frame", "note"].every(key => JSON.stringify(a[key] ?? null) === JSON.stringify(b[key] ?? null))
  || (a.at[0] === b.at[0] && a.at[1] === b.at[1] && (a.time ?? null) === (b.time ?? null));

async function addPoint(at) {
  let colour = "gray";
  try { colour = (await json(`/api/items/${view.item.id}/suggestions`, { at, place: view.place })).colours[0]; } catch { /* gray, then */ }
  const point = { at, colour, size: 0.02 };
  if (isFilm()) point.time = Math.round(view.place * 1000) / 1000;
  else if (view.place > 1) point.page = view.place;
  await change(() => [null, point]);
  if (view.selected >= 0) await select(view.selected);
}

const recolour = colour => edit({ colour });
const edit = values => editPoint(view.selected, values);
const editPoint = (number, values) => change(() => {
  const older = view.points[number];
  return older && [older, { ...older, ...(typeof values === "function" ? values(older) : values) }];
});
const removePoint = number => change(() => [view.points[number], null]);
const undo = () => change(() => view.past.pop(), false);

function drag(event, number) {
  event.stopPropagation();
  const handle = event.currentTarget;
  handle.setPointerCapture(event.pointerId);
  let moved = null;
  const move = at => {
    const share = toShare(at).map(value => Math.min(1, Math.max(0, value)));
    if (moved === null && Math.hypot(at.clientX - event.clientX, at.clientY - event.clientY) < 4) return;
    moved = share;
    const box = $("points").getBoundingClientRect();
    handle.style.left = `${at.clientX - box.left}px`;
    handle.style.top = `${at.clientY - box.top}px`;
  };
  const end = () => {
    handle.removeEventListener("pointermove", move);
    if (moved) editPoint(number, { at: moved });
    else select(number);
  };
  handle.addEventListener("pointermove", move);
  handle.addEventListener("pointerup", end, { once: true });
}

function nudge(event, number) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); event.stopPropagation(); removePoint(number); return; }
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  const [x, y] = steps[event.key], step = event.shiftKey ? 0.02 : 0.004;
  const moved = at => [at[0] + x * step, at[1] + y * step].map(value => Math.min(1, Math.max(0, value)));
  editPoint(number, point => ({ at: moved(point.at) })).then(() => $("points").children[pointsHere().indexOf(view.points[number])]?.focus());
}

// ---- The wheel: hue and chroma at the picture's lightness ---------------------------------------------------------------------------

const MOST_CHROMA = 90;

function labToRgb(L, a, b) {
  const f = (L + 16) / 116, inverse = t => t > 6 / 29 ? t ** 3 : 3 * (6 / 29) ** 2 * (t - 4 / 29);
  const x = 0.9505 * inverse(f + a / 500), y = inverse(f), z = 1.089 * inverse(f - b / 200);
  const linear = [3.2406 * x - 1.5372 * y - 0.4986 * z, -0.9689 * x + 1.8758 * y + 0.0415 * z, 0.0557 * x - 0.204 * y + 1.057 * z];
  return linear.map(value => value <= 0.0031308 ? 12.92 * value : 1.055 * Math.max(0, value) ** (1 / 2.4) - 0.055);
}

function drawWheel() {
  const canvas = $("wheel"), context = canvas.getContext("2d"), size = canvas.width, half = size / 2;
  const pixels = context.createImageData(size, size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const a = (x - half) / half * MOST_CHROMA, b = (half - y) / half * MOST_CHROMA, rgb = labToRgb(view.L, a, b);
      const inside = Math.hypot(a, b) <= MOST_CHROMA && rgb.every(value => value >= -0.003 && value <= 1.003);
      pixels.data.set([...rgb.map(value => Math.round(255 * value)), inside ? 255 : 40], 4 * (y * size + x));
    }
  }
  context.putImageData(pixels, 0, 0);
}

function wheelColour(a, b) {
  let factor = 1;
  while (factor > 0 && labToRgb(view.L, a * factor, b * factor).some(value => value < -0.003 || value > 1.003)) factor -= 0.02;
  return `#${labToRgb(view.L, a * factor, b * factor).map(value => Math.round(255 * Math.min(1, Math.max(0, value))).toString(16).padStart(2, "0")).join("")}`;
}

$("wheel").addEventListener("pointerdown", event => {
  const box = event.currentTarget.getBoundingClientRect(), half = box.width / 2;
  recolour(wheelColour((event.clientX - box.left - half) / half * MOST_CHROMA, (half - (event.clientY - box.top)) / half * MOST_CHROMA));
});
const wheel = { a: 20, b: 0 };
$("wheel").addEventListener("keydown", event => {
  const steps = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  wheel.a += steps[event.key][0];
  wheel.b += steps[event.key][1];
  recolour(wheelColour(wheel.a, wheel.b));
});

// ---- Films --------------------------------------------------------------------------------------------------------------------------

const clock = seconds => {
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
};

async function drawShots() {
  const { id } = view.item;
  const found = await json(`/api/items/${id}/shots`);
  if (view.item?.id !== id) return;
  if (found.error) show(found.error);
  $("shots").replaceChildren(...found.shots.map((shot, number) => {
    const middle = (shot.start + shot.end) / 2;
    const picture = element("img", { alt: "", loading: "lazy", src: `/api/items/${id}/thumbnail?at=${middle}` });
    const button = element("button", { type: "button" }, picture, element("span", { textContent: `${number + 1}   ${clock(shot.start)}` }));
    button.setAttribute("aria-current", String(view.shot !== null && view.shot.start === shot.start));
    button.addEventListener("click", () => openShot(shot));
    return button;
  }));
  const end = found.shots.at(-1)?.end || 1;
  $("time").max = end;
  if (!found.ready) setTimeout(() => { if (view.item?.id === id) drawShots(); }, 1000);
}

function openShot(shot) {
  view.shot = shot;
  const times = [0.02, 0.25, 0.5, 0.75, 0.98].map(share => shot.start + share * (shot.end - shot.start));
  $("frames").replaceChildren(...times.map(time => {
    const picture = element("img", { alt: `Frame at ${clock(time)}`, src: `/api/items/${view.item.id}/thumbnail?at=${time}` });
    picture.addEventListener("click", () => goTo(time));
    return picture;
  }));
  return goTo(times[2]);
}

function goTo(time) {
  view.place = Math.round(time * 1000) / 1000;
  $("time").value = view.place;
  $("clock").textContent = clock(view.place);
  return loadPictures().catch(show);
}

$("time").addEventListener("change", () => goTo(Number($("time").value)));
$("time").addEventListener("input", () => { $("clock").textContent = clock(Number($("time").value)); });
$("play").addEventListener("click", () => {
  const video = $("video"), shot = view.shot || { start: 0, end: Infinity };
  video.hidden = false;
  if (!video.src) video.src = `/api/items/${view.item.id}/film`;
  video.currentTime = shot.start;
  video.ontimeupdate = () => { if (video.currentTime >= shot.end) video.pause(); };
  video.play().catch(() => show("This browser cannot play the film; open the file itself."));
});

// ---- Marks, runs, keys --------------------------------------------------------------------------------------------------------------

async function mark(name) {
  const changed = await json(`/api/items/${view.item.id}/mark`, { [name]: !view.item[name] });
  Object.assign(view.item, { accepted: changed.accepted, redo: changed.redo });
  drawMarks();
  await showRun();
}

async function showRun() {
  const state = await json("/api/redo");
  const frames = state.frames ? `, frame ${state.frames[0]}` : "";
  $("run-state").textContent = state.running ? `Redoing ${state.done} of ${state.total}${frames}` : state.error || `${state.marked} to be redone`;
  $("redo").disabled = state.running || state.marked === 0;
  if (state.running) setTimeout(() => showRun().catch(show), 500);
  else if (showRun.was) reload().then(() => { if (view.item) openItem(view.index); }).catch(show);
  showRun.was = state.running;
}

function show(error) { $("message").textContent = error ? error.message || String(error) : ""; }

const step = by => openItem(view.index + by).catch(show);
const actions = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), j: () => step(1), k: () => step(-1), a: () => mark("accepted"), r: () => mark("redo"),
  Escape: closeItem, Delete: () => { removePoint(view.selected); },
};

document.addEventListener("keydown", event => {
  if (view.item === null || /^(INPUT|SELECT|TEXTAREA|VIDEO)$/.test(event.target.tagName)) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    if (!event.repeat) { $("divider").value = 100; fit(); }
    return;
  }
  if (event.key in actions) { event.preventDefault(); Promise.resolve(actions[event.key]()).catch(show); }
});
document.addEventListener("keyup", event => { if (event.key === " " && view.item) { $("divider").value = 0; fit(); } });

$("picture").addEventListener("pointerdown", event => {
  if (event.target.classList.contains("point") || event.button > 0) return;
  const from = [event.clientX, event.clientY], [left, top] = [view.left, view.top];
  let moved = false;
  const move = at => {
    if (Math.hypot(at.clientX - from[0], at.clientY - from[1]) > 6) moved = true;
    if (moved && view.scale > 1) { view.left = left + at.clientX - from[0]; view.top = top + at.clientY - from[1]; fit(); }
  };
  $("picture").setPointerCapture(event.pointerId);
  $("picture").addEventListener("pointermove", move);
  $("picture").addEventListener("pointerup", at => {
    $("picture").removeEventListener("pointermove", move);
    const share = toShare(at);
    if (!moved && share.every(value => value >= 0 && value <= 1)) addPoint(share).catch(show);
  }, { once: true });
});
$("picture").addEventListener("wheel", event => {
  event.preventDefault();
  $("zoom").value = Number($("zoom").value) * (event.deltaY < 0 ? 1.2 : 1 / 1.2);
  view.scale = Number($("zoom").value);
  fit();
}, { passive: false });

$("divider").addEventListener("input", fit);
$("zoom").addEventListener("input", () => { view.scale = Number($("zoom").value); fit(); });
$("size").addEventListener("change", () => edit({ size: Number($("size").value) }));
$("note").addEventListener("change", () => edit({ note: $("note").value }));
$("any").addEventListener("change", () => recolour($("any").value));
$("remove").addEventListener("click", () => { removePoint(view.selected); });
$("undo").addEventListener("click", undo);
$("back").addEventListener("click", closeItem);
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("accept").addEventListener("click", () => mark("accepted").catch(show));
$("later").addEventListener("click", () => mark("redo").catch(show));
$("redo").addEventListener("click", () => json("/api/redo", {}).then(showRun).catch(show));
$("controls").addEventListener("submit", event => event.preventDefault());
for (const id of ["filter", "kind"]) $(id).addEventListener("change", () => reload().catch(show));
$("search").addEventListener("input", () => { clearTimeout(reload.timer); reload.timer = setTimeout(() => reload().catch(show), 150); });
$("grid").addEventListener("scroll", () => requestAnimationFrame(drawGrid), { passive: true });
new ResizeObserver(() => { drawGrid(); if (view.item) fit(); }).observe(document.body);
reload().then(showRun).catch(show);
