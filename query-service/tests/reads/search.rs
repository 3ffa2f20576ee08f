//! Is what was said found by its words, in every script, by whoever may read it and by nobody else?

use crate::read_model::{Person, System};
use anyhow::{Context, Result};
use events::Membership;
use serde_json::{Value, json};
use uuid::Uuid;

/// Language, text, what is looked for, and the text again with the hits in brackets; without it, it must not be found.
const CASES: [(&str, &str, &str, Option<&str>); 52] = [
    ("en", "They were running late", "run", Some("They were [running] late")),
    ("en", "They were running late", "late THEY", Some("[They] were running [late]")),
    ("en", "They were running late", "lat", None),
    ("en", "They were running late", "lat*", Some("They were running [late]")),
    ("en", "They were running late", "ate*", None),
    ("en", "They were running late", "running early", None),
    ("en", "to be or not to be", "to be", Some("[to be] or not [to be]")),
    ("en", "to be or not to be", "the", None),
    ("en", "green tea leaves, tea", "\"green tea\"", Some("[green tea] leaves, [tea]")),
    ("en", "green tea leaves, tea", "\"tea green\"", None),
    ("en", "green tea leaves, tea", "\"een tea\"", None),
    ("en", "green tea leaves, tea", "\"green leaf\"", None),
    ("en", "Don''t stop", "don’t", Some("[Don't] stop")),
    ("en", "see node.js, ok.bye", "bye", Some("see node.js, ok.[bye]")),
    ("en", "ＴＥＡ　ｔｉｍｅ", "tea time", Some("[ＴＥＡ]　[ｔｉｍｅ]")),
    ("en", "good 👍 very", "👍", Some("good [👍] very")),
    ("en", "<b>bold</b> & <script>", "bold", Some("<b>[bold]</b> & <script>")),
    // The stem of another language's word is no word of this one.
    ("fr", "on run le test", "running", None),
    ("de", "Viele Häuser am See", "haus", Some("Viele [Häuser] am See")),
    ("de", "Viele Häuser am See", "HAUSER", Some("Viele [Häuser] am See")),
    ("de", "Viele Häuser am See", "häus*", Some("Viele [Häuser] am See")),
    ("es", "¿Cómo estás? ¡Canciones!", "como estas cancion", Some("¿[Cómo estás]? ¡[Canciones]!")),
    ("fr", "L’eau était cafe\u{301}s", "eau café", Some("L’[eau] était [cafe\u{301}s]")),
    ("it", "Com''è l''acqua", "acqua", Some("Com'è l'[acqua]")),
    ("ru", "Расскажи мне анекдоты про ёлки", "анекдот елка", Some("Расскажи мне [анекдоты] про [ёлки]")),
    ("uk", "Що таке комп''ютер?", "комп’ютер", Some("Що таке [комп'ютер]?")),
    ("fa", "می\u{200c}خواهم كتاب", "میخواهم کتاب", Some("[می\u{200c}خواهم] [كتاب]")),
    ("ar", "أَهْلًا وسهلا", "اهلا", Some("[أَهْلًا] وسهلا")),
    ("ur", "ہیلو، کیسا چل رہا ہے؟", "کیسا", Some("ہیلو، [کیسا] چل رہا ہے؟")),
    ("hi", "दुनिया में शांति।", "शांति", Some("दुनिया में [शांति]।")),
    ("bn", "ক্রোধ আর আবেগ এক নয়।", "আবেগ", Some("ক্রোধ আর [আবেগ] এক নয়।")),
    ("te", "ధన్యవాదములు!", "ధన్య*", Some("[ధన్యవాదములు]!")),
    ("tr", "İstanbul''da", "istanbul", Some("[İstanbul]'da")),
    ("zh-Hans", "什么是热力学定律", "定律", Some("什么是热力学[定律]")),
    ("zh-Hans", "什么是热力学定律", "律", Some("什么是热力学定[律]")),
    ("zh-Hans", "什么是热力学定律", "热力学", Some("什么是[热力学]定律")),
    ("zh-Hans", "什么是热力学定律", "律定", None),
    // Red without `text_search.holds`: both pairs are there, and the three characters are not.
    ("zh-Hant", "早上，上好", "早上好", None),
    ("zh-Hant", "早上，上好", "早上 好", Some("[早上]，上[好]")),
    ("zh-Hant", "我的iPhone手機", "iphone 手機", Some("我的[iPhone手機]")),
    ("zh-Hant", "早上好，你好嗎", "\"早上好 你好\"", Some("[早上好]，[你好]嗎")),
    ("zh-Hant", "𠮷野家", "𠮷野", Some("[𠮷野]家")),
    ("ja", "体の調子はどう？", "調子", Some("体の[調子]はどう？")),
    ("ja", "ｶﾀｶﾅで書く", "カタカナ", Some("[ｶﾀｶﾅ]で書く")),
    ("ja", "ガイドブック", "カイ", None),
    ("ko", "학교에서 만나요", "학교", Some("[학교]에서 만나요")),
    ("ko", "학교에서 만나요", "교학", None),
    ("th", "ผมรักเมืองไทย", "รัก", Some("ผม[รัก]เมืองไทย")),
    ("th", "ผมรักเมืองไทย", "ผม", Some("[ผม]รักเมืองไทย")),
    ("lo", "ສະບາຍດີ", "ບາຍ", Some("ສະ[ບາຍ]ດີ")),
    ("km", "សួស្តីអ្នក", "អ្នក", Some("សួស្តី[អ្នក]")),
    ("my", "မင်္ဂလာပါ", "လာ", Some("မင်္ဂ[လာ]ပါ")),
];

/// A path that looks for this.
pub(crate) fn path(q: &str) -> String {
    let encoded: String = q.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/v1/search?q={encoded}")
}

pub(crate) fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().into_iter().flatten();
    items.filter_map(|hit| hit["message"]["id"].as_str()).map(str::to_owned).collect()
}

/// The highlight, with the hits in brackets.
fn shown(hit: &Value) -> String {
    let fragments = hit["highlight"].as_array().into_iter().flatten();
    let text = |fragment: &Value| fragment["text"].as_str().unwrap_or_default().to_owned();
    fragments.map(|f| if f["hit"] == json!(true) { format!("[{}]", text(f)) } else { text(f) }).collect()
}

/// Hits that are parted by nothing but spaces or signs are one to whoever reads the cases.
fn joined(highlight: &str) -> String {
    let mut joined = highlight.to_owned();
    for sign in [" ", "'", "’", ""] {
        joined = joined.replace(&format!("]{sign}["), sign);
    }
    joined
}

async fn room_of(system: &System, owner: &Person, name: &str, visibility: &str) -> Result<Uuid> {
    let lounge = system.lounge(owner, "Tea").await?;
    let room = system.room(lounge, name, visibility).await?;
    system.member(room, owner, Some("owner"), None).await?;
    Ok(room)
}

#[tokio::test]
async fn each_script_is_found_by_its_words_and_shows_where() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let room = room_of(&system, &ada, "All", "private").await?;
    let mut wrong = Vec::new();
    for (seq, (language, text, q, wanted)) in (2..).zip(CASES) {
        let id = system.message(room, seq, &ada, text, "visible").await?;
        system.write(&format!("update rm.messages set language = '{language}' where id = '{id}'")).await?;
        let page = system.reads(&ada, &path(q)).await?;
        let found = page["items"].as_array().into_iter().flatten().find(|hit| hit["message"]["id"] == json!(id));
        let found = found.map(|hit| joined(&shown(hit)));
        if found != wanted.map(joined) {
            wrong.push(format!("{language}: {q} in {text}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    system.stop().await
}

#[tokio::test]
async fn only_rooms_that_one_is_in_now_are_searched() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let open = room_of(&system, &ada, "Open", "public").await?;
    let closed = room_of(&system, &ada, "Closed", "private").await?;
    let left = room_of(&system, &ada, "Left", "private").await?;
    system.member(open, &bob, Some("member"), None).await?;
    system.member(left, &bob, None, Some("now() + interval '1 day'")).await?;
    let said = system.message(open, 2, &ada, "green tea", "visible").await?;
    system.message(closed, 3, &ada, "green tea", "visible").await?;
    system.message(left, 4, &ada, "green tea", "visible").await?;

    assert_eq!(ids(&system.reads(&ada, &path("tea")).await?).len(), 3);
    // Red without `and role is not null`.
    let page = system.reads(&bob, &path("tea")).await?;
    assert_eq!(ids(&page), [said.to_string()]);
    assert_eq!(page["page"], json!({"next": null, "has_more_after": false}));
    assert_eq!(page["items"][0]["room"], json!({"id": open, "name": "Open"}));
    // Not by counting either: one hit and one asked for is the end.
    let one = system.reads(&bob, &format!("{}&limit=1", path("tea"))).await?;
    assert_eq!(one["page"]["has_more_after"], json!(false));

    let within = async |who, room: Uuid| system.get(Some(who), &format!("{}&room={room}", path("tea")), &[]).await;
    assert_eq!(ids(&within(&ada, closed).await?.body).len(), 1);
    for (room, code) in [(closed, "not-found"), (left, "not-found"), (Uuid::now_v7(), "not-found")] {
        assert_eq!(within(&bob, room).await?.code(), code);
    }
    let stranger = system.user("Eve").await?;
    assert_eq!(within(&stranger, open).await?.code(), "forbidden");
    assert_eq!(ids(&system.reads(&stranger, &path("tea")).await?), [""; 0]);

    // The hub has seen a kick that the read model does not know of yet. Red without the overlay in the handler.
    system.hub_sees(9, open, &bob, Membership::default());
    assert_eq!(ids(&system.reads(&bob, &path("tea")).await?), [""; 0]);
    assert_eq!(within(&bob, open).await?.code(), "forbidden");
    assert_eq!(system.get(None, &path("tea"), &[]).await?.code(), "unauthenticated");
    system.stop().await
}

#[tokio::test]
async fn what_is_not_visible_is_not_found_and_an_edit_changes_what_is() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let room = room_of(&system, &ada, "Green", "public").await?;
    let id = system.message(room, 2, &ada, "green tea", "visible").await?;
    let found = async |q: &str| -> Result<usize> { Ok(ids(&system.reads(&ada, &path(q)).await?).len()) };
    assert_eq!((found("tea").await?, found("coffee").await?), (1, 0));
    system.write(&format!("update rm.messages set text = 'black coffee' where id = '{id}'")).await?;
    assert_eq!((found("tea").await?, found("coffee").await?), (0, 1));
    for status in ["hidden", "removed", "deleted"] {
        system.write(&format!("update rm.messages set status = '{status}' where id = '{id}'")).await?;
        assert_eq!(found("coffee").await?, 0, "{status}");
    }
    system.write(&format!("update rm.messages set status = 'visible' where id = '{id}'")).await?;
    assert_eq!(found("coffee").await?, 1);
    // What it is found by goes on when the room's language changes: the exact word always, its forms as they were.
    system.write(&format!("update rm.rooms set language = 'de' where id = '{room}'")).await?;
    assert_eq!((found("coffee").await?, found("coffees").await?), (1, 1));
    system.stop().await
}

#[tokio::test]
async fn hits_come_newest_first_in_pages_that_neither_skip_nor_repeat() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let rooms = [room_of(&system, &ada, "A", "public").await?, room_of(&system, &ada, "B", "public").await?];
    let mut said = Vec::new();
    for seq in 2..60_usize {
        let text = if seq % 4 == 0 { "coffee" } else { "more tea" };
        let id = system.message(rooms[seq % 2], seq as u64, &ada, text, "visible").await?;
        if seq % 4 != 0 {
            said.insert(0, id.to_string());
        }
    }
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = system.reads(&ada, &format!("{}&limit=7{cursor}", path("tea"))).await?;
        found.extend(ids(&page));
        let Some(next) = page["page"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, said);
    let others: Vec<_> = [path("coffee"), format!("{}&room={}", path("tea"), rooms[0])].into();
    for other in others {
        assert_eq!(system.get(Some(&ada), &format!("{other}{cursor}"), &[]).await?.code(), "invalid-request");
    }
    let here = system.reads(&ada, &format!("{}&room={}", path("tea"), rooms[0])).await?;
    assert_eq!(ids(&here).len(), said.len() - 29);
    system.stop().await
}

#[tokio::test]
async fn a_search_that_cannot_be_understood_is_an_invalid_request() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let room = room_of(&system, &ada, "Green", "public").await?;
    system.message(room, 2, &ada, "it''s \\ & | ! ( tea", "visible").await?;
    let long = path(&"x".repeat(201));
    let (blank, signs, short) = (path("  "), path("?! ''"), path("a*"));
    for bad in [
        "/v1/search",
        "/v1/search?q=",
        &long,
        &blank,
        &signs,
        &short,
        "/v1/search?q=a&limit=51",
        "/v1/search?q=a&room=x",
        "/v1/search?q=a&cursor=*",
        "/v1/search?q=a&page=2",
    ] {
        let answer = system.get(Some(&ada), bad, &[]).await?;
        assert_eq!((answer.status, answer.code()), (400, "invalid-request"), "{bad}");
    }
    // Whatever else is typed is looked for.
    for odd in [
        "tea\0",
        "' tea",
        "tea & (",
        "tea:*",
        "!tea",
        "\\tea",
        "\"tea",
        "it's tea",
        "'':en:tea tea",
        &"tea ".repeat(50),
    ] {
        let answer = system.get(Some(&ada), &path(odd), &[]).await?;
        assert_eq!(answer.status, 200, "{odd}: {}", answer.body);
        let meant = !odd.contains(":en:");
        assert_eq!(ids(&answer.body).len(), usize::from(meant), "{odd}");
    }
    system.stop().await
}

#[tokio::test]
async fn a_search_waits_for_its_position_and_says_its_own() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let room = room_of(&system, &ada, "Green", "public").await?;
    system.message(room, 2, &ada, "green tea", "visible").await?;
    let ahead = system.position(5);
    let asked = async |prefer: &str| {
        system.get(Some(&ada), &path("tea"), &[("chat-min-position", ahead.as_str()), ("prefer", prefer)]).await
    };
    assert_eq!(asked("wait=0").await?.code(), "read-model-behind");
    let (waited, told) = tokio::join!(asked("wait=4"), system.reaches(5));
    told?;
    let page = waited?.body;
    assert_eq!((ids(&page).len(), page["position"].as_str().context("a position")?), (1, ahead.as_str()));
    system.stop().await
}

/// What would end the statement would end the projector at the message.
#[tokio::test]
async fn no_text_is_too_much_to_be_found_again() -> Result<()> {
    let system = System::start().await?;
    let ada = system.user("Ada").await?;
    let room = room_of(&system, &ada, "Green", "public").await?;
    let every: String =
        (1..=0x2_ffff).step_by(59).filter_map(char::from_u32).filter(|c| *c != '\'').take(4_000).collect();
    let texts = [
        "x".repeat(4_000),
        "ﷺ".repeat(4_000),
        "㌖".repeat(4_000),
        "\u{301}".repeat(4_000),
        "🧑‍🤝‍🧑".repeat(500),
        "ا\u{64b}".repeat(2_000),
        "각".repeat(4_000),
        "a ".repeat(2_000),
        "\u{200d}".repeat(4_000),
        every,
    ];
    for (seq, text) in (2..).zip(texts) {
        system.message(room, seq, &ada, &format!("{text} tea"), "visible").await?;
        for language in ["en", "zh-Hans", "ar", "xx-Klingon", ""] {
            system.write(&format!("update rm.messages set language = '{language}' where room_seq = {seq}")).await?;
        }
    }
    let found = ids(&system.reads(&ada, &path("tea")).await?).len();
    // Of what makes too many characters when widths are made equal the end is not looked at.
    assert_eq!(found, 8);
    system.stop().await
}
