/* A small HTTP server with faults, for the tests of `datasets fetch`. Listens on a free port of
 * 127.0.0.1, writes the port to PORT-FILE and serves DIR until it is killed. The first part of a
 * path says how: /ok/NAME as one should, ranges included; /whole never resumes; /cut drops the
 * connection half way, the first time; /crawl ends every answer after 1000 bytes; /short has a
 * Content-Length too large and /odd one too small; /shift answers a range with another; /long sends
 * more than announced, without a length; /stall stops half way, and in a range at once; /busy
 * answers 500 the first two times; /moved redirects to /ok, /loop to itself, /file to a file:
 * address; all else is 404. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1 << 20 };

static unsigned *times; /* requests so far of /cut and /busy; shared by all children */

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0) {
        _exit(0);
    }
}

static void send_bytes(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t k = write(fd, data, n);
        if (k <= 0) {
            _exit(0);
        }
        data += k;
        n -= (size_t)k;
    }
}

static void serve(int fd, const char *how, const char *data, size_t n, size_t from, int ranged)
{
    char head[256];
    int whole = !strcmp(how, "whole"), odd = !strcmp(how, "odd") ? -3 : 0;
    if (whole || !ranged || from >= n) {
        from = 0;
        ranged = 0;
    }
    size_t length = n - from + (size_t)(!strcmp(how, "short") ? 100 : 0);
    size_t said = !strcmp(how, "shift") ? from + 1 : from;
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nConnection: close\r\n",
             ranged ? "206 Partial Content" : "200 OK");
    say(fd, head);
    if (ranged) {
        snprintf(head, sizeof head, "Content-Range: bytes %zu-%zu/%zu\r\n", said, n - 1, n);
        say(fd, head);
    }
    if (strcmp(how, "long") != 0) {
        snprintf(head, sizeof head, "Content-Length: %zu\r\n", length + (size_t)odd);
        say(fd, head);
    }
    say(fd, "\r\n");
    size_t now = n - from;
    if (!strcmp(how, "cut") && __atomic_fetch_add(&times[0], 1, __ATOMIC_SEQ_CST) == 0) {
        now /= 2;
    }
    if (!strcmp(how, "stall")) { /* no progress: or each try would be the first again */
        now = ranged ? 0 : now / 2;
    }
    now = !strcmp(how, "crawl") && now > 1000 ? 1000 : now;
    send_bytes(fd, data + from, now);
    if (!strcmp(how, "long")) {
        say(fd, "and more");
    }
    if (!strcmp(how, "stall")) {
        char c;
        while (read(fd, &c, 1) > 0) { /* until the other side has enough */
        }
    }
}

static void answer(int fd, const char *dir)
{
    static char request[8192], data[MOST];
    char how[64] = "", name[256] = "", path[1024];
    size_t got = 0, from = 0;
    while (got < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t k = read(fd, request + got, sizeof request - 1 - got);
        if (k <= 0) {
            return;
        }
        got += (size_t)k;
    }
    const char *range = strstr(request, "\r\nRange: bytes=");
    if (range) {
        from = strtoul(range + 15, NULL, 10);
    }
    if (sscanf(request, "GET /%63[^/ ]/%255[^ /]", how, name) != 2) {
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone");
        return;
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(data, 1, sizeof data, f) : 0;
    if (f) {
        fclose(f);
    }
    if (!strcmp(how, "moved") || !strcmp(how, "loop") || !strcmp(how, "file")) {
        say(fd, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ");
        say(fd, !strcmp(how, "moved") ? "/ok/" : !strcmp(how, "loop") ? "/loop/"
                                                                      : "file://");
        say(fd, !strcmp(how, "file") ? path : name);
        say(fd, "\r\n\r\n");
    } else if (!strcmp(how, "busy") &&
               __atomic_fetch_add(&times[1], 1, __ATOMIC_SEQ_CST) % 3 < 2) {
        say(fd, "HTTP/1.1 500 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
    } else if (!f || !strcmp(how, "404")) {
        say(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone");
    } else {
        serve(fd, how, data, n, from, range != NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: http_server PORT-FILE DIR\n");
        return 2;
    }
    signal(SIGCHLD, SIG_IGN);
    times = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (times == MAP_FAILED || s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) ||
        listen(s, 16) || getsockname(s, (struct sockaddr *)&a, &len)) {
        perror("http_server");
        return 1;
    }
    char temporary[1024];
    snprintf(temporary, sizeof temporary, "%s.new", argv[1]);
    FILE *f = fopen(temporary, "w");
    if (!f || fprintf(f, "%d\n", ntohs(a.sin_port)) < 0 || fclose(f) ||
        rename(temporary, argv[1])) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        int fd = accept(s, NULL, NULL);
        if (fd < 0) {
            continue;
        }
        if (fork() == 0) {
            close(s);
            answer(fd, argv[2]);
            shutdown(fd, SHUT_WR);
            close(fd);
            _exit(0);
        }
        close(fd);
    }
}
