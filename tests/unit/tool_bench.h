#pragma once
/* A workspace over a scripted database, for tests that run tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_db.h"
#include "run.h"

/* The rows that tell of a source: its table, and its columns. */
#define TABLE(name, rows)                                                                          \
    "[\"sextant\",\"" name "\",\"{\\\"kind\\\":\\\"events\\\"}\",\"sextant\"," rows ",1000]\n"
#define COLUMNS_OF(name)                                                                           \
    "[\"sextant\",\"" name                                                                         \
    "\",[[\"time\",\"DateTime64(6, 'UTC')\"],[\"event\",\"String\"],[\"actor\",\"String\"]]]\n"

struct bench {
    uv_loop_t loop;
    struct db *db;
    struct workspace *workspace;
};

static inline void bench_init(struct bench *b, const struct fake_answer *script)
{
    uv_loop_init(&b->loop);
    b->db = fake_db_new(&b->loop, script);
    b->workspace = workspace_new(&(struct workspace_options){.db = b->db});
}

static inline void bench_done(struct bench *b)
{
    workspace_free(b->workspace);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    fake_db_free(b->db);
}
