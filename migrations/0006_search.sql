-- Search over messages: GET /v1/search. What belongs to it besides columns lives in a schema of its own, because a
-- rebuild replaces `rm` whole, and a generated column may not hang on what goes away with it.
create schema text_search;
comment on schema text_search is 'How texts are cut into what is searched: pure functions.';

-- The characters between words, as ranges and not as classes: those follow the locale, and another installation would
-- find other words. Apostrophes are among them, so that `l'acqua` is found by `acqua`.
create function text_search.separators() returns text
language sql immutable parallel safe
return '\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab\u00ac\u00ae-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7'
    || '\u02b0-\u02ff\u055a-\u055f\u0589\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u0970'
    || '\u0e2f\u0e4f\u0e5a\u0e5b\u0f0b-\u0f14\u104a-\u104f\u10fb\u1361-\u1368\u17d4-\u17da\u2000-\u200b\u200e-\u205f\u2e00-\u2e7f'
    || '\u3000-\u3004\u3008-\u3020\u3030\u303d\u30a0\u30fb\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65';
comment on function text_search.separators is 'The characters between words, as the inside of a bracket expression.';

-- Scripts that put no spaces between words (and Korean, which puts its particles behind them without one).
create function text_search.unspaced() returns text
language sql immutable parallel safe
return '\u0e01-\u0e2e\u0e30-\u0e4e\u0e50-\u0e59\u0e80-\u0eff\u1000-\u1049\u1050-\u109f\u1100-\u11ff\u1780-\u17d3\u17db-\u17ff'
    || '\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u303c\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff'
    || '\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff';
comment on function text_search.unspaced is 'The characters of Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese, as the inside of a bracket expression.';

create function text_search.primary_subtag(language text) returns text
language sql immutable strict parallel safe
return split_part(lower(language), '-', 1);
comment on function text_search.primary_subtag is 'Of a BCP 47 tag: zh of zh-Hans.';

create function text_search.stemmer(language text) returns regdictionary
language sql immutable parallel safe
return case text_search.primary_subtag(language)
    when 'ar' then 'pg_catalog.arabic_stem'::regdictionary
    when 'ca' then 'pg_catalog.catalan_stem'::regdictionary
    when 'da' then 'pg_catalog.danish_stem'::regdictionary
    when 'de' then 'pg_catalog.german_stem'::regdictionary
    when 'el' then 'pg_catalog.greek_stem'::regdictionary
    when 'en' then 'pg_catalog.english_stem'::regdictionary
    when 'es' then 'pg_catalog.spanish_stem'::regdictionary
    when 'eu' then 'pg_catalog.basque_stem'::regdictionary
    when 'fi' then 'pg_catalog.finnish_stem'::regdictionary
    when 'fr' then 'pg_catalog.french_stem'::regdictionary
    when 'ga' then 'pg_catalog.irish_stem'::regdictionary
    when 'hi' then 'pg_catalog.hindi_stem'::regdictionary
    when 'hu' then 'pg_catalog.hungarian_stem'::regdictionary
    when 'hy' then 'pg_catalog.armenian_stem'::regdictionary
    when 'id' then 'pg_catalog.indonesian_stem'::regdictionary
    when 'it' then 'pg_catalog.italian_stem'::regdictionary
    when 'lt' then 'pg_catalog.lithuanian_stem'::regdictionary
    when 'nb' then 'pg_catalog.norwegian_stem'::regdictionary
    when 'ne' then 'pg_catalog.nepali_stem'::regdictionary
    when 'nl' then 'pg_catalog.dutch_stem'::regdictionary
    when 'nn' then 'pg_catalog.norwegian_stem'::regdictionary
    when 'no' then 'pg_catalog.norwegian_stem'::regdictionary
    when 'pt' then 'pg_catalog.portuguese_stem'::regdictionary
    when 'ro' then 'pg_catalog.romanian_stem'::regdictionary
    when 'ru' then 'pg_catalog.russian_stem'::regdictionary
    when 'sr' then 'pg_catalog.serbian_stem'::regdictionary
    when 'sv' then 'pg_catalog.swedish_stem'::regdictionary
    when 'ta' then 'pg_catalog.tamil_stem'::regdictionary
    when 'tr' then 'pg_catalog.turkish_stem'::regdictionary
    when 'yi' then 'pg_catalog.yiddish_stem'::regdictionary
end;
comment on function text_search.stemmer is 'The dictionary that strips a language''s endings, by BCP 47; none where Postgres has none.';

-- Cut off where it is long, because a longer one ends the statement ("word is too long"), and with it the projector.
create function text_search.word_chars_max() returns integer
language sql immutable parallel safe
return 64;
comment on function text_search.word_chars_max is 'So many characters of a word are compared; the rest is not looked at.';

-- NFKC makes the widths equal. It may make one character 18, so what it makes is cut as well.
create function text_search.plain(said text) returns text
language plpgsql immutable strict parallel safe
as $$
begin
    if octet_length(said) = length(said) then
        return regexp_replace(lower(said), '[^a-z0-9]+', ' ', 'g');
    end if;
    return left(regexp_replace(
        regexp_replace(lower(normalize(said, nfkc)), '[\u00ad\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]+', '', 'g'),
        '[' || text_search.separators() || ']+', ' ', 'g'), 8000);
end
$$;
comment on function text_search.plain is 'A text in small letters of one width, with spaces between its words and without joiners: what a stemmer reads.';

-- Of Latin, Greek, Cyrillic and Arabic script only: in others a mark is as good as a letter.
create function text_search.bare(plain text) returns text
language plpgsql immutable strict parallel safe
as $$
begin
    if plain !~ '[\u00c0-\u06ff\u1e00-\u1fff]' then
        return plain;
    end if;
    return translate(
        normalize(regexp_replace(normalize(plain, nfd), '[\u0300-\u036f\u0640\u064b-\u065f\u0670]+', '', 'g'), nfc),
        'يىك', 'ییک');
end
$$;
comment on function text_search.bare is 'The same without accents and vowel points, and with one yeh and kaf: what is compared.';

create function text_search.words(plain text) returns text[]
language plpgsql immutable strict parallel safe
as $$
declare
    unspaced constant text := '[' || text_search.unspaced() || ']+';
    words text[];
begin
    if octet_length(plain) > length(plain) then
        plain := regexp_replace(plain, unspaced, ' ', 'g');
    end if;
    words := array_remove(string_to_array(plain, ' '), '');
    if length(plain) > text_search.word_chars_max() then
        return array(select left(word, text_search.word_chars_max()) from unnest(words) word);
    end if;
    return words;
end
$$;
comment on function text_search.words is 'The words of a plain or bare text, without what is written without spaces.';

create function text_search.pairs(bare text) returns text[]
language plpgsql immutable strict parallel safe
as $$
declare
    unspaced constant text := '[' || text_search.unspaced() || ']';
begin
    if octet_length(bare) = length(bare) or bare !~ unspaced then
        return '{}';
    end if;
    return array(
        select this || case when next ~ unspaced then next else '' end
          from (select this, lead(this) over (order by n) as next
                  from unnest(string_to_array(bare, null)) with ordinality as chars (this, n)) as neighbours
         where this ~ unspaced);
end
$$;
comment on function text_search.pairs is 'Each two neighbours in what is written without spaces, and each last one alone: so one character is found as the beginning of a pair.';

create function text_search.stems(plain text, language text) returns text[]
language plpgsql immutable strict parallel safe
as $$
declare
    stemmer constant regdictionary := text_search.stemmer(language);
    word text;
    stem text;
    stems text := '';
begin
    if stemmer is null then
        return '{}';
    end if;
    foreach word in array text_search.words(plain) loop
        -- None for a word that the language has everywhere.
        stem := (ts_lexize(stemmer, word))[1];
        if stem <> '' then
            stems := stems || ' :' || stem;
        end if;
    end loop;
    stems := text_search.bare(stems);
    return array_remove(string_to_array(replace(stems, ':', ':' || text_search.primary_subtag(language) || ':'), ' '), '');
end
$$;
comment on function text_search.stems is 'The stems of a text''s words, each with its language: a word of one is not the stem of another.';

-- The room is a word of the document, so that the index itself leaves out all rooms but the reader's.
create function text_search.room(id uuid) returns text
language sql immutable strict parallel safe
return '@' || id;
comment on function text_search.room is 'What a room''s documents carry; no word begins so.';

create function text_search.document(room_id uuid, language text, said text) returns tsvector
language plpgsql immutable strict parallel safe
as $$
declare
    plain constant text := text_search.plain(said);
    bare constant text := text_search.bare(plain);
begin
    return array_to_tsvector(
        text_search.room(room_id) || text_search.words(bare) || text_search.pairs(bare) || text_search.stems(plain, language));
end
$$;
comment on function text_search.document is 'All that a message is found by: its room, its words, their stems, and the pairs of what is written without spaces.';

-- A query is a pure function of what was typed: the service asks for it before the statement that reads.
create function text_search.runs(bare text) returns text[]
language sql immutable strict parallel safe
return array(select run[1] from regexp_matches(bare, '[' || text_search.unspaced() || ']+', 'g') run);
comment on function text_search.runs is 'What is written without spaces, each piece.';

create function text_search.alternatives(plain text) returns text[]
language sql immutable strict parallel safe
return array(
    select text_search.bare(word) || ' ' || array_to_string(array(
               select distinct stem
                 from unnest(string_to_array(
                          'ar ca da de el en es eu fi fr ga hi hu hy id it lt nb ne nl nn no pt ro ru sr sv ta tr yi', ' ')) code,
                      unnest(text_search.stems(word, code)) stem
                order by stem), ' ')
      from unnest(text_search.words(plain)) with ordinality as words (word, n)
     order by n);
comment on function text_search.alternatives is 'Each word as it is and, after it, its stem in every language that has stems: the words do not say which they are of.';

create function text_search.holds(said text, exact text[]) returns boolean
language plpgsql immutable strict parallel safe
as $$
declare
    bare constant text := ' ' || text_search.bare(text_search.plain(said)) || ' ';
    one text;
begin
    foreach one in array exact loop
        if strpos(bare, one) = 0 then
            return false;
        end if;
    end loop;
    return true;
end
$$;
comment on function text_search.holds is 'Whether each of these stands in the text as it is: pairs and words alone may stand apart.';

create function text_search.pieces(said text, language text) returns table (piece text, bare text, stem text)
language plpgsql immutable strict parallel safe
as $$
declare
    pattern constant text :=
        '[' || text_search.unspaced() || ']+|[' || text_search.separators() || ']+|[^'
        || text_search.unspaced() || text_search.separators() || ']+';
    spaces constant text := '[' || text_search.separators() || ']';
begin
    for piece in select match[1] from regexp_matches(said, pattern, 'g') as matches (match) loop
        bare := '';
        stem := '';
        if left(piece, 1) !~ spaces then
            stem := text_search.plain(piece);
            bare := btrim(text_search.bare(stem));
            stem := coalesce((text_search.stems(stem, language))[1], '');
        end if;
        return next;
    end loop;
end
$$;
comment on function text_search.pieces is 'A text in pieces that make it up again: words and runs, as they are compared, and what is between them. For highlights.';

alter table rm.messages add column language text;
update rm.messages m set language = coalesce((select r.language from rm.rooms r where r.id = m.room_id), 'und');
alter table rm.messages
    alter column language set not null,
    add column search tsvector generated always as (text_search.document(room_id, language, text)) stored;
comment on column rm.messages.language is 'The room''s language, BCP 47, when it was said; und where the room is not known.';
comment on column rm.messages.search is 'What it is found by. Of the row itself, so that an edit keeps it right.';
-- GET /v1/search. What waits to be sorted into it is read by each search, so it is kept short.
create index messages_search on rm.messages using gin (search) with (gin_pending_list_limit = 1024) where status = 'visible';

do $$
declare
    reader text;
begin
    -- The projector's rows and the query service's questions run them.
    foreach reader in array array['chatroom_projector', 'chatroom_query'] loop
        if exists (select from pg_roles where rolname = reader) then
            execute format('grant usage on schema text_search to %I', reader);
        end if;
    end loop;
end
$$;
