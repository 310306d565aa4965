/* Sources: presets, comments and configuration; fields, filters and matchers as SQL; rendering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_db.h"
#include "json.h"
#include "no_json_memory.h"
#include "rows.h"
#include "source.h"
#include "sql_text.h"

#define MAP "Map(LowCardinality(String), String)"

static const struct fake_answer tables[] = {
    {"FROM system.tables",
     "[\"app\",\"otel_traces\",\"\",\"app\",100,5000,[\"SpanAttributes\"]]\n"
     "[\"app\",\"hyperdx_sessions\",\"\",\"app\",100,5000]\n"
     "[\"app\",\"otel_json\",\"\",\"app\",0,0]\n"
     "[\"app\",\"product_telemetry_events\",\"not JSON\",\"app\",10,500]\n"
     "[\"app\",\"clicks\",\"\",\"app\",10,500]\n"
     "[\"app\",\"copied\",\"\",\"app\",10,500]\n"
     "[\"app\",\"my.visits\",\"\",\"app\",10,500]\n"
     "[\"demo\",\"otel_traces\",\"{\\\"kind\\\":\\\"clickstack\\\",\\\"description\\\":\\\"A "
     "shop\\\",\\\"cases\\\":{\\\"order\\\":\\\"SpanAttributes['order.id']\\\"}}\",\"app\",7,70]"
     "\n"},
    {"FROM system.columns",
     "[\"app\",\"clicks\",[[\"at\",\"DateTime\"],[\"event\",\"String\"],[\"who\","
     "\"Nullable(UInt64)\"],[\"shop`s \\\\ key\",\"String\"]]]\n"
     "[\"app\",\"copied\",[[\"time\",\"DateTime64(6)\",\"\"],[\"event\",\"String\",\"\"],"
     "[\"actor\",\"String\",\"\"],[\"session\",\"String\",\"\"],[\"actor_number\",\"UInt32\",\"\"],"
     "[\"session_number\",\"UInt64\",\"\"],[\"properties\",\"" MAP "\",\"\"],"
     "[\"properties['plan']\",\"LowCardinality(String)\",\"properties['plan']\"],"
     "[\"n\",\"UInt64\",\"length(properties['plan'])\"],"
     "[\"odd\",\"String\",\"`properties`['o-d']\"],"
     "[\"escaped\",\"String\",\"properties['o\\\\'d']\"],"
     "[\"lower\",\"String\",\"lower(properties['low'])\"],"
     "[\"counts\",\"Map(String, UInt64)\",\"\"],[\"seen\",\"String\",\"counts['seen']\"]]]\n"
     "[\"app\",\"my.visits\",[[\"at\",\"DateTime\"],[\"name\",\"String\"]]]\n"
     "[\"app\",\"odd\",[[\"at\",\"Nullable(DateTime64(3))\"],[\"name\",\"String\"],"
     "[\"a|b[c]\",\"String\"],[\"counts\",\"Map(String, UInt64)\"],[\"notes\","
     "\"Map(LowCardinality(String), Nullable(String))\"],[\"n\",\"UInt8\"]]]\n"
     "[\"app\",\"otel_json\",[[\"Timestamp\",\"DateTime64(9)\"],[\"SpanName\",\"String\"],"
     "[\"ServiceName\",\"String\"],[\"SpanAttributes\",\"JSON\"],[\"ResourceAttributes\","
     "\"JSON(max_dynamic_paths=8)\"]]]\n"
     "[\"app\",\"otel_traces\",[[\"Timestamp\",\"DateTime64(9)\"],[\"SpanName\","
     "\"LowCardinality(String)\"],[\"ServiceName\",\"LowCardinality(String)\"],[\"Duration\","
     "\"UInt64\"],[\"StatusCode\",\"LowCardinality(String)\"],[\"SpanAttributes\",\"" MAP "\"],"
     "[\"ResourceAttributes\",\"" MAP "\"],[\"__hdx_materialized_rum.sessionId\",\"String\","
     "\"ResourceAttributes['rum.sessionId']\"]]]\n"
     "[\"app\",\"product_telemetry_events\",[[\"occurred_at\",\"DateTime64(3)\"],[\"name\","
     "\"String\"],[\"session_id\",\"String\"],[\"anonymous_user_id\",\"String\"],"
     "[\"route_pattern\",\"String\"],[\"payload_json\",\"String\"],[\"source\",\"String\"]]]\n"
     "[\"demo\",\"otel_traces\",[[\"Timestamp\",\"DateTime64(9)\"],[\"SpanName\",\"String\"],"
     "[\"ServiceName\",\"String\"],[\"SpanAttributes\",\"" MAP "\"],[\"ResourceAttributes\",\"" MAP
     "\"]]]\n"},
    {0},
};

struct loaded {
    struct sources *sources;
    struct err err;
};

static void on_loaded(void *user, struct sources *sources, const struct err *err)
{
    struct loaded *out = user;
    out->sources = sources;
    if (err != NULL)
        out->err = *err;
}

static struct loaded load(const char *config_text)
{
    struct loaded out = {0};
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct db *db = fake_db_new(&loop, tables);
    json_t *config = config_text != NULL ? json_loads(config_text, 0, NULL) : NULL;
    assert_int_equal(sources_load(db, config, on_loaded, &out, NULL), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    fake_db_free(db);
    json_decref(config);
    return out;
}

/* The expression of a field with its parameters put in as <value>, to read it in one line; of the
 * rows `within` (struct query). */
static char *field_within(const struct source *s, const char *within, const char *field)
{
    struct query q;
    struct buf out = {0}, text = {0};
    struct err err = {0};
    query_init(&q);
    buf_puts(&q.within, within);
    if (source_text(s, &q, field, &out, &err) < 0)
        buf_printf(&text, "error: %s", err.text);
    for (const char *c = buf_text(&out); *c != '\0'; c++) {
        if (*c != '{') {
            buf_putc(&text, *c);
            continue;
        }
        const char *colon = strchr(c, ':');
        for (size_t i = 0; i < q.param_count; i++)
            if (strlen(q.params[i].name) == (size_t)(colon - c - 1) &&
                strncmp(q.params[i].name, c + 1, (size_t)(colon - c - 1)) == 0)
                buf_printf(&text, "<%s>", q.params[i].value);
        c = strchr(c, '}');
    }
    query_done(&q);
    buf_done(&out);
    return buf_take(&text);
}

static void check_field(const struct source *s, const char *field, const char *expected)
{
    char *sql = field_within(s, "", field);
    assert_string_equal(sql, expected);
    free(sql);
}

static void test_presets(void **state)
{
    struct loaded l = load(NULL);
    assert_int_equal(l.err.code, ERR_OK);
    static const struct {
        const char *name, *kind;
        bool has_replay;
    } expected[] = {{"otel_json", "clickstack", true},
                    {"clickstack", "clickstack", true},
                    {"product_telemetry_events", "telemetry", false},
                    {"copied", "events", false},
                    {"demo", "clickstack", false}};
    const size_t count = sizeof expected / sizeof expected[0];
    assert_int_equal(l.sources->count, count);
    for (size_t i = 0; i < count; i++) {
        const struct source *s = sources_find(l.sources, expected[i].name, NULL);
        assert_non_null(s);
        assert_string_equal(s->kind, expected[i].kind);
        assert_int_equal(s->has_replay, expected[i].has_replay);
    }
    const struct source *demo = sources_find(l.sources, "demo", NULL);
    assert_string_equal(demo->description, "A shop");
    assert_string_equal(demo->cases[0].name, "order");
    assert_true(demo->bytes_per_row == 10);
    sources_free(l.sources);
}

static void test_fields_of_each_kind(void **state)
{
    struct loaded l = load(NULL);
    const struct source *map = sources_find(l.sources, "clickstack", NULL);
    check_field(map, "event", "`SpanName`");
    check_field(map, "session", "`__hdx_materialized_rum.sessionId`");
    check_field(map, "event.plan", "`SpanAttributes`[<plan>]");
    check_field(map, "resource.host", "`ResourceAttributes`[<host>]");
    check_field(map, "plan",
                "if(`SpanAttributes`[<plan>] != '', `SpanAttributes`[<plan>], "
                "`ResourceAttributes`[<plan>])");
    check_field(map, "StatusCode", "`StatusCode`");
    check_field(map, "duration_ms",
                "ifNull(toString((if(isFinite(toFloat64OrNull(ifNull(toString(`Duration`), ''))), "
                "toFloat64OrNull(ifNull(toString(`Duration`), '')), NULL) * "
                "9.9999999999999995e-07)), '')");
    check_field(map, "weekday", "toString(toDayOfWeek(`Timestamp`, 0, 'UTC'))");
    check_field(map, "case",
                "error: source 'clickstack' has no case field; map one in its configuration");
    const struct source *json = sources_find(l.sources, "otel_json", NULL);
    check_field(json, "event.a'b",
                "if(startsWith(CAST(getSubcolumn(`SpanAttributes`, <a'b>), 'String'), '[') AND "
                "startsWith(ifNull(toJSONString(getSubcolumn(`SpanAttributes`, <a'b>)), ''), "
                "'['), ifNull(toJSONString(getSubcolumn(`SpanAttributes`, <a'b>)), ''), "
                "CAST(getSubcolumn(`SpanAttributes`, <a'b>), 'String'))");
    const struct source *text = sources_find(l.sources, "product_telemetry_events", NULL);
    check_field(text, "event.a.b",
                "if(JSONType(`payload_json`, <a>, <b>) = 'String', "
                "JSONExtractString(`payload_json`, <a>, <b>), "
                "replaceRegexpOne(JSONExtractRaw(`payload_json`, <a>, <b>), '^null$', ''))");
    sources_free(l.sources);
}

/* A column made of one key of a Map is read in its place; what only looks like one is not. */
static void test_copies_of_keys(void **state)
{
    struct loaded l = load(NULL);
    const struct source *map = sources_find(l.sources, "clickstack", NULL);
    check_field(map, "resource.rum.sessionId", "`__hdx_materialized_rum.sessionId`");
    check_field(map, "rum.sessionId",
                "if(`SpanAttributes`[<rum.sessionId>] != '', `SpanAttributes`[<rum.sessionId>], "
                "`__hdx_materialized_rum.sessionId`)");
    const struct source *s = sources_find(l.sources, "copied", NULL);
    check_field(s, "event.plan", "`properties['plan']`");
    check_field(s, "plan", "`properties['plan']`");
    check_field(s, "event.o-d", "`odd`");
    check_field(s, "event.o'd", "`properties`[<o'd>]");
    check_field(s, "event.low", "`properties`[<low>]");
    check_field(s, "seen", "`seen`");
    sources_free(l.sources);
}

/* Of several places those are left out that no row has, where an index of the keys tells. */
static void test_places_that_no_row_has(void **state)
{
    struct loaded l = load(NULL);
    const struct source *s = sources_find(l.sources, "clickstack", NULL);
    char *sql = field_within(s, "here WHERE 1 < 2", "plan");
    assert_string_equal(sql, "if(if(<1> = 0, '', `SpanAttributes`[<plan>]) != '', "
                             "if(<1> = 0, '', `SpanAttributes`[<plan>]), "
                             "`ResourceAttributes`[<plan>])");
    free(sql);
    sql = field_within(s, "here WHERE 1 < 2", "event.plan");
    assert_string_equal(sql, "`SpanAttributes`[<plan>]");
    free(sql);
    sources_free(l.sources);
}

static void check_number(const struct source *s, const char *actor, const char *expected)
{
    struct buf out = {0};
    assert_int_equal(source_actor_number(s, actor, NULL, &out), expected != NULL);
    assert_int_equal(source_actor_number(s, actor, NULL, NULL), expected != NULL);
    assert_string_equal(buf_text(&out), expected != NULL ? expected : "");
    buf_done(&out);
}

static void test_numbers_of_actors(void **state)
{
    struct loaded l = load(NULL);
    struct source *s = (struct source *)sources_find(l.sources, "copied", NULL);
    check_number(s, "user", "`actor_number`");
    check_number(s, "session", NULL); /* not a UInt32 */
    check_number(s, "case", NULL);
    check_number(s, "plan", NULL);
    assert_false(source_is_plain_column(s, "actor_number"));
    check_number(sources_find(l.sources, "clickstack", NULL), "user", NULL);
    s->rows = 0; /* a Distributed table: each shard has its own numbers */
    check_number(s, "user", NULL);
    sources_free(l.sources);
}

static void test_values_of_owners_are_joined(void **state)
{
    struct loaded l = load(NULL);
    const struct source *s = sources_find(l.sources, "demo", NULL);
    struct query q;
    struct buf out = {0}, from = {0};
    query_init(&q);
    assert_int_equal(source_text(s, &q, "actor.plan", &out, NULL), 0);
    buf_puts(&out, " ");
    assert_int_equal(source_text(s, &q, "session.plan", &out, NULL), 0);
    buf_puts(&out, " ");
    assert_int_equal(source_text(s, &q, "actor.plan", &out, NULL), 0);
    source_from(s, &q, &from);
    /* The same value is joined once. */
    assert_string_equal(buf_text(&out), "ifNull(_joined_1, '') ifNull(_joined_2, '') "
                                        "ifNull(_joined_1, '')");
    assert_non_null(strstr(buf_text(&from), "`demo`.`otel_traces` GLOBAL ANY LEFT JOIN (SELECT "));
    assert_non_null(strstr(buf_text(&from), "argMax("));
    assert_non_null(strstr(buf_text(&from), "argMin("));
    /* Events without an owner share no value. */
    assert_non_null(
        strstr(buf_text(&from), " WHERE _key_1 != '' AND _value_1 != '' GROUP BY _key_1)"));
    assert_non_null(
        strstr(buf_text(&from), " WHERE _key_2 != '' AND _value_2 != '' GROUP BY _key_2)"));
    assert_null(strstr(buf_text(&from), "_join_3"));
    buf_done(&out);
    buf_done(&from);
    query_done(&q);
    sources_free(l.sources);
}

/* A subquery joins what its own fragments need, and nothing of the statement around it. */
static void test_joins_of_a_subquery(void **state)
{
    struct loaded l = load(NULL);
    const struct source *s = sources_find(l.sources, "demo", NULL);
    struct query q;
    struct buf out = {0}, inner = {0}, outer = {0};
    query_init(&q);
    assert_int_equal(source_text(s, &q, "session.plan", &out, NULL), 0);
    struct query_scope outside = query_scope_begin(&q);
    assert_int_equal(source_text(s, &q, "session.plan", &out, NULL), 0);
    source_from(s, &q, &inner);
    query_scope_end(&q, outside);
    source_from(s, &q, &outer);
    assert_string_equal(buf_text(&out), "ifNull(_joined_1, '')ifNull(_joined_2, '')");
    assert_null(strstr(buf_text(&inner), "_join_1"));
    assert_non_null(strstr(buf_text(&inner), "_join_2"));
    assert_null(strstr(buf_text(&outer), "_join_2"));
    assert_non_null(strstr(buf_text(&outer), "_join_1"));
    buf_done(&out);
    buf_done(&inner);
    buf_done(&outer);
    query_done(&q);
    sources_free(l.sources);
}

static void test_configuration(void **state)
{
    struct loaded l = load(
        "{\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"at\",\"event\":\"event\","
        "\"actor\":\"who\",\"properties\":[],\"cases\":{\"order\":\"shop`s \\\\ key\"}},"
        "\"demo\":{\"description\":\"Renamed\"}}");
    assert_int_equal(l.err.code, ERR_OK);
    const struct source *shop = sources_find(l.sources, "shop", NULL);
    check_field(shop, "actor", "ifNull(toString(`who`), '')");
    check_field(shop, "order", "`shop\\`s \\\\ key`");
    struct buf time = {0};
    source_time_us(shop, &time);
    assert_string_equal(buf_text(&time), "(toInt64(toUnixTimestamp(`at`)) * 1000000)");
    buf_done(&time);
    assert_string_equal(sources_find(l.sources, "demo", NULL)->description, "Renamed");
    sources_free(l.sources);
}

/* Each entry that names a table is a source of its own, and the table none under its own name. */
static void test_sources_of_one_table(void **state)
{
    struct loaded l =
        load("{\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"at\",\"event\":"
             "\"event\",\"actor\":\"who\"},\"visits\":{\"table\":\"clicks\",\"kind\":\"events\","
             "\"time\":\"at\",\"event\":\"event\"}}");
    assert_int_equal(l.err.code, ERR_OK);
    assert_int_equal(l.sources->problem_count, 0);
    assert_int_equal(sources_find(l.sources, "shop", NULL)->fields[SOURCE_ACTOR].count, 1);
    assert_int_equal(sources_find(l.sources, "visits", NULL)->fields[SOURCE_ACTOR].count, 0);
    assert_string_equal(sources_find(l.sources, "visits", NULL)->table, "clicks");
    assert_null(sources_find(l.sources, "clicks", NULL));
    sources_free(l.sources);
}

/* What is wrong with the source of a name: it is no source then, and the others are there. */
static void check_problem(const char *config, const char *name, const char *field)
{
    struct loaded l = load(config);
    struct err err = {0};
    assert_int_equal(l.err.code, ERR_OK);
    assert_non_null(sources_find(l.sources, "clickstack", NULL));
    assert_int_equal(l.sources->problem_count, 1);
    assert_string_equal(l.sources->problems[0].name, name);
    assert_null(sources_find(l.sources, name, &err));
    assert_string_equal(err.field, field);
    sources_free(l.sources);
}

static void test_configuration_errors(void **state)
{
    static const struct {
        const char *config, *field;
    } cases[] = {
        {"{\"shop\":{\"table\":\"nothing\"}}", "sources.shop.table"},
        {"{\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"event\"}}",
         "sources.shop.time"},
        {"{\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"at\",\"actor\":\"who[\"}}",
         "sources.shop.actor"},
        {"{\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"at\",\"cases\":{\"o\":7}}"
         "}",
         "sources.shop.cases.o"},
        {"{\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"at\",\"actor\":\"nobody\"}"
         "}",
         "sources.shop.actor"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_problem(cases[i].config, "shop", cases[i].field);
    check_problem("{\"demo\":{\"actor\":\"nobody\"}}", "demo", "sources.demo.actor");
}

#define KNOWS(what) "{\"demo\":{" what "}}"

static void test_what_the_team_knows_is_checked(void **state)
{
    static const struct {
        const char *config, *field;
    } cases[] = {
        {KNOWS("\"events\":[]"), "sources.demo.events"},
        {KNOWS("\"events\":{\"a\":{\"synonym\":[\"b\"]}}"), "sources.demo.events.a.synonym"},
        {KNOWS("\"events\":{\"a\":{\"hidden\":\"often\"}}"), "sources.demo.events.a.hidden"},
        {KNOWS("\"events\":{\"a\":{\"synonyms\":[\"b\"]},\"b\":{}}"),
         "sources.demo.events.a.synonyms[0]"},
        {KNOWS("\"events\":{\"a\":{\"synonyms\":[\"x\"]},\"b\":{\"renamed_from\":[\"X\"]}}"),
         "sources.demo.events.b.renamed_from[0]"},
        {KNOWS("\"fields\":{\"a\":{\"renamed_from\":[\"x\"]}}"),
         "sources.demo.fields.a.renamed_from"},
        {KNOWS("\"matchers\":{\"m\":{\"evnt\":\"a\"}}"), "sources.demo.matchers.m.evnt"},
        {KNOWS("\"matchers\":{\"m\":{}}"), "sources.demo.matchers.m"},
        {KNOWS("\"matchers\":{\"m\":{\"where\":[{\"field\":\"x\",\"op\":\"gt\"}]}}"),
         "sources.demo.matchers.m.where[0].value"},
        {KNOWS("\"matchers\":{\"m\":{\"any_of\":[\"a\",{\"event\":\"b\",\"where\":[{\"field\":"
               "\"x\",\"op\":\"gt\"}]}]}}"),
         "sources.demo.matchers.m.any_of[1].where[0].value"},
        {KNOWS("\"segments\":{\"s\":{\"did\":[{\"event\":\"a\",\"min_times\":0}]}}"),
         "sources.demo.segments.s.did[0].min_times"},
        {KNOWS("\"segments\":{\"s\":{\"filters\":[{\"field\":\"\",\"op\":\"exists\"}]}}"),
         "sources.demo.segments.s.filters[0].field"},
        {KNOWS("\"segments\":{\"s\":{}}"), "sources.demo.segments.s"},
        {KNOWS("\"stitch\":true,\"session\":\"SpanName\",\"actor\":\"SpanName\""),
         "sources.demo.stitch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_problem(cases[i].config, "demo", cases[i].field);
}

static void test_what_the_team_knows(void **state)
{
    struct loaded l =
        load(KNOWS("\"events\":{\"paid\":{\"description\":\"Money\",\"synonyms\":[\"Purchase\"],"
                   "\"renamed_from\":[\"pay\",\"buy\"]},\"ping\":{\"hidden\":true}},"
                   "\"matchers\":{\"any\":[\"a\",\"pay\"]}"));
    const struct source *s = sources_find(l.sources, "demo", NULL);
    const struct knowledge *k = &s->knowledge;
    assert_string_equal(knowledge_description(k, KNOWLEDGE_EVENT, "paid"), "Money");
    assert_null(knowledge_description(k, KNOWLEDGE_FIELD, "paid"));
    assert_string_equal(knowledge_meant(k, KNOWLEDGE_EVENT, "PURCHASE"), "paid");
    assert_string_equal(knowledge_meant(k, KNOWLEDGE_EVENT, "buy"), "paid");
    assert_null(knowledge_meant(k, KNOWLEDGE_EVENT, "paid"));
    assert_true(knowledge_is_hidden(k, KNOWLEDGE_EVENT, "ping"));
    json_t *found = knowledge_search(k, KNOWLEDGE_EVENT, "chas");
    assert_int_equal(json_array_size(found), 1);
    json_decref(found);
    check_field(s, "event",
                "transform(toString(`SpanName`), <['pay','buy']>, <['paid','paid']>, "
                "toString(`SpanName`))");
    /* Matchers read the column itself, so that its order in the table serves. */
    struct query q;
    struct buf out = {0};
    query_init(&q);
    assert_int_equal(source_matcher(s, &q, json_object_get(k->matchers, "any"), &out, NULL), 0);
    assert_string_equal(buf_text(&out), "((((`SpanName` = {p1:String})) OR "
                                        "((`SpanName` IN {p2:Array(String)}))))");
    assert_string_equal(q.params[1].value, "['paid','pay','buy']");
    assert_false(q.failed);
    json_set_alloc_funcs(no_json_memory, free);
    assert_int_equal(source_matcher(s, &q, json_object_get(k->matchers, "any"), &out, NULL), 0);
    json_set_alloc_funcs(malloc, free);
    assert_true(q.failed); /* no name would be another question */
    buf_done(&out);
    query_done(&q);
    sources_free(l.sources);
}

static void test_several_problems(void **state)
{
    struct loaded l = load("{\"a\":{\"table\":\"nothing\"},\"b\":{\"table\":\"no.thing\"},"
                           "\"shop\":{\"table\":\"clicks\",\"kind\":\"events\",\"time\":\"at\"}}");
    struct err err = {0};
    assert_int_equal(l.sources->problem_count, 2);
    assert_non_null(sources_find(l.sources, "shop", NULL));
    assert_null(sources_find(l.sources, "b", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.field, "sources.b.table");
    assert_non_null(strstr(err.text, "'no.thing'"));
    assert_null(sources_find(l.sources, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "a (cannot be used)"));
    sources_free(l.sources);
}

/* A problem counts: no other source is taken in its place. */
static void test_a_problem_is_meant_too(void **state)
{
    struct source good = {.name = "good"};
    struct source *items[] = {&good};
    struct source_problem problem = {.name = "bad", .err = {.code = ERR_NOT_FOUND, .field = "x"}};
    struct sources both = {.items = items, .count = 1, .problems = &problem, .problem_count = 1};
    struct err err = {0};
    assert_null(sources_find(&both, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_ptr_equal(sources_find(&both, "good", NULL), &good);
    struct sources alone = {.problems = &problem, .problem_count = 1};
    assert_null(sources_find(&alone, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.field, "x");
    struct source_problem two[] = {problem, problem};
    struct sources bad = {.problems = two, .problem_count = 2};
    assert_null(sources_find(&bad, NULL, &err));
    assert_string_equal(err.field, "x");
    struct sources one = {.items = items, .count = 1};
    assert_ptr_equal(sources_find(&one, NULL, NULL), &good);
}

/* "db.table", as list_sources writes it; a plain table of that name comes first. */
static void test_table_with_its_database(void **state)
{
    struct loaded l =
        load("{\"orders\":{\"table\":\"demo.otel_traces\",\"description\":\"Ours\"},"
             "\"dotted\":{\"table\":\"my.visits\",\"time\":\"at\",\"event\":\"name\"}}");
    assert_int_equal(l.err.code, ERR_OK);
    assert_int_equal(l.sources->problem_count, 0);
    const struct source *orders = sources_find(l.sources, "orders", NULL);
    assert_string_equal(orders->database, "demo");
    assert_string_equal(orders->table, "otel_traces");
    assert_string_equal(orders->description, "Ours");
    assert_null(sources_find(l.sources, "demo", NULL));
    const struct source *dotted = sources_find(l.sources, "dotted", NULL);
    assert_string_equal(dotted->database, "app");
    assert_string_equal(dotted->table, "my.visits");
    sources_free(l.sources);
    /* Where a database is given the dot is part of the name. */
    check_problem("{\"x\":{\"database\":\"app\",\"table\":\"demo.otel_traces\"}}", "x",
                  "sources.x.table");
    json_t *config = json_loads("{\"x\":{\"table\":\"demo.t\"},\"y\":{\"table\":\"t\"},"
                                "\"z\":{\"database\":\"d\",\"table\":\"a.b\"}}",
                                0, NULL);
    json_t *databases = sources_databases(config);
    char *text = json_dumps(databases, JSON_COMPACT);
    assert_string_equal(text, "[\"demo\",\"d\"]");
    free(text);
    json_decref(databases);
    json_decref(config);
}

#define ODD(more) "{\"odd\":{\"table\":\"odd\",\"time\":\"at\",\"event\":\"name\"" more "}}"

static void test_odd_columns(void **state)
{
    struct loaded l = load(
        ODD(",\"url\":\"a|b[c]\",\"status\":\"x|a|b[c]\",\"properties\":[\"counts\",\"notes\"]"));
    assert_int_equal(l.err.code, ERR_OK);
    const struct source *s = sources_find(l.sources, "odd", NULL);
    check_field(s, "url", "`a|b[c]`");
    check_field(s, "status", "`a|b[c]`");
    /* A key that is not there is missing, not 0; the first container is that of the events. */
    check_field(s, "event.k",
                "if(mapContains(`counts`, <k>), ifNull(toString(`counts`[<k>]), ''), '')");
    check_field(s, "session",
                "error: source 'odd' has no field 'session'; map one in its "
                "configuration");
    assert_true(source_is_plain_column(s, "n"));
    assert_false(source_is_plain_column(s, "name") || source_is_plain_column(s, "at") ||
                 source_is_plain_column(s, "counts") || source_is_plain_column(s, "a|b[c]"));
    struct buf out = {0};
    struct query q;
    query_init(&q);
    source_time_us(s, &out);
    assert_string_equal(buf_text(&out), "assumeNotNull(toUnixTimestamp64Micro(`at`))");
    buf_reset(&out);
    source_time_between(s, &q, INT64_MIN, INT64_MAX, &out);
    assert_string_equal(buf_text(&out), "isNotNull(`at`)");
    buf_done(&out);
    query_done(&q);
    sources_free(l.sources);
    l = load(ODD());
    check_field(sources_find(l.sources, "odd", NULL), "event.n", "ifNull(toString(`n`), '')");
    sources_free(l.sources);
}

static void test_odd_containers_are_refused(void **state)
{
    static const struct {
        const char *config, *field;
    } cases[] = {{ODD(",\"properties\":[\"n\"]"), "sources.odd.properties"},
                 {ODD(",\"properties\":[\"nothing\"]"), "sources.odd.properties"},
                 {ODD(",\"time\":\"counts['at']\""), "sources.odd.time"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_problem(cases[i].config, "odd", cases[i].field);
}

static void test_find_says_what_there_is(void **state)
{
    struct loaded l = load(NULL);
    struct err err = {0};
    assert_null(sources_find(l.sources, NULL, &err));
    assert_int_equal(err.code, ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "clickstack, product_telemetry_events"));
    assert_null(sources_find(l.sources, "x", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    sources_free(l.sources);
}

/* --- filters ------------------------------------------------------------------------------- */

static void check_filter(const struct source *s, const char *filter, const char *expected)
{
    struct query q;
    struct buf out = {0};
    struct err err = {0};
    json_t *value = json_loads(filter, 0, NULL);
    query_init(&q);
    int rc = source_filter(s, &q, value, &out, &err);
    if (expected == NULL)
        assert_true(rc < 0 && err.field[0] != '\0');
    else
        assert_string_equal(buf_text(&out), expected);
    query_done(&q);
    buf_done(&out);
    json_decref(value);
}

static void test_filters(void **state)
{
    struct loaded l = load(NULL);
    const struct source *s = sources_find(l.sources, "clickstack", NULL);
#define F(op, rest) "{\"field\":\"event\",\"op\":\"" op "\"" rest "}"
    check_filter(s, F("eq", ",\"value\":\"a\""), "(`SpanName` = {p1:String})");
    check_filter(s, F("eq", ",\"values\":[\"a\",\"b\"]"), "(has({p1:Array(String)}, `SpanName`))");
    check_filter(s, F("not_in", ",\"value\":\"a\""), "(NOT (has({p1:Array(String)}, `SpanName`)))");
    check_filter(s, F("missing", ""), "(NOT (`SpanName` != ''))");
    check_filter(s, F("gt", ",\"value\":\"5\""),
                 "((`SpanName` != '' AND ifNull(if(isFinite(toFloat64OrNull(`SpanName`)), "
                 "toFloat64OrNull(`SpanName`), NULL) > {p1:Float64}, "
                 "`SpanName` > {p2:String})))");
    check_filter(s, F("lte", ",\"value\":\"x\""),
                 "((`SpanName` != '' AND `SpanName` <= {p1:String}))");
    check_filter(s, F("eq", ""), NULL);
    check_filter(s, F("in", ""), NULL);
    check_filter(s, F("like", ",\"value\":\"a\""), NULL);
    check_filter(s, "{\"op\":\"eq\"}", NULL);
    check_filter(s, "{\"field\":\"\",\"op\":\"exists\"}", NULL);
    sources_free(l.sources);
}

static void test_matcher(void **state)
{
    struct loaded l = load(NULL);
    const struct source *s = sources_find(l.sources, "clickstack", NULL);
    struct query q;
    struct buf out = {0};
    json_t *matcher = json_loads(
        "{\"any_of\":[{\"event\":\"a\"},{\"event\":\"b\",\"where\":[{\"field\":\"event.k\","
        "\"op\":\"exists\"}]}],\"where\":[{\"field\":\"service\",\"op\":\"eq\",\"value\":\"web\"}]"
        "}",
        0, NULL);
    query_init(&q);
    assert_int_equal(source_matcher(s, &q, matcher, &out, NULL), 0);
    assert_string_equal(buf_text(&out),
                        "((((`SpanName` = {p1:String})) OR ((`SpanName` = {p2:String}) AND "
                        "(`SpanAttributes`[{p3:String}] != '' AND `SpanAttributes`[{p3:String}] != "
                        "'[]'))) AND (`ServiceName` = {p4:String}))");
    query_done(&q);
    buf_done(&out);
    json_decref(matcher);
    sources_free(l.sources);
}

/* --- query, rows ------------------------------------------------------------------------------ */

static void test_escaping(void **state)
{
    struct buf out = {0};
    sql_escape_scalar(&out, "a'\\\t\n\r\0z", 8);
    assert_string_equal(buf_text(&out), "a'\\\\\\t\\n\\r\\0z");
    buf_reset(&out);
    sql_escape_item(&out, "a'\\\t\n\r\0z", 8);
    assert_string_equal(buf_text(&out), "'a\\'\\\\\\t\\n\\r\\0z'");
    buf_done(&out);
}

static void test_render(void **state)
{
    const struct sql_text text = {"t", "SELECT $what FROM $table LIMIT {limit:UInt64} -- $5",
                                  (const char *const[]){"what", "table", NULL},
                                  (const char *const[]){"limit:UInt64", NULL}};
    static const struct query_fragment both[] = {{"what", "1"}, {"table", "`t`"}, {0}};
    static const struct query_fragment extra[] = {
        {"what", "1"}, {"table", "`t`"}, {"more", "x"}, {0}};
    struct query q;
    struct err err = {0};
    query_init(&q);
    assert_int_equal(query_render(&q, &text, both, &err), -ERR_INTERNAL); /* limit is not bound */
    query_set_integer(&q, "limit", 5);
    assert_int_equal(query_render(&q, &text, extra, &err), -ERR_INTERNAL);
    assert_int_equal(query_render(&q, &text, both + 1, &err), -ERR_INTERNAL);
    assert_int_equal(query_render(&q, &text, both, &err), 0);
    assert_string_equal(buf_text(&q.sql), "SELECT 1 FROM `t` LIMIT {limit:UInt64} -- $5");
    query_done(&q);
}

/* What an engine would cut is refused, in words that help; values that are bound do not count. */
static void test_long_statements_are_refused(void **state)
{
    const struct sql_text text = {.name = "test",
                                  .text = "SELECT $what",
                                  .slots = (const char *const[]){"what", NULL},
                                  .placeholders = (const char *const[]){NULL}};
    struct query q;
    struct buf what = {0};
    struct err err = {0};
    query_init(&q);
    buf_printf(&what, "%*s", QUERY_TEXT_MAX - 7 - 40, "");
    char *value = calloc(1, QUERY_TEXT_MAX + 1);
    assert_non_null(value);
    memset(value, 'x', QUERY_TEXT_MAX);
    query_bind_text(&q, &what, value);
    free(value);
    struct query_fragment fragments[] = {{"what", buf_text(&what)}, {0}};
    assert_int_equal(query_render(&q, &text, fragments, &err), 0);
    buf_printf(&what, "%*s", 40, "");
    fragments[0].text = buf_text(&what);
    assert_int_equal(query_render(&q, &text, fragments, &err), -ERR_LIMIT);
    assert_non_null(strstr(err.text, "256 kB of text"));
    buf_done(&what);
    query_done(&q);
}

/* Every embedded text is a statement with a name, and no slot or placeholder stands unlisted. */
static void test_embedded_texts(void **state)
{
    for (size_t i = 0; sql_texts[i] != NULL; i++) {
        assert_true(strlen(sql_texts[i]->text) > 5);
        assert_null(strstr(sql_texts[i]->text, "\n--"));
        for (const char *const *p = sql_texts[i]->placeholders; *p != NULL; p++)
            assert_non_null(strchr(*p, ':'));
    }
}

static void test_rows_cut_anywhere(void **state)
{
    static const char text[] = "[1,\"a\"]\n\n[2,\"\\u0000é\"]\n[3,[]]";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct rows rows;
        rows_init(&rows, 100, 1000);
        assert_int_equal(rows_feed(&rows, text, cut), 0);
        assert_int_equal(rows_feed(&rows, text + cut, sizeof text - 1 - cut), 0);
        assert_int_equal(rows_end(&rows, NULL), 0);
        assert_int_equal(json_array_size(rows.items), 3);
        rows_done(&rows);
    }
}

static void test_rows_caps(void **state)
{
    struct rows rows;
    rows_init(&rows, 2, 1000);
    assert_true(rows_feed(&rows, "[1]\n[2]\n[3]\n", 12) < 0);
    assert_true(rows.is_truncated && !rows.failed);
    assert_int_equal(json_array_size(rows.items), 2);
    rows_done(&rows);
    rows_init(&rows, 100, 5);
    assert_true(rows_feed(&rows, "[1]\n[2]\n", 8) < 0);
    assert_true(rows.is_truncated);
    rows_done(&rows);
    /* One endless row is a cap as well. */
    static char part[1 << 20];
    memset(part, '7', sizeof part);
    rows_init(&rows, 100, 64 << 20);
    int rc = rows_feed(&rows, "[", 1);
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = rows_feed(&rows, part, sizeof part);
    assert_true(rc < 0 && rows.is_truncated && !rows.failed);
    assert_int_equal(rows_end(&rows, NULL), 0);
    rows_done(&rows);
    rows_init(&rows, 100, 100);
    assert_true(rows_feed(&rows, "{\"a\":1}\n", 8) < 0);
    assert_true(rows.failed);
    assert_int_equal(rows_end(&rows, NULL), -ERR_ENGINE);
    rows_done(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_fields_of_each_kind),
        cmocka_unit_test(test_values_of_owners_are_joined),
        cmocka_unit_test(test_joins_of_a_subquery),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_sources_of_one_table),
        cmocka_unit_test(test_configuration_errors),
        cmocka_unit_test(test_what_the_team_knows_is_checked),
        cmocka_unit_test(test_what_the_team_knows),
        cmocka_unit_test(test_several_problems),
        cmocka_unit_test(test_a_problem_is_meant_too),
        cmocka_unit_test(test_table_with_its_database),
        cmocka_unit_test(test_copies_of_keys),
        cmocka_unit_test(test_places_that_no_row_has),
        cmocka_unit_test(test_numbers_of_actors),
        cmocka_unit_test(test_odd_columns),
        cmocka_unit_test(test_odd_containers_are_refused),
        cmocka_unit_test(test_find_says_what_there_is),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_matcher),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_long_statements_are_refused),
        cmocka_unit_test(test_embedded_texts),
        cmocka_unit_test(test_rows_cut_anywhere),
        cmocka_unit_test(test_rows_caps),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
