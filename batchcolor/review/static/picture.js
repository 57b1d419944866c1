// The picture of the open item: before and after with a divider, zoom, and the preview that answers each change.

import { attachDivider } from "./divider.js";
import { $, request, show, showBlob } from "./page.js";
import { hasChosen, isFilm, view } from "./view.js";

const CLOSEST = 8; // zoom

let redraw = () => {};

export function startPicture({ onRedraw, onTap }) {
  redraw = onRedraw;
  attachDivider($("seam"), $("divider"), () => $("after").getBoundingClientRect());
  $("divider").addEventListener("input", fit);
  $("zoom").addEventListener("input", () => zoomTo(Number($("zoom").value)));
  $("picture").addEventListener("wheel", event => {
    event.preventDefault();
    zoomTo(view.scale * Math.exp(-event.deltaY / 400), event);
  }, { passive: false });
  $("picture").addEventListener("pointerdown", event => press(event, onTap));
  new ResizeObserver(() => { if (view.item) fit(); }).observe($("picture"));
}

export async function loadPicture() {
  const { item, place } = view, at = `at=${place}&v=${item.version}`;
  const before = $("before"), after = $("after");
  // The network looks at the picture while it is on its way, so that the first point is answered as quickly as the next.
  request(`/api/items/${item.id}/prepare`, { place }).catch(() => null);
  before.src = `/api/items/${item.id}/picture?of=source&${at}`;
  const shown = hasChosen() ? preview() : loadResult(`/api/items/${item.id}/picture?${at}`);
  await Promise.race([before.decode().catch(() => null), new Promise(done => setTimeout(done, 15000))]);
  if (view.item !== item || view.place !== place) return;
  view.size = { width: before.naturalWidth || 1, height: before.naturalHeight || 1 };
  fit();
  await shown.catch(show);
  after.alt = isFilm() ? "Result, with the points that come to this frame" : "Result";
}

async function loadResult(address) {
  view.preview += 1;
  $("after").src = address;
  await $("after").decode().catch(() => null);
}

// Shows the picture with the points as they are now, or as they will be.
export async function preview(points = view.points) {
  const number = view.preview += 1, { item, place } = view;
  const response = await request(`/api/items/${item.id}/preview`, { points, place });
  if (number !== view.preview || view.item !== item || view.place !== place) return;
  await showBlob($("after"), response);
}

let resolveFitted = () => {}, whenFitted = Promise.resolve();

// When the picture of the open item has its place: before, there is nothing to set a point on.
export const fitted = () => whenFitted;

export function fit() {
  const busy = view.size.width === 0;
  if (busy !== ($("picture").getAttribute("aria-busy") === "true")) {
    $("picture").setAttribute("aria-busy", String(busy));
    if (busy) whenFitted = new Promise(resolve => { resolveFitted = resolve; });
    else resolveFitted();
  }
  if (busy) return;
  const room = $("picture").getBoundingClientRect();
  const scale = view.scale * (Math.min(room.width / view.size.width, room.height / view.size.height) || 1);
  const width = view.size.width * scale, height = view.size.height * scale;
  view.left = clamp(view.left, room.width, width);
  view.top = clamp(view.top, room.height, height);
  for (const picture of [$("before"), $("after")]) {
    Object.assign(picture.style, { left: `${view.left}px`, top: `${view.top}px`, width: `${width}px`, height: `${height}px` });
  }
  const share = Number($("divider").value) / 100;
  $("before").style.setProperty("--cut", `${width * share}px`);
  $("seam").style.left = `${Math.min(room.width - 3, Math.max(3, view.left + width * share))}px`;
  $("picture").classList.toggle("zoomed", view.scale > 1);
  redraw();
}

const clamp = (offset, room, size) => size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset));

// What lies under `center` stays there; without it, the middle.
function zoomTo(scale, center) {
  const room = $("picture").getBoundingClientRect();
  const x = (center?.clientX ?? room.left + room.width / 2) - room.left, y = (center?.clientY ?? room.top + room.height / 2) - room.top;
  const wanted = Math.min(CLOSEST, Math.max(1, scale)), factor = wanted / view.scale;
  view.left = x - (x - view.left) * factor;
  view.top = y - (y - view.top) * factor;
  view.scale = wanted;
  $("zoom").value = wanted;
  fit();
}

export function toShare(event) {
  const box = $("after").getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

// One finger or the mouse: a tap, or a move of the enlarged picture. Two fingers: zoom.
const fingers = new Map();
let gesture = null;

function press(event, onTap) {
  if (event.target.closest(".point, #seam") || event.button > 0) return;
  $("picture").setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, event);
  if (fingers.size === 1) {
    gesture = { moved: false, from: event, left: view.left, top: view.top };
    for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) $("picture").addEventListener(name, listener);
  } else {
    gesture.moved = true;
    gesture.apart = apart();
    gesture.scale = view.scale;
  }

  function move(at) {
    if (!fingers.has(at.pointerId)) return;
    fingers.set(at.pointerId, at);
    const { from } = gesture;
    if (fingers.size > 1) { zoomTo(gesture.scale * apart() / Math.max(1, gesture.apart), middle()); return; }
    if (Math.hypot(at.clientX - from.clientX, at.clientY - from.clientY) > 6) gesture.moved = true;
    if (gesture.moved && view.scale > 1 && gesture.apart === undefined) {
      view.left = gesture.left + at.clientX - from.clientX;
      view.top = gesture.top + at.clientY - from.clientY;
      fit();
    }
  }

  function end(at) {
    if (!fingers.delete(at.pointerId) || fingers.size > 0) return;
    for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) $("picture").removeEventListener(name, listener);
    const share = toShare(at);
    if (view.size.width === 0) return;
    if (at.type === "pointerup" && !gesture.moved && share.every(value => value >= 0 && value <= 1)) onTap(share);
  }
}

function apart() {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}

function middle() {
  const [a, b] = [...fingers.values()];
  return { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
}
