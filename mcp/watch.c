#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "call_impl.h"

/* The same notification is not repeated within this time; what came meanwhile is told after it. */
enum { QUIET_MS = 100 };

const struct watch_list watch_lists[WATCH_LISTS] = {
    {CHANGED_TOOLS, "toolsListChanged", NOTIFY_TOOLS, has_tools},
    {CHANGED_PROMPTS, "promptsListChanged", NOTIFY_PROMPTS, has_prompts},
    {CHANGED_RESOURCES, "resourcesListChanged", NOTIFY_RESOURCES, has_resources},
};

/* ---- watchers ---- */

struct watcher *watcher_new(struct server *server, struct peer *peer, const struct answer *answer,
                            const char *principal)
{
    struct watcher *watcher = calloc(1, sizeof *watcher);
    char *copy = strdup(principal);
    if (watcher == NULL || copy == NULL) {
        free(watcher);
        free(copy);
        return NULL;
    }
    watcher->server = server;
    watcher->peer = peer;
    watcher->principal = copy;
    if (answer != NULL) {
        watcher->answer = answer_copy(answer);
        server->listens++;
    }
    watcher->next = server->watchers;
    if (watcher->next != NULL)
        watcher->next->prev = watcher;
    server->watchers = watcher;
    return watcher;
}

void watcher_free(struct watcher *watcher)
{
    if (watcher == NULL)
        return;
    struct server *server = watcher->server;
    if (watcher->prev != NULL)
        watcher->prev->next = watcher->next;
    else
        server->watchers = watcher->next;
    if (watcher->next != NULL)
        watcher->next->prev = watcher->prev;
    server->watchers_gone++;
    server->listens -= watcher_is_listen(watcher);
    for (size_t i = 0; i < watcher->count; i++) {
        free(watcher->watches[i].target);
        json_decref(watcher->watches[i].due);
    }
    free(watcher->watches);
    free(watcher->principal);
    answer_done(&watcher->answer);
    free(watcher);
}

struct watch *watcher_find(const struct watcher *watcher, const char *method, const char *target)
{
    for (size_t i = 0; i < watcher->count; i++) {
        struct watch *watch = &watcher->watches[i];
        if (strcmp(watch->method, method) == 0 && strcmp(watch->target, target) == 0)
            return watch;
    }
    return NULL;
}

bool watch_has_room(const struct server *server, const char *principal)
{
    size_t count = 0, own = 0;
    for (const struct watcher *w = server->watchers; w != NULL; w = w->next) {
        size_t targets = 0;
        for (size_t i = 0; i < w->count; i++)
            targets += w->watches[i].target[0] != '\0';
        count += targets;
        own += principal[0] != '\0' && strcmp(w->principal, principal) == 0 ? targets : 0;
    }
    return count < WATCHED_ALL_MAX && own < WATCHED_ALL_MAX / WATCH_SHARE;
}

int watcher_add(struct watcher *watcher, const char *method, const char *target)
{
    if (watcher_find(watcher, method, target) != NULL)
        return 0;
    if (watcher->count == watcher->size) {
        size_t size = watcher->size > 0 ? watcher->size * 2 : 4;
        struct watch *watches = realloc(watcher->watches, size * sizeof *watches);
        if (watches == NULL)
            return -1;
        watcher->watches = watches;
        watcher->size = size;
    }
    char *copy = strdup(target);
    if (copy == NULL)
        return -1;
    watcher->watches[watcher->count++] = (struct watch){.method = method, .target = copy};
    return 0;
}

static void watcher_remove(struct watcher *watcher, struct watch *watch)
{
    watcher->due_count -= watch->due != NULL;
    json_decref(watch->due);
    free(watch->target);
    *watch = watcher->watches[--watcher->count];
}

/* ---- telling ---- */

static struct channel *channel_of(const struct watcher *watcher)
{
    return watcher_is_listen(watcher) ? watcher->answer.channel : watcher->peer->channel;
}

void watcher_tell(struct watcher *watcher, struct watch *watch, json_t *params)
{
    int rc = params != NULL ? 0 : -1;
    if (rc == 0 && watcher_is_listen(watcher))
        rc = json_object_set_new(params, "_meta",
                                 json_pack("{s:O}", META_SUBSCRIPTION, watcher->answer.id));
    if (rc != 0) { /* without memory nobody hears of it */
        json_decref(params);
        return;
    }
    watcher->due_count += watch->due == NULL;
    json_decref(watch->due);
    watch->due = params;
}

/* One whose turn it is, or NULL; lowers *ret_next_ms to when the turn of the others comes. */
static struct watch *next_due(const struct watcher *watcher, uint64_t now_ms, uint64_t *ret_next_ms)
{
    if (watcher->due_count == 0 || channel_of(watcher) == NULL)
        return NULL;
    for (size_t i = 0; i < watcher->count; i++) {
        struct watch *watch = &watcher->watches[i];
        if (watch->due == NULL)
            continue;
        if (watch->quiet_until_ms <= now_ms)
            return watch;
        if (watch->quiet_until_ms < *ret_next_ms)
            *ret_next_ms = watch->quiet_until_ms;
    }
    return NULL;
}

static void send_due(struct watcher *watcher, struct watch *watch, uint64_t now_ms)
{
    struct channel *channel = channel_of(watcher);
    json_t *message = rpc_notification(watch->method, watch->due); /* takes it */
    watch->due = NULL;
    watch->quiet_until_ms = now_ms + QUIET_MS;
    watcher->due_count--;
    if (message != NULL)
        channel->ops->send(channel, message, 200, false);
}

uint64_t watch_sweep(struct server *server)
{
    uint64_t now_ms = call_now_ms(), next_ms = UINT64_MAX;
    struct watcher *watcher = server->watchers;
    while (watcher != NULL) {
        struct watch *watch = next_due(watcher, now_ms, &next_ms);
        if (watch == NULL) {
            watcher = watcher->next;
            continue;
        }
        unsigned long long gone = server->watchers_gone;
        send_due(watcher, watch, now_ms);
        /* A transport may find the client gone while it sends. */
        if (server->watchers_gone != gone)
            watcher = server->watchers;
    }
    return next_ms != UINT64_MAX ? next_ms - now_ms : UINT64_MAX;
}

void server_changed(struct server *server, unsigned what)
{
    for (size_t i = 0; i < WATCH_LISTS; i++) {
        for (struct watcher *w = server->watchers; w != NULL && (what & watch_lists[i].change) != 0;
             w = w->next) {
            struct watch *watch = watcher_find(w, watch_lists[i].method, "");
            if (watch != NULL)
                watcher_tell(w, watch, json_object());
        }
    }
    watch_sweep(server);
}

/* Whether `uri` lies below `base`: to watch a resource is to watch what it is made of. */
static bool is_below(const char *uri, const char *base)
{
    size_t len = strlen(base);
    return strncmp(uri, base, len) == 0 && uri[len] == '/';
}

static void tell_updated(struct watcher *watcher, struct watch *watch, const char *uri)
{
    /* When several parts changed in a burst, the whole did. */
    const char *waiting = json_string_value(json_object_get(watch->due, "uri"));
    if (waiting != NULL && strcmp(waiting, uri) != 0)
        uri = watch->target;
    watcher_tell(watcher, watch, json_pack("{s:s}", "uri", uri));
}

void server_resource_updated(struct server *server, const char *uri)
{
    for (struct watcher *w = server->watchers; w != NULL; w = w->next) {
        for (size_t i = 0; i < w->count; i++) {
            struct watch *watch = &w->watches[i];
            if (strcmp(watch->method, NOTIFY_UPDATED) == 0 &&
                (strcmp(watch->target, uri) == 0 || is_below(uri, watch->target)))
                tell_updated(w, watch, uri);
        }
    }
    watch_sweep(server);
}

bool server_is_watched(const struct server *server)
{
    for (const struct watcher *w = server->watchers; w != NULL; w = w->next) {
        for (size_t i = 0; i < w->count && channel_of(w) != NULL; i++) {
            const char *method = w->watches[i].method;
            if (strcmp(method, NOTIFY_RESOURCES) == 0 || strcmp(method, NOTIFY_UPDATED) == 0)
                return true;
        }
    }
    return false;
}

void watchers_free(struct server *server)
{
    while (server->watchers != NULL) {
        struct watcher *watcher = server->watchers;
        if (!watcher_is_listen(watcher))
            watcher->peer->watcher = NULL;
        watcher_free(watcher);
    }
}

/* ---- legacy clients ---- */

int watch_peer(const struct request *request)
{
    struct peer *peer = request->peer;
    if (peer == NULL)
        return 0;
    if (peer->watcher == NULL)
        peer->watcher = watcher_new(request->answer.server, peer, NULL, peer->principal);
    if (peer->watcher == NULL)
        return -1;
    for (size_t i = 0; i < WATCH_LISTS; i++) {
        if (watch_lists[i].is_offered(request) &&
            watcher_add(peer->watcher, watch_lists[i].method, "") != 0)
            return -1;
    }
    return 0;
}

void watch_peer_listens(struct peer *peer)
{
    if (peer->watcher != NULL)
        watch_sweep(peer->server);
}

void watch_peer_gone(struct peer *peer)
{
    watcher_free(peer->watcher);
    peer->watcher = NULL;
    /* A listen only compares. */
    for (struct watcher *w = peer->server->watchers; w != NULL; w = w->next) {
        if (w->peer == peer)
            w->peer = NULL;
    }
}

bool has_subscriptions(const struct request *request)
{
    return request->peer != NULL && has_resources(request);
}

/* The URI of the request, or NULL when it was answered that there is none. */
static const char *take_uri(const struct request *request)
{
    const json_t *uri = json_object_get(request->message->params, "uri");
    if (json_is_string(uri) && json_string_length(uri) <= WATCHED_URI_MAX)
        return json_string_value(uri);
    answer_invalid(&request->answer, "uri must be a string of at most %d bytes", WATCHED_URI_MAX);
    return NULL;
}

/* A client that has not shaken hands yet hears of the lists from here on too. */
void handle_resources_subscribe(struct request *request)
{
    const struct answer *answer = &request->answer;
    const char *uri = take_uri(request);
    if (uri == NULL)
        return;
    const struct watcher *old = request->peer->watcher;
    bool is_new = old == NULL || watcher_find(old, NOTIFY_UPDATED, uri) == NULL;
    bool is_full = is_new && old != NULL && old->count >= WATCHED_MAX;
    bool has_room = !is_new || watch_has_room(answer->server, request->peer->principal);
    json_t *variables = NULL;
    bool exists = find_resource(answer->server, uri, &variables) != NULL;
    json_decref(variables);
    if (!exists)
        answer_error(answer, RPC_RESOURCE_NOT_FOUND, 200, json_pack("{s:s}", "uri", uri),
                     "Resource not found: %.300s", uri);
    else if (is_full)
        answer_error(answer, RPC_INTERNAL_ERROR, 200, NULL,
                     "At most %d things can be watched: unsubscribe from some first", WATCHED_MAX);
    else if (!has_room)
        answer_error(answer, RPC_INTERNAL_ERROR, 200, NULL,
                     "Too many resources are watched: unsubscribe from some, or try later");
    else if (watch_peer(request) != 0 ||
             watcher_add(request->peer->watcher, NOTIFY_UPDATED, uri) != 0)
        answer_no_memory(answer);
    else
        answer_result(answer, json_object());
}

/* Also of what was not watched: the client has what it wants. */
void handle_resources_unsubscribe(struct request *request)
{
    const char *uri = take_uri(request);
    if (uri == NULL)
        return;
    struct watcher *watcher = request->peer->watcher;
    struct watch *watch = watcher != NULL ? watcher_find(watcher, NOTIFY_UPDATED, uri) : NULL;
    if (watch != NULL)
        watcher_remove(watcher, watch);
    answer_result(&request->answer, json_object());
}
