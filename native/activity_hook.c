/* activity-hook SOCKET FALLBACK [ARGUMENT...]

   Hands a hook's payload (standard input) and the environment to the server that listens on the Unix socket SOCKET, and ends with
   0 once that server has recorded it. In every other case (nobody listens, no answer in time, it declines, the answer is cut) it
   becomes FALLBACK with the same standard input: the hook in Python. A payload that is recorded twice by this has one id.

   The protocol is in activity_mcp/claude_code/hooks/listener.py:
       "AMH1"  u32 length of the environment  u32 length of the payload  NAME=VALUE\0...  payload
       answer  'y'  u32 length  what is to be printed;  or 'n', or nothing
   Numbers are in the machine's byte order: both ends are on one machine. The payload stays in memory: it is not redacted yet.  */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef WAIT_MS
#define WAIT_MS 200 /* for the server, before the fallback takes over; tests build the client with another */
#endif

extern char **environ;
enum { MAX_PAYLOAD = 64 << 20, MAX_ENVIRONMENT = 1 << 20, MAX_ANSWER = 1 << 20 };
struct text { char *at; size_t size, room; };

static int add(struct text *to, const char *from, size_t size) {
    if (to->size + size > to->room) {
        size_t room = 2 * (to->size + size) + 4096;
        char *at = realloc(to->at, room);
        if (!at) return -1;
        to->at = at;
        to->room = room;
    }
    memcpy(to->at + to->size, from, size);
    to->size += size;
    return 0;
}

/* All of standard input. A byte more than the hook takes is read, so that the fallback sees (and counts) that it is too long. */
static int read_payload(struct text *payload) {
    static char piece[1 << 16];
    while (payload->size <= MAX_PAYLOAD) {
        ssize_t count = read(0, piece, sizeof piece);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return (int)count;
        if (add(payload, piece, (size_t)count)) return -1;
    }
    return 0;
}

/* A path that is too long for a socket's address is reached through its directory. */
static int address_of(const char *path, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) < sizeof address->sun_path) {
        strcpy(address->sun_path, path);
        return 0;
    }
    const char *name = strrchr(path, '/');
    char *directory = name ? strndup(path, (size_t)(name - path)) : NULL;
    int fd = directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) return -1;
    int size = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d%s", fd, name);
    return size > 0 && (size_t)size < sizeof address->sun_path ? 0 : -1;
}

/* Connected to a server of this user, or -1. */
static int connect_to(const char *path) {
    struct sockaddr_un address;
    struct timeval wait = { .tv_sec = WAIT_MS / 1000, .tv_usec = WAIT_MS % 1000 * 1000 };
    struct ucred peer;
    socklen_t size = sizeof peer;
    int fd = address_of(path, &address) ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0
        && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid())
        return fd;
    close(fd);
    return -1;
}

static int send_all(int fd, const void *data, size_t size) {
    const char *at = data;
    while (size) {
        ssize_t count = send(fd, at, size, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

static int receive(int fd, void *data, size_t size) {
    char *at = data;
    while (size) {
        ssize_t count = recv(fd, at, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return -1;
        at += count;
        size -= (size_t)count;
    }
    return 0;
}

static void print(const char *at, size_t size) {
    while (size) {
        ssize_t count = write(1, at, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        at += count;
        size -= (size_t)count;
    }
}

/* 0 once the server has recorded it and what it answered is printed. */
static int hand_over(const char *path, const struct text *payload) {
    struct text head = { 0 };
    uint32_t sizes[2] = { 0, (uint32_t)payload->size }, size;
    char answer, *told;
    if (payload->size > MAX_PAYLOAD || add(&head, "AMH1", 4) || add(&head, (char *)sizes, sizeof sizes)) return -1;
    for (char **entry = environ; *entry; entry++)
        if (add(&head, *entry, strlen(*entry) + 1)) return -1;
    if (head.size > MAX_ENVIRONMENT) return -1;
    sizes[0] = (uint32_t)(head.size - 4 - sizeof sizes);
    memcpy(head.at + 4, sizes, sizeof sizes);

    int fd = connect_to(path);
    if (fd < 0 || send_all(fd, head.at, head.size) || send_all(fd, payload->at, payload->size)) return -1;
    if (receive(fd, &answer, 1) || answer != 'y' || receive(fd, &size, sizeof size) || size > MAX_ANSWER) return -1;
    told = malloc(size + 1);
    if (!told || receive(fd, told, size)) return -1;
    print(told, size);
    return 0;
}

/* Standard input once more, out of memory: never through a disk. */
static void give_again(const struct text *payload) {
    int fd = memfd_create("payload", MFD_CLOEXEC);
    size_t at = 0;
    while (fd >= 0 && at < payload->size) {
        ssize_t count = write(fd, payload->at + at, payload->size - at);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        at += (size_t)count;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0) dup2(fd, 0);
}

int main(int argc, char **argv) {
    struct text payload = { 0 };
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        print("activity-hook 1\n", 16);
        return 0;
    }
    if (argc < 3) return 0;
    if (read_payload(&payload) == 0) {
        if (hand_over(argv[1], &payload) == 0) return 0;
        give_again(&payload);
    }
    execvp(argv[2], argv + 2);
    return 0; /* a hook never fails; `activity-mcp doctor` reports a program that is not there */
}
