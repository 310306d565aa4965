#pragma once
/* The embedded store of this process: its directory, its lock, the library, the engine's own
 * configuration file. Opened before the first connection, closed after the last one; the lock is
 * released after that. */
#include <stdbool.h>
#include <stdint.h>

#include "chdb_library.h"
#include "db.h"
#include "store_lock.h"

struct chdb_store {
    char *directory; /* NULL = in memory */
    char *library_path;
    char *holder;
    uint64_t memory_bytes; /* of the whole engine */
    bool is_brief;         /* as in chdb_options */

    struct store_lock lock;
    const struct chdb_library *library; /* NULL until opened */
};

/* The part of its memory in which the engine may keep unpacked what it read. */
enum { CHDB_CACHE_SHARE = 3 };

/* How much that is; 0 where nothing is kept: in memory, and where one question is asked. */
uint64_t chdb_store_cache_bytes(const struct chdb_store *store);

/* Fills `store` from what was asked for; touches nothing outside. */
int chdb_store_init(struct chdb_store *store, const struct chdb_options *options,
                    struct err *ret_err);
void chdb_store_done(struct chdb_store *store);

/* Loads the library, takes the lock unless it was given one, writes the configuration. Blocks. The
 * engine keeps one store per process: a second one is refused. A failure leaves the lock as it is
 * by then: the loop releases it. */
int chdb_store_open(struct chdb_store *store, struct err *ret_err);
void chdb_store_close(void);
