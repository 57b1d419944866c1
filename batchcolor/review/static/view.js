// The item that is open, and what is seen of it. place: the page of a photo (0: the first), or the second of a film.

export const view = {
  index: -1, item: null, points: [], carried: [], selected: -1, past: [], place: 0, scale: 1, left: 0, top: 0, L: 50,
  size: { width: 0, height: 0 }, preview: 0, shot: null,
};

// Whether previews may differ from the result of the last run.
export const hasChosen = () => view.points.length > 0 || view.item.layers.length > 0;

export const isFilm = () => view.item?.kind === "film";

// Whether a point was set on the very picture that is seen.
export const isHere = point => isFilm()
  ? (point.time ?? null) !== null && Math.abs(point.time - view.place) < 0.002
  : (point.page || 1) === Math.max(1, view.place);

export const cssColour = colour => colour === "gray" ? "#808080" : view.item.palette[colour] || colour;
