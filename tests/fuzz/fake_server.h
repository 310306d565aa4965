#pragma once
/* A server with every primitive, whose implementations do what they are called: tools echo, ask,
 * hold (until fake_release() or cancelled), task, fail, picky (needs sampling); resources x://all,
 * x://one/{name} (whose name is ask, hold or none), x://two/{kind}/{name}.txt; a prompt, greet. For
 * tests that look at the server and not at what it serves. */
#include <jansson.h>

#include "server.h"

struct server *fake_server_new(void); /* NULL when out of memory */

size_t fake_held(void);
/* Ends the call held last, well or not, as the turn wants, or none. */
void fake_release(size_t turn);

/* What a client says: the first three lines of a text are the headers that name version, method and
 * name (empty = absent), each further one is a message; what is no JSON is left out. */
enum { FAKE_MESSAGES_MAX = 12 };
struct fake_conversation {
    struct message_headers headers;
    json_t *messages[FAKE_MESSAGES_MAX];
    size_t count;
};
void fake_conversation_init(struct fake_conversation *c, char *text); /* cuts and borrows it */
void fake_conversation_done(struct fake_conversation *c);

/* Remembers what only the server can know: the last task, state and id of a question. */
void fake_learn(const json_t *message);
/* Puts them where a message says "$task", "$state" and "$id". */
void fake_substitute(json_t *message);
void fake_forget(void);
