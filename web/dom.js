// How is an element made? By a call, never from a string: what people write cannot become markup.

const SVG = "http://www.w3.org/2000/svg";

/** Paths of the icons, on a grid of 24. */
const ICONS = {
  back: "M15 5l-7 7 7 7", close: "M6 6l12 12M18 6L6 18", plus: "M12 5v14M5 12h14",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16.2 16.2L21 21",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-3.600 2.900-6 6.500-6s6.500 2.400 6.500 6M16 4.500a3.300 3.300 0 0 1 0 6.300M18 14.300c2.200.8 3.500 2.900 3.500 5.700",
  send: "M4 12l16-7.500-5.500 16L11.500 14zM11.500 14L20 4.500", reply: "M9 7l-5 5 5 5M4 12h10a6 6 0 0 1 6 6v1",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.500 14.500c1.800 2.300 5.200 2.300 7 0M9 9.500v.5M15 9.500v.5",
  more: "M5 12h.01M12 12h.01M19 12h.01", edit: "M4 20l1-4L16.500 4.500l3 3L8 19z", trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  down: "M12 5v14M6 13l6 6 6-6", out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9", compass: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM15.500 8.500l-2 5-5 2 2-5z",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4", globe: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18", lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
};

/**
 * An element: `h("button.quiet", { onclick }, "Leave")`.
 * @param {string} name @param {Record<string, any>} [given] @param {...any} children
 * @returns {any}
 */
export function h(name, given = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "disabled" || key === "selected") /** @type {any} */ (element)[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An icon, for the eye only. @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon and tells its name. @param {keyof typeof ICONS} name @param {string} label @param {any} given */
export function iconButton(name, label, given = {}) {
  return h("button.icon-button", { type: "button", "aria-label": label, title: label, ...given }, icon(name));
}

/** Somebody's initial in a colour of his own. @param {string} id @param {string} name */
export function avatar(id, name) {
  const hue = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  const initial = [...new Intl.Segmenter().segment(name.trim() || "?")][0]?.segment ?? "?";
  const element = h("span.avatar", { "aria-hidden": "true" }, initial.toLocaleUpperCase());
  element.style.setProperty("--hue", String(hue));
  return element;
}

/** Puts these in place of what is there. @param {Element} element @param {...any} children */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter(Boolean));
}
