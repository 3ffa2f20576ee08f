// What does the page decide by itself? Who is named in a text, and whose ban stands.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mentioned } from "../composer.js";
import { standingBans } from "../moderation.js";

// Red with names in the order of the list (composer.js).
test("of names that begin alike the longest is meant, and of one name everybody who bears it", () => {
  const people = [["1", "Ann"], ["2", "Anna"], ["3", "Ann"], ["4", "Anna Maria"]].map(([id, display_name]) => ({ id, display_name }));
  assert.deepEqual(mentioned("hello @Anna Maria!", people), ["4"]);
  assert.deepEqual(mentioned("@Anna and @Ann", people), ["2", "1", "3"]);
  assert.deepEqual(mentioned("ann@Annika", []), []);
});

test("a ban stands until it is lifted or over; the last word counts", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  const entry = (action, user, until) => ({ action, user, until, at: "2026-01-01T00:00:00Z" });
  const newestFirst = [
    entry("unbanned", "lifted"), entry("banned", "again"), entry("banned", "over", "2026-01-01T12:00:00Z"),
    entry("banned", "stands", "2026-01-03T00:00:00Z"), entry("banned", "for good", "9999-12-31T23:59:59Z"),
    entry("unbanned", "again"), entry("banned", "lifted"), entry("muted", "muted"), entry("banned", "again"),
  ];
  assert.deepEqual(standingBans(newestFirst, now).map(({ user }) => user), ["again", "stands", "for good"]);
});
