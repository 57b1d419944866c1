// All items: a grid of which only the visible rows exist. A listing on the server holds their order until the filter changes, so that
// accepting or opening an item moves nothing.

import { $, element, json, show } from "./page.js";

const PAGE = 200, WIDEST = 230, GAP = 4, HEIGHT = 190;
const TALLEST = 15e6; // pixels; browsers cannot scroll over more
const SETTLED = 120; // milliseconds without scrolling after which pictures are loaded
const grid = { total: 0, listing: null, pages: new Map(), tiles: new Map(), version: 0, scrolled: -SETTLED, timer: 0, open: () => {} };

export function startGrid(open) {
  grid.open = open;
  let waiting = false;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; drawGrid(); });
  };
  $("grid").addEventListener("scroll", () => {
    grid.scrolled = performance.now();
    clearTimeout(grid.timer);
    grid.timer = setTimeout(settle, SETTLED);
    draw();
  }, { passive: true });
  $("grid").addEventListener("keydown", moveFocus);
  $("grid").addEventListener("click", event => {
    const tile = event.target.closest(".tile");
    if (tile) grid.open(Number(tile.dataset.index));
  });
  new ResizeObserver(draw).observe($("grid"));
  for (const id of ["filter", "kind"]) $(id).addEventListener("change", () => reload().catch(show));
  let timer = 0;
  $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => reload().catch(show), 150); });
  $("controls").addEventListener("submit", event => event.preventDefault());
}

// Reads the list anew, as the filter has it now.
export async function reload() {
  const version = grid.version += 1;
  const parameters = new URLSearchParams({ filter: $("filter").value, kind: $("kind").value, search: $("search").value, count: PAGE });
  const page = await json(`/api/items?${parameters}`);
  if (version !== grid.version) return;
  grid.pages.clear();
  grid.pages.set(0, Promise.resolve(page));
  grid.listing = page.listing;
  grid.total = page.total;
  for (const index of [...grid.tiles.keys()]) removeTile(index);
  $("grid").scrollTop = 0;
  drawGrid();
}

function fetchPage(number) {
  if (!grid.pages.has(number)) {
    const parameters = new URLSearchParams({ listing: grid.listing, start: number * PAGE, count: PAGE });
    const promise = json(`/api/items?${parameters}`);
    promise.catch(error => {
      grid.pages.delete(number);
      if (error.status === 410) reload().catch(show);
    });
    grid.pages.set(number, promise);
  }
  return grid.pages.get(number);
}

export async function itemAt(index) {
  if (index < 0 || index >= grid.total) return null;
  return (await fetchPage(Math.floor(index / PAGE))).items[index % PAGE] || null;
}

// Where an item stands in the list; -1 where the filter leaves it out.
export async function indexOf(id) {
  return (await json(`/api/items/${id}/position?listing=${grid.listing}`)).index ?? -1;
}

// Draws an item again that has changed.
export function refresh(index, focus) {
  if (index >= 0) {
    grid.pages.delete(Math.floor(index / PAGE));
    removeTile(index);
  }
  drawGrid();
  if (focus && index >= 0) focusTile(index);
}

function layout() {
  const room = $("grid").clientWidth, across = Math.max(2, Math.ceil(room / (WIDEST + GAP)));
  const rows = Math.ceil(grid.total / across), full = rows * (HEIGHT + GAP), shown = Math.min(full, TALLEST);
  // Where there are more rows than can be scrolled over, each pixel of scrolling moves by more than one.
  const view = $("grid").clientHeight, factor = shown > view ? Math.max(0, full - view) / (shown - view) : 1;
  return { across, width: room / across - GAP, shown, view, factor, top: $("grid").scrollTop * factor };
}

function drawGrid() {
  if ($("grid-view").hidden) return;
  const { across, width, shown, view, top } = layout(), height = HEIGHT + GAP, scrolled = $("grid").scrollTop;
  $("spacer").style.height = `${shown}px`;
  $("count").textContent = grid.total === 1 ? "1 item" : `${grid.total.toLocaleString("en")} items`;
  const first = Math.max(0, Math.floor(top / height) - 1) * across;
  const last = Math.min(grid.total, first + (Math.ceil(view / height) + 3) * across);
  // Tiles that have left are used again for those that come in: making new ones takes longer than a frame.
  const spare = [];
  for (const [index, tile] of [...grid.tiles]) {
    if (index >= first && index < last) continue;
    if (tile === document.activeElement) removeTile(index);
    else { grid.tiles.delete(index); spare.push(tile); }
  }
  for (let index = first; index < last; index += 1) {
    if (!grid.tiles.has(index)) drawTile(spare.pop() || makeTile(), index);
    const { style } = grid.tiles.get(index);
    style.width = `${width}px`;
    style.transform = `translate(${(index % across) * (width + GAP)}px, ${scrolled + Math.floor(index / across) * height - top}px)`;
  }
  for (const tile of spare) tile.remove();
}

function removeTile(index) {
  const tile = grid.tiles.get(index);
  if (!tile) return;
  tile.querySelector("img").removeAttribute("src"); // not loaded any more
  tile.remove();
  grid.tiles.delete(index);
}

function makeTile() {
  const tile = element("button", { type: "button" }, element("img", { alt: "" }), element("span"));
  $("grid").append(tile);
  return tile;
}

function drawTile(tile, index) {
  const [picture, name] = tile.children;
  grid.tiles.set(index, tile);
  tile.dataset.index = index;
  tile.className = "tile";
  delete tile.dataset.picture;
  picture.removeAttribute("src"); // not loaded any more
  name.textContent = tile.title = "";
  tile.removeAttribute("aria-label");
  itemAt(index).then(item => {
    if (item === null || grid.tiles.get(index) !== tile) return;
    const state = [item.status === "failed" && "failed", item.accepted && "accepted", item.redo && "redo"].filter(Boolean);
    name.textContent = item.name;
    tile.title = [item.name, item.error, ...item.warnings].filter(Boolean).join("\n");
    tile.classList.add(...state);
    tile.setAttribute("aria-label", [item.name, item.status, item.accepted && "accepted", item.redo && "to be redone"].filter(Boolean).join(", "));
    tile.dataset.picture = `/api/items/${item.id}/thumbnail?v=${item.version}`;
    if (performance.now() - grid.scrolled >= SETTLED) loadPictures();
  }).catch(show);
}

function settle() {
  loadPictures();
  // The Tab key and screen readers follow the order in the page.
  const tiles = [...grid.tiles].sort(([a], [b]) => a - b).map(([, tile]) => tile);
  const inOrder = tiles.every((tile, n) => n === 0 || tiles[n - 1].compareDocumentPosition(tile) & Node.DOCUMENT_POSITION_FOLLOWING);
  if (!inOrder && !document.activeElement?.closest(".tile")) $("grid").append(...tiles);
}

// Of the tiles that are there once scrolling has settled; those that only pass by cost nothing.
function loadPictures() {
  for (const tile of grid.tiles.values()) {
    if (!tile.dataset.picture) continue;
    tile.firstChild.src = tile.dataset.picture;
    delete tile.dataset.picture;
  }
}

function moveFocus(event) {
  if (!event.target.dataset.index || event.ctrlKey || event.metaKey || event.altKey) return;
  const index = Number(event.target.dataset.index), { across, view } = layout(), rows = Math.max(1, Math.floor(view / (HEIGHT + GAP)));
  const steps = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, PageUp: -rows * across, PageDown: rows * across,
    Home: -index, End: grid.total - 1 - index,
  };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const to = index + steps[event.key];
  if (to >= 0 && to < grid.total) focusTile(to);
}

function focusTile(index) {
  const { across, factor, view, top } = layout(), height = HEIGHT + GAP, row = Math.floor(index / across) * height;
  if (row < top) $("grid").scrollTop = row / factor;
  else if (row + height > top + view) $("grid").scrollTop = (row + height - view) / factor;
  drawGrid();
  grid.tiles.get(index)?.focus({ preventScroll: true });
}
