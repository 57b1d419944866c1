// The points of the open item: drawn on the picture and in a list, set, moved, removed, undone. Changes go to the server one after
// another, and it applies each to the file as it is then: another window's points stay.

import { $, clock, element, json, show } from "./page.js";
import { fillPicker } from "./picker.js";
import { preview, toShare } from "./picture.js";
import { cssColour, isFilm, isHere, view } from "./view.js";

let hooks = { onChange: () => {}, goTo: async () => {} };
export function startPoints(given) {
  hooks = given;
  $("remove").addEventListener("click", () => removePoint(view.selected));
  $("undo").addEventListener("click", undo);
}

let drawn = "";

export function drawPoints() {
  const box = $("points").getBoundingClientRect(), picture = $("after").getBoundingClientRect();
  const state = JSON.stringify([view.item?.id, view.points, view.carried, view.place, view.selected, box, picture]);
  if (state === drawn) return; // what is under the pointer stays
  drawn = state;
  const focused = document.activeElement?.closest(".point")?.dataset.point;
  $("points").replaceChildren(...view.points.flatMap((point, number) => {
    const here = isHere(point), at = here ? point.at : view.carried[number];
    return at ? [drawPoint(point, number, here, [picture.left - box.left + at[0] * picture.width, picture.top - box.top + at[1] * picture.height])] : [];
  }));
  if (focused !== undefined) $("points").querySelector(`[data-point="${focused}"]`)?.focus({ preventScroll: true });
  const listed = [...$("list").children].indexOf(document.activeElement?.closest("#list li"));
  $("list").replaceChildren(...view.points.map((point, number) => {
    const dot = element("i"), timed = (point.time ?? null) !== null;
    dot.style.background = cssColour(point.colour);
    const place = timed ? `at ${clock(point.time)}` : point.frame ? `on frame ${point.frame}` : point.page > 1 ? `on page ${point.page}` : "";
    const button = element("button", { type: "button" }, dot, [point.colour, place, point.note].filter(Boolean).join(", "));
    button.setAttribute("aria-pressed", String(number === view.selected));
    button.addEventListener("click", () => (isFilm() && timed && !isHere(point) ? hooks.goTo(point.time) : Promise.resolve()).then(() => select(number)).catch(show));
    return element("li", {}, button);
  }));
  $("list").children[listed]?.firstChild.focus({ preventScroll: true });
  $("no-points").hidden = view.points.length > 0;
}

function drawPoint(point, number, here, [left, top]) {
  const handle = element("button", { type: "button", className: here ? "point" : "point carried" });
  handle.dataset.point = number;
  Object.assign(handle.style, { background: cssColour(point.colour), left: `${left}px`, top: `${top}px` });
  handle.setAttribute("aria-current", String(number === view.selected));
  if (here) {
    handle.setAttribute("aria-label", `Point ${number + 1}, ${point.colour}. Arrow keys move it, Delete removes it.`);
    handle.addEventListener("pointerdown", event => drag(event, number));
    handle.addEventListener("focus", () => { if (view.selected !== number) select(number).catch(show); });
    handle.addEventListener("keydown", event => nudge(event, number));
  } else {
    handle.setAttribute("aria-label", `Point ${number + 1}, ${point.colour}, set on another frame. Press to go there.`);
    handle.addEventListener("click", () => { if ((point.time ?? null) !== null) hooks.goTo(point.time).then(() => select(number)).catch(show); });
  }
  return handle;
}

export async function select(number) {
  view.selected = number;
  $("picker").hidden = number < 0;
  for (const handle of $("points").children) handle.setAttribute("aria-current", String(Number(handle.dataset.point) === number));
  for (const [n, entry] of [...$("list").children].entries()) entry.firstChild.setAttribute("aria-pressed", String(n === number));
  if (number >= 0) await fillPicker(number);
}

let changes = Promise.resolve();
// When all changes so far have reached the server.
export const changed = () => changes;

// plan: returns the old and the new point (null: none), or nothing where there is nothing to do, from the points that are there by then.
function change(plan, remember = true) {
  const { id } = view.item;
  const done = changes.then(() => applyChange(id, plan, remember));
  changes = done.catch(show);
  return done;
}

async function applyChange(id, plan, remember) {
  if (view.item?.id !== id) return;
  const [older, newer] = plan() ?? [];
  if (!older && !newer) return;
  const planned = view.points.flatMap(point => point === older || (older && same(point, older)) ? (newer ? [newer] : []) : [point]);
  if (newer && !older) planned.push(newer);
  const shown = preview(planned).catch(show); // the picture does not wait for the file
  try {
    const found = await json(`/api/items/${id}/points`, { ...(older && { old: older }), ...(newer && { new: newer }) });
    if (view.item?.id !== id) return;
    if (remember) view.past.push([newer, older]);
    view.points = found.points;
    view.item.redo = true;
    view.selected = newer ? view.points.findLastIndex(point => same(point, newer)) : -1;
    if (!newer) $("picker").hidden = true;
    show("");
  } catch (error) {
    show(error);
    if (view.item?.id !== id) return;
    view.points = (await json(`/api/items/${id}`)).points; // of another window, perhaps
    view.selected = -1;
  }
  drawPoints();
  if (view.selected >= 0) select(view.selected).catch(show);
  const others = view.points.length !== planned.length || !view.points.every((point, n) => same(point, planned[n]));
  if (others) preview().catch(show);
  else await shown;
  hooks.onChange();
}

const KEYS = ["at", "time", "frame", "page"];
const text = (point, key) => JSON.stringify(point[key] ?? (key === "page" ? 1 : null));
const same = (a, b) => KEYS.every(key => text(a, key) === text(b, key));

export async function addPoint(at) {
  const { item, place } = view;
  let colour = "gray";
  try { [colour] = (await json(`/api/items/${item.id}/suggestions`, { at, place })).colours; } catch { /* gray, then */ }
  if (view.item !== item || view.place !== place) return;
  const point = { at, colour, size: 0.02 };
  if (isFilm()) point.time = place;
  else if (place > 1) point.page = place;
  await change(() => [null, point]);
}

export const editSelected = values => editPoint(view.selected, values);
export const removePoint = number => change(() => [view.points[number], null]).catch(show);
const undo = () => change(() => view.past.pop(), false).catch(show);
export { undo };

const editPoint = (number, values) => change(() => {
  const older = view.points[number];
  return older && [older, { ...older, ...(typeof values === "function" ? values(older) : values) }];
});

const inside = at => at.map(value => Math.min(1, Math.max(0, value)));

function drag(event, number) {
  if (event.button > 0) return;
  event.stopPropagation();
  const handle = event.currentTarget, box = $("points").getBoundingClientRect();
  handle.setPointerCapture(event.pointerId);
  let place = null;
  const move = at => {
    if (place === null && Math.hypot(at.clientX - event.clientX, at.clientY - event.clientY) < 4) return;
    place = inside(toShare(at));
    handle.style.left = `${at.clientX - box.left}px`;
    handle.style.top = `${at.clientY - box.top}px`;
  };
  const end = at => {
    for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) handle.removeEventListener(name, listener);
    drawn = ""; // the handle has moved
    if (at.type === "pointercancel") drawPoints();
    else (place ? editPoint(number, { at: place }) : select(number)).catch(show);
  };
  for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) handle.addEventListener(name, listener);
}

function nudge(event, number) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (!(event.key in steps)) return;
  event.preventDefault();
  event.stopPropagation();
  const [x, y] = steps[event.key], step = event.shiftKey ? 0.02 : 0.004;
  editPoint(number, point => ({ at: inside([point.at[0] + x * step, point.at[1] + y * step]) })).catch(show);
}
