// What does a server say on a socket, and what a client? The frames of `chatroom.v1`.
/** Whether it is a durable frame of a room. */
export function isRoomFrame(frame) {
    return "seq" in frame && typeof frame.seq === "number" && "room" in frame && typeof frame.room === "string";
}
/** Whether it is a durable frame of a person or a lounge. */
export function isPlainFrame(frame) {
    return !isRoomFrame(frame) && "p" in frame && typeof frame.p === "string";
}
