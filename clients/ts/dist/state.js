// What does a client know of a room? A window of its messages, who is who, and up to which number all of it is so.
/** A mute or ban that nobody has given an end. */
export const FOR_EVER = "9999-12-31T23:59:59Z";
/** Nothing known yet of what came up to this number. */
export function emptyState(room, me, role, seq) {
    const window = { as_of: seq, at_end: false, at_start: false, messages: [] };
    return { room, me, role, seq, ...window, settings: null, members: {} };
}
/** Messages of a page, as they are held. */
export function held(page, head) {
    return page.items.map((message) => ({
        ...message,
        as_of: head,
        own: page.own_reactions?.[message.id] ?? [],
        reactors: {},
    }));
}
/** Whether a viewer of this role is shown the text of a message that has this status. */
export function showsText(status, role, own) {
    const moderates = role === "moderator" || role === "owner";
    switch (status) {
        case "visible":
            return true;
        case "hidden":
            return own || moderates;
        case "removed":
            return moderates;
        case "deleted":
            return false;
    }
}
/** Messages whose text may be seen and has not come: they have to be read by REST. */
export function wanted(state) {
    const lacks = (message) => !hasText(message) && showsText(message.status, state.role, message.author.id === state.me);
    return state.messages.filter(lacks).map((message) => message.id);
}
/** Whether the text is there. */
export function hasText(message) {
    return message.text !== undefined && message.text !== null;
}
