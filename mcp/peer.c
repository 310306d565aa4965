/* What is remembered of one client between its messages. */
#include <stdlib.h>
#include <string.h>

#include "server_impl.h"

struct peer *peer_new(struct server *server, const char *principal)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    peer->principal = strdup(principal != NULL ? principal : "");
    if (peer->principal == NULL) {
        free(peer);
        return NULL;
    }
    peer->server = server;
    peer->level = MCP_INFO;
    peer->next = server->peers;
    if (peer->next != NULL)
        peer->next->prev = peer;
    server->peers = peer;
    return peer;
}

static void unlink_peer(struct peer *peer)
{
    if (peer->prev != NULL)
        peer->prev->next = peer->next;
    else
        peer->server->peers = peer->next;
    if (peer->next != NULL)
        peer->next->prev = peer->prev;
}

void peer_free(struct peer *peer)
{
    if (peer == NULL)
        return;
    if (peer->server != NULL) {
        call_peer_gone(peer);
        watch_peer_gone(peer);
        unlink_peer(peer);
    }
    json_decref(peer->capabilities);
    free(peer->principal);
    free(peer);
}

bool has_logging(const struct request *request)
{
    return request->answer.server->options.has_logging;
}

void handle_set_level(struct request *request)
{
    const struct answer *answer = &request->answer;
    int level =
        era_log_level(json_string_value(json_object_get(request->message->params, "level")));
    if (level < 0) {
        answer_invalid(answer, "level must be debug, info, notice, warning, error, critical, "
                               "alert or emergency");
        return;
    }
    if (request->peer != NULL)
        request->peer->level = (enum mcp_level)level;
    answer_result(answer, json_object());
}

void peer_orphan_all(struct server *server)
{
    for (struct peer *peer = server->peers; peer != NULL; peer = peer->next)
        peer->server = NULL;
}

void peer_listen(struct peer *peer, struct channel *channel)
{
    peer->channel = channel;
    if (channel != NULL)
        watch_peer_listens(peer);
}

const char *peer_version(const struct peer *peer)
{
    return peer->version;
}
