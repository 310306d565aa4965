#pragma once
/* What the tests of the embedded engine share: the store that most of them use, and checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "chdb_engine.h"
#include "store.h"

/* One engine serves most tests; those about opening and closing close it first. */
static struct store shared;

static inline struct db *engine(void)
{
    if (shared.db == NULL)
        assert_non_null(store_connect(&shared, "sextant test"));
    return shared.db;
}

static inline void assert_ok(const struct outcome *o)
{
    if (o->err.code != ERR_OK)
        fail_msg("%s (%s)", o->err.text, o->err.raw);
    assert_int_equal(o->done_count, 1);
}

static inline void assert_fails(const struct outcome *o, enum err_code code)
{
    if (o->err.code != code)
        fail_msg("expected %s, got %s: %s (%s)", err_name(code), err_name(o->err.code), o->err.text,
                 o->err.raw);
    assert_int_equal(o->done_count, 1);
}

static inline void assert_reads(struct db *db, const char *sql, const char *expected)
{
    struct outcome o;
    run_read(db, &o, sql);
    assert_ok(&o);
    assert_string_equal(buf_text(&o.rows), expected);
    outcome_free(&o);
}

static inline void assert_read_fails(struct db *db, const char *sql, enum err_code code)
{
    struct outcome o;
    run_read(db, &o, sql);
    assert_fails(&o, code);
    outcome_free(&o);
}

static inline void do_write(struct db *db, const char *sql)
{
    struct outcome o;
    run_write(db, &o, sql);
    assert_ok(&o);
    outcome_free(&o);
}

#define AGGREGATION "SELECT uniqExact(cityHash64(number)) AS aggregation FROM numbers(100000000000)"

static inline void start_aggregation(struct db *db, struct outcome *o)
{
    struct err err;
    struct db_request request = outcome_request(o, AGGREGATION);
    assert_int_equal(db_start(db, &request, &o->query, &err), 0);
}

/* Where the tests cannot run they are skipped; prints why. */
static inline bool is_skipped(void)
{
#ifdef SEXTANT_SANITIZED
    puts("1..0 # SKIP libchdb does not run under sanitizers");
    return true;
#else
    const struct chdb_library *library;
    struct err err = {0};
    if (chdb_library_load(NULL, &library, &err) == 0)
        return false;
    printf("1..0 # SKIP %s\n", err.text);
    return true;
#endif
}

static inline int set_up(void **state)
{
    return store_make(&shared);
}

static inline int tear_down(void **state)
{
    if (shared.db != NULL)
        store_disconnect(&shared);
    store_remove(&shared);
    return 0;
}
