#include "curl_library.h"

#include <stdbool.h>
#include <stddef.h>

#include "library.h"

/* The OpenSSL flavour first, since a CA file in PEM form works there in every version. */
static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib", NULL};

#define SYMBOL(member) LIBRARY_SYMBOL(curl_library, "curl_" #member, member)
static const struct library_symbol symbols[] = {
    SYMBOL(global_init),
    SYMBOL(version_info),
    SYMBOL(easy_init),
    SYMBOL(easy_setopt),
    SYMBOL(easy_getinfo),
    SYMBOL(easy_cleanup),
    SYMBOL(easy_strerror),
    SYMBOL(slist_append),
    SYMBOL(slist_free_all),
    SYMBOL(multi_init),
    SYMBOL(multi_setopt),
    SYMBOL(multi_add_handle),
    SYMBOL(multi_remove_handle),
    SYMBOL(multi_socket_action),
    SYMBOL(multi_assign),
    SYMBOL(multi_info_read),
    SYMBOL(multi_cleanup),
    SYMBOL(multi_strerror),
    {0},
};

const struct curl_library *curl_library_load(struct err *ret_err)
{
    static struct library library = {
        .files = files,
        .need = "ClickHouse over HTTP needs, cannot be loaded: install the package libcurl4",
        .version = "7.74",
        .symbols = symbols,
    };
    static struct curl_library loaded;
    static bool is_ready;

    if (library_load(&library, &loaded, ret_err) < 0)
        return NULL;
    if (!is_ready && loaded.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(ret_err, ERR_UNAVAILABLE, NULL, "libcurl could not be initialised");
        return NULL;
    }
    is_ready = true;
    return &loaded;
}
