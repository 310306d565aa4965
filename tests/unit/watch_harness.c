#include "watch_harness.h"

struct server *server_to_watch(bool has_tasks)
{
    struct server *server = server_new(&options);
    struct err err;
    struct server_tool tool = {
        .name = "long",
        .input_schema = parse("{'type':'object'}"),
        .task_mode = has_tasks ? TASK_OPTIONAL : TASK_NEVER,
        .start = start_fake,
    };
    static const struct server_resource resources[] = {
        {.uri = "x://a", .name = "a", .read = read_text},
        {.uri = "x://e/{id}", .name = "e", .read = read_text},
    };
    assert_int_equal(server_add_tool(server, &tool, &err), 0);
    assert_int_equal(server_add_resource(server, &resources[0], &err), 0);
    assert_int_equal(server_add_resource(server, &resources[1], &err), 0);
    return server;
}

int setup_watch(void **state)
{
    begin_anew();
    *state = server_to_watch(false);
    return 0;
}

void expect_note(struct wire *wire, const char *text)
{
    const char *have = next(wire, 200, false);
    if (have == NULL || strcmp(have, text) != 0)
        fail_msg("sent %s\nnot  %s", have, text);
}

void listen_to(struct wire *wire, const char *id, const char *wishes)
{
    char text[2048];
    wire->revision = V;
    snprintf(text, sizeof text,
             "{'jsonrpc':'2.0','id':%s,'method':'subscriptions/"
             "listen','params':{'notifications':%s," META "}}",
             id, wishes);
    assert_int_equal(say(wire, text), RECEIVE_ANSWERING);
}

void stop_listening(struct wire *wire, const char *id)
{
    char text[256];
    snprintf(text, sizeof text, CANCEL("%s"), id);
    assert_int_equal(say(wire, text), RECEIVE_ACCEPTED);
}

static void count_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct counter *counter = (struct counter *)channel;
    counter->notes += !is_last;
    counter->ends += is_last;
    json_decref(message);
    if (counter->leaves && !is_last)
        server_channel_gone(counter->server, channel);
}

const struct channel_ops count_ops = {.send = count_send};

void count_listen(struct counter *counter, int id, const char *wishes)
{
    char text[512];
    snprintf(text, sizeof text,
             "{'jsonrpc':'2.0','id':%d,'method':'subscriptions/"
             "listen','params':{'notifications':%s," META "}}",
             id, wishes);
    json_t *message = parse(text);
    assert_int_equal(
        server_receive(counter->server, counter->peer, &counter->channel, message, NULL),
        RECEIVE_ANSWERING);
    json_decref(message);
}
