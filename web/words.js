// How are times, languages and troubles said?

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const LANGUAGES = new Intl.DisplayNames(undefined, { type: "language" });

/** @param {string} at */
export const time = (at) => TIME.format(new Date(at));
/** @param {string} at */
export const full = (at) => FULL.format(new Date(at));

/** The day of a time where the reader is, as fields take it. @param {Date} at */
export const dayOf = (at) => new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

/** Days by ten minutes of their time: a list asks for the same ones all the time. @type {Map<string, string>} */
const DAYS = new Map();
const DAYS_MAX = 2_000;
let daysOf = "";

/** @param {string} at */
export function day(at) {
  const today = new Date().toDateString();
  if (daysOf !== today || DAYS.size > DAYS_MAX) DAYS.clear();
  daysOf = today;
  const key = at.slice(0, 15);
  const known = DAYS.get(key) ?? dayAnew(at);
  DAYS.set(key, known);
  return known;
}

/** @param {string} at */
function dayAnew(at) {
  const then = new Date(at), now = new Date();
  const days = Math.round((new Date(now.toDateString()).getTime() - new Date(then.toDateString()).getTime()) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (then.getFullYear() === now.getFullYear() ? DAY : DAY_OF_YEAR).format(then);
}

/** A language by its own name. @param {string} tag */
export function language(tag) {
  try {
    const own = new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
    return own.charAt(0).toLocaleUpperCase(tag) + own.slice(1);
  } catch {
    return tag;
  }
}

/** Scripts that run from right to left. */
const RIGHT_TO_LEFT = new Set(["Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg"]);

/** Which way a language is written. @param {string} tag @returns {"rtl" | "ltr"} */
export function direction(tag) {
  try {
    return RIGHT_TO_LEFT.has(new Intl.Locale(tag).maximize().script ?? "") ? "rtl" : "ltr";
  } catch {
    return "ltr";
  }
}

/** A language by the reader's name of it. @param {string} tag */
export function languageHere(tag) {
  try {
    return LANGUAGES.of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** @param {number} count @param {string} one @param {string} many */
export const counted = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** What went wrong, for people. @param {any} why */
export function trouble(why) {
  if (why?.name === "NoAnswer") return "No connection. Try again in a moment.";
  const problem = why?.problem;
  if (!problem) return "That did not work. Try again.";
  const fields = (problem.errors ?? []).map((/** @type {any} */ error) => error.detail).join(" ");
  return fields || problem.detail || problem.title;
}
