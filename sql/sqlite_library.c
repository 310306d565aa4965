#include "sqlite_library.h"

#include "library.h"

static const char *const files[] = {"libsqlite3.so.0", "libsqlite3.dylib", NULL};

#define SYMBOL(member) LIBRARY_SYMBOL(sqlite_library, "sqlite3_" #member, member)
static const struct library_symbol symbols[] = {
    SYMBOL(open_v2),      SYMBOL(close),          SYMBOL(db_config),
    SYMBOL(limit),        SYMBOL(set_authorizer), SYMBOL(exec),
    SYMBOL(errmsg),       SYMBOL(prepare_v2),     SYMBOL(bind_text),
    SYMBOL(step),         SYMBOL(reset),          SYMBOL(finalize),
    SYMBOL(column_count), SYMBOL(column_name),    SYMBOL(column_int64),
    SYMBOL(column_text),  SYMBOL(column_bytes),   {0},
};

const struct sqlite_library *sqlite_library_load(struct err *ret_err)
{
    static struct library library = {
        .files = files,
        .need = "an SQLite database needs, cannot be loaded: install the package libsqlite3-0",
        .version = "3.31",
        .symbols = symbols,
    };
    static struct sqlite_library loaded;

    return library_load(&library, &loaded, ret_err) == 0 ? &loaded : NULL;
}
