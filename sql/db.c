#include "db.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "utf8.h"

struct db_limits db_limits_default = {
    .time_ms = 45000,
    .memory_bytes = UINT64_C(4) << 30,
    .result_rows = 1000000,
    .result_bytes = UINT64_C(64) << 20,
};

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value != 0 ? value : fallback;
}

struct db_limits db_limits_or_default(const struct db_limits *limits)
{
    const struct db_limits *usual = &db_limits_default;
    return (struct db_limits){
        .time_ms = or_default(limits->time_ms, usual->time_ms),
        .memory_bytes = or_default(limits->memory_bytes, usual->memory_bytes),
        .result_rows = or_default(limits->result_rows, usual->result_rows),
        .result_bytes = or_default(limits->result_bytes, usual->result_bytes),
        .unpacked_bytes = limits->unpacked_bytes,
    };
}

int db_start(struct db *db, const struct db_request *request, struct db_query **ret_query,
             struct err *ret_err)
{
    if (!buf_is_whole(request->sql))
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory while building the query");
    return db->ops->start(db, request, ret_query, ret_err);
}

/* What ClickHouse's codes mean to a caller. `names_it`: the engine's text quotes the name of the
 * thing at fault, which is then appended. */
static const struct translation {
    int engine_code;
    enum err_code code;
    bool names_it;
    const char *text;
} translations[] = {
    {159, ERR_TIMEOUT, false,
     "the query ran longer than its time limit; ask for a shorter period, "
     "fewer steps or a filter"},
    {160, ERR_TIMEOUT, false,
     "the database expects the query to run longer than its time limit; "
     "ask for a shorter period or a filter"},
    {241, ERR_LIMIT, false,
     "the query needs more memory than it may use; ask for a shorter period, "
     "a filter or fewer breakdown values"},
    {128, ERR_LIMIT, false,
     "one actor or value has more events than the database can gather; ask for a shorter period, "
     "or filter it out"},
    {173, ERR_LIMIT, false, "the database is out of memory; ask for a shorter period or a filter"},
    {394, ERR_CANCELLED, false, "the query was cancelled"},
    {734, ERR_CANCELLED, false, "the query was cancelled"},
    {236, ERR_CANCELLED, false, "the database is shutting down"},
    {396, ERR_LIMIT, false, "the result has more rows or bytes than a query may return"},
    {158, ERR_LIMIT, false, "the query reads more rows than it may; ask for a shorter period"},
    {307, ERR_LIMIT, false, "the query reads more bytes than it may; ask for a shorter period"},
    {161, ERR_LIMIT, false, "the query reads more columns than it may"},
    {191, ERR_LIMIT, false, "the query compares with more values than it may"},
    {290, ERR_LIMIT, false, "the query exceeds a limit of the database"},
    {167, ERR_LIMIT, false, "the query is nested too deeply; use fewer filters or steps"},
    {168, ERR_LIMIT, false, "the query is too large; use fewer filters or steps"},
    {306, ERR_LIMIT, false, "the query is nested too deeply; use fewer filters or steps"},
    {201, ERR_LIMIT, false, "the database user's quota is used up; try again later"},
    {243, ERR_LIMIT, false, "the disk of the database is full"},
    {107, ERR_UNAVAILABLE, false,
     "files of the database are missing: was the store moved or deleted? Start again to open it "
     "anew"},
    {252, ERR_LIMIT, false, "the table has too many parts; try again when they are merged"},
    {60, ERR_NOT_FOUND, true, "the table does not exist"},
    {81, ERR_NOT_FOUND, true, "the database does not exist"},
    {47, ERR_NOT_FOUND, true, "a column does not exist in the table"},
    {16, ERR_NOT_FOUND, true, "a column does not exist in the table"},
    {10, ERR_NOT_FOUND, true, "a column does not exist in the table"},
    {8, ERR_NOT_FOUND, true, "a column does not exist in the table"},
    {36, ERR_ENGINE, false, "the database refuses an argument of the query"},
    {497, ERR_ACCESS, false, "the database user may not do this; it needs more grants"},
    {291, ERR_ACCESS, true, "the database user may not use this database"},
    {516, ERR_ACCESS, false, "the database refuses the user or the password"},
    {192, ERR_ACCESS, false, "the database does not know the user"},
    {193, ERR_ACCESS, false, "the database refuses the password"},
    {194, ERR_ACCESS, false, "the database wants a password"},
    {195, ERR_ACCESS, false, "the database does not accept this user from this address"},
    {511, ERR_ACCESS, true, "the database does not know the role"},
    {512, ERR_ACCESS, true, "the role is not granted to the database user"},
    {164, ERR_ACCESS, false, "the database user is read-only and may not do this"},
    {242, ERR_ACCESS, false, "the table is read-only"},
    {452, ERR_ACCESS, false, "the database does not let this user change a limit that far"},
    {392, ERR_ACCESS, false, "the database prohibits this kind of query"},
    {202, ERR_BUSY, false, "the database runs too many queries; try again in a few seconds"},
    {745, ERR_BUSY, false, "the database is overloaded; try again in a few seconds"},
    {62, ERR_ENGINE, false, "the database does not understand the query"},
    {46, ERR_ENGINE, true, "the database has no such function; it may be too old"},
    {63, ERR_ENGINE, true, "the database has no such aggregate function; it may be too old"},
    {115, ERR_ENGINE, true, "the database has no such setting; it may be too old"},
    {50, ERR_ENGINE, true, "the database has no such type; it may be too old"},
    {73, ERR_ENGINE, true, "the database has no such format"},
    {48, ERR_ENGINE, false, "the database does not support this"},
    {344, ERR_ENGINE, false, "the database was built without support for this"},
    {43, ERR_ENGINE, false, "a column has a type that cannot be used this way"},
    {44, ERR_ENGINE, false, "a column has a type that cannot be used this way"},
    {386, ERR_ENGINE, false, "columns of different types cannot be used together"},
    {395, ERR_ENGINE, false, "the query found something that it does not accept"},
    {57, ERR_ENGINE, true, "the table already exists"},
    {82, ERR_ENGINE, true, "the database already exists"},
    {6, ERR_ARGUMENT, false, "a value cannot be read as what the column or parameter needs"},
    {25, ERR_ARGUMENT, false, "a text has an escape sequence that cannot be read"},
    {26, ERR_ARGUMENT, false, "a quoted text is not closed or not valid"},
    {27, ERR_ARGUMENT, false, "the input does not have the form that its format prescribes"},
    {33, ERR_ARGUMENT, false, "the input ends too early"},
    {38, ERR_ARGUMENT, false, "a date cannot be read"},
    {41, ERR_ARGUMENT, false, "a time cannot be read"},
    {53, ERR_ARGUMENT, false, "a value has another type than the column or parameter"},
    {70, ERR_ARGUMENT, false, "a value cannot be converted to the type of the column"},
    {72, ERR_ARGUMENT, false, "a number cannot be read"},
    {117, ERR_ARGUMENT, false, "the input is not valid in its format"},
    {321, ERR_ARGUMENT, false, "a value is out of the range of its type"},
    {407, ERR_ARGUMENT, false, "a value is out of the range of its type"},
    {427, ERR_ARGUMENT, false, "a regular expression that RE2 does not understand"},
    {456, ERR_INTERNAL, true, "a parameter of the query has no value"},
    {457, ERR_ARGUMENT, false, "a value cannot be read as the type that the query needs"},
    {636, ERR_ARGUMENT, false, "the columns of the input cannot be told from its beginning"},
    {32, ERR_UNAVAILABLE, false, "the connection to the database broke"},
    {198, ERR_UNAVAILABLE, false, "the address of a database host cannot be found"},
    {209, ERR_UNAVAILABLE, false, "the database did not answer in time"},
    {210, ERR_UNAVAILABLE, false, "the database cannot be reached"},
    {279, ERR_UNAVAILABLE, false, "none of the database's replicas can be reached"},
    {425, ERR_UNAVAILABLE, false, "the database had a problem with its system"},
    {519, ERR_UNAVAILABLE, false, "the replicas of the database are not ready"},
    {999, ERR_UNAVAILABLE, false, "the coordination service of the database does not answer"},
    {76, ERR_UNAVAILABLE, false, "the database cannot open one of its files"},
    {228, ERR_UNAVAILABLE, false, "a part of the table is damaged"},
    {246, ERR_UNAVAILABLE, false, "a part of the table is damaged"},
};

int db_parse_error_code(const char *engine_text)
{
    const char *at = engine_text != NULL ? strstr(engine_text, "Code: ") : NULL;
    if (at == NULL)
        return 0;
    long code = strtol(at + strlen("Code: "), NULL, 10);
    return code > 0 && code < 100000 ? (int)code : 0;
}

/* Copies what fits, cut between characters, so that the log stays valid UTF-8. */
static void copy_raw(char *out, size_t size, const char *text)
{
    size_t len = utf8_cut(text, size - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '$' || c == ' ';
}

/* The first name that the engine puts in quotes or backticks, or the word before "does not exist".
 * Only a plain name is taken: engine text can hold pieces of SQL and of data. */
static bool find_name(const char *text, char *out, size_t size)
{
    const char *end = strstr(text, " in scope ");
    const char *stop = end != NULL ? end : text + strlen(text);
    for (const char *at = text; at < stop; at++) {
        if (*at != '`' && *at != '\'' && *at != '"')
            continue;
        const char *name = at + 1;
        size_t len = 0;
        while (is_name_byte(name[len]))
            len++;
        if (len == 0 || len >= size || name[len] != *at)
            return false;
        memcpy(out, name, len);
        out[len] = '\0';
        return true;
    }
    const char *tail = strstr(text, " does not exist");
    if (tail == NULL)
        return false;
    const char *name = tail;
    while (name > text && is_name_byte(name[-1]) && name[-1] != ' ')
        name--;
    size_t len = (size_t)(tail - name);
    if (len == 0 || len >= size)
        return false;
    memcpy(out, name, len);
    out[len] = '\0';
    return true;
}

/* Codes whose text tells that another one is meant. */
static const struct {
    int engine_code;
    const char *part;
    int meant;
} disguises[] = {
    {62, "Max query size exceeded", 168},     /* the statement was cut: no fault of its syntax */
    {1001, "No such file or directory", 107}, /* an exception of the system's library */
};

static const struct translation *find_translation(int engine_code, const char *engine_text)
{
    for (size_t i = 0; i < sizeof(disguises) / sizeof(disguises[0]); i++)
        if (disguises[i].engine_code == engine_code &&
            strstr(engine_text, disguises[i].part) != NULL)
            engine_code = disguises[i].meant;
    for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++) {
        if (translations[i].engine_code == engine_code)
            return &translations[i];
    }
    return NULL;
}

int db_translate_error(int engine_code, const char *engine_text, struct err *ret_err)
{
    if (engine_text == NULL)
        engine_text = "";
    if (engine_code == 0)
        engine_code = db_parse_error_code(engine_text);
    const struct translation *found = find_translation(engine_code, engine_text);
    char name[128];
    int rc = 0;
    if (found == NULL && engine_code == 0)
        rc = err_set(ret_err, ERR_ENGINE, NULL, "the database could not run the query");
    else if (found == NULL)
        rc = err_set(ret_err, ERR_ENGINE, NULL,
                     "the database could not run the query (ClickHouse error %d)", engine_code);
    else if (found->names_it && find_name(engine_text, name, sizeof(name)))
        rc = err_set(ret_err, found->code, NULL, "%s: %s", found->text, name);
    else
        rc = err_set(ret_err, found->code, NULL, "%s", found->text);
    if (ret_err != NULL) {
        ret_err->engine_code = engine_code;
        copy_raw(ret_err->raw, sizeof(ret_err->raw), engine_text);
    }
    return rc;
}
