// Which name does a command bear, so that its repeat is known for the same? A UUIDv7: the server need not look it up.
/** A UUIDv7 of this moment. */
export function uuidv7(now = Date.now()) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    for (let place = 0; place < 6; place += 1)
        bytes[place] = Math.floor(now / 2 ** (8 * (5 - place))) & 0xff;
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
