#pragma once
/* The owner's side of a shared store: listens beside it and carries out the statements of the other
 * processes of the same user in this process's engine. It does not keep the loop alive. */
#include "db.h"
#include "store_wire.h"

struct store_share;

/* Listens. Others may connect, but hear nothing before store_share_ready(). */
struct store_share *store_share_new(uv_loop_t *loop, const char *dir, const char *holder,
                                    struct db *engine, struct err *ret_err);

/* The engine is open: it is what `info` says. */
void store_share_ready(struct store_share *share, const struct db_info *info);

/* Before a close that nobody hurries: takes no more statements and lets those of the others end
 * that could not be carried out again elsewhere, writes and what has delivered rows. `left` follows
 * when nobody is connected any more, perhaps from inside this call. */
void store_share_leave(struct store_share *share, void (*left)(void *user), void *user);

/* Lets go of the others at once and cancels their statements; before the store's lock is released.
 * `closed` follows when the last statement has ended, and frees `share`. */
void store_share_close(struct store_share *share, void (*closed)(void *user), void *user);
