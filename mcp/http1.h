#pragma once
/* A strict HTTP/1.1 request parser without I/O: bytes in, one event at a time out. It rejects
 * rather than repairs; after a reject the connection must be answered and closed. It allocates
 * nothing: header text lies in the struct, body bytes are handed through. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A struct http1 must not be moved or copied: its pointers lead into itself. */
enum {
    HTTP1_MAX_HEAD = 16 << 10, /* request line and headers */
    HTTP1_MAX_LINE = 8 << 10,  /* request line */
    HTTP1_MAX_HEADERS = 64,
    HTTP1_MAX_EXTENSIONS = 4 << 10, /* chunk extensions of one body, all together */
};

enum http1_event {
    HTTP1_NEED_MORE, /* all bytes consumed */
    HTTP1_HEAD,      /* request line and headers are complete: look at the struct */
    HTTP1_BODY,      /* a piece of the body: ret_body, ret_body_len */
    HTTP1_END,       /* the request is complete; the next byte starts another */
    HTTP1_REJECT,    /* status and reason say why */
};

struct http1_header {
    const char *name;  /* lower case */
    const char *value; /* trimmed */
};

struct http1 {
    /* filled at HTTP1_HEAD, valid until the first feed after HTTP1_END */
    const char *method, *target;
    int minor_version; /* 0 or 1 */
    struct http1_header headers[HTTP1_MAX_HEADERS];
    size_t header_count;
    bool has_body; /* body bytes may follow: chunked, or a length above 0 */
    bool is_chunked, keep_alive, expects_continue;
    uint64_t content_length; /* when has_body and not is_chunked */
    /* filled at HTTP1_REJECT */
    int status; /* 400, 413, 414, 417, 431, 501, 505 */
    const char *reason;
    /* private */
    uint64_t max_body, body_left, body_seen;
    int state, chunk_digits;
    size_t head_len;
    size_t mark;  /* where the text being read began in head; later, bytes of an extension's part */
    size_t extra; /* bytes of chunk extensions seen */
    unsigned seen; /* which of the headers that may come only once have come */
    bool is_blank_skipped;
    char head[HTTP1_MAX_HEAD + 1];
};

void http1_init(struct http1 *p, uint64_t max_body);

/* Consumes from *bytes, advancing it, until one event. Call again while it is not NEED_MORE. */
enum http1_event http1_feed(struct http1 *p, const char **bytes, size_t *len, const char **ret_body,
                            size_t *ret_body_len);

/* The value of a header (name in lower case), or NULL. Headers that may come only once are refused
 * by the parser when repeated; of the others the first is returned. */
const char *http1_header(const struct http1 *p, const char *name);

#ifdef __cplusplus
}
#endif
