/** A UUIDv7 of this moment. */
export declare function uuidv7(now?: number): string;
