#include "chdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

/* Caches count towards the engine's memory; the defaults add up to 16 GB. No <users>, no listeners:
 * nothing here can be reached from outside the process. */
static const char configuration[] =
    "<clickhouse>\n"
    "  <mark_cache_size>268435456</mark_cache_size>\n"
    "  <primary_index_cache_size>268435456</primary_index_cache_size>\n"
    "  <index_mark_cache_size>67108864</index_mark_cache_size>\n"
    "  <uncompressed_cache_size>%" PRIu64 "</uncompressed_cache_size>\n"
    "%s"
    "</clickhouse>\n";

/* The engine begins to merge parts as soon as a table is open, and throws the work away when it is
 * closed: a call on what was just imported would take nearly twice as long. No part is small enough
 * for such a process. docs/decisions/engine-memory.md */
static const char no_merges[] =
    "  <merge_tree>\n"
    "    <max_bytes_to_merge_at_max_space_in_pool>1</max_bytes_to_merge_at_max_space_in_pool>\n"
    "  </merge_tree>\n";

static atomic_bool is_process_taken;

/* 60 % of what this process may use: RAM, or what its control group allows. */
static uint64_t default_memory(void)
{
    uint64_t total = uv_get_total_memory();
    uint64_t constrained = uv_get_constrained_memory();
    if (constrained != 0 && (total == 0 || constrained < total))
        total = constrained;
    return total / 10 * 6;
}

static char *copy_text(const char *text, bool *is_failed)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        *is_failed = true;
    return copy;
}

int chdb_store_init(struct chdb_store *store, const struct chdb_options *options,
                    struct err *ret_err)
{
    bool is_failed = false;
    *store = (struct chdb_store){
        .directory = copy_text(options->store, &is_failed),
        .library_path = copy_text(options->library, &is_failed),
        .holder = copy_text(options->holder, &is_failed),
        .memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : default_memory(),
        .is_brief = options->is_brief,
        .lock = {.fd = -1},
    };
    if (!is_failed)
        return 0;
    chdb_store_done(store);
    return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

void chdb_store_done(struct chdb_store *store)
{
    store_lock_release(&store->lock);
    free(store->directory);
    free(store->library_path);
    free(store->holder);
    *store = (struct chdb_store){.lock = {.fd = -1}};
}

uint64_t chdb_store_cache_bytes(const struct chdb_store *store)
{
    bool has_cache = store->directory != NULL && !store->is_brief;
    return has_cache ? store->memory_bytes / CHDB_CACHE_SHARE : 0;
}

static int write_configuration(const struct chdb_store *store, struct err *ret_err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/engine.xml", store->directory) >= (int)sizeof(path))
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "the path of the store is too long");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_written = fd >= 0 && dprintf(fd, configuration, chdb_store_cache_bytes(store),
                                         store->is_brief ? no_merges : "") > 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return is_written ? 0
                      : err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot write %s: %s", path,
                                strerror(reason));
}

int chdb_store_open(struct chdb_store *store, struct err *ret_err)
{
    int rc = chdb_library_load(store->library_path, &store->library, ret_err);
    if (rc < 0)
        return rc;
    if (store->directory != NULL && store->lock.fd < 0)
        rc = store_lock_take(&store->lock, store->directory, store->holder, ret_err);
    if (rc == 0 && store->directory != NULL)
        rc = write_configuration(store, ret_err);
    if (rc == 0 && atomic_exchange(&is_process_taken, true))
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "this process has another embedded store open; the engine allows one");
    return rc;
}

void chdb_store_close(void)
{
    atomic_store(&is_process_taken, false);
}
