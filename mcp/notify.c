/* What a client hears of its call on the way: progress, logs, that it may come back later. */
#include <math.h>

#include "call_impl.h"

bool call_may_notify(const struct call *call)
{
    return call->may_stream && call->answer.channel != NULL && !call->is_silent &&
           !call->is_cancelled;
}

void call_send(struct call *call, json_t *message)
{
    struct channel *channel = call->answer.channel;
    if (message != NULL)
        channel->ops->send(channel, message, 200, false);
}

static json_t *number(double value)
{
    if (floor(value) == value && fabs(value) < 9007199254740992.0)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* Whether the client may be told now: the step goes forward and there is room in this second. */
static bool takes_progress(struct call *call, double done)
{
    if (call->progress_token == NULL || !call_may_notify(call) || !isfinite(done))
        return false;
    if (call->has_progress && done <= call->last_progress)
        return false;
    uint64_t now = call_now_ms();
    uint64_t *slot = &call->progress_ms[call->progress_sent % PROGRESS_PER_SECOND];
    if (call->progress_sent >= PROGRESS_PER_SECOND && now - *slot < 1000)
        return false;
    *slot = now;
    call->progress_sent++;
    call->has_progress = true;
    call->last_progress = done;
    return true;
}

void call_progress(struct call *call, double done, double total, const char *message)
{
    if (!takes_progress(call, done))
        return;
    const struct answer *answer = &call->answer;
    bool has_message = message != NULL && era_is_since(answer->version, "2025-03-26");
    bool has_total = isfinite(total) && total > 0;
    json_t *params = json_pack("{s:O, s:o, s:o*, s:o*}", "progressToken", call->progress_token,
                               "progress", number(done), "total", has_total ? number(total) : NULL,
                               "message", has_message ? rpc_text(message) : NULL);
    call_send(call, rpc_notification("notifications/progress", params));
}

/* ---- logging ---- */

void call_log(struct call *call, enum mcp_level level, const char *logger, json_t *data)
{
    int least = call->log_level;
    if (call->answer.era == ERA_LEGACY)
        least = call->peer != NULL ? (int)call->peer->level : MCP_INFO;
    if (call->answer.server->options.has_logging && call_may_notify(call) && least >= 0 &&
        (int)level >= least)
        call_send(call,
                  rpc_notification("notifications/message",
                                   json_pack("{s:s, s:s*, s:O}", "level", era_log_levels[level],
                                             "logger", logger, "data", data)));
    json_decref(data);
}

void call_let_go(struct call *call, unsigned retry_ms)
{
    struct channel *channel = call->answer.channel;
    if (call->answer.era == ERA_LEGACY && call->peer != NULL && call_may_notify(call) &&
        era_is_since(call->answer.version, "2025-11-25") && channel->ops->let_go != NULL)
        channel->ops->let_go(channel, retry_ms);
}
