/* subscriptions/listen: the one long request through which a modern client hears of changes. */
#include <string.h>

#include "json.h"
#include "watch.h"

enum { LISTENS_MAX = 1024 };

/* ---- what the client wants ---- */

static const json_t *wishes_of(const struct request *request)
{
    return json_object_get(request->message->params, "notifications");
}

static bool is_list_of_texts(const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        if (json_plain_string(item) == NULL)
            return false;
    }
    return list == NULL || (json_is_array(list) && json_array_size(list) <= WATCHED_MAX);
}

/* False when the request was answered with what is wrong. */
static bool check_wishes(const struct request *request)
{
    const json_t *wishes = wishes_of(request);
    const char *fault = json_is_object(wishes) ? NULL : "notifications must be an object";
    for (size_t i = 0; i < WATCH_LISTS; i++) {
        const json_t *wish = json_object_get(wishes, watch_lists[i].wish);
        if (wish != NULL && !json_is_boolean(wish))
            fault = "the members of notifications that end with Changed must be booleans";
    }
    if (!is_list_of_texts(json_object_get(wishes, "resourceSubscriptions")) ||
        !is_list_of_texts(json_object_get(wishes, "taskIds")))
        fault = "resourceSubscriptions and taskIds must be lists of at most 256 strings";
    if (fault != NULL)
        answer_invalid(&request->answer, "%s", fault);
    return fault == NULL;
}

/* Whether another one of this caller is too much, in number or in what is watched. */
static bool is_full(const struct server *server, const char *principal)
{
    size_t own = 0;
    for (const struct watcher *w = server->watchers; w != NULL; w = w->next)
        own += watcher_is_listen(w) && principal[0] != '\0' && strcmp(w->principal, principal) == 0;
    return server->listens >= LISTENS_MAX || own >= LISTENS_MAX / WATCH_SHARE ||
           !watch_has_room(server, principal);
}

/* Whether there is room for another one. */
static bool check_room(const struct request *request)
{
    const struct answer *answer = &request->answer;
    const struct server *server = answer->server;
    if (!request->may_stream)
        answer_error(answer, RPC_INVALID_REQUEST, 400, NULL,
                     "Invalid request: subscriptions/listen is answered by a stream, which Accept "
                     "must let through (text/event-stream)");
    else if (server->is_ending)
        answer_error(answer, RPC_INTERNAL_ERROR, 200, NULL, "The server is shutting down");
    else if (is_full(server, request->principal))
        answer_error(answer, RPC_INTERNAL_ERROR, 200, NULL,
                     "Too many subscriptions are open: close some, or try later");
    else
        return true;
    return false;
}

/* ---- what the client gets ---- */

static bool is_readable(const struct server *server, const char *uri)
{
    json_t *variables = NULL;
    bool exists = find_resource(server, uri, &variables) != NULL;
    json_decref(variables);
    return exists && strlen(uri) <= WATCHED_URI_MAX;
}

/* Watches those of a list of targets that there are, and notes them. */
static int add_targets(struct watcher *watcher, const struct request *request, const char *wish,
                       const char *method, json_t *accepted)
{
    const json_t *targets = json_object_get(wishes_of(request), wish);
    json_t *list = json_array();
    int rc = list != NULL ? 0 : -1;
    size_t i;
    json_t *target;
    json_array_foreach (targets, i, target) {
        const char *text = json_string_value(target);
        bool is_uri = strcmp(method, NOTIFY_UPDATED) == 0;
        if (rc != 0 || (is_uri && !is_readable(watcher->server, text)) ||
            (!is_uri && !task_exists(watcher->server, request->principal, text)))
            continue;
        rc = watcher_add(watcher, method, text);
        rc |= json_array_append(list, target);
    }
    if (rc == 0 && json_array_size(list) > 0)
        rc = json_object_set(accepted, wish, list);
    json_decref(list);
    return rc;
}

/* What is left out of the answer is not served here, so that nobody waits for it. */
static int add_wishes(struct watcher *watcher, const struct request *request, json_t *accepted)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < WATCH_LISTS; i++) {
        if (!json_is_true(json_object_get(wishes_of(request), watch_lists[i].wish)) ||
            !watch_lists[i].is_offered(request))
            continue;
        rc = watcher_add(watcher, watch_lists[i].method, "");
        rc |= json_object_set_new(accepted, watch_lists[i].wish, json_true());
    }
    if (rc == 0)
        rc = add_targets(watcher, request, "resourceSubscriptions", NOTIFY_UPDATED, accepted);
    if (rc == 0 && server_has_tasks(watcher->server))
        rc = add_targets(watcher, request, "taskIds", NOTIFY_TASK, accepted);
    return rc;
}

static json_t *acknowledgement(const json_t *id, json_t *accepted)
{
    return rpc_notification(
        "notifications/subscriptions/acknowledged",
        json_pack("{s:{s:O}, s:O}", "_meta", META_SUBSCRIPTION, id, "notifications", accepted));
}

void handle_listen(struct request *request)
{
    const struct answer *answer = &request->answer;
    bool has_tasks_in_it = json_object_get(wishes_of(request), "taskIds") != NULL;
    if (!check_wishes(request) || !check_room(request))
        return;
    if (has_tasks_in_it && server_has_tasks(answer->server) &&
        !check_takes_tasks(request, "taskIds"))
        return;
    struct watcher *watcher =
        watcher_new(answer->server, request->peer, answer, request->principal);
    json_t *accepted = json_object();
    json_t *message = NULL;
    if (watcher != NULL && accepted != NULL && add_wishes(watcher, request, accepted) == 0)
        message = acknowledgement(answer->id, accepted);
    json_decref(accepted);
    if (message == NULL) {
        watcher_free(watcher);
        answer_no_memory(answer);
        return;
    }
    answer->channel->ops->send(answer->channel, message, 200, false);
}

/* ---- the end ---- */

/* Ends one; with its result, or in silence because its client wants no more. */
static void end(struct watcher *watcher, bool is_silent)
{
    struct answer answer = answer_copy(&watcher->answer);
    watcher_free(watcher);
    if (is_silent)
        answer_nothing(&answer);
    else
        answer_result(&answer, json_pack("{s:{s:O}}", "_meta", META_SUBSCRIPTION, answer.id));
    answer_done(&answer);
}

/* The one that a client knows by this id (call.c has the rule). */
static struct watcher *find_listen(const struct server *server, const struct channel *channel,
                                   const struct peer *peer, const json_t *id)
{
    for (struct watcher *w = server->watchers; w != NULL; w = w->next) {
        bool is_same_client = w->answer.channel == channel || (peer != NULL && w->peer == peer);
        if (watcher_is_listen(w) && is_same_client && json_equal(w->answer.id, id))
            return w;
    }
    return NULL;
}

bool listen_is_open(const struct server *server, const struct channel *channel,
                    const struct peer *peer, const json_t *id)
{
    return find_listen(server, channel, peer, id) != NULL;
}

bool listen_cancel(struct server *server, const struct channel *channel, const struct peer *peer,
                   const json_t *id)
{
    struct watcher *watcher = find_listen(server, channel, peer, id);
    if (watcher != NULL)
        end(watcher, true);
    return watcher != NULL;
}

/* Ends those of a channel, or all of them. To end one may end others: begin again after each. */
static void end_each(struct server *server, const struct channel *channel)
{
    for (struct watcher *w = server->watchers; w != NULL;) {
        bool is_due = watcher_is_listen(w) && (channel == NULL || w->answer.channel == channel);
        if (is_due)
            end(w, channel != NULL);
        w = is_due ? server->watchers : w->next;
    }
}

void listen_channel_gone(struct server *server, const struct channel *channel)
{
    end_each(server, channel);
}

void listen_end_all(struct server *server)
{
    end_each(server, NULL);
}

/* ---- tasks ---- */

void listen_task_changed(struct server *server, const char *principal, const json_t *task)
{
    const char *id = json_string_value(json_object_get(task, "taskId"));
    for (struct watcher *w = server->watchers; id != NULL && w != NULL; w = w->next) {
        struct watch *watch = watcher_find(w, NOTIFY_TASK, id);
        if (watch == NULL || strcmp(w->principal, principal) != 0)
            continue;
        /* Only what a task says while it works may wait. */
        if (strcmp(json_get_string(task, "status", ""), "working") != 0)
            watch->quiet_until_ms = 0;
        watcher_tell(w, watch, json_copy((json_t *)task));
    }
    watch_sweep(server);
}
