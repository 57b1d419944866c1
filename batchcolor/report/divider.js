// The divider between two pictures that lie one over the other. It is moved on the picture itself, or with a slider (0 to 100).

// handle: what is dragged; slider: holds the place and gets an "input" event for each move; box: returns the pictures' rectangle.
export function attachDivider(handle, slider, box) {
  handle.addEventListener("pointerdown", event => {
    if (event.button > 0) return;
    event.preventDefault();
    event.stopPropagation();
    handle.setPointerCapture(event.pointerId);
    const move = at => {
      const { left, width } = box();
      slider.value = Math.min(100, Math.max(0, 100 * (at.clientX - left) / width));
      slider.dispatchEvent(new Event("input"));
    };
    const end = () => {
      for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) {
        handle.removeEventListener(name, listener);
      }
    };
    for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) {
      handle.addEventListener(name, listener);
    }
  });
}
