#pragma once
/* Lines waiting to be written to a descriptor that may block: whole, in order, never interleaved.
 */
#include <stddef.h>

struct outbox_line;
struct outbox {
    int fd;
    struct outbox_line *first, **end;
    size_t written; /* of the first line */
    size_t bytes;   /* not yet written */
};

void outbox_init(struct outbox *outbox, int fd);
void outbox_done(struct outbox *outbox);

/* Takes `text` (malloc'ed) and adds the LF. -1 when out of memory. */
int outbox_add(struct outbox *outbox, char *text);

/* Writes what the descriptor takes, up to a fair share: 0 = all is out, 1 = more is waiting,
 * negative = -errno: nobody will read it. */
int outbox_write(struct outbox *outbox);
