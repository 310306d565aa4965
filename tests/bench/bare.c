/* The engine alone: runs the statements of a file over a store, without any of the product, and
 * prints how long they took.
 *   bare STORE STATEMENTS.json
 * STATEMENTS.json: [{"sql", "parameters": {name: value}}], as meta.queries has them. Each line on
 * standard input is one run of all of them; its answer is {"ms", "bytes"}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <uv.h>

#include "chdb_library.h"

enum { PARAMETERS_MAX = 1024 };

static const char format[] = "JSONCompactEachRow";

static int run(const struct chdb_library *library, chdb_handle handle, const json_t *statement,
               size_t *bytes)
{
    const char *names[PARAMETERS_MAX], *values[PARAMETERS_MAX];
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(statement, "parameters"), name, value) {
        if (count == PARAMETERS_MAX)
            return -1;
        names[count] = name;
        values[count++] = json_string_value(value);
    }
    const char *sql = json_string_value(json_object_get(statement, "sql"));
    struct chdb_result *result = library->query(*handle, sql, strlen(sql), format, strlen(format),
                                                names, NULL, values, NULL, count);
    const char *error = result != NULL ? library->result_error(result) : "no answer";
    if (error != NULL) {
        fprintf(stderr, "%s\n", error);
        return -1;
    }
    *bytes += library->result_length(result);
    library->destroy_result(result);
    return 0;
}

static int serve(const struct chdb_library *library, chdb_handle handle, const json_t *statements)
{
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t bytes = 0;
        uint64_t started_ns = uv_hrtime();
        for (size_t i = 0; i < json_array_size(statements); i++)
            if (run(library, handle, json_array_get(statements, i), &bytes) < 0)
                return EXIT_FAILURE;
        printf("{\"ms\":%.3f,\"bytes\":%zu}\n", (double)(uv_hrtime() - started_ns) / 1e6, bytes);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    json_t *statements = argc == 3 ? json_load_file(argv[2], 0, NULL) : NULL;
    if (!json_is_array(statements)) {
        fprintf(stderr, "usage: bare STORE STATEMENTS.json\n");
        return 2;
    }
    const struct chdb_library *library = NULL;
    struct err err = {0};
    if (chdb_library_load(NULL, &library, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    char path[4096], config[4096], program[] = "bare";
    snprintf(path, sizeof path, "--path=%s/engine", argv[1]);
    snprintf(config, sizeof config, "--config-file=%s/engine.xml", argv[1]);
    char *arguments[] = {program, path, config, NULL};
    chdb_handle handle = chdb_library_connect(library, 3, arguments);
    if (handle == NULL) {
        fprintf(stderr, "the engine cannot open %s\n", argv[1]);
        return EXIT_FAILURE;
    }
    int code = serve(library, handle, statements);
    library->close_conn(handle);
    json_decref(statements);
    chdb_library_exit(code);
}
