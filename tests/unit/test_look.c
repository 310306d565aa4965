/* Looks for changes of the data. */
#include "look.h"
#include "tool_bench.h"

#define SEEN_TABLE(name, identity, rows) "[\"sextant\",\"" name "\",\"" identity "\"," rows "]\n"

struct seen {
    int count;
    bool is_list_changed;
    json_t *sources;
};

static void on_found(void *user, const struct look_result *result)
{
    struct seen *seen = user;
    seen->count++;
    seen->is_list_changed = result->is_list_changed;
    json_decref(seen->sources);
    seen->sources = json_deep_copy(result->sources);
}

static void look(struct bench *b, struct seen *seen)
{
    workspace_look(b->workspace, on_found, seen);
    workspace_look(b->workspace, on_found, seen); /* one at a time */
    uv_run(&b->loop, UV_RUN_DEFAULT);
}

static void assert_seen(struct seen *seen, int count, bool is_list_changed, const char *sources)
{
    assert_int_equal(seen->count, count);
    assert_int_equal(seen->is_list_changed, is_list_changed);
    json_t *expected = json_loads(sources, 0, NULL);
    assert_true(json_equal(seen->sources, expected));
    json_decref(expected);
}

static void test_looks(void **state)
{
    struct fake_answer script[] = {
        {"metadata_modification_time", SEEN_TABLE("shop", "a 1", "10")},
        {"FROM system.tables", TABLE("shop", "10")},
        {"FROM system.columns", COLUMNS_OF("shop")},
        {0},
    };
    struct bench b;
    bench_init(&b, script);
    struct seen seen = {0};
    look(&b, &seen);
    look(&b, &seen);
    assert_int_equal(seen.count, 0); /* the first only remembers; nothing changed since */
    assert_int_equal(fake_db_started(b.db), 4);

    script[0].rows = SEEN_TABLE("shop", "a 1", "11");
    look(&b, &seen);
    assert_seen(&seen, 1, false, "[\"shop\"]");
    assert_int_equal(fake_db_started(b.db), 5); /* new rows are no reason to load the sources */

    script[0].rows = SEEN_TABLE("more", "b 2", "1") SEEN_TABLE("shop", "a 1", "11");
    script[1].rows = TABLE("more", "1") TABLE("shop", "11");
    script[2].rows = COLUMNS_OF("more") COLUMNS_OF("shop");
    look(&b, &seen);
    assert_seen(&seen, 2, true, "[\"more\"]");

    script[0].rows = SEEN_TABLE("more", "b 3", "1") SEEN_TABLE("shop", "a 1", "11");
    look(&b, &seen);
    assert_seen(&seen, 3, false, "[\"more\"]");

    script[0].rows = SEEN_TABLE("shop", "a 1", "11");
    script[1].rows = TABLE("shop", "11");
    script[2].rows = COLUMNS_OF("shop");
    look(&b, &seen);
    assert_seen(&seen, 4, true, "[\"more\"]");

    /* An engine that fails is no change, and what it had said before still counts. */
    script[0].err = ERR_ENGINE;
    look(&b, &seen);
    script[0].err = ERR_OK;
    look(&b, &seen);
    assert_int_equal(seen.count, 4);

    workspace_look_forget(b.workspace);
    script[0].rows = SEEN_TABLE("shop", "a 1", "12");
    look(&b, &seen);
    assert_int_equal(seen.count, 4);
    workspace_look(b.workspace, on_found, &seen); /* on its way when the workspace goes */
    bench_done(&b);
    assert_int_equal(seen.count, 4);
    json_decref(seen.sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looks),
    };
    return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
