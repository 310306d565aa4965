#pragma once
/* Who hears of changes, and of which: legacy clients through their peer's channel, modern ones
 * through each of their subscriptions/listen. Bursts of the same change are told twice: at once,
 * and once more when they are over. */
#include "server_impl.h"

#define NOTIFY_TOOLS     "notifications/tools/list_changed"
#define NOTIFY_PROMPTS   "notifications/prompts/list_changed"
#define NOTIFY_RESOURCES "notifications/resources/list_changed"
#define NOTIFY_UPDATED   "notifications/resources/updated"
#define NOTIFY_TASK      "notifications/tasks"

#define META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

enum {
    WATCHED_MAX = 256,       /* resources or tasks of one watcher */
    WATCHED_ALL_MAX = 16384, /* of all of them together */
    WATCH_SHARE = 4,         /* one caller has at most this fraction of what all may have */
    WATCHED_URI_MAX = 1024,  /* bytes */
};

/* One thing that is watched. */
struct watch {
    const char *method; /* of the notification; static */
    char *target;       /* a URI, a task's id; "" for a list */
    json_t *due;        /* the params of the notification that waits for its turn, or NULL */
    uint64_t quiet_until_ms;
};

/* The lists that may change. */
struct watch_list {
    enum server_change change;
    const char *wish; /* as subscriptions/listen calls it */
    const char *method;
    bool (*is_offered)(const struct request *request);
};
enum { WATCH_LISTS = 3 };
extern const struct watch_list watch_lists[WATCH_LISTS];

struct watcher {
    struct watcher *next, *prev;
    struct server *server;
    struct peer *peer;    /* legacy: hears through its channel. Modern: only compared */
    struct answer answer; /* of the listen; its id is NULL in the legacy era */
    char *principal;
    struct watch *watches;
    size_t count, size;
    size_t due_count;
};

/* NULL when out of memory. It hears nothing yet. */
struct watcher *watcher_new(struct server *server, struct peer *peer, const struct answer *answer,
                            const char *principal);
void watcher_free(struct watcher *watcher);

struct watch *watcher_find(const struct watcher *watcher, const char *method, const char *target);
/* Once is enough; -1 when out of memory. */
int watcher_add(struct watcher *watcher, const char *method, const char *target);

/* Whether this caller may watch more resources or tasks. Where all callers are nobody in
 * particular, there are no shares. */
bool watch_has_room(const struct server *server, const char *principal);

/* Lets a notification wait for its turn, in place of one that waited; takes `params`. */
void watcher_tell(struct watcher *watcher, struct watch *watch, json_t *params);

static inline bool watcher_is_listen(const struct watcher *watcher)
{
    return watcher->answer.id != NULL;
}
