#pragma once
/* An embedded store in a temporary directory, with a loop of its own. */
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "engine.h"

enum { STORE_MEMORY_MB = 4000 };

struct store {
    char root[64], path[96];
    uv_loop_t loop;
    struct db *db;
};

static inline int store_make(struct store *s)
{
    *s = (struct store){.db = NULL};
    snprintf(s->root, sizeof(s->root), "/tmp/sextant-chdb-XXXXXX");
    if (mkdtemp(s->root) == NULL)
        return -1;
    snprintf(s->path, sizeof(s->path), "%s/store", s->root);
    return 0;
}

/* With other options than that path, and a loop. */
static inline struct db *store_connect_as(struct store *s, struct chdb_options options)
{
    struct err err = {0};
    options.store = s->path;
    if (uv_loop_init(&s->loop) == 0)
        s->db = chdb_new(&s->loop, &options, &err);
    if (s->db == NULL)
        fprintf(stderr, "%s\n", err.text);
    return s->db;
}

static inline struct db *store_connect(struct store *s, const char *holder)
{
    const struct chdb_options options = {.holder = holder,
                                         .memory_bytes = (uint64_t)STORE_MEMORY_MB << 20};
    return store_connect_as(s, options);
}

static inline void store_on_closed(void *user)
{
    *(bool *)user = true;
}

/* Closes the engine and its loop; the directory stays. Returns what uv_loop_close() says. */
static inline int store_disconnect(struct store *s)
{
    bool is_closed = false;
    s->db->ops->close(s->db, store_on_closed, &is_closed);
    while (!is_closed)
        uv_run(&s->loop, UV_RUN_ONCE);
    s->db = NULL;
    uv_run(&s->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&s->loop);
}

static inline int store_remove_entry(const char *path, const struct stat *st, int type,
                                     struct FTW *ftw)
{
    return remove(path);
}

static inline void store_remove(struct store *s)
{
    nftw(s->root, store_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
