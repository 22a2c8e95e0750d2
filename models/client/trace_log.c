#include "models/client/trace.h"

static const char example[] =
    "write HOST - - [10/Oct/2000:13:55:36 -0700] \"GET /path HTTP/1.1\" 200 2326";

/* The end of a text in quotes, whose first is before 'text': within it they have a backslash
 * before them.  NULL: there is none. */
static char *
find_quote(char *text)
{
    for (; *text && *text != '"'; text++) {
        if (*text == '\\' && text[1] != '\0') {
            text++;
        }
    }
    return *text ? text : NULL;
}

/* Ends the word at 'text', and returns what follows its blank. */
static char *
end_word(char *text)
{
    char *blank = strchr(text, ' ');

    if (!blank) {
        return text + strlen(text);
    }
    *blank = '\0';
    return blank + 1;
}

/* The parts of a line, ended with zeros. */
typedef struct Parts {
    char *time;
    char *request;
    char *status;
    char *size;
} Parts;

/* Names of users may have blanks in them: what is sure is " [" and "] ". */
static bool
split(char *line, Parts *ret)
{
    char *time = strstr(line, " [");
    char *end = time ? strstr(time, "] \"") : NULL;
    char *quote = end ? find_quote(end + 3) : NULL;

    if (!quote || quote[1] != ' ') {
        return false;
    }
    *end = '\0';
    *quote = '\0';
    ret->time = time + 2;
    ret->request = end + 3;
    ret->status = quote + 2;
    ret->size = end_word(ret->status);
    end_word(ret->size);
    return true;
}

/* "GET /path HTTP/1.1", or without the version (HTTP/0.9); ends its words. */
static bool
split_request(char *request, char **ret_path)
{
    char *path = end_word(request);
    char *version = end_word(path);

    for (const char *at = request; *at; at++) {
        if (!g_ascii_isupper(*at)) {
            return false;
        }
    }
    *ret_path = path;
    return *request && *path &&
           (*version == '\0' || g_str_has_prefix(version, "HTTP/"));
}

static bool
read_status(const char *text, unsigned *ret, GError **error)
{
    uint64_t status;

    if (!vs_parse_uint(text, &status, NULL) || status < 100 || status > 599) {
        return vs_value_fail(error, "\"%s\" is no status; write 100 to 599", text);
    }
    *ret = (unsigned)status;
    return true;
}

ClientTraceFound
client_trace_read_log(char *line, ClientTraceLine *ret, GError **error)
{
    Parts parts;
    unsigned status = 0;
    uint32_t bytes = 0;
    char *path;

    *ret = (ClientTraceLine){0};
    if (!split(line, &parts)) {
        vs_value_fail(error, "this is no line of an access log; %s", example);
        return CLIENT_TRACE_WRONG;
    }
    if (!client_trace_read_clf_time(parts.time, &ret->s, error) ||
        !read_status(parts.status, &status, error) ||
        (strcmp(parts.size, "-") != 0 &&
         !client_trace_read_size(parts.size, "the size", &bytes, error))) {
        return CLIENT_TRACE_WRONG;
    }
    if (!split_request(parts.request, &path)) {
        if (status / 100 == 4) {
            return CLIENT_TRACE_SKIPPED;
        }
        vs_value_fail(error, "between the quotes is no request; %s", example);
        return CLIENT_TRACE_WRONG;
    }
    ret->path = path;
    ret->told_bytes = bytes + 1;
    return client_trace_read_method(parts.request, &ret->method, error) &&
                   client_trace_check_path(path, error)
               ? CLIENT_TRACE_FOUND
               : CLIENT_TRACE_WRONG;
}
