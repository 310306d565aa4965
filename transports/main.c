/* The program: the table of its subcommands. */
#include <fcntl.h>
#include <unistd.h>

#include "chdb_library.h"
#include "commands.h"

const struct command command_list[] = {
    {.name = "stdio",
     .usage = "",
     .summary = "serve one MCP client on standard input and output",
     .details = "What an MCP client starts: {\"command\": \"sextant\", \"args\": [\"stdio\"]}.\n",
     .groups = OPTION_ENGINE | OPTION_TOOLS | OPTION_SERVING,
     .is_guarded = true,
     .has_own_signals = true,
     .run = stdio_command},
    {.name = "serve",
     .usage = "",
     .summary = "serve MCP clients over HTTP",
     .details =
         "The endpoint is /mcp, or /mcp?toolsets=NAMES for a client that wants other tools;\n"
         "GET /healthz and /readyz tell whether the server is up and whether its engine\n"
         "answers. Once there are tokens (sextant token), clients must send one:\n"
         "Authorization: Bearer TOKEN. Only then other machines can be served.\n",
     .groups = OPTION_ENGINE | OPTION_TOOLS | OPTION_SERVING | OPTION_HTTP | OPTION_TOKENS,
     .is_guarded = true,
     .run = serve_command},
    {.name = "token",
     .usage = "create NAME | list | revoke NAME",
     .summary = "make, list and revoke the tokens that clients of serve need",
     .details = "create prints the token, which is not shown again: only its hash is kept.\n"
                "A server that runs notices changes at once, and ends what a revoked token had\n"
                "open; one that was started without tokens must be started anew.\n",
     .groups = OPTION_TOKENS,
     .run = token_command},
    {.name = "call",
     .usage = "TOOL ['{json}' | - | @FILE]",
     .summary = "call one tool and print its result",
     .details = "Arguments are a JSON object: as text, from standard input (-) or from a file.\n"
                "Exit code 1: the call failed, {\"error\": {code, field, message}} is on standard\n"
                "error. Exit code 2: the command line was wrong.\n"
                "\n"
                "  sextant call list_events '{\"search\": \"checkout\"}' --format text\n",
     .flags = call_flags,
     .groups = OPTION_ENGINE,
     .is_guarded = true,
     .is_brief = true,
     .run = call_command,
     .help = tools_help},
    {.name = "tools",
     .usage = "",
     .summary = "list the tools",
     .flags = tools_flags,
     .groups = OPTION_ENGINE | OPTION_TOOLS,
     .run = tools_command},
    {.name = "import",
     .usage = "FILE… --source NAME",
     .summary = "load CSV, TSV, JSON lines, Parquet, XES or OCEL files into the store",
     .flags = import_flags,
     .groups = OPTION_ENGINE,
     .run = import_command},
    {.name = "export",
     .usage = "['{json}' | - | @FILE]",
     .summary = "write the events of a process's cases as XES or CSV",
     .details = "Arguments are those by which process tools select cases, as JSON: source, case,\n"
                "from, to, tz, filters, segment. A file that exists is not replaced.\n"
                "\n"
                "  sextant export '{\"source\": \"claims\", \"from\": \"2026-01-01\"}' "
                "--output claims.xes\n",
     .flags = export_flags,
     .groups = OPTION_ENGINE,
     .is_guarded = true,
     .is_brief = true,
     .run = export_command},
    {.name = "demo",
     .usage = "",
     .summary = "fill the store with a generated data set to try the tools on",
     .flags = demo_flags,
     .groups = OPTION_ENGINE,
     .run = demo_command},
    {.name = "doctor",
     .usage = "",
     .summary = "check engine, access, data and limits, and say what to fix",
     .details = "Exit code 1 when a check fails.\n",
     .flags = doctor_flags,
     .groups = OPTION_ENGINE | OPTION_TOKENS,
     .is_guarded = true,
     .is_brief = true,
     .run = doctor_command},
    {0},
};

/* A descriptor 0-2 that we were started without would be given to the next file that is opened, and
 * what is meant for it would go there. Standard output is filled so that writing still fails. */
static int fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    chdb_library_exit(fill_descriptors() < 0 ? EXIT_FAILED : command_main(argc, argv));
}
