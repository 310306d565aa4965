/* Compressed files that are cut off: files of the zstd and lz4 programs, headers of every form, and
 * what is no such file. A file is whole at the ends of its frames and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "frames.h"

enum { SIZE_MAX_HERE = 4096, FRAMES_MAX_HERE = 16 };

/* A file, and where its frames end. */
struct file {
    const char *format;
    unsigned char bytes[SIZE_MAX_HERE];
    size_t size, ends[FRAMES_MAX_HERE], end_count;
};

static void add(struct file *file, const void *bytes, size_t len)
{
    assert_true(len <= sizeof file->bytes - file->size);
    memcpy(file->bytes + file->size, bytes, len);
    file->size += len;
}

static void add_hex(struct file *file, const char *hex)
{
    for (; *hex != '\0'; hex += 2) {
        const char digits[] = {hex[0], hex[1], '\0'};
        unsigned char byte = (unsigned char)strtoul(digits, NULL, 16);
        add(file, &byte, 1);
    }
}

static void end_frame(struct file *file)
{
    assert_true(file->end_count < FRAMES_MAX_HERE);
    file->ends[file->end_count++] = file->size;
}

/* Of the first `size` bytes, told as little at a time as is allowed. */
static enum frames_result follow(struct frames *f, const struct file *file, size_t size)
{
    assert_true(frames_init(f, file->format));
    f->size = size;
    for (;;) {
        uint64_t before = f->at;
        assert_true(before <= size);
        size_t len = size - before < FRAMES_HEADER_MAX ? size - before : FRAMES_HEADER_MAX;
        unsigned char *copy = malloc(len + 1); /* not beyond it */
        assert_non_null(copy);
        memcpy(copy, file->bytes + before, len);
        enum frames_result result = frames_step(f, copy, len);
        free(copy);
        if (result != FRAMES_MORE)
            return result;
        assert_true(f->at > before);
    }
}

/* Cut off at every byte. */
static void check_cuts(const struct file *file)
{
    for (size_t size = 0; size <= file->size; size++) {
        struct frames f;
        bool is_end = false;
        for (size_t i = 0; i < file->end_count; i++)
            is_end = is_end || file->ends[i] == size;
        enum frames_result result = follow(&f, file, size);
        if (result != (is_end ? FRAMES_WHOLE : FRAMES_CUT))
            fail_msg("%s, %zu of %zu bytes: %d", file->format, size, file->size, result);
        assert_true(is_end || (f.need > size && f.need <= file->size));
    }
}

/* What the programs made (zstd 1.5.4, lz4 1.9.4). */
static const struct {
    const char *format, *what, *hex;
} made[] = {
    {"zstd", "a file",
     "28b52ffd2418c1000074696d652c6576656e740a323032342d30312d30312c650a107b99f9"},
    {"zstd", "a stream",
     "28b52ffd0458c1000074696d652c6576656e740a323032342d30312d30312c650a107b99f9"},
    {"zstd", "--no-check", "28b52ffd0058c1000074696d652c6576656e740a323032342d30312d30312c650a"},
    {"zstd", "nothing", "28b52ffd240001000099e9d851"},
    {"zstd", "a raw block",
     "28b52ffd24284101004420823cfde6f1c26b30f90ec7dd01e4887534a20f0b0d04c36ed80e71e0fd77b0"
     "7670eb940bd5336e715019"},
    {"zstd", "two blocks, one repeats a byte",
     "28b52ffda4e02202005400001061610100fbff39c00203170161bd0212d1"},
    {"zstd", "a content size of two bytes",
     "28b52ffd641702f50000b874696d652c6576656e740a323032342d30312d30312c650100fb41359b012b"
     "1ea6"},
    {"zstd", "--long=27",
     "28b52ffd0488f50000b874696d652c6576656e740a323032342d30312d30312c650100fb41359b012b1e"
     "a6"},
    {"zstd", "-D dictionary",
     "28b52ffd27bd1c8f58188d00003874696d652c650a02cc55ed07327f7523107b99f9"},
    {"lz4", "a file",
     "04224d186440a71800008074696d652c6576656e740a323032342d30312d30312c650a00000000e5b32f"
     "21"},
    {"lz4", "-B4 -BX --content-size",
     "04224d187c4018000000000000000c1800008074696d652c6576656e740a323032342d30312d30312c65"
     "0ae5b32f2100000000e5b32f21"},
    {"lz4", "--no-frame-crc",
     "04224d186040821800008074696d652c6576656e740a323032342d30312d30312c650a00000000"},
    {"lz4", "-BD",
     "04224d186440a724000000ff0874696d652c6576656e740a323032342d30312d30312c650d00ffffea50"
     "30312c650a0000000094212959"},
    {"lz4", "nothing", "04224d186440a700000000055dcc02"},
    {"lz4", "a block that is not compressed",
     "04224d186440a7280000804420823cfde6f1c26b30f90ec7dd01e4887534a20f0b0d04c36ed80e71e0fd"
     "77b07670eb940bd53300000000a7457de8"},
};

static void test_made(void **state)
{
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        struct file file = {.format = made[i].format};
        add_hex(&file, made[i].hex);
        end_frame(&file);
        check_cuts(&file);
    }
}

static void test_several_frames(void **state)
{
    static const char *const skipped[] = {"502a4d1800000000", "5f2a4d180300000028b52f",
                                          "532a4d180400000025000000"};
    static const char *const formats[] = {"zstd", "lz4"};
    uint32_t random = 1;
    for (int round = 0; round < 400; round++) {
        struct file file = {.format = formats[round % 2]};
        while (file.end_count < 6) {
            random = random * 1664525 + 1013904223;
            size_t i = (random >> 16) % (sizeof made / sizeof made[0] + 3);
            if (i < 3)
                add_hex(&file, skipped[i]);
            else if (strcmp(made[i - 3].format, file.format) == 0)
                add_hex(&file, made[i - 3].hex);
            else
                continue;
            end_frame(&file);
        }
        check_cuts(&file);
    }
}

/* --- headers of every form ---------------------------------------------------------------- */

/* RFC 8878, 3.1.1.1: the bytes behind the descriptor. */
static size_t zstd_header_size(unsigned flags)
{
    size_t window = (flags & 0x20) != 0 ? 0 : 1, size = window;
    switch (flags & 3) {
    case 1:
        size += 1;
        break;
    case 2:
        size += 2;
        break;
    case 3:
        size += 4;
        break;
    default:
        break;
    }
    switch (flags & 0xc0) {
    case 0x00:
        return size + (window == 0 ? 1 : 0);
    case 0x40:
        return size + 2;
    case 0x80:
        return size + 4;
    default:
        return size + 8;
    }
}

static void test_zstd_headers(void **state)
{
    static const unsigned char filling[14] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct frames f;
    for (unsigned flags = 0; flags < 256; flags++) {
        struct file file = {.format = "zstd"};
        add_hex(&file, "28b52ffd");
        add(&file, &(unsigned char){(unsigned char)flags}, 1);
        add(&file, filling, zstd_header_size(flags));
        add_hex(&file, "180000aaaaaa"); /* three bytes as they are */
        add_hex(&file, "420300bb");     /* one byte 104 times */
        add_hex(&file, "000000");       /* none */
        add_hex(&file, "150000cccc");   /* two compressed bytes; the last block */
        add(&file, filling, (flags & 4) != 0 ? 4 : 0);
        end_frame(&file);
        if ((flags & 8) == 0) {
            check_cuts(&file);
        } else {
            assert_int_equal(follow(&f, &file, file.size), FRAMES_DAMAGED);
            assert_int_equal(f.at, 0);
        }
    }
}

static void test_lz4_headers(void **state)
{
    static const unsigned char filling[13] = {0xff, 0xff, 0xff, 0xff};
    struct frames f;
    for (unsigned flags = 0; flags < 256; flags++)
        for (unsigned block = 0; block < 256; block++) {
            bool is_valid =
                flags >> 6 == 1 && (flags & 2) == 0 && (block & 0x8f) == 0 && block >> 4 >= 4;
            struct file file = {.format = "lz4"};
            add_hex(&file, "04224d18");
            add(&file, &(unsigned char[]){(unsigned char)flags, (unsigned char)block}, 2);
            add(&file, filling, ((flags & 8) != 0 ? 8 : 0) + ((flags & 1) != 0 ? 4 : 0) + 1);
            for (int i = 0; i < 2; i++) {
                add_hex(&file, i == 0 ? "03000000aaaaaa" : "02000080bbbb");
                add(&file, filling, (flags & 0x10) != 0 ? 4 : 0);
            }
            add_hex(&file, "00000000");
            add(&file, filling, (flags & 4) != 0 ? 4 : 0);
            end_frame(&file);
            if (is_valid)
                check_cuts(&file);
            else
                assert_int_equal(follow(&f, &file, file.size), FRAMES_DAMAGED);
        }
}

/* --- what is none ------------------------------------------------------------------------- */

static void test_damaged(void **state)
{
    static const struct {
        const char *format, *hex;
        unsigned at;
        const char *reason;
    } cases[] = {
        {"zstd", "0a", 0, "no frame begins"},
        {"zstd", "28b52ffc", 0, "no frame begins"},
        {"zstd", "04224d186440a700000000055dcc02", 0, "no frame begins"},
        {"zstd", "28b52ffd240001000099e9d8510a", 13, "no frame begins"},
        {"zstd", "28b52ffd240001000099e9d85100000000", 13, "no frame begins"},
        {"zstd", "28b52ffd2c00010000", 0, "known kind"},
        {"zstd", "28b52ffd2000070000", 6, "known type"},
        {"zstd", "28b52ffd2000090010", 6, "larger"}, /* 128 kB and one byte */
        {"lz4", "04224d186440a7010000800a00000000aaaaaaaa28b52ffd", 20, "no frame begins"},
        {"lz4", "04224d186040820100010001", 7, "larger"},  /* 64 kB and one byte */
        {"lz4", "04224d186070730100400001", 7, "larger"},  /* 4 MB and one byte */
        {"lz4", "02214c1804000000", 0, "no frame begins"}, /* the format before frames */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frames f;
        struct file file = {.format = cases[i].format};
        add_hex(&file, cases[i].hex);
        assert_int_equal(follow(&f, &file, file.size), FRAMES_DAMAGED);
        assert_int_equal(f.at, cases[i].at);
        assert_non_null(strstr(f.reason, cases[i].reason));
    }
}

/* A block of 128 kB and of 4 MB are the largest; a byte may be repeated more often. */
static void test_largest(void **state)
{
    static const struct {
        const char *format, *hex;
        uint64_t need;
    } cases[] = {
        {"zstd", "28b52ffd2000010010", 9 + 131072},
        {"zstd", "28b52ffd2000fbffff", 10},
        {"lz4", "04224d1860407300000100", 11 + 65536},
        {"lz4", "04224d1860707300004080", 11 + 4194304},
        {"lz4", "502a4d18ffffffff", 8 + UINT64_C(0xffffffff)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frames f;
        struct file file = {.format = cases[i].format};
        add_hex(&file, cases[i].hex);
        assert_int_equal(follow(&f, &file, file.size), FRAMES_CUT);
        assert_true(f.need == cases[i].need);
    }
}

static void test_other_compressions(void **state)
{
    static const char *const others[] = {"gzip", "xz", "bz2", ""};
    struct frames f;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(frames_init(&f, others[i]));
}

/* --- files -------------------------------------------------------------------------------- */

static enum frames_result walk(struct frames *f, const char *format, int fd, unsigned *ret_calls)
{
    enum frames_result result;
    assert_true(frames_init(f, format));
    off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size >= 0);
    f->size = (uint64_t)size;
    *ret_calls = 0;
    do {
        result = frames_walk(f, fd, 1);
        *ret_calls += 1;
    } while (result == FRAMES_MORE);
    return result;
}

static void write_hex(int fd, const char *hex)
{
    struct file file = {0};
    add_hex(&file, hex);
    assert_int_equal(write(fd, file.bytes, file.size), (ssize_t)file.size);
}

/* Blocks of every length lie across what is read at once, and far beyond it. */
static void test_walk(void **state)
{
    enum { BLOCKS = 5000 };
    struct frames f;
    unsigned calls = 0;
    int fd = memfd_create("frames", MFD_CLOEXEC);
    assert_true(fd >= 0);
    write_hex(fd, "28b52ffd0000");
    for (uint32_t i = 0; i <= BLOCKS; i++) {
        static const unsigned char filling[BLOCKS];
        uint32_t size = i * 7919 % (i % 3 == 0 ? BLOCKS : 30), header = size << 3 | (i == BLOCKS);
        unsigned char bytes[] = {(unsigned char)header, (unsigned char)(header >> 8),
                                 (unsigned char)(header >> 16)};
        assert_int_equal(write(fd, bytes, 3), 3);
        assert_int_equal(write(fd, filling, size), (ssize_t)size);
    }
    off_t end = lseek(fd, 0, SEEK_END);
    assert_int_equal(walk(&f, "zstd", fd, &calls), FRAMES_WHOLE);
    assert_true(f.at == (uint64_t)end);
    assert_in_range(calls, end / 8192, BLOCKS);
    for (off_t cut = 1; cut < end; cut += cut < end - 9000 ? end / 97 : 1) {
        assert_int_equal(ftruncate(fd, end - cut), 0);
        assert_int_equal(walk(&f, "zstd", fd, &calls), FRAMES_CUT);
        assert_true(f.need > (uint64_t)(end - cut) && f.need <= (uint64_t)end);
    }
    close(fd);
}

static void test_walk_fails(void **state)
{
    struct frames f;
    unsigned calls = 0;
    int fd = memfd_create("frames", MFD_CLOEXEC);
    assert_true(fd >= 0);
    write_hex(fd, made[0].hex);
    assert_int_equal(walk(&f, made[0].format, fd, &calls), FRAMES_WHOLE);
    assert_int_equal(calls, 1);
    /* It becomes shorter meanwhile. */
    assert_true(frames_init(&f, made[0].format));
    f.size = 1 << 20;
    assert_int_equal(frames_walk(&f, fd, 1), FRAMES_WHOLE);
    assert_int_equal(ftruncate(fd, 20), 0);
    assert_true(frames_init(&f, made[0].format));
    f.size = 1 << 20;
    assert_int_equal(frames_walk(&f, fd, 1), FRAMES_CUT);
    assert_int_equal(f.size, 20);
    close(fd);
    assert_int_equal(frames_walk(&f, -1, 1), FRAMES_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made),
        cmocka_unit_test(test_several_frames),
        cmocka_unit_test(test_zstd_headers),
        cmocka_unit_test(test_lz4_headers),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_other_compressions),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_walk_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
