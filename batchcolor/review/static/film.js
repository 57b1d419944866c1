// The film that is open: its shots, five frames of one of them with the points as they are now, and the shot in motion.

import { $, clock, element, json, request, show, showBlob } from "./page.js";
import { loadPicture } from "./picture.js";
import { drawPoints, select } from "./points.js";
import { hasChosen, isFilm, view } from "./view.js";

const SHARES = [0.02, 0.25, 0.5, 0.75, 0.98]; // of a shot: where its five frames lie
const FRAME_SIDE = 320; // pixels
let version = 0;

export function startFilm() {
  $("time").addEventListener("change", () => goTo(Number($("time").value)).catch(show));
  $("time").addEventListener("input", () => { $("clock").textContent = clock(Number($("time").value)); });
  $("play").addEventListener("click", play);
}

export async function openFilm() {
  const { item } = view;
  $("video").hidden = true;
  $("video").removeAttribute("src");
  $("frames").replaceChildren();
  $("clock").textContent = clock(0);
  $("time").value = 0;
  const first = await drawShots();
  if (first && view.item === item && view.shot === null) await openShot(first);
}

// Returns the first shot, if it is known. Shots appear as they are found.
async function drawShots() {
  const { item } = view, found = await json(`/api/items/${item.id}/shots`);
  if (view.item !== item) return null;
  if (found.error) show(found.error);
  for (const [number, shot] of found.shots.entries()) {
    if (number < $("shots").children.length) continue;
    const picture = element("img", { alt: "", loading: "lazy", src: `/api/items/${item.id}/thumbnail?at=${(shot.start + shot.end) / 2}&v=${item.version}` });
    const button = element("button", { type: "button" }, picture, element("span", { textContent: `${number + 1}   ${clock(shot.start)}` }));
    button.dataset.start = shot.start;
    button.addEventListener("click", () => openShot(shot).catch(show));
    $("shots").append(button);
  }
  const end = found.shots.at(-1)?.end || 0;
  $("time").max = Math.max(Number($("time").max), end);
  if (!found.ready) setTimeout(() => { if (view.item === item) drawShots().then(first => first && view.shot === null && openShot(first)).catch(show); }, 700);
  $("shots").setAttribute("aria-busy", String(!found.ready));
  return found.shots[0];
}

async function openShot(shot) {
  view.shot = shot;
  $("video").hidden = true;
  for (const button of $("shots").children) button.setAttribute("aria-current", String(Number(button.dataset.start) === shot.start));
  const times = SHARES.map(share => Math.round(1000 * (shot.start + share * (shot.end - shot.start))) / 1000);
  $("frames").replaceChildren(...times.map(time => {
    const picture = element("img", { alt: "", src: `/api/items/${view.item.id}/thumbnail?at=${time}&v=${view.item.version}` });
    const button = element("button", { type: "button" }, picture, element("span", { textContent: clock(time) }));
    button.dataset.time = time;
    button.setAttribute("aria-label", `Frame at ${clock(time)}`);
    button.addEventListener("click", () => goTo(time).catch(show));
    return button;
  }));
  await goTo(times[2]);
  await drawFrames();
}

// The five frames with the points as they are now, where anything differs from the stored result.
export async function drawFrames() {
  drawTimes();
  const number = version += 1, { item } = view;
  if (!isFilm() || !(hasChosen() || item.redo)) return;
  await findCarried();
  for (const button of $("frames").children) {
    if (number !== version || view.item !== item) return;
    button.setAttribute("aria-busy", "true");
    const response = await request(`/api/items/${item.id}/preview`, { points: view.points, place: Number(button.dataset.time), side: FRAME_SIDE });
    if (number !== version || view.item !== item) return;
    await showBlob(button.firstChild, response);
    button.dataset.points = JSON.stringify(view.points.map(point => [point.at, point.colour]));
    button.removeAttribute("aria-busy");
  }
}

// Where points of other frames are on this one.
async function findCarried() {
  const { item, place, points } = view;
  view.carried = [];
  if (isFilm() && points.length > 0) {
    const { places } = await json(`/api/items/${item.id}/carried`, { points, place });
    if (view.item !== item || view.place !== place || view.points !== points) return;
    view.carried = places;
  }
  drawPoints();
}

// The times of points, as marks on the slider.
function drawTimes() {
  $("times").replaceChildren(...view.points.filter(point => (point.time ?? null) !== null).map(point => element("option", { value: point.time })));
}

export async function goTo(time) {
  view.place = Math.round(time * 1000) / 1000;
  view.carried = [];
  $("time").value = view.place;
  $("clock").textContent = clock(view.place);
  for (const button of $("frames").children) button.setAttribute("aria-current", String(Number(button.dataset.time) === view.place));
  await select(-1);
  await Promise.all([loadPicture(), findCarried()]);
}

function play() {
  const video = $("video"), { item, shot } = view;
  if (!shot) return;
  video.hidden = false;
  video.src = `/api/items/${item.id}/clip?start=${shot.start}&end=${shot.end}&v=${item.version}`;
  video.play().catch(error => { if (error.name !== "AbortError") show("This shot cannot be played; open the film itself."); });
}
