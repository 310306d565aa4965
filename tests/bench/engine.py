"""Just enough of libchdb to be compared with: what the benchmarks share."""
import ctypes
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Engine:
    """Just enough of libchdb: one connection, one statement at a time."""

    def __init__(self, library, store):
        self.lib = ctypes.CDLL(library)
        self.lib.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
        self.lib.chdb_query_n.restype = ctypes.c_void_p
        self.lib.chdb_query_n.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                          ctypes.c_size_t]
        self.lib.chdb_result_error.restype = ctypes.c_char_p
        self.lib.chdb_result_error.argtypes = [ctypes.c_void_p]
        self.lib.chdb_result_buffer.restype = ctypes.c_void_p
        self.lib.chdb_result_buffer.argtypes = [ctypes.c_void_p]
        self.lib.chdb_result_length.restype = ctypes.c_size_t
        self.lib.chdb_result_length.argtypes = [ctypes.c_void_p]
        self.lib.chdb_destroy_query_result.argtypes = [ctypes.c_void_p]
        self.lib.chdb_close_conn.argtypes = [ctypes.POINTER(ctypes.c_void_p)]
        self.lib.chdb_set_signal_handlers_enabled(0)
        arguments = [b"bench", b"--path=" + os.fsencode(store), b"--config-file=" + os.fsencode(store) + b"/none.xml"]
        self.connection = self.lib.chdb_connect(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
        if not self.connection:
            sys.exit("the engine does not start")

    def run(self, sql):
        """The rows, tab-separated."""
        text = sql.encode()
        result = self.lib.chdb_query_n(self.connection[0], text, len(text), b"TSV", 3)
        error = self.lib.chdb_result_error(result)
        if error:
            sys.exit(f"the engine: {error.decode()}")
        length = self.lib.chdb_result_length(result)
        rows = ctypes.string_at(self.lib.chdb_result_buffer(result), length).decode() if length else ""
        self.lib.chdb_destroy_query_result(result)
        return rows

    def close(self):
        self.lib.chdb_close_conn(self.connection)


def find_library():
    found = sorted((ROOT / "node_modules" / "@chdb").glob("lib-*/libchdb.so"))
    return os.environ.get("SEXTANT_LIBCHDB") or (str(found[0]) if found else "")
