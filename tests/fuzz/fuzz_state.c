/* What a client sends back as requestState: the server must take it exactly when it gave it out,
 * for the same request of the same caller. A call asks; the input says how the token that comes
 * along and the request around it are changed before they come back. Bytes in threes: what to do,
 * where, and with what. */
#include <string.h>

#include "fake_server.h"
#include "fuzz.h"
#include "json.h"

enum { TOKEN_MAX = 512, TOKENS = 2 };

struct attempt {
    const char *method, *target, *principal; /* target: the name or the URI */
    int argument;
    char token[TOKEN_MAX];
};

struct wire {
    struct channel channel; /* first */
    json_t *answer;
};

static void on_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    (void)status;
    struct wire *wire = (struct wire *)channel;
    if (is_last)
        wire->answer = message;
    else
        json_decref(message);
}

static const struct channel_ops ops = {.send = on_send};

/* One request of the modern era; its answer is a new reference. */
static json_t *request(struct server *server, const struct attempt *a, bool has_token)
{
    bool is_tool = strcmp(a->method, "tools/call") == 0;
    json_t *message = json_pack(
        "{s:s, s:i, s:s, s:{s:s, s:{s:i}, s:{s:s, s:{s:{}, s:{}, s:{}}}, s:s*}}", "jsonrpc", "2.0",
        "id", 1, "method", a->method, "params", is_tool ? "name" : "uri", a->target, "arguments",
        "n", a->argument, "_meta", "io.modelcontextprotocol/protocolVersion", "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities", "elicitation", "sampling", "roots",
        "requestState", has_token ? a->token : NULL);
    if (message == NULL) /* a token that is no UTF-8 never comes this far */
        return NULL;
    const struct message_headers headers = {.protocol_version = "2026-07-28",
                                            .method = a->method,
                                            .name = a->target,
                                            .principal = a->principal,
                                            .accepts_json = true};
    struct wire wire = {.channel.ops = &ops};
    check(server_receive(server, NULL, &wire.channel, message, &headers) == RECEIVE_ANSWERING &&
              wire.answer != NULL,
          "no answer");
    json_decref(message);
    return wire.answer;
}

static bool is_same(const struct attempt *a, const struct attempt *b)
{
    return strcmp(a->method, b->method) == 0 && strcmp(a->target, b->target) == 0 &&
           strcmp(a->principal, b->principal) == 0 && a->argument == b->argument &&
           strcmp(a->token, b->token) == 0;
}

static void take_token(struct server *server, struct attempt *a)
{
    json_t *answer = request(server, a, false);
    const json_t *result = json_object_get(answer, "result");
    const char *token = json_get_string(result, "requestState", NULL);
    check(token != NULL && strlen(token) < TOKEN_MAX, "no state");
    check(json_object_size(json_object_get(result, "inputRequests")) == 3, "the questions");
    snprintf(a->token, sizeof a->token, "%s", token);
    json_decref(answer);
}

static void change(struct attempt *a, const struct attempt *given, const uint8_t step[3])
{
    static const char *const principals[] = {"ann", "bob", "", "ann\n"};
    static const char *const targets[] = {"ask", "hold", "x://one/ask", "x://two/ask/ask.txt"};
    size_t len = strlen(a->token), at = len > 0 ? step[1] * len / 256 : 0;
    switch (step[0] % 10) {
    case 0:
        a->token[at] = (char)(len > 0 ? step[2] : 0);
        break;
    case 1: /* take out */
        memmove(a->token + at, a->token + at + (len > 0), len - at);
        break;
    case 2: /* put in */
        if (len + 2 < TOKEN_MAX) {
            memmove(a->token + at + 1, a->token + at, len - at + 1);
            a->token[at] = (char)(step[2] != 0 ? step[2] : 'A');
        }
        break;
    case 3: /* a bit */
        if (len > 0 && (a->token[at] ^ 1 << step[2] % 8) != 0)
            a->token[at] ^= (char)(1 << step[2] % 8);
        break;
    case 4: /* the head of one and the tail of another */
        snprintf(a->token + at, sizeof a->token - at, "%s",
                 given[step[2] % TOKENS].token +
                     (at < strlen(given[step[2] % TOKENS].token) ? at : 0));
        break;
    case 5:
        a->principal = principals[step[2] % 4];
        break;
    case 6:
        a->target = targets[step[2] % 4];
        break;
    case 7:
        a->method = step[2] % 2 != 0 ? "tools/call" : "resources/read";
        break;
    case 8:
        a->argument = step[2] % 3;
        break;
    default:
        *a = given[step[2] % TOKENS];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct server *server = fake_server_new();
    check(server != NULL, "the server");
    struct attempt given[TOKENS] = {
        {.method = "tools/call", .target = "ask", .principal = "ann", .argument = 1},
        {.method = "resources/read", .target = "x://one/ask", .principal = "bob", .argument = 2},
    };
    for (size_t i = 0; i < TOKENS; i++)
        take_token(server, &given[i]);
    struct attempt attempt = given[0];
    for (; size >= 3; data += 3, size -= 3)
        change(&attempt, given, data);
    json_t *answer = request(server, &attempt, true);
    const json_t *result = json_object_get(answer, "result");
    /* The tool shows what it was given back, and so does the resource. */
    bool is_taken = json_object_get(json_object_get(result, "structuredContent"), "state") != NULL;
    bool is_asking = json_object_get(result, "inputRequests") != NULL;
    if (is_same(&attempt, &given[0]) || is_same(&attempt, &given[1]))
        check(is_taken, "what was given out is refused");
    else
        check(!is_taken, "what was not given out is taken");
    check(!is_asking, "a bad state is passed over");
    json_decref(answer);
    server_shutdown(server, NULL, NULL);
    server_free(server);
    return 0;
}
