// Opening and closing an item, and what a person says of it.

import { openFilm } from "./film.js";
import { indexOf, itemAt, refresh } from "./grid.js";
import { $, element, json, show } from "./page.js";
import { fillPalette } from "./picker.js";
import { loadPicture } from "./picture.js";
import { changed, drawPoints } from "./points.js";
import { isFilm, view } from "./view.js";

let opening = 0, onMarked = async () => {};

export function startItem(marked) {
  onMarked = marked;
  $("back").addEventListener("click", closeItem);
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("accept").addEventListener("click", () => mark("accepted").catch(show));
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
    index, item, points: item.points, carried: [], selected: -1, past: [], place: 0, scale: 1, left: 0, top: 0, shot: null,
  });
  history.replaceState(null, "", `/?item=${id}`);
  $("grid-view").hidden = true;
  $("item-view").hidden = false;
  $("picker").hidden = true;
  $("name").textContent = item.name;
  $("name").title = item.source;
  const others = item.others > 0 ? `References, masks or shot settings in its file: ${item.others}. A redo uses them; this page does not show them.` : "";
  $("warnings").replaceChildren(...[item.error, ...item.warnings, others].filter(Boolean).map(text => element("p", { textContent: text })));
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
