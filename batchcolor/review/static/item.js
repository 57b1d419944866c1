// Opening and closing an item, and what a person says of it.

import { goTo, openFilm } from "./film.js";
import { indexOf, itemAt, refresh } from "./grid.js";
import { $, clock, element, json, show } from "./page.js";
import { fillPalette } from "./picker.js";
import { fit, loadPicture } from "./picture.js";
import { changed, drawPoints, select } from "./points.js";
import { isFilm, view } from "./view.js";

let opening = 0, onMarked = async () => {};

export function startItem(marked) {
  onMarked = marked;
  $("back").addEventListener("click", closeItem);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("accept").addEventListener("click", () => mark("accepted").catch(show));
  $("page").addEventListener("change", () => goToPage(Number($("page").value)).catch(show));
  $("later").addEventListener("click", () => mark("redo").catch(show));
}

export async function openItem(index) {
  const number = opening += 1, found = await itemAt(index);
  if (found !== null && number === opening) await open(found.id, index, number);
}

export async function openById(id) {
  const number = opening += 1;
  await open(id, await indexOf(id), number);
}

async function open(id, index, number) {
  await changed();
  const item = await json(`/api/items/${id}`);
  if (number !== opening) return;
  Object.assign(view, {
    index, item, points: item.points, carried: [], selected: -1, past: [], place: 0, scale: 1, left: 0, top: 0, shot: null, size: { width: 0, height: 0 },
  });
  fit(); // hides the pictures until they have their size
  history.replaceState(null, "", `/?item=${id}`);
  $("grid-view").hidden = true;
  $("item-view").hidden = false;
  $("picker").hidden = true;
  $("name").textContent = item.name;
  $("name").title = item.source;
  $("warnings").replaceChildren(...[item.error, ...item.warnings].filter(Boolean).map(text => element("p", { textContent: text })));
  drawPages();
  drawLayers();
  $("zoom").value = 1;
  $("divider").value = 0;
  $("film").hidden = !isFilm();
  $("shots").replaceChildren();
  $("time").max = 1;
  for (const picture of [$("before"), $("after")]) picture.removeAttribute("src");
  show("");
  fillPalette();
  drawMarks();
  drawPoints();
  $("picture").focus({ preventScroll: true });
  await (isFilm() ? openFilm() : loadPicture());
}

// The pages of a photo, to choose from.
function drawPages() {
  const { pages } = view.item;
  $("pages").hidden = pages < 2;
  $("page").replaceChildren(...Array.from({ length: pages < 2 ? 0 : pages }, (_, n) => element("option", { value: n + 1, textContent: `${n + 1} of ${pages}` })));
}

async function goToPage(page) {
  view.place = page;
  $("page").value = page;
  await select(-1);
  drawPoints();
  await loadPicture();
}

// References, masks and shot settings: they come from files, and lead to where they were chosen.
function drawLayers() {
  const { layers } = view.item;
  $("layers").replaceChildren(...layers.map(layer => {
    const timed = (layer.time ?? null) !== null;
    const place = timed ? `at ${clock(layer.time)}` : layer.frame !== null ? `frame ${layer.frame}` : layer.page > 1 ? `page ${layer.page}` : "";
    const what = layer.kind === "shot" ? `Shot, saturation ${layer.saturation}` : `${layer.kind === "mask" ? `Mask, ${layer.colour}` : "Reference"}: ${layer.picture}`;
    const button = element("button", { type: "button", textContent: [what, place, layer.note].filter(Boolean).join(", ") });
    button.addEventListener("click", () => (timed ? goTo(layer.time) : isFilm() ? Promise.resolve() : goToPage(layer.page || 1)).catch(show));
    return element("li", {}, button);
  }));
  $("layers-title").hidden = layers.length === 0;
}

export function closeItem() {
  if (view.item === null) return;
  const { index } = view;
  opening += 1;
  view.item = null;
  $("video").removeAttribute("src");
  history.replaceState(null, "", "/");
  $("item-view").hidden = true;
  $("grid-view").hidden = false;
  refresh(index, true);
  onMarked().catch(show);
}

export const step = by => openItem(view.index + by).catch(show);

export function drawMarks() {
  $("accept").setAttribute("aria-pressed", view.item.accepted);
  $("later").setAttribute("aria-pressed", view.item.redo);
  $("undo").disabled = view.past.length === 0;
}

export async function mark(name) {
  const { item } = view, found = await json(`/api/items/${item.id}/mark`, { [name]: !item[name] });
  Object.assign(item, { accepted: found.accepted, redo: found.redo });
  if (view.item === item) drawMarks();
  await onMarked();
}
