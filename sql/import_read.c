/* Reading and inserting: the files one after the other, rows cut in slices of a few milliseconds on
 * the loop, while the engine's threads insert the bodies that were filled before. */
#include "import_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc.h"
#include "sql_text.h"

enum { SLICE_READS = 2 };

static void pump(struct import *im);

/* --- inserting ---------------------------------------------------------------------------- */

static void insert_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct body *body = user;
    struct import *im = body->im;
    (void)stats;
    body->inserting = NULL;
    query_done(&body->query);
    buf_reset(&body->bytes);
    if (err != NULL)
        import_fail(im, err);
    else if (im->err.code != ERR_OK)
        import_wind_up(im);
    else
        pump(im);
}

struct body *import_find_body(struct import *im, bool is_inserting)
{
    for (int i = 0; i < BODIES; i++) {
        struct body *body = &im->bodies[i];
        if (body != im->filling && (body->inserting != NULL) == is_inserting)
            return body;
    }
    return NULL;
}

/* Hands the full body to the engine; the next one is filled meanwhile. */
static void start_insert(struct import *im, struct body *next)
{
    struct err err;
    struct buf table;
    struct body *body = im->filling;
    im->filling = next;
    if (im->body_bytes < BODY_BYTES)
        im->body_bytes *= 2;
    buf_init(&table, 0);
    sql_identifier(&table, im->options.source);
    const struct query_fragment fragments[] = {{"table", buf_text(&table)}, {0}};
    const struct db_request request = {
        .limits = {.time_ms = STATEMENT_MS},
        .tag = "import",
        .is_write = true,
        .body = body->bytes.data,
        .body_len = body->bytes.len,
        .on_done = insert_done,
        .user = body,
    };
    int rc = query_render(&body->query, &sql_import_rows, fragments, &err);
    if (rc == 0)
        rc = query_start(im->db, &body->query, &request, &body->inserting, &err);
    buf_done(&table);
    if (rc < 0) {
        query_done(&body->query);
        import_fail(im, &err);
    }
}

/* --- when to go on ------------------------------------------------------------------------ */

static void on_soon(uv_idle_t *soon)
{
    uv_idle_stop(soon);
    pump(soon->data);
}

static void pump_soon(struct import *im)
{
    uv_idle_start(im->soon, on_soon);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct import *im = poll->data;
    (void)status; /* read() tells what is wrong */
    (void)events;
    uv_poll_stop(poll);
    pump(im);
}

/* Goes on when the pipe has bytes. */
static void pump_when_readable(struct import *im, struct input *in)
{
    if (im->poll == NULL) {
        struct err err;
        uv_poll_t *poll = malloc(sizeof *poll);
        int fd = in->pipe_in >= 0 ? in->pipe_in : in->fd;
        int rc = poll != NULL ? uv_poll_init(im->db->loop, poll, fd) : UV_ENOMEM;
        if (rc < 0) {
            free(poll);
            err_set(&err, ERR_UNAVAILABLE, "FILE", "cannot wait for %s: %s", input_name(in),
                    uv_strerror(rc));
            import_fail(im, &err);
            return;
        }
        poll->data = im;
        im->poll = poll;
    }
    uv_poll_start(im->poll, UV_READABLE, on_readable);
}

void import_close_poll(struct import *im)
{
    if (im->poll != NULL)
        uv_close((uv_handle_t *)im->poll, import_free_handle);
    im->poll = NULL;
}

/* --- files that are decoded ---------------------------------------------------------------- */

static void decode_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct import *im = user;
    struct input *in = &im->inputs[im->input];
    (void)stats;
    im->decoding = NULL;
    query_done(&im->decode);
    if (im->err.code != ERR_OK) {
        import_wind_up(im);
        return;
    }
    if (err != NULL) {
        struct err told = *err;
        if (err->code == ERR_ENGINE || err->code == ERR_ARGUMENT) {
            input_damaged(in, &told);
            memcpy(told.raw, err->raw, sizeof told.raw);
        }
        import_fail(im, &told);
        return;
    }
    close(in->pipe_out); /* ours is the last writing end: now the reading end ends */
    in->pipe_out = -1;
    pump(im);
}

/* Lets the engine decode the file into a pipe. It is named by its descriptor: file() takes
 * characters of a path for wildcards. The engine may be another process's. */
static int start_decode(struct import *im, struct input *in, struct err *ret_err)
{
    char path[40];
    const struct sql_text *text =
        in->format == SNIFF_PARQUET ? &sql_import_parquet : &sql_import_lines;
    int pid = im->db->info.pid;
    if (pid == 0)
        return err_set(ret_err, ERR_UNAVAILABLE, "FILE",
                       "%s must be decoded by %s (pid %d), which has the store open but runs in "
                       "another container: stop it, or give the file as plain CSV or JSON lines",
                       input_name(in), im->db->info.owner, im->db->info.owner_pid);
    int rc = input_make_pipe(in, ret_err);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, in->pipe_out);
    query_set_text(&im->decode, "pipe", path);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, in->fd);
    query_set_text(&im->decode, "file", path);
    if (in->compression != NULL)
        query_set_text(&im->decode, "compression", in->compression);
    const struct db_request request = {
        .limits = {.time_ms = STATEMENT_MS},
        .tag = "import",
        .is_write = true,
        .on_done = decode_done,
        .user = im,
    };
    rc = query_render(&im->decode, text, NULL, ret_err);
    if (rc == 0)
        rc = query_start(im->db, &im->decode, &request, &im->decoding, ret_err);
    return rc;
}

/* What the engine would take for whole is decoded when it is known to be so. */
static void check_some(struct import *im, struct input *in)
{
    struct err err;
    int rc = input_check(in, &err);
    if (rc == 1) {
        in->state = INPUT_OPEN;
        rc = start_decode(im, in, &err);
    }
    if (rc < 0)
        import_fail(im, &err);
    else
        pump_soon(im);
}

/* --- rows --------------------------------------------------------------------------------- */

static void report_progress(struct import *im)
{
    uint64_t bytes = 0, bytes_total = 0, rows = 0;
    bool is_known = true;
    for (size_t i = 0; i < im->options.file_count; i++) {
        const struct input *in = &im->inputs[i];
        size_t unused = in->len - in->start; /* read, but no rows yet */
        bytes += in->bytes_read - (unused < in->bytes_read ? unused : in->bytes_read);
        bytes_total += in->size;
        rows += in->rows_read;
        is_known = is_known && in->size > 0 && in->compression == NULL && i <= im->input;
    }
    if (im->events.progress != NULL)
        im->events.progress(im->events.user, bytes, is_known ? bytes_total : 0, rows);
}

static void end_input(struct import *im, struct input *in)
{
    char delimiter[2] = {in->csv.delimiter, '\0'};
    json_t *entry =
        json_pack("{s:o, s:s, s:I, s:I, s:I}", "file", rpc_text(input_name(in)), "format",
                  input_format_name(in), "rows_read", (json_int_t)in->rows_read, "rows_imported",
                  (json_int_t)in->rows_imported, "rows_rejected", (json_int_t)in->rows_rejected);
    if (in->format == SNIFF_CSV)
        json_object_set_new(entry, "delimiter", json_string(delimiter));
    if (in->compression != NULL)
        json_object_set_new(entry, "compression", json_string(in->compression));
    json_array_append_new(im->report_files, entry);
    objects_warn(im, in);
    if (in->rows_read == 0)
        import_warn(im, "%s has no rows", input_name(in));
    in->state = INPUT_ENDED;
    import_close_poll(im);
    input_close(in);
    im->input++;
    import_open_input(im);
}

static void table_made(struct import *im)
{
    im->has_table = true;
    pump(im);
}

/* One kind of table for all files. */
static int check_kind(const struct import *im, const struct input *in, struct err *ret_err)
{
    if (!im->has_table || im->native.has_objects == input_has_objects(in))
        return 0;
    return err_set(ret_err, ERR_ARGUMENT, "FILE",
                   "%s is %s, and the files before it %s: import them as sources of their own",
                   input_name(in), input_has_objects(in) ? "an OCEL log" : "no OCEL log",
                   input_has_objects(in) ? "are not" : "are");
}

/* The first bytes are here: columns, roles, and with the first file the table. */
static void start_rows(struct import *im, struct input *in)
{
    struct err err;
    int rc = input_sniff(im, in, &err);
    if (rc == 0)
        rc = check_kind(im, in, &err);
    if (rc == 0 && input_has_objects(in) && !in->is_prepared) {
        rc = objects_start(im, in, &err);
        in->state = INPUT_PREPARING;
        if (rc == 0) {
            pump_soon(im);
            return;
        }
    }
    if (rc < 0 || map_roles(im, in, &err) < 0) {
        import_fail(im, &err);
        return;
    }
    if (!load_sample(im, in)) {
        import_fail_memory(im);
        return;
    }
    in->state = INPUT_SAMPLED;
    if (im->has_table) {
        pump_soon(im);
        return;
    }
    layout_create(im, table_made);
}

/* Reads what is there: true to go on with it. */
static bool read_some(struct import *im, struct input *in)
{
    struct err err;
    int got = input_read(in, &err);
    if (got < 0)
        import_fail(im, &err);
    else if (got == 2)
        pump_when_readable(im, in);
    return got == 0 || got == 1;
}

/* Rows of the bytes that are there. True when more bytes are wanted. */
static bool load_some(struct import *im, struct input *in)
{
    struct err err = {0};
    struct body *next = import_find_body(im, false);
    switch (load_rows(im, in, &err)) {
    case LOAD_MORE:
        return true;
    case LOAD_FULL:
        if (next != NULL) {
            start_insert(im, next);
            pump_soon(im);
        } /* else the INSERT's end goes on */
        return false;
    case LOAD_END:
        if (im->decoding == NULL)
            end_input(im, in);
        return false;
    default:
        import_fail(im, &err);
        return false;
    }
}

/* Objects of an OCEL log. True when more bytes are wanted. */
static bool prepare_some(struct import *im, struct input *in)
{
    struct err err = {0};
    switch (objects_read(im, in, &err)) {
    case LOAD_MORE:
        return true;
    case LOAD_END:
        in->is_prepared = true;
        in->state = INPUT_OPEN;
        pump_soon(im);
        return false;
    case LOAD_FULL:
        pump_soon(im);
        return false;
    default:
        import_fail(im, &err);
        return false;
    }
}

/* All files are read: the last body, then the count. */
static void drain(struct import *im)
{
    struct body *next = import_find_body(im, false);
    if (next == NULL) /* an INSERT's end goes on */
        return;
    native_flush(&im->native, &im->filling->bytes);
    if (im->native.failed || buf_failed(&im->filling->bytes)) {
        import_fail_memory(im);
    } else if (im->filling->bytes.len > 0) {
        start_insert(im, next);
    } else if (import_find_body(im, true) == NULL) {
        im->is_reading = false;
        import_count_rows(im);
    }
}

/* Does as much as is possible now, for a slice of time. */
static void pump(struct import *im)
{
    if (!im->is_reading || im->running != NULL)
        return;
    if (im->input == im->options.file_count) {
        drain(im);
        return;
    }
    struct input *in = &im->inputs[im->input];
    if (in->state == INPUT_UNCHECKED) {
        check_some(im, in);
        return;
    }
    for (int i = 0; i < SLICE_READS; i++) {
        if (in->state == INPUT_OPEN && (in->is_at_end || in->len - in->start >= SAMPLE_BYTES)) {
            start_rows(im, in);
            return;
        }
        if (in->state == INPUT_PREPARING && !prepare_some(im, in))
            return;
        if (in->state == INPUT_SAMPLED && !load_some(im, in))
            return;
        if (!read_some(im, in))
            return;
    }
    report_progress(im);
    pump_soon(im);
}

void import_open_input(struct import *im)
{
    struct err err;
    im->is_reading = true;
    if (im->input == im->options.file_count) {
        drain(im);
        return;
    }
    struct input *in = &im->inputs[im->input];
    int rc = input_open(in, in->path, &err);
    if (rc == 0)
        rc = input_detect(im, in, &err);
    bool is_coded = in->compression != NULL || in->format == SNIFF_PARQUET;
    if (rc == 0 && is_coded && in->gunzip == NULL && in->state == INPUT_OPEN)
        rc = start_decode(im, in, &err);
    if (rc < 0)
        import_fail(im, &err);
    else
        pump_soon(im);
}
