/* The bytes of an import: opening files, telling what they are, reading. Plain files and standard
 * input are read here; compressed ones and Parquet are decoded by the engine into a pipe. */
#include "import_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "utf8.h"

const char *input_name(const struct input *in)
{
    return strcmp(in->path, "-") == 0 ? "standard input" : in->path;
}

const char *input_format_name(const struct input *in)
{
    switch (in->format) {
    case SNIFF_JSONL:
        return "jsonl";
    case SNIFF_PARQUET:
        return "parquet";
    case SNIFF_XES:
        return "xes";
    case SNIFF_OCEL:
        return "ocel";
    case SNIFF_OCEL_SQLITE:
        return "ocel-sqlite";
    default:
        return in->csv.delimiter == '\t' ? "tsv" : "csv";
    }
}

bool input_has_objects(const struct input *in)
{
    return in->format == SNIFF_OCEL || in->format == SNIFF_OCEL_SQLITE;
}

const struct names *input_columns(const struct input *in)
{
    if (input_has_objects(in))
        return &objects_event(in)->columns;
    return in->format == SNIFF_CSV ? &in->columns : &in->jsonl.columns;
}

int input_open(struct input *in, const char *path, struct err *ret_err)
{
    struct stat st;
    *in = (struct input){.path = path, .fd = -1, .pipe_in = -1, .pipe_out = -1, .line = 1};
    int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        return err_set(ret_err, e == EACCES ? ERR_ACCESS : ERR_NOT_FOUND, "FILE",
                       "cannot read %s: %s", input_name(in), strerror(e));
    }
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s is a directory: name the files in it (%s/*.csv)", path, path);
    }
    in->fd = fd;
    in->is_regular = S_ISREG(st.st_mode);
    if (!in->is_regular) { /* waiting for bytes must not hold up the loop */
        in->saved_flags = fcntl(fd, F_GETFL);
        fcntl(fd, F_SETFL, in->saved_flags | O_NONBLOCK);
    }
    in->size = in->is_regular ? (uint64_t)st.st_size : 0;
    return 0;
}

bool input_can_rewind(const struct input *in)
{
    return in->is_regular && in->pipe_in < 0;
}

int input_rewind(struct input *in, struct err *ret_err)
{
    int rc = 0;
    bool is_gzip = in->gunzip != NULL;
    gunzip_close(in->gunzip);
    in->gunzip = NULL;
    if (lseek(in->fd, 0, SEEK_SET) < 0)
        return err_set(ret_err, ERR_UNAVAILABLE, "FILE", "cannot read %s again: %s", input_name(in),
                       strerror(errno));
    if (is_gzip)
        rc = gunzip_open(&in->gunzip, ret_err);
    in->start = in->len = in->wanted = 0;
    in->is_at_end = false;
    in->bytes_read = 0;
    return rc;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void input_close(struct input *in)
{
    if (in->fd >= 0 && !in->is_regular)
        fcntl(in->fd, F_SETFL, in->saved_flags); /* standard input is shared with others */
    close_fd(&in->fd);
    close_fd(&in->pipe_in);
    close_fd(&in->pipe_out);
    gunzip_close(in->gunzip);
    in->gunzip = NULL;
    free(in->data);
    in->data = NULL;
    in->data_size = in->len = in->start = 0;
    csv_done(&in->csv);
    names_done(&in->columns);
    jsonl_done(&in->jsonl);
    xes_done(&in->xes);
    ocel_json_done(&in->ocel);
    ocel_sqlite_close(in->sqlite);
    in->sqlite = NULL;
    free(in->targets);
    in->targets = NULL;
    in->target_size = 0;
}

/* Room for `more` unused bytes behind those that are there. */
static int make_room(struct input *in, size_t more, struct err *ret_err)
{
    if (in->data_size - in->len >= more)
        return 0;
    if (in->start > 0) {
        memmove(in->data, in->data + in->start, in->len - in->start);
        in->len -= in->start;
        in->start = 0;
    }
    if (in->data_size - in->len >= more)
        return 0;
    size_t size = in->data_size * 2 > in->len + more ? in->data_size * 2 : in->len + more;
    char *data = realloc(in->data, size);
    if (data == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    in->data = data;
    in->data_size = size;
    return 0;
}

/* Of errno. */
static int unreadable(const struct input *in, struct err *ret_err)
{
    return err_set(ret_err, ERR_UNAVAILABLE, "FILE", "cannot read %s: %s", input_name(in),
                   strerror(errno));
}

int input_damaged(const struct input *in, struct err *ret_err)
{
    return err_set(ret_err, ERR_ARGUMENT, "FILE",
                   "%s cannot be read as %s: it is damaged or cut off", input_name(in),
                   in->compression != NULL ? in->compression : input_format_name(in));
}

int input_check(struct input *in, struct err *ret_err)
{
    enum { READS = 64 }; /* a slice of some milliseconds */
    struct frames *f = &in->frames;
    switch (frames_walk(f, in->fd, READS)) {
    case FRAMES_WHOLE:
        return 1;
    case FRAMES_CUT:
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s cannot be read as %s: it is cut off: it has %" PRIu64
                       " bytes and needs at least %" PRIu64 "; download or copy it again",
                       input_name(in), in->compression, f->size, f->need);
    case FRAMES_DAMAGED:
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s cannot be read as %s: it is damaged at byte %" PRIu64
                       ": %s; download or copy it again",
                       input_name(in), in->compression, f->at, f->reason);
    case FRAMES_FAILED:
        return unreadable(in, ret_err);
    default:
        return 2;
    }
}

int input_read(struct input *in, struct err *ret_err)
{
    if (in->is_at_end)
        return 0;
    size_t unused = in->len - in->start;
    size_t more = in->wanted > unused + READ_BYTES ? in->wanted - unused : READ_BYTES;
    int rc = make_room(in, more, ret_err);
    if (rc < 0)
        return rc;
    int fd = in->pipe_in >= 0 ? in->pipe_in : in->fd;
    ssize_t n;
    do
        n = in->gunzip != NULL ? gunzip_read(in->gunzip, fd, in->data + in->len, more)
                               : read(fd, in->data + in->len, more);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 2;
    if (n < 0 && errno == EBADMSG && in->gunzip != NULL)
        return input_damaged(in, ret_err);
    if (n < 0)
        return unreadable(in, ret_err);
    if (n == 0) {
        in->is_at_end = true;
        return 0;
    }
    in->len += (size_t)n;
    in->bytes_read += (uint64_t)n;
    return 1;
}

/* --- what it is --------------------------------------------------------------------------- */

static int refuse(enum sniff_format format, const struct input *in, struct err *ret_err)
{
    const char *name = input_name(in);
    switch (format) {
    case SNIFF_JSON_ARRAY:
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s is one JSON array; import takes one object a line: jq -c '.[]' does it",
                       name);
    case SNIFF_OCEL1:
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s is OCEL 1.0; import takes OCEL 2.0: pm4py converts it (read_ocel, "
                       "write_ocel2_json)",
                       name);
    case SNIFF_UTF16:
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s is UTF-16; import takes UTF-8: iconv -f UTF-16 -t UTF-8 does it", name);
    case SNIFF_ZIP:
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s is a zip archive: unpack it first (a spreadsheet: save it as CSV)",
                       name);
    default:
        return 0;
    }
}

/* Of formats that are not read from the first byte to the last. */
static bool is_jumped_in(enum sniff_format format)
{
    return format == SNIFF_PARQUET || format == SNIFF_OCEL_SQLITE;
}

static int err_piped(enum sniff_format format, struct err *ret_err)
{
    if (format == SNIFF_PARQUET)
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "a Parquet file is read from its end: it cannot come through a pipe");
    return err_set(ret_err, ERR_ARGUMENT, "FILE",
                   "an SQLite database is read here and there: it cannot come through a pipe");
}

int input_detect(struct import *im, struct input *in, struct err *ret_err)
{
    char head[64];
    ssize_t n = pread(in->fd, head, sizeof head, 0);
    if (n < 0 && (errno == ESPIPE || !in->is_regular)) {
        n = 0; /* a pipe: its bytes are looked at when they are read */
    } else if (n < 0) {
        return unreadable(in, ret_err);
    }
    in->compression = sniff_compression(head, (size_t)n);
    in->format = im->options.format != SNIFF_UNKNOWN ? im->options.format : sniff_name(in->path);
    if (in->compression == NULL && n > 0) {
        enum sniff_format content = sniff_content(head, (size_t)n);
        bool is_binary = content == SNIFF_PARQUET || content == SNIFF_OCEL_SQLITE;
        if (is_binary && im->options.format == SNIFF_UNKNOWN)
            in->format = content;
    }
    if (in->compression != NULL && strcmp(in->compression, "bz2") == 0)
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "the engine reads no bzip2: bzip2 -dc %s | sextant import - …",
                       input_name(in));
    if (is_jumped_in(in->format) && !in->is_regular)
        return err_piped(in->format, ret_err);
    if (is_jumped_in(in->format) && in->compression != NULL)
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "%s is a compressed %s: decompress it first (%s)", input_name(in),
                       in->format == SNIFF_PARQUET ? "Parquet file" : "SQLite database",
                       in->compression);
    in->is_at_end = in->format == SNIFF_OCEL_SQLITE; /* its bytes are the library's to read */
    if (in->compression != NULL && frames_init(&in->frames, in->compression)) {
        off_t size = lseek(in->fd, 0, SEEK_END); /* of a device too */
        if (size < 0)
            return unreadable(in, ret_err);
        in->frames.size = (uint64_t)size;
        in->state = INPUT_UNCHECKED;
    }
    /* The engine would hand over whole lines, and XES and OCEL need not have any. */
    bool may_lack_lines =
        in->format == SNIFF_XES || in->format == SNIFF_OCEL || in->format == SNIFF_JSON;
    if (may_lack_lines && in->compression != NULL && strcmp(in->compression, "gzip") == 0)
        return gunzip_open(&in->gunzip, ret_err);
    return 0;
}

int input_make_pipe(struct input *in, struct err *ret_err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot make a pipe: %s", strerror(errno));
    in->pipe_in = fds[0];
    in->pipe_out = fds[1];
    fcntl(fds[0], F_SETFL, O_NONBLOCK);   /* this end only: the engine's own end stays blocking */
    fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); /* fewer wake-ups; without it things are only slower */
    return 0;
}

/* --- format and columns ------------------------------------------------------------------- */

/* A name that no other column has: "name", else "name_2", … */
static int add_column(struct import *im, struct input *in, const char *text, size_t len)
{
    char generated[32], *numbered = NULL;
    if (len == 0) {
        len = (size_t)snprintf(generated, sizeof generated, "c%zu", in->columns.count + 1);
        text = generated;
    }
    size_t before = in->columns.count;
    if (names_add(&in->columns, text, len) < 0)
        return -1;
    if (in->columns.count > before)
        return 0;
    numbered = malloc(len + 24);
    if (numbered == NULL)
        return -1;
    memcpy(numbered, text, len);
    for (unsigned i = 2; in->columns.count == before; i++) {
        int n = snprintf(numbered + len, 24, "_%u", i);
        if (names_add(&in->columns, numbered, len + (size_t)n) < 0)
            break;
    }
    if (in->columns.count > before)
        import_warn(im, "%s: a second column '%.*s' is called '%s'", input_name(in), (int)len, text,
                    numbered);
    free(numbered);
    return in->columns.count > before ? 0 : -1;
}

static int read_header(struct import *im, struct input *in, struct err *ret_err)
{
    const char *bytes = in->data + in->start;
    for (;;) {
        enum csv_result result = csv_read(&in->csv, bytes, in->len - in->start, in->is_at_end);
        bytes += in->csv.used;
        if (result == CSV_BLANK) {
            in->start += in->csv.used;
            in->line += in->csv.lines;
            continue;
        }
        if (result == CSV_NO_MEMORY)
            return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        if (result == CSV_END)
            return err_set(ret_err, ERR_ARGUMENT, "FILE", "%s is empty", input_name(in));
        if (result != CSV_ROW)
            return err_set(ret_err, ERR_ARGUMENT, "FILE", "the header of %s cannot be read: %s",
                           input_name(in),
                           result == CSV_BAD ? in->csv.reason : "its line is too long");
        break;
    }
    for (size_t i = 0; i < in->csv.count; i++) {
        const struct cell *cell = &in->csv.cells[i];
        if (!utf8_is_valid(cell->text, cell->len))
            return err_set(ret_err, ERR_ARGUMENT, "FILE",
                           "the header of %s is not UTF-8: iconv -f LATIN1 -t UTF-8 may help",
                           input_name(in));
        if (add_column(im, in, im->options.has_no_header ? "" : cell->text,
                       im->options.has_no_header ? 0 : cell->len) < 0)
            return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    if (!im->options.has_no_header) {
        in->start += in->csv.used;
        in->line += in->csv.lines;
    }
    return 0;
}

static void skip_bom(struct input *in)
{
    if (in->data != NULL && in->start == 0 && in->len >= 3 &&
        memcmp(in->data, "\xef\xbb\xbf", 3) == 0)
        in->start = 3;
}

/* The names that the first lines show; the lines are read again later. */
static int sniff_members(struct input *in, struct err *ret_err)
{
    const char *p = in->data + in->start, *end = in->data + in->len;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (newline == NULL && !in->is_at_end)
            break;
        const char *stop = newline != NULL ? newline : end;
        if (utf8_is_valid(p, (size_t)(stop - p)) &&
            jsonl_read(&in->jsonl, p, (size_t)(stop - p)) == CSV_NO_MEMORY)
            return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        p = newline != NULL ? newline + 1 : end;
    }
    return 0;
}

/* The first line of what the engine makes of a Parquet file. */
static int read_names(struct input *in, struct err *ret_err)
{
    const char *newline = in->data != NULL ? memchr(in->data, '\n', in->len) : NULL;
    if (newline == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "FILE", "the column names of %s are too long",
                       input_name(in));
    in->start = (size_t)(newline + 1 - in->data);
    enum csv_result result = jsonl_read_names(&in->jsonl, in->data, in->start - 1);
    if (result == CSV_NO_MEMORY)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (result != CSV_ROW)
        return err_set(ret_err, ERR_ARGUMENT, "FILE", "the column names of %s cannot be read: %s",
                       input_name(in), in->jsonl.reason);
    return 0;
}

int input_broken(const struct input *in, uint64_t line, const char *reason, struct err *ret_err)
{
    if (line == 0)
        return err_set(ret_err, ERR_ARGUMENT, "FILE", "%s: %s", input_name(in), reason);
    return err_set(ret_err, ERR_ARGUMENT, "FILE", "%s line %" PRIu64 ": %s", input_name(in), line,
                   reason);
}

/* The names that the first events show, or those that every event should have; the bytes are read
 * again later. */
static int sniff_events(struct input *in, struct err *ret_err)
{
    static const char usual[] = "{\"case:concept:name\":\"\",\"concept:name\":\"\","
                                "\"time:timestamp\":\"\"}";
    const char *bytes = in->data != NULL ? in->data + in->start : "";
    size_t len = in->len - in->start;
    enum csv_result result;
    int rc = xes_start(&in->xes, ret_err);
    if (rc < 0)
        return rc;
    do {
        result = xes_read(&in->xes, bytes, len, in->is_at_end);
        bytes += in->xes.used;
        len -= in->xes.used;
        if (result == CSV_ROW)
            result = jsonl_read(&in->jsonl, buf_text(&in->xes.json), in->xes.json.len);
    } while (result == CSV_ROW || result == CSV_BAD || result == CSV_BLANK);
    if (result == CSV_BROKEN)
        return input_broken(in, in->xes.line, in->xes.reason, ret_err);
    if (result != CSV_NO_MEMORY && in->jsonl.columns.count == 0)
        result = jsonl_read(&in->jsonl, usual, sizeof usual - 1);
    if (result == CSV_NO_MEMORY)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return xes_start(&in->xes, ret_err);
}

int input_sniff(struct import *im, struct input *in, struct err *ret_err)
{
    const char *bytes = in->data != NULL ? in->data + in->start : "";
    size_t len = in->len - in->start;
    const char *compression = sniff_compression(bytes, len);
    if (compression != NULL && in->pipe_in < 0 && in->gunzip == NULL)
        return err_set(
            ret_err, ERR_ARGUMENT, "FILE",
            "%s is compressed (%s): give the file's name, or decompress it into the pipe",
            input_name(in), compression);
    if (input_has_objects(in) && in->is_prepared)
        return objects_sniff(in, ret_err);
    if (in->format == SNIFF_OCEL_SQLITE)
        return 0;
    enum sniff_format content = sniff_content(bytes, len);
    bool is_fine = (in->format == SNIFF_CSV && content == SNIFF_JSON_ARRAY) ||
                   (in->format == SNIFF_XES && content == SNIFF_UTF16);
    int rc = is_fine ? 0 : refuse(content, in, ret_err);
    if (rc < 0)
        return rc;
    if (is_jumped_in(content) && in->format != SNIFF_PARQUET)
        return err_piped(content, ret_err);
    if (content == SNIFF_JSON)
        content = in->format == SNIFF_JSON ? SNIFF_OCEL : SNIFF_JSONL;
    if (content == SNIFF_OCEL && im->options.format == SNIFF_UNKNOWN)
        in->format = SNIFF_OCEL;
    if (in->format == SNIFF_OCEL)
        return 0;
    if (in->format == SNIFF_UNKNOWN || in->format == SNIFF_JSON)
        in->format = content == SNIFF_JSONL || content == SNIFF_XES ? content : SNIFF_CSV;
    if (in->format == SNIFF_XES)
        return sniff_events(in, ret_err);
    skip_bom(in);
    if (in->format == SNIFF_PARQUET)
        rc = read_names(in, ret_err);
    if (rc < 0)
        return rc;
    bytes = in->data != NULL ? in->data + in->start : "";
    len = in->len - in->start;
    if (in->format == SNIFF_JSONL || in->format == SNIFF_PARQUET) {
        if (len == 0)
            return err_set(ret_err, ERR_ARGUMENT, "FILE", "%s is empty", input_name(in));
        return sniff_members(in, ret_err);
    }
    char delimiter = im->options.delimiter;
    if (delimiter == '\0')
        delimiter = sniff_delimiter(bytes, len, im->options.quoting);
    if (delimiter == '\0')
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    csv_init(&in->csv, delimiter, im->options.quoting);
    in->csv.newline = sniff_newline(bytes, len);
    return read_header(im, in, ret_err);
}
