"""What else happens in rooms, beside what is said: edits, deletions, judgements, erasures, and repeats that change nothing.

A file of conversations has postings only. Whoever compares one fold with another wants every kind of fact, also in orders that
hardly ever come: an edit of what is deleted, a restoring after an erasure. The same seed gives the same facts.
"""
import random

# How many of a thousand postings each follows.
OFTEN = {
    "message.edited": 60, "message.deleted": 20, "message.reported": 20, "message.moderated": 40, "reaction.added": 30,
    "reaction.removed": 15, "message.posted": 5, "messages.removed": 2, "user.erased": 1, "user.upgraded": 5, "user.changed": 5,
    "room.changed": 2, "member.muted": 3, "member.banned": 3, "member.kicked": 3, "member.role": 3}


def stirred(events, seed=1):
    chance, said, states = random.Random(seed), {}, {}
    for event in events:
        subject, actor, kind, at, under, body = event
        yield event
        if "after" in body:
            states[subject] = body["after"]
        if kind != "message.posted":
            continue
        said.setdefault(body["room"], []).append(body)
        for kind, often in OFTEN.items():
            if chance.randrange(1000) < often:
                yield from told(kind, chance, chance.choice(said[body["room"]]), subject.removesuffix(".msg"), at, states)


def told(kind, chance, message, place, at, states):
    """What is said about one message, its author or its room."""
    room, author, of = message["room"], message["author"], {"room": message["room"], "message": message["message"]}
    msg, member, user, meta = f"{place}.msg", f"{place}.member.{author}", f"chat.v1.user.{author}", f"{place}.meta"

    def with_state(subject, facts, **changes):
        states[subject] = {name: value for name, value in {**states[subject], **changes}.items() if value is not None}
        return subject, author, kind, at, subject, {**facts, "after": states[subject]}

    if kind == "message.edited":
        yield msg, author, kind, at, member, {**of, "text": f"{message['text']} ({chance.randrange(100)})"}
    elif kind == "message.deleted":
        yield msg, author, kind, at, member, of
    elif kind == "message.reported":
        yield f"{place}.report", author, kind, at, member, {**of, "reason": "rude"}
    elif kind == "message.moderated":
        yield msg, author, kind, at, member, {**of, "status": chance.choice(["hidden", "removed", "visible"])}
    elif kind in ("reaction.added", "reaction.removed"):
        yield msg, author, kind, at, member, {**of, "user": author, "emoji": chance.choice(["👍", "🎉"])}
    elif kind == "message.posted":
        yield msg, author, kind, at, member, {**message, "text": "the same id again"}
    elif kind == "messages.removed":
        yield msg, author, kind, at, member, {"room": room, "user": author, "why": "moderation"}
    elif kind == "user.erased":
        yield msg, author, "messages.removed", at, member, {"room": room, "user": author, "why": "erasure"}
        yield with_state(user, {"user": author}, display_name="", standing="erased")
    elif states[user]["standing"] == "erased" and kind.startswith("user."):
        pass
    elif kind == "user.upgraded":
        yield with_state(user, {"user": author}, kind="registered")
    elif kind == "user.changed":
        name = f"somebody {chance.randrange(1000)}"
        yield with_state(user, {"user": author, "display_name": name}, display_name=name)
    elif kind == "room.changed":
        language = chance.choice(["de", "ja", "tr"])
        yield with_state(meta, {"room": room, "language": language}, language=language)
    elif kind == "member.muted":
        yield with_state(member, {"room": room, "user": author, "reason": "loud"}, muted={"reason": "loud"})
    elif kind == "member.banned":
        yield with_state(member, {"room": room, "user": author}, role=None, joined_at=None, banned={})
    elif kind == "member.kicked":
        yield with_state(member, {"room": room, "user": author}, role=None, joined_at=None)
    elif kind == "member.role" and "role" not in states[member]:
        # Nobody gets a role in a room where he is not.
        pass
    elif kind == "member.role":
        yield with_state(member, {"room": room, "user": author, "role": "moderator"}, role="moderator", joined_at=at)
    else:
        raise ValueError(kind)
