"""Folds an NDJSON replay into rooms, members and visible messages, and compares them with the read model.

    chatroom replay --out events && python3 fold.py events "$DATABASE_URL"

Knows nothing of the code that makes the read model: only docs/EVENTS.md.
"""
import json
import sys
from pathlib import Path


class Fold:
    def __init__(self):
        self.people, self.rooms, self.members, self.messages, self.last = {}, {}, {}, {}, 0

    def apply(self, event):
        kind, data = event["type"].removeprefix("chatroom.").rsplit(".v", 1)[0], event.get("data", {})
        self.last = event["seq"]
        if kind.startswith("user."):
            # Whoever is erased has no name: what was said before stays in the log, and here in no answer.
            self.people[data["user"]] = data["after"]["display_name"]
        elif kind.startswith("room."):
            state = data["after"]
            self.rooms[data["room"]] = (state["name"], state["language"], state["active"], tuple(state["owners"]))
        elif kind.startswith("member."):
            self.members[data["room"], data["user"]] = data["after"].get("role")
        elif kind == "message.posted":
            # The first posting of an id wins.
            self.messages.setdefault(data["message"], {**data, "seq": event["roomseq"], "status": "visible", "final": False})
        elif kind == "messages.removed":
            erased = data["why"] == "erasure"
            for message in self.messages.values():
                if message["room"] == data["room"] and message["author"] == data["user"] and not message["final"]:
                    message["status"], message["final"] = "deleted" if erased else "removed", erased
        elif kind.startswith("message.") and kind != "message.reported":
            message = self.messages.get(data["message"])
            if message is None or message["final"] or message["room"] != data["room"]:
                return
            if kind == "message.edited":
                message["text"] = data["text"]
            elif kind == "message.moderated":
                message["status"] = data["status"]
            elif kind == "message.deleted":
                message["status"], message["final"] = "deleted", True


def folded(folder):
    fold = Fold()
    for path in sorted(Path(folder).glob("events-*.ndjson")):
        with path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                fold.apply(json.loads(line))
    return fold


def main(folder, url):
    import psycopg

    fold = folded(folder)
    with psycopg.connect(url) as database:
        rows = lambda query: database.execute(query).fetchall()
        (seq,) = database.execute("select min(seq) from rm.analyst_progress").fetchone()
        assert seq == fold.last, f"the read model is at {seq}, the replay at {fold.last}"
        compare("rooms", fold.rooms, {str(i): (n, l, a, tuple(map(str, o))) for i, n, l, a, o in rows(
            "select id, name, language, active, owners from rm.analyst_rooms")})
        compare("members", {k: r for k, r in fold.members.items() if r}, {(str(r), str(u)): role for r, u, role in rows(
            "select room_id, user_id, role from rm.analyst_members where role is not null")})
        compare("messages' standings", {i: m["status"] for i, m in fold.messages.items()}, {str(i): status for i, status in rows(
            "select id, status from rm.analyst_messages")})
        visible = {i: (m["room"], m["seq"], m["author"], m["text"]) for i, m in fold.messages.items() if m["status"] == "visible"}
        compare("visible messages", visible, {str(i): (str(r), s, str(a), t) for i, r, s, a, t in rows(
            "select id, room_id, room_seq, author_id, text from rm.analyst_messages where text is not null")})
        compare("people", fold.people, {str(i): name for i, name in rows("select id, display_name from rm.analyst_users")})


def compare(what, ours, theirs):
    wrong = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
    assert not wrong, f"{len(wrong)} {what} differ, the first {wrong[0]}: {ours.get(wrong[0])} and {theirs.get(wrong[0])}"
    print(f"{len(ours)} {what}: equal")


if __name__ == "__main__":
    main(*sys.argv[1:])
