// Which part of a room's messages is held? Pages are joined to it, and what is far from the reader is let go.
import { apply } from "./fold.js";
import { hasText, held } from "./state.js";
/**
 * The state with a page in its window. A page that is older than the state is brought to it by the frames since, of
 * which `recent` holds the last; undefined when it does not reach back so far: then the page has to be read again.
 */
export function joined(page, place, state, recent) {
    const fresh = broughtUp(page, state, recent);
    if (!fresh)
        return undefined;
    const known = new Set(place === "alone" ? [] : state.messages.map((message) => message.id));
    const news = fresh.messages.filter((message) => !known.has(message.id));
    const { has_more_before, has_more_after } = page.page;
    switch (place) {
        case "alone":
            return {
                ...state,
                messages: news,
                as_of: page.head,
                at_start: !has_more_before,
                at_end: !has_more_after,
            };
        case "before":
            return { ...state, messages: [...news, ...state.messages], at_start: !has_more_before };
        case "after":
            return {
                ...state,
                messages: [...state.messages, ...news],
                as_of: has_more_after ? state.as_of : page.head,
                at_end: !has_more_after,
            };
    }
}
function broughtUp(page, state, recent) {
    const window = {
        ...state,
        seq: page.head,
        as_of: page.head,
        at_end: !page.page.has_more_after,
        messages: held(page, page.head),
    };
    if (page.head >= state.seq)
        return window;
    const since = recent.filter((frame) => frame.seq > page.head && frame.seq <= state.seq);
    if (since.length !== state.seq - page.head)
        return undefined;
    return since.reduce((before, frame) => apply(frame, before), window);
}
/** The state with at most so many messages; those at the other end are let go. */
export function trimmed(state, keep, max) {
    if (state.messages.length <= max)
        return state;
    return keep === "oldest"
        ? { ...state, messages: state.messages.slice(0, max), at_end: false }
        : { ...state, messages: state.messages.slice(-max), at_start: false };
}
/** The state with a text that frames did not carry, as it was read by REST. All else about a message is told by frames. */
export function reread(state, { id, text, edited_at }) {
    const place = state.messages.findIndex((one) => one.id === id);
    const before = state.messages[place];
    if (!before || hasText(before) || !hasText({ text }))
        return state;
    const after = { ...before, ...(text !== undefined && { text }), ...(edited_at && { edited_at }) };
    return { ...state, messages: state.messages.with(place, after) };
}
