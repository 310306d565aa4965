#pragma once
/* A database that answers from a script: for each statement the first entry whose `contains` occurs
 * in its SQL. Rows arrive in pieces of a few bytes, from the loop, as with a real engine. */
#include "db.h"

struct fake_answer {
    const char *contains;
    const char *rows;    /* JSONCompactEachRow; "" = none */
    enum err_code err;   /* ERR_OK = success */
    bool hangs;          /* never ends unless cancelled */
    uint64_t refuses_ms; /* not 0: a statement that may take so long or longer is refused */
    const char *param;   /* not NULL: a "name=value" that the statement must have, too */
};

/* `script` ends with {0}. A statement that no entry fits fails the test. */
struct db *fake_db_new(uv_loop_t *loop, const struct fake_answer *script);
void fake_db_free(struct db *db);

/* How many statements were started and have ended, and the SQL and parameters of the last one that
 * contained `text` ("name=value" lines), or NULL. */
int fake_db_started(const struct db *db);
int fake_db_ended(const struct db *db);
const char *fake_db_sql(const struct db *db, const char *text);
const char *fake_db_params(const struct db *db, const char *text);
