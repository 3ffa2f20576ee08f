"""Writes a file of conversations into the log of a fresh `chatroom dev`, as if each line had been posted when it was said.

    . .dev/env && python3 plant.py conversations.ndjson.gz [--stir]

`chatroom load` plays the same file through the API, which says what the clock says: all of it on one day. Questions about days
and weeks want the days on which it happened. For a log that may be thrown away; people are `person <n>`. With --stir also what
nobody in the file does, in between: see stir.py.
"""
import asyncio
import gzip
import json
import os
import sys
import uuid

from stir import stirred

AT_ONCE = 512
SPACE = uuid.UUID("6f1c1a4e-0d9c-4f1e-9a51-3a1d6d1c5b7e")


def derived(*parts):
    return str(uuid.uuid5(SPACE, "/".join(parts)))


def partition(room):
    value = 0xCBF29CE484222325
    for byte in uuid.UUID(room).bytes:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value % 64:02x}"


def events(lines):
    """Subject, actor, type, time, condition's subject and body of each event, in order."""
    people, rooms, members = {}, set(), set()
    lounge = derived("lounge")
    for number, line in enumerate(lines):
        author, at = derived("person", line["author"]), line["at"][:19] + ".000Z"
        room = line["room"]
        place = f"chat.v1.{partition(room)}.room.{room}"
        if author not in people:
            people[author] = f"person {len(people) + 1}"
            subject, name = f"chat.v1.user.{author}", people[author]
            after = {"display_name": name, "kind": "guest", "standing": "active", "credential": 0, "created_at": at}
            yield subject, author, "user.appeared", at, subject, {
                "user": author, "display_name": name, "kind": "guest", "at": at, "after": after}
        if not rooms:
            subject = f"chat.v1.lounge.{lounge}"
            after = {"name": "Conversations", "owner": author, "active": True, "created_at": at}
            yield subject, author, "lounge.created", at, subject, {
                "lounge": lounge, "name": "Conversations", "owner": author, "at": at, "after": after}
        role = "member"
        if room not in rooms:
            rooms.add(room)
            role, name = "owner", f"{line['language']} {len(rooms)}"
            told = {"lounge": lounge, "name": name, "language": line["language"], "visibility": "public", "guests": True}
            after = {**told, "active": True, "owners": [author], "created_at": at}
            yield f"{place}.meta", author, "room.created", at, f"{place}.meta", {
                "room": room, **told, "owner": author, "at": at, "after": after}
        member = f"{place}.member.{author}"
        if member not in members:
            members.add(member)
            yield member, author, "member.joined", at, member, {
                "room": room, "user": author, "role": role, "at": at, "after": {"role": role, "joined_at": at}}
        yield f"{place}.msg", author, "message.posted", at, member, {
            "room": room, "message": derived("message", str(number)), "author": author, "text": line["text"]}


async def main(path, stir=""):
    import nats

    log = await nats.connect(
        os.environ["NATS_URL"], user=os.environ["NATS_USER"], password=os.environ["NATS_PASSWORD"],
        inbox_prefix=os.environ["NATS_INBOX_PREFIX"].encode())
    stream = log.jetstream(publish_async_max_pending=AT_ONCE, timeout=60)
    info = await stream.stream_info("CHAT")
    assert info.state.messages == 1, "this log is in use: plant into a fresh one"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = sorted(map(json.loads, file), key=lambda line: line["at"])
    last, waiting, posted = {}, [], set()
    facts = stirred(events(lines)) if stir == "--stir" else events(lines)
    for number, (subject, actor, kind, at, under, body) in enumerate(facts, 2):
        event = derived("event", str(number))
        # What a posting creates has its id; a repeat is another event about the same message.
        if kind == "message.posted" and body["message"] not in posted:
            event = body["message"]
            posted.add(event)
        headers = {
            "Nats-Msg-Id": event, "ce-specversion": "1.0", "ce-id": event, "ce-type": f"chatroom.{kind}.v1",
            "ce-source": "urn:chatroom", "ce-subject": subject, "ce-time": at, "ce-datacontenttype": "application/json",
            "ce-dataschema": f"urn:chatroom:schema:{kind}:1", "ce-actortype": "guest", "ce-actorid": actor,
            "ce-correlationid": event, "ce-after": f"{last.get(under, 0)}@{under}"}
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        waiting.append(await stream.publish_async(subject, text.encode(), headers=headers))
        last[subject] = number
        if len(waiting) >= AT_ONCE:
            acks = await asyncio.gather(*waiting)
            assert acks[-1].seq == number, "somebody else writes"
            waiting.clear()
    await asyncio.gather(*waiting)
    await log.close()
    print(f"{number - 1} events")


asyncio.run(main(*sys.argv[1:]))
