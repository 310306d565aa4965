#include "curl_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The OpenSSL flavour first, since a CA file in PEM form works there in every version. */
static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"};

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "curl_" #name, offsetof(struct curl_library, name)                                         \
    }
static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    SYMBOL(global_init),         SYMBOL(version_info),        SYMBOL(easy_init),
    SYMBOL(easy_setopt),         SYMBOL(easy_getinfo),        SYMBOL(easy_cleanup),
    SYMBOL(easy_strerror),       SYMBOL(slist_append),        SYMBOL(slist_free_all),
    SYMBOL(multi_init),          SYMBOL(multi_setopt),        SYMBOL(multi_add_handle),
    SYMBOL(multi_remove_handle), SYMBOL(multi_socket_action), SYMBOL(multi_assign),
    SYMBOL(multi_info_read),     SYMBOL(multi_cleanup),       SYMBOL(multi_strerror),
};

static int fill(void *handle, struct curl_library *library, struct err *ret_err)
{
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = dlsym(handle, symbols[i].name);
        if (address == NULL)
            return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                           "the installed libcurl has no %s: version 7.74 or newer is needed",
                           symbols[i].name);
        /* memcpy: ISO C has no cast from an object pointer to a function pointer. */
        memcpy((char *)library + symbols[i].offset, &address, sizeof address);
    }
    if (library->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "libcurl could not be initialised");
    return 0;
}

const struct curl_library *curl_library_load(struct err *ret_err)
{
    static struct curl_library loaded;
    static bool is_loaded;

    if (is_loaded)
        return &loaded;
    void *handle = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && handle == NULL; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        err_set(ret_err, ERR_UNAVAILABLE, NULL,
                "libcurl.so.4, which ClickHouse over HTTP needs, cannot be loaded: install the "
                "package libcurl4");
        return NULL;
    }
    struct curl_library library = {0};
    if (fill(handle, &library, ret_err) < 0) {
        dlclose(handle);
        return NULL;
    }
    loaded = library;
    is_loaded = true;
    return &loaded;
}
