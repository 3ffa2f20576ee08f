// What does a frame change? A pure fold: state and frame in, state out; what changes nothing changes nothing.
import { reacted, unreacted } from "./reactions.js";
import { FOR_EVER, hasText, showsText } from "./state.js";
/** Whether a frame is the one that comes next. */
export function order(frame, state) {
    if (frame.seq <= state.seq)
        return "repeated";
    return frame.seq === state.seq + 1 ? "next" : "gap";
}
/** The state after a frame of its room. A repeated frame and one behind a gap leave it as it is. */
export function apply(frame, state) {
    if (frame.room !== state.room || order(frame, state) !== "next")
        return state;
    return { ...changed(frame, state), seq: frame.seq };
}
/** The state after a frame of a person: his name, wherever it stands. */
export function applyPerson(frame, state) {
    if (!frame.t.startsWith("user."))
        return state;
    const { user, display_name, kind } = frame.d;
    const member = state.members[user];
    const isNews = (author) => author.id === user && (author.display_name !== display_name || author.kind !== kind);
    const members = member && isNews({ id: user, ...member })
        ? { ...state.members, [user]: { ...member, display_name, kind } }
        : state.members;
    const messages = state.messages.some((message) => isNews(message.author))
        ? state.messages.map((message) => isNews(message.author) ? { ...message, author: { id: user, display_name, kind } } : message)
        : state.messages;
    return members === state.members && messages === state.messages ? state : { ...state, members, messages };
}
function changed(frame, state) {
    switch (frame.t) {
        case "message.posted":
            return posted(frame, frame.d, state);
        case "message.edited":
        case "message.deleted":
        case "message.moderated":
        case "reaction.added":
        case "reaction.removed":
            return ofMessage(frame, frame.d, state);
        case "messages.removed":
            return allRemoved(frame, frame.d, state);
        case "room.created":
        case "room.changed":
        case "room.archived":
        case "room.reopened":
        case "room.owner":
            return ofRoom(frame.d, state);
        default:
            // `noop`, and what a later server tells: it has its number, and changes nothing here.
            return frame.t.startsWith("member.") ? ofMember(frame.t, frame.d, state) : state;
    }
}
function posted(frame, said, state) {
    // Up to `as_of` it is in the window already, or before it; where the window does not reach the end, it is not held.
    if (!state.at_end || frame.seq <= state.as_of)
        return state;
    // The first posting of an id wins.
    if (state.messages.some((message) => message.id === said.id))
        return state;
    const { key: _, ...message } = said;
    const posting = { ...message, seq: frame.seq, as_of: frame.seq, own: [], reactors: {} };
    return { ...state, messages: [...state.messages, posting] };
}
function ofMessage(frame, told, state) {
    return change(state, told.message, (message) => {
        if (frame.seq <= message.as_of)
            return message;
        switch (frame.t) {
            case "message.edited":
                return edited(message, told, state);
            case "message.deleted":
                return become(message, "deleted", state);
            case "message.moderated":
                return become(message, told.status ?? message.status, state);
            case "reaction.added":
                return reacted(message, told, state.me);
            default:
                return unreacted(message, told, state.me);
        }
    });
}
function edited(message, told, state) {
    if (message.status === "deleted")
        return message;
    const { text: _, ...rest } = message;
    const after = { ...rest, edited_at: told.edited_at ?? told.at };
    if (hasText(told))
        return { ...after, text: told.text };
    // Taken back since, and the frame that says so is on its way. Without a status nothing is known of the text but that
    // there is a new one: it is read by REST, by whoever may.
    return told.status ? become(after, told.status, state) : after;
}
function become(message, status, state) {
    // Deletion is final, and the author's alone.
    if (message.status === "deleted" || message.status === status)
        return message;
    const { text, ...rest } = message;
    const after = { ...rest, status };
    const stays = text !== undefined && showsText(status, state.role, message.author.id === state.me);
    return stays ? { ...after, text } : after;
}
function allRemoved(frame, told, state) {
    const status = told.why === "erasure" ? "deleted" : "removed";
    let isChanged = false;
    const messages = state.messages.map((message) => {
        if (message.author.id !== told.user || frame.seq <= message.as_of)
            return message;
        const after = become(message, status, state);
        isChanged ||= after !== message;
        return after;
    });
    return isChanged ? { ...state, messages } : state;
}
function change(state, id, by) {
    const place = state.messages.findLastIndex((message) => message.id === id);
    const before = state.messages[place];
    if (!before)
        return state;
    const after = by(before);
    return after === before ? state : { ...state, messages: state.messages.with(place, after) };
}
function ofRoom(told, state) {
    const { lounge_id, name, topic, language, visibility, guests, active } = told;
    const settings = { lounge_id, name, language, visibility, guests, active };
    return { ...state, settings: topic === undefined ? settings : { ...settings, topic } };
}
function ofMember(t, told, state) {
    const role = told.role ?? null;
    const after = told.user === state.me ? withRole(state, role) : state;
    if (role === null) {
        if (!(told.user in state.members))
            return after;
        const { [told.user]: _, ...members } = state.members;
        return { ...after, members };
    }
    const before = state.members[told.user];
    const member = {
        display_name: told.display_name || before?.display_name || "",
        kind: told.kind ?? before?.kind ?? "registered",
        role,
    };
    const mutedUntil = t === "member.muted" ? (told.until ?? FOR_EVER) : t === "member.unmuted" ? undefined : before?.muted_until;
    if (mutedUntil !== undefined)
        member.muted_until = mutedUntil;
    return { ...after, members: { ...state.members, [told.user]: member } };
}
/** Who is a moderator no more does not keep the texts that only moderators see. */
function withRole(state, role) {
    const messages = state.messages.map((message) => {
        if (message.text === undefined || showsText(message.status, role, message.author.id === state.me))
            return message;
        const { text: _, ...rest } = message;
        return rest;
    });
    return { ...state, role, messages };
}
