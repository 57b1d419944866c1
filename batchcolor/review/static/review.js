// The review page: puts the parts together; keys, and runs.

import { drawFrames, goTo, startFilm } from "./film.js";
import { reload, startGrid } from "./grid.js";
import { closeItem, drawMarks, mark, openById, openItem, startItem, step } from "./item.js";
import { $, json, show } from "./page.js";
import { startPicker } from "./picker.js";
import { fit, fitted, startPicture } from "./picture.js";
import { addPoint, drawPoints, editSelected, removePoint, startPoints, undo } from "./points.js";
import { isFilm, view } from "./view.js";

let running = false;

async function showRun() {
  const state = await json("/api/redo"), frames = state.frames ? `, frame ${state.frames[0]}` : "";
  $("run-state").textContent = state.running ? `Redoing ${state.done} of ${state.total}${frames}` : state.error || (state.marked > 0 ? `${state.marked} to be redone` : "");
  $("redo").disabled = state.running || state.marked === 0;
  if (state.running) setTimeout(() => showRun().catch(show), 500);
  else if (running) {
    await reload();
    if (view.item) await openById(view.item.id);
  }
  running = state.running;
}

// Where the picture's middle is on the screen: a place for a point without a mouse.
function middle() {
  const room = $("picture").getBoundingClientRect(), picture = $("after").getBoundingClientRect();
  return [(room.left + room.width / 2 - picture.left) / picture.width, (room.top + room.height / 2 - picture.top) / picture.height];
}

async function pointInMiddle() {
  await fitted();
  await addPoint(middle());
  $("points").querySelector(`[data-point="${view.selected}"]`)?.focus();
}

const actions = {
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), j: () => step(1), k: () => step(-1), a: () => mark("accepted"), r: () => mark("redo"),
  p: pointInMiddle, Escape: closeItem, Delete: () => removePoint(view.selected), Backspace: () => removePoint(view.selected),
};
const typing = /^(text|search|number)$/;

document.addEventListener("keydown", event => {
  const { target } = event;
  if (view.item === null || (target.tagName === "INPUT" && typing.test(target.type)) || /^(SELECT|TEXTAREA|VIDEO)$/.test(target.tagName)) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); undo(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || (target.tagName === "INPUT" && event.key.startsWith("Arrow"))) return;
  if (event.key === " " && target.tagName !== "BUTTON") {
    event.preventDefault();
    if (!event.repeat) { $("divider").value = 100; fit(); }
    return;
  }
  if (event.key in actions) { event.preventDefault(); Promise.resolve(actions[event.key]()).catch(show); }
});
document.addEventListener("keyup", event => {
  if (event.key === " " && view.item && event.target.tagName !== "BUTTON") { $("divider").value = 0; fit(); }
});

startGrid(index => openItem(index).catch(show));
startItem(showRun);
startPicture({ onRedraw: drawPoints, onTap: at => addPoint(at).catch(show) });
startPoints({
  goTo,
  onChange: () => {
    drawMarks();
    if (isFilm()) drawFrames().catch(show);
    showRun().catch(show);
  },
});
startPicker(editSelected);
startFilm();
$("redo").addEventListener("click", () => json("/api/redo", {}).then(showRun).catch(show));
const wanted = new URLSearchParams(location.search).get("item");
reload().then(() => wanted ? openById(wanted) : null).then(showRun).catch(show);
