// The picker: names of the palette, what the network thinks likely, a wheel of hue and chroma at the picture's lightness, any colour.

import { $, element, json, show } from "./page.js";
import { cssColour, view } from "./view.js";

const MOST_CHROMA = 90;
const wheel = { a: 0, b: 0 };
let edit = async () => {};

// onEdit: called with the point's changed values.
export function startPicker(onEdit) {
  edit = values => onEdit(values).catch(show);
  $("wheel").addEventListener("pointerdown", event => {
    const box = event.currentTarget.getBoundingClientRect(), half = box.width / 2;
    choose((event.clientX - box.left - half) / half * MOST_CHROMA, (half - (event.clientY - box.top)) / half * MOST_CHROMA);
  });
  $("wheel").addEventListener("keydown", event => {
    const steps = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    choose(wheel.a + steps[event.key][0], wheel.b + steps[event.key][1]);
  });
  $("size").addEventListener("change", () => edit({ size: Number($("size").value) }));
  $("note").addEventListener("change", () => edit({ note: $("note").value }));
  $("any").addEventListener("change", () => edit({ colour: $("any").value }));
}

export function fillPalette() {
  $("palette").replaceChildren(...Object.entries(view.item.palette).map(([name, colour]) => swatch(colour, name)));
}

// Suggestions depend on the place alone; a change of the colour leaves them, and the focus, as they are.
let suggested = "";

export async function fillPicker(number) {
  const point = view.points[number], colour = cssColour(point.colour), { item, place } = view;
  $("size").value = point.size;
  $("note").value = point.note || "";
  $("any").value = colour;
  [wheel.a, wheel.b] = rgbToAb(colour);
  const key = JSON.stringify([item.id, place, point.at]);
  if (key !== suggested) {
    const found = await json(`/api/items/${item.id}/suggestions`, { at: point.at, place });
    if (view.item !== item || view.selected !== number) return;
    suggested = key;
    view.L = found.L;
    drawSuggestions(found.colours);
  }
  drawWheel();
}

// The buttons stay and change their colours: what has the focus keeps it when suggestions for a point that has moved arrive.
function drawSuggestions(colours) {
  const swatches = [...[...new Set(colours)].map(each => [each, ""]), ["gray", "gray"]];
  const buttons = [...$("suggestions").children];
  for (const extra of buttons.slice(swatches.length)) extra.remove();
  for (const [n, [colour, name]] of swatches.entries()) {
    if (n < buttons.length) paint(buttons[n], colour, name);
    else $("suggestions").append(swatch(colour, name));
  }
}

function swatch(colour, name = "") {
  const button = element("button", { type: "button" });
  button.addEventListener("click", () => edit({ colour: button.dataset.colour }));
  paint(button, colour, name);
  return button;
}

function paint(button, colour, name) {
  button.className = name ? "swatch named" : "swatch";
  button.textContent = name;
  button.dataset.colour = name || colour;
  button.style.background = colour === "gray" ? "#808080" : colour;
  button.style.color = luma(colour) > 0.4 ? "#000" : "#fff";
  button.setAttribute("aria-label", name || colour);
}

function choose(a, b) {
  Object.assign(wheel, { a, b });
  edit({ colour: wheelColour(a, b) });
}

function drawWheel() {
  const canvas = $("wheel"), context = canvas.getContext("2d"), size = canvas.width, half = size / 2;
  const pixels = context.createImageData(size, size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const a = (x - half) / half * MOST_CHROMA, b = (half - y) / half * MOST_CHROMA, rgb = labToRgb(view.L, a, b);
      pixels.data.set([...rgb.map(value => Math.round(255 * value)), exists(rgb) ? 255 : 40], 4 * (y * size + x));
    }
  }
  context.putImageData(pixels, 0, 0);
  context.lineWidth = 2;
  for (const [colour, radius] of [["#000", 6], ["#fff", 4]]) {
    context.strokeStyle = colour;
    context.beginPath();
    context.arc(half + wheel.a / MOST_CHROMA * half, half - wheel.b / MOST_CHROMA * half, radius, 0, 7);
    context.stroke();
  }
  canvas.setAttribute("aria-valuetext", `green to red ${Math.round(wheel.a)}, blue to yellow ${Math.round(wheel.b)}`);
}

// Chroma shrinks until the colour exists at the picture's lightness.
function wheelColour(a, b) {
  let factor = 1;
  while (factor > 0 && !exists(labToRgb(view.L, a * factor, b * factor))) factor -= 0.02;
  return `#${labToRgb(view.L, a * factor, b * factor).map(value => Math.round(255 * Math.min(1, Math.max(0, value))).toString(16).padStart(2, "0")).join("")}`;
}

const exists = rgb => rgb.every(value => value >= -0.003 && value <= 1.003);

// CIELAB (D65) and sRGB (IEC 61966-2-1).
function labToRgb(L, a, b) {
  const f = (L + 16) / 116, inverse = t => t > 6 / 29 ? t ** 3 : 3 * (6 / 29) ** 2 * (t - 4 / 29);
  const x = 0.9505 * inverse(f + a / 500), y = inverse(f), z = 1.089 * inverse(f - b / 200);
  const linear = [3.2406 * x - 1.5372 * y - 0.4986 * z, -0.9689 * x + 1.8758 * y + 0.0415 * z, 0.0557 * x - 0.204 * y + 1.057 * z];
  return linear.map(value => value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
}

const linearOf = colour => [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
  .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);

function luma(colour) {
  const [r, g, b] = linearOf(colour === "gray" ? "#808080" : colour);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function rgbToAb(colour) {
  const [r, g, b] = linearOf(colour), f = t => t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505), y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [500 * (x - y), 200 * (y - z)];
}
