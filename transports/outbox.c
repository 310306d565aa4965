#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
    LINES_AT_ONCE = 32,
    SHARE_BYTES = 4 << 20, /* written in one go before others get their turn */
};

struct outbox_line {
    struct outbox_line *next;
    char *text;
    size_t len; /* with the LF */
};

void outbox_init(struct outbox *outbox, int fd)
{
    *outbox = (struct outbox){.fd = fd};
    outbox->end = &outbox->first;
}

static void drop_first(struct outbox *outbox)
{
    struct outbox_line *line = outbox->first;
    outbox->first = line->next;
    if (outbox->first == NULL)
        outbox->end = &outbox->first;
    free(line->text);
    free(line);
}

void outbox_done(struct outbox *outbox)
{
    while (outbox->first != NULL)
        drop_first(outbox);
    outbox->bytes = 0;
    outbox->written = 0;
}

int outbox_add(struct outbox *outbox, char *text)
{
    size_t len = strlen(text);
    struct outbox_line *line = malloc(sizeof *line);
    char *longer = realloc(text, len + 2);
    if (line == NULL || longer == NULL) {
        free(line);
        free(longer != NULL ? longer : text);
        return -1;
    }
    longer[len] = '\n';
    *line = (struct outbox_line){.text = longer, .len = len + 1};
    *outbox->end = line;
    outbox->end = &line->next;
    outbox->bytes += line->len;
    return 0;
}

static void consume(struct outbox *outbox, size_t n)
{
    outbox->bytes -= n;
    while (n > 0 && outbox->first != NULL) {
        size_t left = outbox->first->len - outbox->written;
        if (n < left) {
            outbox->written += n;
            return;
        }
        n -= left;
        outbox->written = 0;
        drop_first(outbox);
    }
}

int outbox_write(struct outbox *outbox)
{
    for (size_t share = 0; outbox->first != NULL;) {
        struct iovec parts[LINES_AT_ONCE];
        int count = 0;
        size_t skip = outbox->written;
        for (struct outbox_line *line = outbox->first; line != NULL && count < LINES_AT_ONCE;
             line = line->next) {
            parts[count++] = (struct iovec){line->text + skip, line->len - skip};
            skip = 0;
        }
        ssize_t n = writev(outbox->fd, parts, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 1 : -errno;
        consume(outbox, (size_t)n);
        share += (size_t)n;
        if (share >= SHARE_BYTES && outbox->first != NULL)
            return 1;
    }
    return 0;
}
