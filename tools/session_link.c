#include "session_link.h"

#include "text.h"

void session_link(const struct run *run, json_t *item, const json_t *session, int64_t at_us)
{
    if (json_string_length(session) == 0)
        return;
    json_object_set(item, "session", (json_t *)session);
    if (run->source->has_replay)
        json_object_set_new(item, "replay_at", run_time(run, at_us));
    if (run->source->replay_url != NULL)
        json_object_set_new(
            item, "replay_url",
            text_replay_url(run->source->replay_url, json_string_value(session), at_us));
}

void session_link_suggest(struct run *run, const json_t *item, const char *why)
{
    if (json_object_get(item, "replay_at") == NULL)
        return;
    run_suggest(run, "open_session",
                json_pack("{s:s, s:O, s:O}", "source", run->source->name, "session",
                          json_object_get(item, "session"), "at",
                          json_object_get(item, "replay_at")),
                why);
}
